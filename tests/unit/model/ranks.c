// SPDX-License-Identifier: Apache-2.0

#include "model/ranks.h"
#include "model/split.h"
#include "model/tokens.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/troupe-ranks-XXXXXX";

static troupe_err_t
load (ranks_t **out, const char *text, troupe_error_t *error)
{
  int fd = mkstemp (path);
  cr_assert (fd >= 0 && write (fd, text, strlen (text)) == (ssize_t)strlen (text));
  close (fd);
  troupe_err_t code = ranks_load (out, path, error);
  unlink (path);
  return code;
}

// Pieces, divided by bars.
static void
expect_pieces (const char *text, const char *pieces)
{
  char out[256] = "";
  size_t size = strlen (text);
  for (size_t at = 0, piece; at < size; at += piece) {
    piece = split_piece (SPLIT_CL100K, text + at, size - at);
    cr_assert (piece > 0);
    snprintf (out + strlen (out), sizeof out - strlen (out), "%s%.*s", at ? "|" : "", (int)piece, text + at);
  }
  cr_assert_str_eq (out, pieces);
}

Test (split, follows_the_pattern_of_cl100k_base)
{
  expect_pieces ("Hello world", "Hello| world");
  expect_pieces ("I'll say it's 12345 (or so)...\n\n  end", "I|'ll| say| it|'s| |123|45| (|or| so|)...\n\n| | end");
  expect_pieces ("a  b", "a| | b");
  expect_pieces ("a \n b \t", "a| \n| b| \t");
  expect_pieces ("na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x81",
                 "na\xC3\xAFve| \xE4\xBD\xA0\xE5\xA5\xBD|\xEF\xBC\x81");
  expect_pieces ("\xFF\xFEx", "\xFF\xFE|x");
}

// a, b, c, space; ab, abc, " a".
static const char few[] = "YQ== 0\nYg== 1\nYw== 2\nIA== 3\nYWI= 4\nYWJj 5\nIGE= 6\n";

Test (ranks, joins_the_lowest_pair_first)
{
  ranks_t *ranks;
  troupe_error_t error = {0};
  cr_assert_eq (load (&ranks, few, &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (ranks_count (ranks, "abc", 3), 1);
  cr_assert_eq (ranks_count (ranks, "abcab", 5), 2);
  cr_assert_eq (ranks_count (ranks, " abc", 4), 2); // "ab" goes before " a", and then "abc"
  cr_assert_eq (ranks_count (ranks, "", 0), 0);
  cr_assert_eq (tokens_of_text (ranks, "abc abc", 7), 3);
  cr_assert_eq (tokens_of_text (NULL, "abcdefg", 7), 2);
  ranks_destroy (&ranks);
}

Test (ranks, refuses_a_file_that_is_none)
{
  static const char *const wrong[] = {"", "YQ==\n", "YQ== x\n", "Y Q== 1\n", "YQ== 1\nYQ== 2\n", "{}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    ranks_t *ranks;
    troupe_error_t error = {0};
    strcpy (path + strlen (path) - 6, "XXXXXX");
    cr_assert_eq (load (&ranks, wrong[i], &error), TROUPE_BAD_CONFIG, "%s", wrong[i]);
    cr_assert_null (ranks);
  }
}

// tiktoken itself counted these (ranks_peer.py), by the same small vocabulary.
Test (ranks, counts_as_tiktoken_does)
{
  size_t i;
  json_t *one;
  ranks_t *ranks;
  troupe_error_t error = {0};
  json_t *texts = json_load_file (TROUPE_SOURCE_DIR "/tests/unit/model/ranks_peer.json", 0, NULL);
  cr_assert_eq (ranks_load (&ranks, TROUPE_SOURCE_DIR "/tests/unit/model/ranks_peer.tiktoken", &error), TROUPE_OK, "%s",
                error.why);
  cr_assert (json_array_size (texts) > 300);
  json_array_foreach (texts, i, one) {
    const json_t *text = json_array_get (one, 0);
    size_t wanted = (size_t)json_integer_value (json_array_get (one, 1));
    size_t got = tokens_of_text (ranks, json_string_value (text), json_string_length (text));
    cr_expect_eq (got, wanted, "%zu: %zu, not %zu: %s", i, got, wanted, json_string_value (text));
  }
  json_decref (texts);
  ranks_destroy (&ranks);
}

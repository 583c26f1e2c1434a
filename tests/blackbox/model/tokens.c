// SPDX-License-Identifier: Apache-2.0
//
// Tokens are counted as gpt-tokenizer (npm) counts them, by the same vocabulary.

#include "model/tokens.h"
#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <unistd.h>

#define FOLDER TROUPE_SOURCE_DIR "/tests/blackbox/model/"
#define PEER FOLDER "node_modules/gpt-tokenizer/"

TestSuite (tokens, .init = place_enter, .fini = place_leave);

// The texts, each with what the peer says.
static json_t *
counted (const char *encoding)
{
  cr_assert (access (PEER "package.json", R_OK) == 0, "run npm ci in tests/blackbox/model: " PEER " is missing");
  process_t *process = process_run ("/usr/bin/env", "node", FOLDER "tokens.mjs", encoding, "tokens.json");
  process_expect_exit (process, 0);
  process_destroy (&process);
  json_t *texts = json_load_file ("tokens.json", 0, NULL);
  cr_assert (json_array_size (texts) > 1500);
  return texts;
}

static void
expect_alike (const char *encoding)
{
  size_t i;
  json_t *one;
  ranks_t *ranks;
  char path[256];
  troupe_error_t error = {0};
  json_t *texts = counted (encoding);
  snprintf (path, sizeof path, PEER "data/%s.tiktoken", encoding);
  cr_assert_eq (ranks_load (&ranks, path, &error), TROUPE_OK, "%s", error.why);
  json_array_foreach (texts, i, one) {
    const json_t *text = json_array_get (one, 0);
    size_t wanted = (size_t)json_integer_value (json_array_get (one, 1));
    size_t got = tokens_of_text (ranks, json_string_value (text), json_string_length (text));
    cr_expect_eq (got, wanted, "%s: %zu, not %zu: %s", encoding, got, wanted, json_string_value (text));
  }
  ranks_destroy (&ranks);
  json_decref (texts);
}

Test (tokens, are_counted_as_gpt_tokenizer_counts_them)
{
  expect_alike ("cl100k_base");
}

Test (tokens, of_o200k_base_too)
{
  expect_alike ("o200k_base");
}

// SPDX-License-Identifier: Apache-2.0
//
// Replies that are made to cost much: each takes about as long for every byte, and the limits hold.

#include "troupe/repair.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SMALL = 64 * 1024, FACTOR = 16 };

static double
seconds (const char *piece, size_t size)
{
  troupe_repair_t *repair;
  char *text = malloc (size);
  for (size_t i = 0, length = strlen (piece); i < size; i++)
    text[i] = piece[i % length];
  clock_t before = clock ();
  troupe_repair_new (&repair, text, size, TROUPE_REPAIR_WANT_ANY, NULL);
  double spent = (double)(clock () - before) / CLOCKS_PER_SEC;
  troupe_repair_destroy (&repair);
  free (text);
  return spent;
}

static const char *const pieces[] = {"{",
                                     "[",
                                     "{\"",
                                     "{\"a\":",
                                     "{\"a\":\"",
                                     "[\"",
                                     "\"",
                                     "\"#",
                                     "\"/*",
                                     "\"//",
                                     "\"\n#\"\n",
                                     "\\",
                                     "\\\"",
                                     "```\n{",
                                     "\n```json\n{\"a\":\"",
                                     "{\"a\":1",
                                     "{\"a\":1}",
                                     "[1,",
                                     "[[1]",
                                     "{a:",
                                     "{a:b",
                                     "'",
                                     "{'",
                                     "`",
                                     "<think>",
                                     "</think>",
                                     "<think>{",
                                     "{\"a\" ",
                                     "\",",
                                     "\", \"",
                                     "[\"a\" ",
                                     "{\"a\":\"b\" c",
                                     "...",
                                     "[...",
                                     "(",
                                     "[(",
                                     "}",
                                     "]",
                                     "[}",
                                     "{]",
                                     "\xE2\x80\x9C",
                                     "{\xE2\x80\x9C",
                                     "[-",
                                     "[1 ",
                                     "[a",
                                     "{\"a\":\"\\u",
                                     "{\"a\":\"b\"+",
                                     "[\"a\"+",
                                     "\"\"\"",
                                     "{\"\"\"",
                                     "\xFF",
                                     "{\"\xFF",
                                     " ",
                                     "[ ",
                                     "~~~\n[",
                                     "```json ",
                                     "[\"a\":",
                                     "{\"a\":{"};

Test (limits, every_repetition_takes_linear_time)
{
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    double small = seconds (pieces[i], SMALL), large = seconds (pieces[i], FACTOR * SMALL);
    // Quadratic time would be FACTOR times more than this allows; what is too short to measure counts as 20 ms.
    cr_assert (lt (dbl, large, (small > 0.02 ? small : 0.02) * FACTOR * 5), "%s: %g s, then %g s", pieces[i], small,
               large);
  }
}

Test (limits, are_said)
{
  troupe_repair_t *repair;
  troupe_error_t error;
  char *text = malloc (TROUPE_REPAIR_SIZE_MAX + 1);
  memset (text, ' ', TROUPE_REPAIR_SIZE_MAX + 1);
  cr_assert (eq (int, troupe_repair_new (&repair, text, TROUPE_REPAIR_SIZE_MAX + 1, TROUPE_REPAIR_WANT_ANY, &error),
                 TROUPE_TOO_LARGE));
  for (size_t i = 0; i + 1 < TROUPE_REPAIR_SIZE_MAX; i += 2)
    memcpy (text + i, i == 0 ? "[1" : ",1", 2);
  cr_assert (eq (int, troupe_repair_new (&repair, text, TROUPE_REPAIR_SIZE_MAX, TROUPE_REPAIR_WANT_ANY, &error),
                 TROUPE_TOO_LARGE));
  memset (text, '[', TROUPE_REPAIR_SIZE_MAX);
  cr_assert (eq (int, troupe_repair_new (&repair, text, TROUPE_REPAIR_SIZE_MAX, TROUPE_REPAIR_WANT_ANY, &error),
                 TROUPE_TOO_DEEP));
  free (text);
}

Test (limits, notes_are_bounded_and_counted)
{
  char text[4096] = "[";
  for (int i = 0; i < 200; i++)
    strcat (text, "'a',");
  troupe_repair_t *repair;
  cr_assert (eq (int, troupe_repair_new (&repair, text, strlen (text), TROUPE_REPAIR_WANT_LIST, NULL), TROUPE_OK));
  cr_assert (eq (sz, json_array_size (troupe_repair_value (repair)), 200));
  cr_assert (eq (sz, troupe_repair_note_count (repair), TROUPE_REPAIR_NOTES_MAX));
  cr_assert (gt (sz, troupe_repair_notes_left_out (repair), 100));
  json_t *notes = troupe_repair_notes_json (repair);
  cr_assert (eq (sz, json_array_size (notes), TROUPE_REPAIR_NOTES_MAX));
  json_decref (notes);
  troupe_repair_destroy (&repair);
}

Test (limits, all_documents_on_request)
{
  static const char text[] = "{\"a\": 1} then [2] then ```json\n{\"a\": 3}\n```";
  troupe_repair_t *repair;
  size_t start, end;
  cr_assert (eq (int, troupe_repair_new (&repair, text, strlen (text), TROUPE_REPAIR_WANT_OBJECT, NULL), TROUPE_OK));
  cr_assert (eq (sz, troupe_repair_document_count (repair), 2));
  cr_assert (eq (int, (int)json_integer_value (json_object_get (troupe_repair_document (repair, 0), "a")), 1));
  troupe_repair_document_span (repair, 1, &start, &end);
  cr_assert (eq (int, strncmp (text + start, "{\"a\": 3}", end - start), 0));
  cr_assert (troupe_repair_value (repair) == troupe_repair_document (repair, 1));
  troupe_repair_destroy (&repair);
}

Test (limits, where_an_answer_begins)
{
  cr_assert (eq (sz, troupe_repair_answer ("hello", 5), 0));
  cr_assert (eq (sz, troupe_repair_answer ("<think>x</think>\n\nhi", 20), 18));
  cr_assert (eq (sz, troupe_repair_answer ("so it is</think> hi", 19), 17));
  cr_assert (eq (sz, troupe_repair_answer ("<think>and so on", 16), 16));
}

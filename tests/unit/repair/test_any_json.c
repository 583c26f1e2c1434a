// SPDX-License-Identifier: Apache-2.0
//
// What holds of any JSON: whole, it comes out unchanged; cut anywhere, nothing is in the result that wasn't in it.

#include "tests/unit/repair/broken.h"
#include "tests/unit/repair/made.h"
#include "troupe/repair.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 400 };

Test (any_json, comes_out_unchanged)
{
  for (uint64_t number = 1; number <= 10 * VALUES; number++) {
    uint64_t seed = number;
    json_t *made = made_value (&seed, 0);
    char *text = made_text (&seed, made);
    json_t *value = json_loads (text, JSON_DECODE_ANY, NULL); // reals as they are written
    troupe_repair_t *repair;
    troupe_error_t error;
    cr_assert (eq (int, troupe_repair_new (&repair, text, strlen (text), TROUPE_REPAIR_WANT_ANY, &error), TROUPE_OK),
               "seed %lu: %s: %s", number, error.why, text);
    cr_assert (troupe_repair_unchanged (repair), "seed %lu: %s: %s", number,
               troupe_repair_name (troupe_repair_note (repair, 0).kind), text);
    cr_assert (json_equal (troupe_repair_value (repair), value), "seed %lu: %s", number, text);
    troupe_repair_destroy (&repair);
    json_decref (value);
    json_decref (made);
    free (text);
  }
}

// Empty containers that `whole` does not have there.
static bool
invents_empty (json_t *part, json_t *whole)
{
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_object (part) && json_object_size (part) == 0 && json_object_size (whole) > 0)
    return true;
  if (json_is_array (part) && json_array_size (part) == 0 && json_array_size (whole) > 0)
    return true;
  json_object_foreach (part, key, value)
    if (invents_empty (value, json_object_get (whole, key)))
      return true;
  json_array_foreach (part, i, value)
    if (invents_empty (value, json_array_get (whole, i)))
      return true;
  return false;
}

static void
cut_everywhere (uint64_t number, const char *text, json_t *value)
{
  unsigned before = 0;
  for (size_t size = 1; size < strlen (text); size++) {
    troupe_repair_t *repair;
    troupe_error_t error = {0};
    unsigned leaves = 0;
    char *cut = malloc (size); // so that reading beyond it is seen
    memcpy (cut, text, size);
    troupe_err_t err = troupe_repair_new (&repair, cut, size, TROUPE_REPAIR_WANT_ANY, &error);
    if (err == TROUPE_OK) {
      json_t *part = troupe_repair_value (repair);
      char *shown = json_dumps (part, JSON_ENCODE_ANY);
      cr_assert (broken_is_part (part, value, &leaves), "seed %lu: %.*s -> %s", number, (int)size, text, shown);
      cr_assert (not(invents_empty (part, value)), "seed %lu: %.*s -> %s", number, (int)size, text, shown);
      cr_assert (not(troupe_repair_unchanged (repair)));
      free (shown);
    } else {
      cr_assert (eq (int, err, TROUPE_BAD_MESSAGE), "%s", error.why);
      cr_assert (ne (chr, error.why[0], 0));
    }
    // What is complete stays: the result only grows with the text (a text that ends in a fence may shrink for a
    // moment).
    cr_assert (ge (uint, leaves + (strstr (text, "```") != NULL ? 1000 : 0), before), "seed %lu: %.*s", number,
               (int)size, text);
    before = leaves;
    troupe_repair_destroy (&repair);
    free (cut);
  }
}

Test (any_json, cut_anywhere_invents_nothing)
{
  for (uint64_t number = 1; number <= VALUES; number++) {
    uint64_t seed = number;
    json_t *made = made_value (&seed, 0);
    char *text = made_text (&seed, made);
    json_t *value = json_loads (text, 0, NULL);
    cut_everywhere (number, text, value);
    json_decref (value);
    json_decref (made);
    free (text);
  }
}

Test (any_json, without_its_last_brace_is_whole)
{
  for (uint64_t number = 1; number <= VALUES; number++) {
    uint64_t seed = number;
    json_t *made = made_value (&seed, 0);
    char *text = json_dumps (made, JSON_INDENT (2) | JSON_REAL_PRECISION (6));
    json_t *value = json_loads (text, 0, NULL);
    troupe_repair_t *repair;
    if (strchr ("{[", text[strlen (text) - 2]) == NULL) {
      cr_assert (
        eq (int, troupe_repair_new (&repair, text, strlen (text) - 1, TROUPE_REPAIR_WANT_ANY, NULL), TROUPE_OK));
      cr_assert (json_equal (troupe_repair_value (repair), value), "seed %lu: %s", number, text);
      troupe_repair_destroy (&repair);
    }
    json_decref (value);
    json_decref (made);
    free (text);
  }
}

// Everything of the grammar, of which jansson's own decoder keeps most but not all.
Test (any_json, every_form_of_the_grammar)
{
  static const char *const texts[] = {"{}",
                                      "[]",
                                      "null",
                                      "true",
                                      "false",
                                      "0",
                                      "-0",
                                      "-1.5e+10",
                                      "1E400000",
                                      "\"\"",
                                      "\"a\\u0000b\"",
                                      " [ ] ",
                                      "\"\\ud83d\\ude00\"",
                                      "[[[[[]]]]]",
                                      "{\"\":{}}",
                                      "\n{\t\"a\"\r:\n1\t}\n",
                                      "[1,2.50,3e2]",
                                      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "\"\xC2\x80\xE2\x80\xA8\"",
                                      "[\"\"]",
                                      "{\"a\":\"\",\"b\":\"\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    troupe_repair_t *repair;
    cr_assert (
      eq (int, troupe_repair_new (&repair, texts[i], strlen (texts[i]), TROUPE_REPAIR_WANT_ANY, NULL), TROUPE_OK), "%s",
      texts[i]);
    json_t *value = json_loads (texts[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value != NULL) {
      cr_assert (json_equal (troupe_repair_value (repair), value), "%s", texts[i]);
      cr_assert (troupe_repair_unchanged (repair), "%s", texts[i]);
    }
    json_decref (value);
    troupe_repair_destroy (&repair);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// JSON is read without memory: each allocation of jansson's reader fails once, those of its buffer among them, which it
// doesn't look at itself. The tokens are of all sizes around those at which the buffer grows.

#include "error/reading.h"
#include "tests/unit/scarcity/scarce.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 600, EXTRA = 64 };

static void
reading_scene (const void *arg)
{
  json_error_t cause = {0};
  scarce_begin ();
  json_t *value = reading_text (arg, JSON_DECODE_ANY, &cause);
  scarce_end ();
  cr_assert_neq (value == NULL, !scarce_struck (), "%s", cause.text);
  cr_assert (value != NULL || json_error_code (&cause) == json_error_out_of_memory);
  json_decref (value);
}

// Strings and numbers that end where the buffer is just full, or about to be, alone and within others.
Test (scarcity, json, .timeout = 300)
{
  static char text[2 * LONGEST + EXTRA], token[LONGEST + EXTRA];
  for (size_t size = 1; size < LONGEST; size += size < 70 ? 1 : 37) {
    memset (token, '7', size);
    token[size] = '\0';
    snprintf (text, sizeof text, "[\"%s\", {\"%s\": \"\\u00e4\xc3\xa4%s\"}, true]", token, "k", token);
    scarce_play (reading_scene, text, 8);
    snprintf (text, sizeof text, "[%s%s, null]", size < 300 ? "0." : "1.", token);
    scarce_play (reading_scene, text, 4);
  }
}

// What it is given is what it says, at every place where it may be cut.
Test (scarcity, json_as_it_was)
{
  static const char whole[] = "{\"a\": [1, -2.5e3, \"x\\n\xe2\x82\xac\", {}], \"b\": null, \"c\": false}";
  json_error_t cause, same;
  for (size_t size = 0; size < sizeof whole; size++) {
    json_t *value = reading_json (whole, size, 0, &cause), *expected = json_loadb (whole, size, 0, &same);
    cr_expect_eq (value == NULL, expected == NULL, "%zu", size);
    cr_expect (value == NULL || json_equal (value, expected));
    cr_expect (value != NULL || (json_error_code (&cause) == json_error_code (&same) && cause.line == same.line &&
                                 cause.position == same.position),
               "%zu", size);
    json_decref (value);
    json_decref (expected);
  }
}

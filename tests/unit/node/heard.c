// SPDX-License-Identifier: Apache-2.0
//
// What was heard, still packed: it is checked, kept and taken apart in place.

#include "node/heard.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static troupe_buffer_t *
packed (const char *json)
{
  troupe_buffer_t *buffer = NULL;
  json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);
  cr_assert (eq (int, troupe_value_pack (value, &buffer, NULL), TROUPE_OK));
  json_decref (value);
  return buffer;
}

Test (heard, takes_lists_apart_without_a_copy)
{
  troupe_heard_t *heard = NULL;
  troupe_buffer_t *list = packed ("[\"one\", {\"two\": [2]}, 3]"), *single = packed ("\"four\"");
  json_t *all = NULL;
  size_t size;
  cr_assert (eq (int, heard_new (&heard), TROUPE_OK));
  cr_assert (eq (int, heard_add_list (heard, list, NULL), TROUPE_OK));
  cr_assert (eq (int, heard_add (heard, single, 0, troupe_buffer_size (single), NULL), TROUPE_OK));
  cr_assert (eq (sz, troupe_heard_count (heard), 4));
  const char *bytes = troupe_heard_bytes (heard, 0, &size);
  cr_expect (size == 4 && memcmp (bytes, "\xa3one", 4) == 0 && bytes == (const char *)troupe_buffer_data (list) + 1);
  cr_expect_eq (troupe_heard_bytes (heard, 3, &size), troupe_buffer_data (single));
  troupe_buffer_unref (&list); // it is kept
  troupe_buffer_unref (&single);
  cr_assert (eq (int, troupe_heard_list (heard, &all, NULL), TROUPE_OK));
  char *text = json_dumps (all, JSON_COMPACT);
  cr_assert_str_eq (text, "[\"one\",{\"two\":[2]},3,\"four\"]");
  free (text);
  json_decref (all);
  troupe_heard_destroy (&heard);
}

Test (heard, refuses_what_is_no_value_or_no_list)
{
  troupe_heard_t *heard = NULL;
  troupe_buffer_t *text = packed ("\"text\""), *cut = NULL;
  troupe_error_t error;
  cr_assert (eq (int, troupe_buffer_new (&cut, "\x92\xa3one", 5), TROUPE_OK));
  cr_assert (eq (int, heard_new (&heard), TROUPE_OK));
  cr_expect (eq (int, heard_add_list (heard, text, &error), TROUPE_BAD_FRAME));
  cr_expect (eq (int, heard_add_list (heard, cut, &error), TROUPE_BAD_MESSAGE));
  cr_expect (eq (int, heard_add (heard, cut, 0, 5, &error), TROUPE_BAD_MESSAGE));
  cr_expect (eq (sz, troupe_heard_count (heard), 0));
  troupe_buffer_unref (&text);
  troupe_buffer_unref (&cut);
  troupe_heard_destroy (&heard);
}

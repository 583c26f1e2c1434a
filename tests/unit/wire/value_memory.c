// SPDX-License-Identifier: Apache-2.0
//
// Values when memory runs out: each allocation of jansson's fails once, and every time it is an error without a leak.

#include "troupe/message.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

static long left; // allocations until one fails; below 0: none does

static void *
scarce (size_t size)
{
  return left >= 0 && left-- == 0 ? NULL : malloc (size);
}

static void
plenty (void)
{
  json_set_alloc_funcs (malloc, free);
}

static void
start (void)
{
  left = -1;
  json_set_alloc_funcs (scarce, free);
}

static const char text[] =
  "{\"name\": \"bob\", \"content\": [{\"type\": \"text\", \"text\": \"see\"}], \"url\": \"u\", "
  "\"metadata\": {\"a\": [1, 2.5, \"x\", {}]}}";

Test (value_memory, unpacking, .init = start, .fini = plenty)
{
  json_t *value = json_loads (text, 0, NULL);
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (value, &packed, NULL), TROUPE_OK));
  troupe_err_t err = TROUPE_NO_MEMORY;
  for (long fails = 0; err != TROUPE_OK; fails++) {
    cr_assert (lt (i64, fails, 1000));
    json_t *back = NULL;
    troupe_error_t error;
    left = fails;
    err = troupe_value_unpack (troupe_buffer_data (packed), troupe_buffer_size (packed), &back, &error);
    left = -1;
    cr_assert (err == TROUPE_OK || (err == TROUPE_NO_MEMORY && error.code == err && back == NULL), "fails at %ld",
               fails);
    json_decref (back);
  }
  troupe_buffer_unref (&packed);
  json_decref (value);
}

Test (value_memory, messages, .init = start, .fini = plenty)
{
  json_t *value = json_loads (text, 0, NULL);
  troupe_err_t err = TROUPE_NO_MEMORY;
  for (long fails = 0; err != TROUPE_OK; fails++) {
    cr_assert (lt (i64, fails, 1000));
    troupe_message_t *message = NULL;
    left = fails;
    err = troupe_message_of_json (&message, value, NULL);
    left = -1;
    cr_assert (err == TROUPE_OK || (err == TROUPE_NO_MEMORY && message == NULL), "fails at %ld", fails);
    troupe_message_unref (&message);
  }
  troupe_message_t *message = NULL;
  cr_assert (eq (int, troupe_message_of_json (&message, value, NULL), TROUPE_OK));
  json_t *json = NULL;
  for (long fails = 0; json == NULL; fails++) {
    cr_assert (lt (i64, fails, 1000));
    left = fails;
    json = troupe_message_to_json (message);
    left = -1;
  }
  json_decref (json);
  troupe_message_unref (&message);
  json_decref (value);
}

Test (value_memory, errors, .init = start, .fini = plenty)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_IO, "a", "b", "c");
  json_t *json = NULL;
  for (long fails = 0; json == NULL; fails++) {
    cr_assert (lt (i64, fails, 1000));
    left = fails;
    json = troupe_error_to_json (&error);
    left = -1;
  }
  json_decref (json);
}

// SPDX-License-Identifier: Apache-2.0

#include "agent/input.h"

#include <criterion/criterion.h>

// A call's id of version 7, made at 0x0190a0b0c0d0 milliseconds.
static troupe_id_t
call_id (void)
{
  troupe_id_t id;
  cr_assert (troupe_id_of_text (&id, "0190a0b0-c0d0-7abc-8def-0123456789ab"));
  return id;
}

static json_t *
read_text (const char *text)
{
  troupe_id_t id = call_id ();
  json_t *input = json_loads (text, JSON_DECODE_ANY, NULL), *list = NULL;
  troupe_error_t error = { 0 };
  cr_assert_not_null (input);
  cr_assert_eq (input_read (&list, input, &id, &id, &error), TROUPE_OK, "%s", error.why);
  json_decref (input);
  return list;
}

static troupe_err_t
read_error (const char *text, troupe_error_t *error)
{
  troupe_id_t id = call_id ();
  json_t *input = json_loads (text, JSON_DECODE_ANY, NULL), *list = NULL;
  cr_assert_not_null (input);
  troupe_err_t code = input_read (&list, input, &id, &id, error);
  cr_assert_null (list);
  json_decref (input);
  return code;
}

static const char *
member (const json_t *list, size_t i, const char *key)
{
  return json_string_value (json_object_get (json_array_get (list, i), key));
}

Test (input, a_string_is_a_users_message)
{
  json_t *list = read_text ("\"Hello\"");
  cr_assert_eq (json_array_size (list), 1);
  cr_assert_str_eq (member (list, 0, "name"), "user");
  cr_assert_str_eq (member (list, 0, "role"), "user");
  cr_assert_str_eq (member (list, 0, "content"), "Hello");
  json_decref (list);
}

Test (input, null_is_no_message)
{
  json_t *list = read_text ("null");
  cr_assert_eq (json_array_size (list), 0);
  json_decref (list);
}

Test (input, what_is_missing_follows_from_the_call)
{
  json_t *once = read_text ("[{\"name\": \"bob\", \"content\": \"a\"}, {\"name\": \"bob\", \"content\": \"b\"}]");
  json_t *again = read_text ("[{\"name\": \"bob\", \"content\": \"a\"}, {\"name\": \"bob\", \"content\": \"b\"}]");
  cr_assert (json_equal (once, again));
  cr_assert_str_eq (member (once, 0, "id"), "0190a0b0-c0d0-7abc-8def-0123456789aa");
  cr_assert_str_eq (member (once, 1, "id"), "0190a0b0-c0d0-7abc-8def-0123456789a9");
  cr_assert_eq (json_integer_value (json_object_get (json_array_get (once, 0), "timestamp")), 0x0190a0b0c0d0);
  json_decref (once);
  json_decref (again);
}

Test (input, a_nested_calls_messages_are_as_old_as_its_root)
{
  troupe_id_t root = call_id (), call = root;
  json_t *input = json_string ("Hello"), *list = NULL;
  call.bytes[6] = 0x8a; // derived: of version 8, which tells no time
  cr_assert_eq (input_read (&list, input, &call, &root, NULL), TROUPE_OK);
  cr_assert_eq (json_integer_value (json_object_get (json_array_get (list, 0), "timestamp")), 0x0190a0b0c0d0);
  cr_assert_str_eq (member (list, 0, "id"), "0190a0b0-c0d0-8abc-8def-0123456789aa");
  json_decref (list);
  json_decref (input);
}

Test (input, ids_and_timestamps_that_are_given_stay)
{
  json_t *list = read_text ("{\"id\": \"01900000-0000-7000-8000-000000000001\", \"timestamp\": 5, \"name\": \"bob\", "
                            "\"role\": \"assistant\", \"content\": \"a\"}");
  cr_assert_str_eq (member (list, 0, "id"), "01900000-0000-7000-8000-000000000001");
  cr_assert_str_eq (member (list, 0, "role"), "assistant");
  cr_assert_eq (json_integer_value (json_object_get (json_array_get (list, 0), "timestamp")), 5);
  json_decref (list);
}

Test (input, what_is_no_message_is_an_error)
{
  troupe_error_t error = { 0 };
  cr_assert_eq (read_error ("17", &error), TROUPE_BAD_MESSAGE);
  cr_assert_eq (read_error ("[\"a\"]", &error), TROUPE_BAD_MESSAGE);
  cr_assert_eq (read_error ("{\"content\": \"a\", \"colour\": \"red\"}", &error), TROUPE_BAD_MESSAGE);
  cr_assert (error.why[0] != 0);
}

Test (input, too_many_messages_are_an_error)
{
  troupe_id_t id = call_id ();
  json_t *input = json_array (), *list = NULL;
  troupe_error_t error;
  for (int i = 0; i <= INPUT_MESSAGES_MAX; i++)
    json_array_append_new (input, json_pack ("{s:s, s:s}", "name", "bob", "content", "a"));
  cr_assert_eq (input_read (&list, input, &id, &id, &error), TROUPE_TOO_LARGE);
  json_array_remove (input, 0);
  cr_assert_eq (input_read (&list, input, &id, &id, &error), TROUPE_OK);
  cr_assert_eq (json_array_size (list), INPUT_MESSAGES_MAX);
  json_decref (input);
  json_decref (list);
}

Test (input, may_come_with_options)
{
  json_t *list = read_text ("{\"messages\": \"Hello\", \"keys\": [\"speak\"]}");
  cr_assert_eq (json_array_size (list), 1);
  cr_assert_str_eq (member (list, 0, "content"), "Hello");
  json_decref (list);
  list = read_text ("{\"messages\": null, \"keys\": [\"speak\"]}");
  cr_assert_eq (json_array_size (list), 0);
  json_decref (list);
  list = read_text ("{\"messages\": [{\"name\": \"bob\", \"content\": \"a\"}, {\"name\": \"bob\", \"content\": \"b\"}]}");
  cr_assert_eq (json_array_size (list), 2);
  json_decref (list);

  json_t *with = json_loads ("{\"messages\": null, \"keys\": 1}", 0, NULL), *without = json_loads ("{\"content\": \"a\"}", 0, NULL);
  cr_assert_eq (input_options (with), with);
  cr_assert_null (input_options (without));
  cr_assert_null (input_options (NULL));
  json_decref (with);
  json_decref (without);
}

Test (input, options_do_not_nest)
{
  troupe_error_t error;
  cr_assert_eq (read_error ("{\"messages\": {\"messages\": \"Hello\"}}", &error), TROUPE_BAD_MESSAGE);
  cr_assert_eq (read_error ("{\"keys\": [\"speak\"]}", &error), TROUPE_BAD_MESSAGE);
}

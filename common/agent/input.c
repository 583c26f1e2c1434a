// SPDX-License-Identifier: Apache-2.0
//
// A call's input as messages. Callers may leave out what they don't care about, down to a bare string; what they
// leave out is derived from the call's id and not made up, so that every attempt at the call, on whichever instance,
// hears the very same messages and passes them on under the same ids: memory can know them again, and what the agent
// asks its model is the same call again. A call's id is a UUID of version 7, which says when it was made (RFC 9562
// section 5.7); a nested call's id is derived and doesn't, so the timestamp is that of the call which it is nested
// in, all the way up. For a client whose ids are of another version, it is the time of reading. The messages' ids
// differ from the call's (which is the reply's) in the last two bytes only: those are random in an id, so that no two
// calls share ids by this.

#include "agent/input.h"

static bool
timestamp_of_id (const troupe_id_t *id, json_int_t *milliseconds)
{
  if (id->bytes[6] >> 4 != 7)
    return false;
  *milliseconds = 0;
  for (int i = 0; i < 6; i++)
    *milliseconds = *milliseconds << 8 | id->bytes[i];
  return true;
}

static int
set_id (json_t *message, const troupe_id_t *call, unsigned number)
{
  troupe_id_t id = *call;
  id.bytes[14] ^= (uint8_t)(number >> 8);
  id.bytes[15] ^= (uint8_t)number;
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&id, text);
  return json_object_set_new (message, "id", json_string (text));
}

static int
set_timestamp (json_t *message, const troupe_id_t *call, const troupe_id_t *root)
{
  json_int_t milliseconds;
  if (!timestamp_of_id (call, &milliseconds) && !timestamp_of_id (root, &milliseconds))
    return 0;
  return json_object_set_new (message, "timestamp", json_integer (milliseconds));
}

troupe_err_t
input_identify (json_t **out, json_t *message, const troupe_id_t *call, const troupe_id_t *root, unsigned number,
                troupe_error_t *error)
{
  troupe_err_t code = TROUPE_NO_MEMORY;
  troupe_message_t *read = NULL;
  json_t *whole = json_copy (message);
  if (!whole || (!json_object_get (whole, "id") && set_id (whole, call, number)) ||
      (!json_object_get (whole, "timestamp") && set_timestamp (whole, call, root))) {
    troupe_error_set (error, code, "input", NULL, "out of memory");
    goto end;
  }
  code = troupe_message_of_json (&read, whole, error);
  if (code != TROUPE_OK)
    goto end;
  *out = troupe_message_to_json (read);
  if (!*out)
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
end:
  troupe_message_unref (&read);
  json_decref (whole);
  return code;
}

static troupe_err_t
add_message (json_t *list, json_t *message, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  if (!json_is_object (message))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "input",
                             "send a message, a list of messages, a string, or null",
                             "an agent's input holds something that is no message");
  json_t *whole;
  troupe_err_t code = input_identify (&whole, message, call, root, (unsigned)json_array_size (list) + 1, error);
  if (code == TROUPE_OK && json_array_append_new (list, whole))
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
  return code;
}

static troupe_err_t
add_text (json_t *list, const json_t *text, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  json_t *message = json_pack ("{s:s, s:s, s:O}", "name", "user", "role", "user", "content", text);
  if (!message)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
  troupe_err_t code = add_message (list, message, call, root, error);
  json_decref (message);
  return code;
}

static troupe_err_t
add_messages (json_t *list, const json_t *messages, const troupe_id_t *call, const troupe_id_t *root,
              troupe_error_t *error)
{
  if (json_array_size (messages) > INPUT_MESSAGES_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "input", "send them with several calls",
                             "%zu messages at once; an agent takes at most %d", json_array_size (messages),
                             INPUT_MESSAGES_MAX);
  for (size_t i = 0; i < json_array_size (messages); i++) {
    troupe_err_t code = add_message (list, json_array_get (messages, i), call, root, error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
add_one (json_t *list, const json_t *message, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  json_t *one = json_pack ("[O]", message);
  if (!one)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
  troupe_err_t code = add_messages (list, one, call, root, error);
  json_decref (one);
  return code;
}

troupe_err_t
input_read (json_t **out, const json_t *input, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  json_t *list = json_array ();
  if (!list)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
  troupe_err_t code = TROUPE_OK;
  if (json_is_string (input))
    code = add_text (list, input, call, root, error);
  else if (json_is_array (input))
    code = add_messages (list, input, call, root, error);
  else if (input && !json_is_null (input))
    code = add_one (list, input, call, root, error);
  if (code != TROUPE_OK) {
    json_decref (list);
    return code;
  }
  *out = list;
  return TROUPE_OK;
}

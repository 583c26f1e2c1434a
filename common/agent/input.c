// SPDX-License-Identifier: Apache-2.0
//
// A call's input as messages. Callers may leave out what they don't care about, down to a bare string; what they leave
// out is derived from the call (see troupe_message_identify), so that every attempt at it hears the same.

#include "agent/input.h"

static troupe_err_t
add_message (json_t *list, json_t *message, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  if (!json_is_object (message))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "input",
                             "send a message, a list of messages, a string, or null",
                             "an agent's input holds something that is no message");
  json_t *whole;
  troupe_err_t code = troupe_message_identify (&whole, message, call, root, (unsigned)json_array_size (list) + 1, error);
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

const json_t *
input_options (const json_t *input)
{
  return json_object_get (input, "messages") ? input : NULL;
}

troupe_err_t
input_read (json_t **out, const json_t *input, const troupe_id_t *call, const troupe_id_t *root, troupe_error_t *error)
{
  json_t *list = json_array ();
  if (!list)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "input", NULL, "out of memory");
  troupe_err_t code = TROUPE_OK;
  if (input_options (input))
    input = json_object_get (input, "messages");
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

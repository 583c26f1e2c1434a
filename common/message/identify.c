// SPDX-License-Identifier: Apache-2.0
//
// What a message lacks is derived from the call that brings it and not made up, so that every attempt at the call, on
// whichever instance, hears the very same message and passes it on under the same id: memory can know it again, and
// what an agent asks its model is the same call again. A call's id is a UUID of version 7, which says when it was made
// (RFC 9562 section 5.7); a nested call's id is derived and doesn't, so the timestamp is that of the call which it is
// nested in, all the way up. For a client whose ids are of another version, it is the time of reading. The messages'
// ids differ from the call's (which is the reply's) in the last two bytes only: those are random in an id, so that no
// two calls share ids by this.

#include "troupe/message.h"

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
troupe_message_identify (json_t **out, json_t *message, const troupe_id_t *call, const troupe_id_t *root, unsigned number,
                troupe_error_t *error)
{
  troupe_err_t code = TROUPE_NO_MEMORY;
  troupe_message_t *read = NULL;
  json_t *whole = json_copy (message);
  // jansson leaves out members that it has no memory for.
  if (json_object_size (whole) != json_object_size (message) ||
      (!json_object_get (whole, "id") && set_id (whole, call, number)) ||
      (!json_object_get (whole, "timestamp") && set_timestamp (whole, call, root))) {
    troupe_error_set (error, code, "message", NULL, "out of memory");
    goto end;
  }
  code = troupe_message_of_json (&read, whole, error);
  if (code != TROUPE_OK)
    goto end;
  *out = troupe_message_to_json (read);
  if (!*out)
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "message", NULL, "out of memory");
end:
  troupe_message_unref (&read);
  json_decref (whole);
  return code;
}

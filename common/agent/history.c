// SPDX-License-Identifier: Apache-2.0
//
// One session's messages in the order of the store, each once: a message may have been stored twice, when it reached
// the agent on two ways, and the first counts. An entry of the store is a message, a list of messages (what was heard
// before one reply), or {"state": ...}, what the actor keeps besides, of which the last counts. Ids are kept in a JSON
// object that serves as a set.
//
// A history holds only what was read back from the store, never what this process asked the store to remember: that
// may have been refused, because another attempt at the call was faster, and then the store holds the other's words.
//
// When memory runs out in the middle, the history stays as it was before.

#include "agent/history.h"

#include <stdlib.h>

struct history {
  json_t *messages;
  json_t *ids;
  json_t *state; // NULL: none was stored
  json_t *last; // the last entry covered, also if its message was known
  size_t covers;
  size_t bytes;
};

enum {
  // What jansson takes for a message beyond its text: seven members of about 100 bytes each, its id once more.
  MESSAGE_OVERHEAD = 1024,
  HISTORY_OVERHEAD = 512
};

troupe_err_t
history_new (history_t **out)
{
  history_t *self = calloc (1, sizeof *self);
  if (!self)
    return TROUPE_NO_MEMORY;
  self->messages = json_array ();
  self->ids = json_object ();
  self->bytes = HISTORY_OVERHEAD;
  if (!self->messages || !self->ids) {
    history_destroy (&self);
    return TROUPE_NO_MEMORY;
  }
  *out = self;
  return TROUPE_OK;
}

void
history_destroy (history_t **self_p)
{
  history_t *self = *self_p;
  if (!self)
    return;
  json_decref (self->messages);
  json_decref (self->ids);
  json_decref (self->state);
  json_decref (self->last);
  free (self);
  *self_p = NULL;
}

size_t
history_covers (const history_t *self)
{
  return self->covers;
}

size_t
history_bytes (const history_t *self)
{
  return self->bytes;
}

const json_t *
history_messages (const history_t *self)
{
  return self->messages;
}

bool
history_knows_id (const history_t *self, const char *id, size_t size)
{
  return json_object_size (self->ids) > 0 && json_object_getn (self->ids, id, size);
}

static bool
knows_id (const history_t *self, const char *id)
{
  return id && json_object_get (self->ids, id);
}

bool
history_knows (const history_t *self, const json_t *message)
{
  return knows_id (self, json_string_value (json_object_get (message, "id")));
}

static troupe_err_t
check (json_t *entry, size_t number, char id[TROUPE_ID_TEXT_SIZE], troupe_error_t *error)
{
  troupe_message_t *message;
  troupe_error_t why;
  troupe_err_t code = troupe_message_of_json (&message, entry, &why);
  if (code == TROUPE_NO_MEMORY)
    return troupe_error_set (error, code, "memory", NULL, "out of memory");
  if (code != TROUPE_OK)
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, "memory", "begin a new session",
                             "entry %zu of the session's memory is no message: %s", number, why.why);
  troupe_id_to_text (troupe_message_id (message), id);
  troupe_message_unref (&message);
  return TROUPE_OK;
}

static troupe_err_t
add_message (history_t *self, json_t *message, troupe_error_t *error)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_err_t code = check (message, self->covers, id, error);
  if (code != TROUPE_OK || knows_id (self, id))
    return code;
  if (json_object_set_new (self->ids, id, json_true ()))
    return troupe_error_set (error, TROUPE_NO_MEMORY, "memory", NULL, "out of memory");
  if (json_array_append (self->messages, message)) {
    json_object_del (self->ids, id);
    return troupe_error_set (error, TROUPE_NO_MEMORY, "memory", NULL, "out of memory");
  }
  self->bytes += MESSAGE_OVERHEAD + json_dumpb (message, NULL, 0, JSON_COMPACT);
  return TROUPE_OK;
}

static void
set_state (history_t *self, json_t *state)
{
  self->bytes -= self->state ? json_dumpb (self->state, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) : 0;
  self->bytes += json_dumpb (state, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
  json_decref (self->state);
  self->state = json_incref (state);
}

troupe_err_t
history_add (history_t *self, json_t *entry, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  json_t *state = json_object_get (entry, HISTORY_STATE);
  if (state && json_object_size (entry) == 1)
    set_state (self, state);
  else if (!json_is_array (entry))
    code = add_message (self, entry, error);
  for (size_t i = 0; i < json_array_size (entry) && code == TROUPE_OK; i++)
    code = add_message (self, json_array_get (entry, i), error);
  if (code != TROUPE_OK)
    return code;
  json_decref (self->last);
  self->last = json_incref (entry);
  self->covers++;
  return TROUPE_OK;
}

const json_t *
history_state (const history_t *self)
{
  return self->state;
}

bool
history_ends_with (const history_t *self, const json_t *entry)
{
  return self->last && json_equal (self->last, entry);
}

void
history_clear (history_t *self)
{
  json_array_clear (self->messages);
  json_object_clear (self->ids);
  json_decref (self->state);
  json_decref (self->last);
  self->state = self->last = NULL;
  self->covers = 0;
  self->bytes = HISTORY_OVERHEAD;
}

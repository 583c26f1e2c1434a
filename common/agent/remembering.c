// SPDX-License-Identifier: Apache-2.0
//
// What a turn adds to its agent's memory. Until the turn ends it is the turn's own: a view over the history, which
// stays as the store has it. With the outcome all of it goes to the task, and the store takes both in one step.

#include "agent/remembering.h"

#include "agent/turn.h"

// -- While it runs ----------------------------------------------------------------------------------------------------

bool
remembering_knows (const troupe_turn_t *self, const json_t *message)
{
  const char *id = json_string_value (json_object_get (message, "id"));
  return (!self->agent->forgets && history_knows (self->history, message)) ||
         (id && json_object_get (self->added_ids, id));
}

bool
remembering_knows_id (const void *context, const char *id, size_t size)
{
  const troupe_turn_t *self = context;
  return (!self->agent->forgets && history_knows_id (self->history, id, size)) ||
         (self->added_ids && json_object_getn (self->added_ids, id, size));
}

// The lists that a turn has only when it adds to its memory.
static bool
begin_adding (troupe_turn_t *self)
{
  if (self->added)
    return true;
  const json_t *before = self->agent->forgets ? NULL : history_messages (self->history);
  self->added = json_array ();
  self->added_ids = json_object ();
  self->view = json_array ();
  bool complete = self->added && self->added_ids && self->view;
  for (size_t i = 0; i < json_array_size (before) && complete; i++)
    complete = !json_array_append (self->view, json_array_get (before, i));
  return complete;
}

bool
remembering_begin (troupe_turn_t *self)
{
  return !self->agent->forgets || begin_adding (self);
}

static bool
add (troupe_turn_t *self, json_t *message)
{
  const char *id = json_string_value (json_object_get (message, "id"));
  return begin_adding (self) && !json_object_set_new (self->added_ids, id, json_true ()) &&
         !json_array_append (self->added, message) && !json_array_append (self->view, message);
}

troupe_err_t
troupe_turn_remember (troupe_turn_t *self, json_t *message, troupe_error_t *error)
{
  troupe_message_t *read = NULL;
  json_t *whole = NULL;
  troupe_err_t code = troupe_message_of_json (&read, message, error);
  if (code == TROUPE_OK && !(whole = troupe_message_to_json (read)))
    code = TROUPE_NO_MEMORY;
  if (code == TROUPE_OK && !remembering_knows (self, whole) && !add (self, whole))
    code = TROUPE_NO_MEMORY;
  if (code == TROUPE_NO_MEMORY)
    troupe_error_set (error, code, self->agent->service, NULL, "out of memory");
  troupe_message_unref (&read);
  json_decref (whole);
  json_decref (message);
  return code;
}

void
troupe_turn_remember_reply_as (troupe_turn_t *self, json_t *content)
{
  json_decref (self->as);
  self->as = content;
}

const json_t *
troupe_turn_memory (const troupe_turn_t *self)
{
  return self->view ? self->view : history_messages (self->history);
}

const json_t *
troupe_turn_state (const troupe_turn_t *self)
{
  return self->state ? self->state : history_state (self->history);
}

void
troupe_turn_set_state (troupe_turn_t *self, json_t *state)
{
  json_decref (self->state);
  self->state = state;
}

troupe_err_t
remembering_add_all (troupe_turn_t *self, const json_t *messages, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  for (size_t i = 0; i < json_array_size (messages) && code == TROUPE_OK; i++)
    code = troupe_turn_remember (self, json_incref (json_array_get (messages, i)), error);
  return code;
}

// -- When it ends -----------------------------------------------------------------------------------------------------

static troupe_err_t
not_remembered (const troupe_turn_t *self, troupe_err_t code, troupe_error_t *error)
{
  return troupe_error_set (error, code, self->agent->service, NULL, "the turn can't be remembered: %s",
                           troupe_err_text (code));
}

// What was heard is one entry, however much it is.
static troupe_err_t
remember_heard (const troupe_turn_t *self, troupe_error_t *error)
{
  if (json_array_size (self->added) == 0 || self->agent->forgets)
    return TROUPE_OK;
  troupe_err_t code = troupe_task_remember (self->task, json_incref (self->added));
  return code == TROUPE_OK ? code : not_remembered (self, code, error);
}

static troupe_err_t
remember_state (const troupe_turn_t *self, troupe_error_t *error)
{
  if (!self->state)
    return TROUPE_OK;
  troupe_err_t code = troupe_task_remember (self->task, json_pack ("{s:O}", HISTORY_STATE, self->state));
  return code == TROUPE_OK ? code : not_remembered (self, code, error);
}

// As it stands in the memory.
static json_t *
reply_to_remember (const troupe_turn_t *self, json_t *reply)
{
  json_t *copy = self->as ? json_copy (reply) : json_incref (reply);
  // jansson leaves out members that it has no memory for.
  if (json_object_size (copy) != json_object_size (reply) ||
      (self->as && json_object_set (copy, "content", self->as))) {
    json_decref (copy);
    return NULL;
  }
  return copy;
}

// First what was heard; then the input's messages, the reply and the state.
troupe_err_t
remembering_settle (troupe_turn_t *self, json_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *message;
  troupe_err_t code = remember_heard (self, error);
  if (code != TROUPE_OK)
    return code;
  if (reply && !self->agent->forgets) {
    json_array_foreach (self->input, i, message)
      if (code == TROUPE_OK)
        code = troupe_task_remember (self->task, json_incref (message));
    if (code == TROUPE_OK)
      code = troupe_task_remember (self->task, reply_to_remember (self, reply));
  }
  return code == TROUPE_OK ? remember_state (self, error) : not_remembered (self, code, error);
}

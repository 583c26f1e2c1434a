// SPDX-License-Identifier: Apache-2.0
//
// A turn from the task to its end: read the input, bring the memory and what was said in hubs, hand it to the type, and
// say what the type made of it. Whatever happens, a turn ends in exactly one place, `finish`, which gives everything
// back; the history returns to the agent's cache, and holds only what the store held (see history.c).
//
// A turn that ends takes its type's open question with it.

#include "agent/turn.h"

#include "agent/input.h"

#include <stdlib.h>
#include <string.h>

static void
finish (troupe_turn_t *self)
{
  if (self->asked)
    troupe_placeholder_cancel (self->asked); // whoever works on the question works in vain
  troupe_placeholder_destroy (&self->asked);
  if (self->history)
    cache_put (self->agent->memories, troupe_task_session (self->task), &self->history);
  json_decref (self->input);
  json_decref (self->news);
  json_decref (self->added);
  json_decref (self->added_ids);
  json_decref (self->view);
  json_decref (self->state);
  json_decref (self->as);
  json_decref (self->url);
  json_decref (self->asked_input);
  json_decref (self->instead);
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  free (self);
}

static void
fail (troupe_turn_t *self, const troupe_error_t *error)
{
  troupe_task_t *task = self->task;
  finish (self);
  troupe_task_fail (&task, error);
}

void
troupe_turn_fail (troupe_turn_t **self_p, const troupe_error_t *error)
{
  fail (*self_p, error);
  *self_p = NULL;
}

// -- Beginning ---------------------------------------------------------------------------------------------------------

static void
cancel (troupe_turn_t *self)
{
  if (self->handed && self->agent->type->cancelled)
    self->agent->type->cancelled (self->agent->state, self);
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_CANCELLED, self->agent->service, NULL, "the turn was cancelled");
  fail (self, &error);
}

static void
on_cancel (void *context, troupe_task_t *task)
{
  (void) task;
  cancel (context);
}

void
turn_cancel_all (troupe_agent_t *agent)
{
  while (agent->turns)
    cancel (agent->turns);
}

static bool
knows (const troupe_turn_t *self, const json_t *message)
{
  const char *id = json_string_value (json_object_get (message, "id"));
  return history_knows (self->history, message) || (id && json_object_get (self->added_ids, id));
}

// Leaves out of the input what the agent has heard already: in its memory, in a hub, or twice in the input.
static troupe_err_t
drop_known (troupe_turn_t *self, troupe_error_t *error)
{
  json_t *seen = json_object (), *fresh = json_array ();
  size_t i;
  json_t *message;
  bool complete = seen && fresh;
  json_array_foreach (self->input, i, message) {
    const char *id = json_string_value (json_object_get (message, "id"));
    if (!complete)
      break;
    if (knows (self, message) || json_object_get (seen, id))
      continue;
    complete = !json_array_append (fresh, message) && !json_object_set_new (seen, id, json_true ());
  }
  json_decref (seen);
  if (!complete) {
    json_decref (fresh);
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
  }
  json_decref (self->input);
  self->input = fresh;
  return TROUPE_OK;
}

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
  if (json_array_size (self->added) == 0)
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

// Nothing was asked but to observe: what was remembered is stored, and nothing is said.
static void
end_observing (troupe_turn_t *self)
{
  troupe_error_t error;
  troupe_task_t *task = self->task;
  troupe_err_t code = remember_heard (self, &error);
  if (code == TROUPE_OK)
    code = remember_state (self, &error);
  if (code != TROUPE_OK) {
    fail (self, &error);
    return;
  }
  finish (self);
  troupe_task_reply (&task, json_null ());
}

void
troupe_turn_observed (troupe_turn_t *self)
{
  troupe_error_t error;
  if (troupe_task_observes (self->task)) {
    end_observing (self);
    return;
  }
  if (drop_known (self, &error) != TROUPE_OK) {
    fail (self, &error);
    return;
  }
  self->handed = true;
  self->agent->type->reply (self->agent->state, self);
}

// The lists that a turn has only when it adds to its memory.
static bool
begin_adding (troupe_turn_t *self)
{
  if (self->added)
    return true;
  const json_t *before = history_messages (self->history);
  self->added = json_array ();
  self->added_ids = json_object ();
  self->view = json_array ();
  bool complete = self->added && self->added_ids && self->view;
  for (size_t i = 0; i < json_array_size (before) && complete; i++)
    complete = !json_array_append (self->view, json_array_get (before, i));
  return complete;
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
  if (code == TROUPE_OK && !knows (self, whole) && !add (self, whole))
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

// -- What was said in hubs ---------------------------------------------------------------------------------------------

// Leaves out what the agent knows, and what is no message (a service that is no agent may be a member, too).
static json_t *
news_of (const troupe_turn_t *self, const json_t *messages)
{
  json_t *news = json_array ();
  size_t i;
  json_t *message;
  json_array_foreach (messages, i, message) {
    bool good = troupe_message_check (message, NULL) == TROUPE_OK;
    if (good && !knows (self, message) && json_array_append (news, message)) {
      json_decref (news);
      return NULL;
    }
  }
  return news;
}

static troupe_err_t
remember_all (troupe_turn_t *self, const json_t *news, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  for (size_t i = 0; i < json_array_size (news) && code == TROUPE_OK; i++)
    code = troupe_turn_remember (self, json_incref (json_array_get (news, i)), error);
  return code;
}

static void
heard (void *context, troupe_task_t *task, json_t *messages, const troupe_error_t *failure)
{
  troupe_turn_t *self = context;
  troupe_error_t error;
  (void) task;
  json_t *news = messages ? news_of (self, messages) : NULL;
  json_decref (messages);
  if (!news) {
    if (failure)
      error = *failure;
    else
      troupe_error_set (&error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
    fail (self, &error);
  } else if (self->agent->type->observe && json_array_size (news) > 0) {
    self->news = json_incref (news);
    self->handed = true;
    self->agent->type->observe (self->agent->state, self, self->news);
  } else if (remember_all (self, news, &error) != TROUPE_OK) {
    fail (self, &error);
  } else {
    troupe_turn_observed (self);
  }
  json_decref (news);
}

static void
remembered (void *context, const troupe_error_t *failure)
{
  troupe_turn_t *self = context;
  troupe_error_t error;
  troupe_err_t code = TROUPE_OK;
  if (!failure && troupe_task_news (self->task) == 0) {
    troupe_turn_observed (self);
    return;
  }
  if (!failure)
    code = troupe_task_hear (self->task, heard, self);
  if (code != TROUPE_OK)
    troupe_error_set (&error, code, self->agent->service, NULL, "what was said in its hubs can't be read: %s",
                      troupe_err_text (code));
  else if (failure)
    error = *failure;
  else
    return;
  fail (self, &error);
}

static troupe_err_t
prepare (troupe_turn_t *self, troupe_error_t *error)
{
  troupe_err_t code = input_read (&self->input, troupe_task_input (self->task), troupe_task_call (self->task),
                                  troupe_task_root (self->task), error);
  if (code != TROUPE_OK)
    return code;
  self->history = cache_take (self->agent->memories, troupe_task_session (self->task));
  if (!self->history && history_new (&self->history) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
  return TROUPE_OK;
}

void
turn_serve (void *context, troupe_task_t *task)
{
  troupe_agent_t *agent = context;
  troupe_error_t error;
  troupe_turn_t *self = calloc (1, sizeof *self);
  if (!self) {
    troupe_error_set (&error, TROUPE_NO_MEMORY, agent->service, NULL, "out of memory");
    troupe_task_fail (&task, &error);
    return;
  }
  *self = (troupe_turn_t){ .next = agent->turns, .link = &agent->turns, .agent = agent, .task = task };
  if (self->next)
    self->next->link = &self->next;
  agent->turns = self;
  if (prepare (self, &error) != TROUPE_OK) {
    fail (self, &error);
    return;
  }
  troupe_task_on_cancel (task, on_cancel, self);
  recall_begin (&self->recall, task, self->history, remembered, self);
}

// -- What a type sees --------------------------------------------------------------------------------------------------

const char *
troupe_turn_agent (const troupe_turn_t *self)
{
  return self->agent->name;
}

const json_t *
troupe_turn_memory (const troupe_turn_t *self)
{
  return self->view ? self->view : history_messages (self->history);
}

const json_t *
troupe_turn_input (const troupe_turn_t *self)
{
  return self->input;
}

troupe_task_t *
troupe_turn_task (troupe_turn_t *self)
{
  return self->task;
}

troupe_node_t *
troupe_turn_node (const troupe_turn_t *self)
{
  return self->agent->node;
}

// -- Replying ----------------------------------------------------------------------------------------------------------

static json_t *
pack_reply (const troupe_turn_t *self, json_t *content, json_t *metadata)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (troupe_task_call (self->task), id);
  return json_pack ("{s:s, s:s, s:s, s:O, s:O*, s:O*}", "id", id, "name", self->agent->name, "role", "assistant",
                    "content", content, "metadata", metadata, "url", self->url);
}

// The reply in its full form, from the type's content.
static troupe_err_t
make_reply (const troupe_turn_t *self, json_t **out, json_t *content, json_t *metadata, troupe_error_t *error)
{
  json_t *sparse = content ? pack_reply (self, content, metadata) : NULL;
  if (!sparse)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
  troupe_error_t why;
  troupe_err_t code = troupe_message_identify (out, sparse, troupe_task_call (self->task), troupe_task_root (self->task), 0,
                                      &why);
  json_decref (sparse);
  if (code == TROUPE_BAD_MESSAGE)
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, self->agent->service, NULL,
                             "what the agent said is no message: %s", why.why);
  if (code != TROUPE_OK && error)
    *error = why;
  return code;
}

// As it stands in the memory.
static json_t *
reply_to_remember (const troupe_turn_t *self, json_t *reply)
{
  json_t *copy = self->as ? json_copy (reply) : json_incref (reply);
  // jansson leaves out members that it has no memory for.
  if (json_object_size (copy) != json_object_size (reply) || (self->as && json_object_set (copy, "content", self->as))) {
    json_decref (copy);
    return NULL;
  }
  return copy;
}

// First what was heard; then the input's messages, the reply and the state.
static troupe_err_t
remember (troupe_turn_t *self, json_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *message;
  troupe_err_t code = remember_heard (self, error);
  if (code != TROUPE_OK)
    return code;
  json_array_foreach (self->input, i, message)
    if (code == TROUPE_OK)
      code = troupe_task_remember (self->task, json_incref (message));
  if (code == TROUPE_OK)
    code = troupe_task_remember (self->task, reply_to_remember (self, reply));
  return code == TROUPE_OK ? remember_state (self, error) : not_remembered (self, code, error);
}

void
troupe_turn_set_url (troupe_turn_t *self, json_t *url)
{
  json_decref (self->url);
  self->url = url;
}

void
troupe_turn_reply (troupe_turn_t **self_p, json_t *content, json_t *metadata)
{
  troupe_turn_t *self = *self_p;
  troupe_error_t error;
  json_t *reply = NULL;
  *self_p = NULL;
  troupe_err_t code = make_reply (self, &reply, content, metadata, &error);
  json_decref (content);
  json_decref (metadata);
  if (code == TROUPE_OK)
    code = remember (self, reply, &error);
  if (code != TROUPE_OK) {
    json_decref (reply);
    fail (self, &error);
    return;
  }
  troupe_task_t *task = self->task;
  finish (self);
  troupe_task_reply (&task, reply);
}

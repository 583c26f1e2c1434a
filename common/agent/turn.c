// SPDX-License-Identifier: Apache-2.0
//
// A turn from the task to its end: read the input, bring the memory and what was said in hubs, hand it to the type, and
// say what the type made of it. Whatever happens, a turn ends in exactly one place, `finish`, which gives everything
// back; the history returns to the agent's cache, and holds only what the store held (see history.c).
//
// A turn that ends takes its type's open question with it.

#include "agent/turn.h"

#include "agent/input.h"
#include "agent/remembering.h"

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
  news_destroy (&self->news);
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
    if (remembering_knows (self, message) || json_object_get (seen, id))
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

// Nothing was asked but to observe: what was remembered is stored, and nothing is said.
static void
end_observing (troupe_turn_t *self)
{
  troupe_error_t error;
  troupe_task_t *task = self->task;
  if (remembering_settle (self, NULL, &error) != TROUPE_OK) {
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

// -- What was said in hubs ---------------------------------------------------------------------------------------------

// Hands the news to the type, or remembers them.
static void
observe (troupe_turn_t *self)
{
  troupe_error_t error;
  const troupe_agent_type_t *type = self->agent->type;
  bool any = troupe_news_count (self->news) > 0;
  if (any && type->hear) {
    self->handed = true;
    type->hear (self->agent->state, self, self->news);
    return;
  }
  const json_t *messages = troupe_news_messages (self->news);
  if (!messages) {
    troupe_error_set (&error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
    fail (self, &error);
  } else if (any && type->observe) {
    self->handed = true;
    type->observe (self->agent->state, self, messages);
  } else if (remembering_add_all (self, messages, &error) != TROUPE_OK) {
    fail (self, &error);
  } else {
    troupe_turn_observed (self);
  }
}

static void
heard (void *context, troupe_task_t *task, troupe_heard_t *messages, const troupe_error_t *failure)
{
  troupe_turn_t *self = context;
  troupe_error_t error;
  (void) task;
  if (messages && news_new (&self->news, &messages, remembering_knows_id, self) == TROUPE_OK) {
    observe (self);
    return;
  }
  if (failure)
    error = *failure;
  else
    troupe_error_set (&error, TROUPE_NO_MEMORY, self->agent->service, NULL, "out of memory");
  fail (self, &error);
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
    code = troupe_task_hear_packed (self->task, heard, self);
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
  if (!remembering_begin (self))
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
    code = remembering_settle (self, reply, &error);
  if (code != TROUPE_OK) {
    json_decref (reply);
    fail (self, &error);
    return;
  }
  troupe_task_t *task = self->task;
  finish (self);
  troupe_task_reply (&task, reply);
}

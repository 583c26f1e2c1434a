// SPDX-License-Identifier: Apache-2.0
//
// DialogAgent (AgentScope table 1: "a general dialog agent, whose role can be set by system prompt"). It has no state
// but its settings: everything about a conversation is in the turn.
//
// Its model's error is its own, with both names in it, so that a reader of "agent/alice, model/gpt: unauthorized" knows
// where to look. A model that says nothing has failed: passing silence on would enter the memory and teach the model
// to go on with it.

#include "agent/prompt.h"
#include "troupe/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICE_MAX = 192 }; // the wire's limit of a service's name

typedef struct {
  char *prompt;
  char service[SERVICE_MAX + 1]; // "model/gpt"
} dialog_t;

static void
dialog_close (void *state)
{
  dialog_t *self = state;
  free (self->prompt);
  free (self);
}

static troupe_err_t
dialog_open (void **state, const char *agent, const json_t *settings, troupe_error_t *error)
{
  const char *model = json_string_value (json_object_get (settings, "model"));
  const char *prompt = json_string_value (json_object_get (settings, "prompt"));
  dialog_t *self = calloc (1, sizeof *self);
  if (self)
    self->prompt = strdup (prompt ? prompt : "");
  if (!self || !self->prompt) {
    free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, agent, NULL, "out of memory");
  }
  int size = snprintf (self->service, sizeof self->service, "model/%s", model ? model : "");
  if (size > SERVICE_MAX || !troupe_service_name_valid (self->service)) {
    dialog_close (self);
    return troupe_error_set (error, TROUPE_BAD_CONFIG, agent, "set the agent's model to a name of models",
                             "\"%s\" is no name of a model", model ? model : "");
  }
  *state = self;
  return TROUPE_OK;
}

// The agent and its model, as the object of an error.
static void
fail (const dialog_t *self, troupe_turn_t *turn, const troupe_error_t *why)
{
  troupe_error_t error = *why;
  snprintf (error.object, sizeof error.object, "agent/%s, %s", troupe_turn_agent (turn), self->service);
  troupe_turn_fail (&turn, &error);
}

static bool
block_says_something (const json_t *block)
{
  const char *type = json_string_value (json_object_get (block, "type"));
  const json_t *text = json_object_get (block, "text");
  return !type || strcmp (type, "text") != 0 || json_string_length (text) > 0;
}

static bool
says_something (const json_t *content)
{
  size_t i;
  json_t *block;
  if (json_is_string (content))
    return json_string_length (content) > 0;
  json_array_foreach (content, i, block)
    if (block_says_something (block))
      return true;
  return false;
}

static void
answered (void *context, troupe_turn_t *turn, const json_t *value, const troupe_error_t *failure)
{
  const dialog_t *self = context;
  if (failure) {
    fail (self, turn, failure);
    return;
  }
  json_t *content = json_object_get (value, "content");
  if (!says_something (content)) {
    const json_t *reason = json_object_get (json_object_get (value, "metadata"), "finish_reason");
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_MODEL_FAILED, self->service, "ask again, or raise the model's max_tokens",
                      "the model said nothing (finish reason: %s)",
                      json_is_string (reason) ? json_string_value (reason) : "unknown");
    fail (self, turn, &error);
    return;
  }
  json_t *metadata = json_object_get (value, "metadata");
  troupe_turn_reply (&turn, json_incref (content), json_is_object (metadata) ? json_incref (metadata) : NULL);
}

static void
dialog_reply (void *state, troupe_turn_t *turn)
{
  dialog_t *self = state;
  troupe_error_t error;
  json_t *input = prompt_build (troupe_turn_agent (turn), self->prompt, troupe_turn_memory (turn),
                                troupe_turn_input (turn));
  troupe_err_t code = input ? troupe_turn_ask (turn, self->service, input, true, answered, self, &error)
                            : troupe_error_set (&error, TROUPE_NO_MEMORY, self->service, NULL, "out of memory");
  json_decref (input);
  if (code == TROUPE_TOO_LARGE)
    troupe_error_set (&error, code, self->service, "begin a new session",
                      "the conversation has become larger than a message may be");
  if (code != TROUPE_OK)
    fail (self, turn, &error);
}

const troupe_agent_type_t troupe_agent_dialog = {
  .name = "dialog", .open = dialog_open, .close = dialog_close, .reply = dialog_reply
};

// SPDX-License-Identifier: Apache-2.0
//
// DialogAgent (AgentScope table 1: "a general dialog agent, whose role can be set by system prompt"). It has no state
// but its settings: everything about a conversation is in the turn.
//
// A model that says nothing has failed: passing silence on would enter the memory and teach the model to go on with it.

#include "agent/prompt.h"
#include "agent/speaker.h"

#include <stdlib.h>
#include <string.h>

static void
dialog_close (void *state)
{
  speaker_t *self = state;
  speaker_close (self);
  free (self);
}

static troupe_err_t
dialog_open (void **state, const char *agent, const json_t *settings, troupe_error_t *error)
{
  speaker_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, agent, NULL, "out of memory");
  troupe_err_t code = speaker_open (self, agent, settings, error);
  if (code == TROUPE_OK)
    *state = self;
  else
    dialog_close (self);
  return code;
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
  const speaker_t *self = context;
  if (failure) {
    speaker_fail (self, turn, failure);
    return;
  }
  json_t *content = json_object_get (value, "content");
  if (!says_something (content)) {
    const json_t *reason = json_object_get (json_object_get (value, "metadata"), "finish_reason");
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_MODEL_FAILED, self->service, "ask again, or raise the model's max_tokens",
                      "the model said nothing (finish reason: %s)",
                      json_is_string (reason) ? json_string_value (reason) : "unknown");
    speaker_fail (self, turn, &error);
    return;
  }
  json_t *metadata = speaker_metadata (self, turn, value);
  troupe_turn_reply (&turn, json_incref (content), metadata);
}

static void
dialog_reply (void *state, troupe_turn_t *turn)
{
  speaker_t *self = state;
  json_t *input =
    prompt_build (troupe_turn_agent (turn), self->prompt, troupe_turn_memory (turn), troupe_turn_input (turn));
  speaker_ask (self, turn, input, true, answered, self);
}

const troupe_agent_type_t troupe_agent_dialog = {
  .name = "dialog", .open = dialog_open, .close = dialog_close, .reply = dialog_reply};

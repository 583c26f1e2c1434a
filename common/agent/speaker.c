// SPDX-License-Identifier: Apache-2.0
//
// An agent's way to its model. The model's error is the agent's, with both names in it, so that a reader of
// "agent/alice, model/gpt: unauthorized" knows where to look.

#include "agent/speaker.h"
#include "agent/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static troupe_err_t
bad_name (const char *agent, const char *key, const char *model, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_BAD_CONFIG, agent, NULL, "%s: \"%s\" is no name of a model", key,
                           model ? model : "");
}

static troupe_err_t
check_fallback (const char *agent, const json_t *fallback, troupe_error_t *error)
{
  size_t i;
  json_t *model;
  char service[SPEAKER_SERVICE_MAX + 1];
  json_array_foreach ((json_t *)(uintptr_t)fallback, i, model) {
    const char *name = json_string_value (model);
    if (!name || snprintf (service, sizeof service, "model/%s", name) > SPEAKER_SERVICE_MAX ||
        !troupe_service_name_valid (service))
      return bad_name (agent, "fallback", name, error);
  }
  return fallback && !json_is_array (fallback) ? bad_name (agent, "fallback", NULL, error) : TROUPE_OK;
}

troupe_err_t
speaker_open (speaker_t *self, const char *agent, const json_t *settings, troupe_error_t *error)
{
  const char *model = json_string_value (json_object_get (settings, "model"));
  const char *prompt = json_string_value (json_object_get (settings, "prompt"));
  int size = snprintf (self->service, sizeof self->service, "model/%s", model ? model : "");
  if (size > SPEAKER_SERVICE_MAX || !troupe_service_name_valid (self->service))
    return troupe_error_set (error, TROUPE_BAD_CONFIG, agent, "set the agent's model to a name of models",
                             "\"%s\" is no name of a model", model ? model : "");
  const json_t *fallback = json_object_get (settings, "fallback");
  troupe_err_t code = check_fallback (agent, fallback, error);
  if (code != TROUPE_OK)
    return code;
  self->fallback = json_array_size (fallback) ? json_deep_copy (fallback) : NULL;
  self->prompt = strdup (prompt ? prompt : "");
  if (!self->prompt || (json_array_size (fallback) && !self->fallback))
    return troupe_error_set (error, TROUPE_NO_MEMORY, agent, NULL, "out of memory");
  return TROUPE_OK;
}

void
speaker_close (speaker_t *self)
{
  free (self->prompt);
  self->prompt = NULL;
  json_decref (self->fallback);
  self->fallback = NULL;
}

void
speaker_fail (const speaker_t *self, troupe_turn_t *turn, const troupe_error_t *why)
{
  troupe_error_t error = *why;
  const char *other =
    turn->instead_next ? json_string_value (json_array_get (self->fallback, turn->instead_next - 1)) : NULL;
  snprintf (error.object, sizeof error.object, "agent/%s, %s%s", troupe_turn_agent (turn), other ? "model/" : "",
            other ? other : self->service);
  troupe_turn_fail (&turn, &error);
}

json_t *
speaker_metadata (const speaker_t *self, const troupe_turn_t *turn, const json_t *answer)
{
  json_t *metadata = json_object_get (answer, "metadata");
  if (turn->instead_next == 0)
    return json_is_object (metadata) ? json_incref (metadata) : NULL;
  const char *other = json_string_value (json_array_get (self->fallback, turn->instead_next - 1));
  json_t *marked = json_is_object (metadata) ? json_copy (metadata) : json_object ();
  json_object_set_new (marked, "instead_of", json_string (self->service));
  if (!json_object_get (marked, "answered_by"))
    json_object_set_new (marked, "answered_by", json_sprintf ("model/%s", other));
  return marked;
}

bool
speaker_ask (const speaker_t *self, troupe_turn_t *turn, json_t *input, bool stream, troupe_answered_fn *answered,
             void *context)
{
  troupe_error_t error;
  troupe_err_t code =
    input ? turn_ask_one_of (turn, self->service, self->fallback, input, stream, answered, context, &error)
          : troupe_error_set (&error, TROUPE_NO_MEMORY, self->service, NULL, "out of memory");
  json_decref (input);
  if (code == TROUPE_TOO_LARGE)
    troupe_error_set (&error, code, self->service, "begin a new session",
                      "the conversation has become larger than a message may be");
  if (code != TROUPE_OK)
    speaker_fail (self, turn, &error);
  return code == TROUPE_OK;
}

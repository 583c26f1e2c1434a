// SPDX-License-Identifier: Apache-2.0
//
// A turn's question to another service, a model as a rule. The call is made for the turn's task, so that it belongs to
// its session, ends with it, and what it streams can stream on as the turn's own parts.
//
// A model that can't answer, for a reason that lies with it, may have others that are asked instead (AgentScope's
// accessibility errors); not after a part of its answer was passed on, for whoever reads along can't take it back.
//
// When the asked service's attempt is lost and another one starts over, whoever reads along gets the text from the
// beginning again; the first such part says so ("again").

#include "agent/turn.h"
#include "troupe/log.h"

#include <stdio.h>

static void
pass_on (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  troupe_turn_t *self = context;
  (void) placeholder;
  const json_t *text = json_object_get (part, "text");
  bool again = self->asked_attempt && attempt != self->asked_attempt;
  self->asked_attempt = attempt;
  if (!json_is_string (text))
    return;
  json_t *own = again ? json_pack ("{s:O, s:b}", "text", text, "again", 1) : json_pack ("{s:O}", "text", text);
  if (own)
    troupe_task_part (self->task, own); // dropped for want of memory: parts are a courtesy, the reply counts
}

static void settled (void *context, troupe_placeholder_t *placeholder);

static troupe_err_t
call (troupe_turn_t *self, const char *service, const json_t *input, bool stream, troupe_error_t *error)
{
  self->asked_attempt = 0;
  troupe_call_t made = { .service = service,
                         .input = input,
                         .parent = self->task,
                         .part = stream && troupe_task_streams (self->task) ? pass_on : NULL,
                         .settled = settled,
                         .context = self };
  return troupe_node_call (self->agent->node, &self->asked, &made, error);
}

// -- Asking others instead -------------------------------------------------------------------------------------------

static bool
is_models_fault (const troupe_error_t *error)
{
  static const troupe_err_t faults[] = { TROUPE_MODEL_UNREACHABLE, TROUPE_MODEL_FAILED,  TROUPE_RATE_LIMITED,
                                         TROUPE_UNAUTHORIZED,      TROUPE_UNKNOWN_SERVICE, TROUPE_SERVICE_DIED,
                                         TROUPE_OVERLOADED };
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (error->code == faults[i])
      return true;
  return false;
}

static bool
ask_next (troupe_turn_t *self, const troupe_error_t *why)
{
  char service[192 + 1]; // the wire's limit of a service's name
  troupe_error_t error;
  const char *next = json_string_value (json_array_get (self->instead, self->instead_next));
  if (!next || self->asked_attempt || !is_models_fault (why))
    return false;
  self->instead_next++;
  snprintf (service, sizeof service, "model/%s", next);
  troupe_log (TROUPE_LOG_WARNING, "another model is asked instead", "agent", self->agent->name, "instead", service,
              "why", why->why, NULL);
  return call (self, service, self->asked_input, self->asked_stream, &error) == TROUPE_OK;
}

static void
settled (void *context, troupe_placeholder_t *placeholder)
{
  troupe_turn_t *self = context;
  const troupe_error_t *error = troupe_placeholder_error (placeholder);
  self->asked = NULL;
  bool has_value = troupe_placeholder_status (placeholder) == TROUPE_STATUS_VALUE;
  if (!has_value && ask_next (self, error)) {
    troupe_placeholder_destroy (&placeholder);
    return;
  }
  self->answered (self->answered_context, self, has_value ? troupe_placeholder_value (placeholder) : NULL,
                  has_value ? NULL : error);
  troupe_placeholder_destroy (&placeholder);
}

troupe_err_t
turn_ask_one_of (troupe_turn_t *self, const char *service, const json_t *instead, const json_t *input, bool stream,
                 troupe_answered_fn *answered, void *context, troupe_error_t *error)
{
  if (self->asked)
    return troupe_error_set (error, TROUPE_CONFLICT, service, NULL, "the turn has asked already, and has no answer yet");
  self->answered = answered;
  self->answered_context = context;
  json_decref (self->asked_input);
  json_decref (self->instead);
  self->asked_input = instead ? json_incref ((json_t *) (uintptr_t) input) : NULL;
  self->instead = json_incref ((json_t *) (uintptr_t) instead);
  self->instead_next = 0;
  self->asked_stream = stream;
  return call (self, service, input, stream, error);
}

troupe_err_t
troupe_turn_ask (troupe_turn_t *self, const char *service, const json_t *input, bool stream,
                 troupe_answered_fn *answered, void *context, troupe_error_t *error)
{
  return turn_ask_one_of (self, service, NULL, input, stream, answered, context, error);
}

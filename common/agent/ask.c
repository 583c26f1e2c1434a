// SPDX-License-Identifier: Apache-2.0
//
// A turn's question to another service, a model as a rule. The call is made for the turn's task, so that it belongs to
// its session, ends with it, and what it streams can stream on as the turn's own parts.
//
// When the asked service's attempt is lost and another one starts over, whoever reads along gets the text from the
// beginning again; the first such part says so ("again").

#include "agent/turn.h"

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

static void
settled (void *context, troupe_placeholder_t *placeholder)
{
  troupe_turn_t *self = context;
  self->asked = NULL;
  bool has_value = troupe_placeholder_status (placeholder) == TROUPE_STATUS_VALUE;
  self->answered (self->answered_context, self, has_value ? troupe_placeholder_value (placeholder) : NULL,
                  has_value ? NULL : troupe_placeholder_error (placeholder));
  troupe_placeholder_destroy (&placeholder);
}

troupe_err_t
troupe_turn_ask (troupe_turn_t *self, const char *service, const json_t *input, bool stream,
                 troupe_answered_fn *answered, void *context, troupe_error_t *error)
{
  if (self->asked)
    return troupe_error_set (error, TROUPE_CONFLICT, service, NULL, "the turn has asked already, and has no answer yet");
  self->answered = answered;
  self->answered_context = context;
  self->asked_attempt = 0;
  troupe_call_t call = { .service = service,
                         .input = input,
                         .parent = self->task,
                         .part = stream && troupe_task_streams (self->task) ? pass_on : NULL,
                         .settled = settled,
                         .context = self };
  return troupe_node_call (self->agent->node, &self->asked, &call, error);
}

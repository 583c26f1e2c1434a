// SPDX-License-Identifier: Apache-2.0
//
// Members that hear without being called, in the model: what broker/functions/rousing.lua does. Which hubs are due is
// looked up after each step, instead of being marked. Only those are live of whom the request says so, and nobody is
// roused because a log is long.

#include "sim/ledger_model_hub.h"

#include <stdlib.h>
#include <string.h>

enum { REST_MS = 1000, REST_DOUBLINGS = 6 };

static bool
is_idle (const ledger_model_t *self, const model_hub_t *hub, const char *service)
{
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *call = self->calls[i];
    if (call->actor && model_unsettled (call) && strcmp (call->session, hub->session) == 0 &&
        strcmp (call->service, service) == 0)
      return false;
  }
  return true;
}

static bool
is_due (ledger_model_t *self, const model_hub_t *hub, const model_member_t *member, int64_t now)
{
  return member->live && model_hub_concerns (hub, member->service) && is_idle (self, hub, member->service) &&
         model_actor (self, hub->session, member->service)->rest <= now &&
         model_hub_audible (self, hub->session, member->service, NULL, now) > 0;
}

static ledger_model_call_t *
observe (model_step_t *step, const model_hub_t *hub, const model_member_t *member)
{
  static const char null = '\xc0';
  ledger_model_call_t *call = model_need (calloc (1, sizeof *call));
  *call = (ledger_model_call_t){.session = model_need (strdup (hub->session)),
                                .service = model_need (strdup (member->service)),
                                .actor = true,
                                .flags = TROUPE_FLAG_OBSERVE,
                                .attempt = 1,
                                .deadline = step->now + step->request->deadline_ms,
                                .owner = step->broker,
                                .body = model_bytes (&null, 1)};
  model_hub_audible (step->model, hub->session, member->service, call, step->now);
  model_add (step->model, call);
  call->id.bytes[0] = 0xb5; // no test makes such a one
  for (int i = 0; i < 8; i++)
    call->id.bytes[15 - i] = (uint8_t)(call->sequence >> (8 * i));
  model_renew_epoch (step->model, call);
  return call;
}

void
model_rouse (model_step_t *step)
{
  model_hub_t *hub = model_hub_find (step->model, &step->request->call);
  step->result->outcome = LEDGER_OK;
  step->result->calls = step->room->calls;
  for (size_t i = 0; hub != NULL && i < hub->members_count && step->result->calls_count < MODEL_BATCH; i++)
    if (is_due (step->model, hub, &hub->members[i], step->now)) {
      const ledger_model_call_t *call = observe (step, hub, &hub->members[i]);
      model_describe (step->model, &step->room->calls[step->result->calls_count++], call, step->now, true);
    }
  step->result->more = step->result->calls_count == MODEL_BATCH;
}

static void
report (model_step_t *step, const model_hub_t *hub)
{
  for (size_t i = 0; i < hub->members_count && step->result->hubs_count < LEDGER_HUBS_MAX; i++)
    if (is_due (step->model, hub, &hub->members[i], step->now)) {
      step->room->hubs[step->result->hubs_count++] = (ledger_hub_t){troupe_text (hub->session), hub->id};
      return;
    }
}

void
model_rouse_report (model_step_t *step)
{
  const ledger_request_t *request = step->request;
  step->result->hubs = step->room->hubs;
  for (const model_hub_t *hub = step->model->hubs; hub != NULL; hub = hub->next)
    if (request->session != NULL ? strcmp (hub->session, request->session) == 0
                                 : ledger_slot (hub->session) == request->slot)
      report (step, hub);
}

void
model_rouse_rest (ledger_model_t *self, const ledger_model_call_t *call, bool heard, int64_t now)
{
  model_actor_t *actor = model_actor (self, call->session, call->service);
  actor->rest = heard ? 0 : now + ((int64_t)REST_MS << actor->failures);
  if (heard)
    actor->failures = 0;
  else if (actor->failures < REST_DOUBLINGS)
    actor->failures++;
  for (size_t i = 0; i < call->clock.count && !heard; i++)
    if (!call->clock.cuts[i].hub->open)
      model_hub_member (call->clock.cuts[i].hub, call->service)->live = false;
}

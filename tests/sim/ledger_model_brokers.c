// SPDX-License-Identifier: Apache-2.0
//
// sweep, recover, takeover, lease. Recover's position isn't modelled: a test keeps under a batch a slot.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

static void
give (model_step_t *step, const ledger_model_call_t *call, bool with_body)
{
  model_describe (step->model, &step->room->calls[step->result->calls_count++], call, step->now, with_body);
}

static bool
in_slot (const model_step_t *step, const ledger_model_call_t *call)
{
  return model_unsettled (call) && ledger_slot (call->session) == step->request->slot;
}

void
model_sweep (model_step_t *step)
{
  step->result->calls = step->room->calls;
  step->result->epoch = step->model->sequence / LEDGER_GENERATION_SIZE;
  step->result->outcome = LEDGER_OK;
  model_hub_sweep (step->model, step->request->slot, step->now);
  model_sessions_sweep (step);
  for (size_t i = 0; i < step->model->count; i++) {
    const ledger_model_call_t *call = step->model->calls[i];
    if (!in_slot (step, call) || call->deadline == 0 || call->deadline > step->now)
      continue;
    if (step->result->calls_count == MODEL_BATCH) {
      step->result->more = true;
      return;
    }
    give (step, call, false);
  }
}

void
model_recover (model_step_t *step)
{
  step->result->calls = step->room->calls;
  step->result->outcome = LEDGER_OK;
  for (size_t i = 0; i < step->model->count && step->result->calls_count < MODEL_BATCH; i++)
    if (in_slot (step, step->model->calls[i]) && step->model->calls[i]->owner == step->broker)
      give (step, step->model->calls[i], true);
}

void
model_takeover (model_step_t *step)
{
  ledger_model_t *self = step->model;
  unsigned lost = 0;
  step->result->calls = step->room->calls;
  step->result->outcome = LEDGER_OK;
  while (lost < self->brokers_count && strcmp (self->brokers[lost], step->request->broker) != 0)
    lost++;
  if (lost == self->brokers_count)
    return;
  for (size_t i = 0; i < self->count && step->result->calls_count < MODEL_BATCH; i++) {
    ledger_model_call_t *call = self->calls[i];
    if (!in_slot (step, call) || call->owner != lost)
      continue;
    call->waiters |= UINT64_C (1) << lost;
    if (call->attempt > 0 && model_bury (step, call))
      continue;
    if (call->attempt > 0)
      model_begin_attempt (step->model, call, step->broker);
    call->owner = step->broker;
    give (step, call, true);
  }
}

// A broker whose peers have lost it.
static void
cut_short (model_step_t *step)
{
  ledger_model_t *self = step->model;
  const ledger_request_t *request = step->request;
  for (unsigned i = 0; i < self->brokers_count && request->broker != NULL; i++) {
    bool silent = self->leases[i] >= step->now && self->leases[i] - request->lease_ms + request->silent_ms <= step->now;
    if (i != step->broker && silent && strcmp (self->brokers[i], request->broker) == 0)
      self->leases[i] = step->now - 1;
  }
}

void
model_lease (model_step_t *step)
{
  ledger_model_t *self = step->model;
  ledger_result_t *result = step->result;
  int64_t before = self->leases[step->broker];
  result->outcome = LEDGER_OK;
  result->lapsed_ms = before != 0 && before < step->now ? step->now - before : 0;
  self->leases[step->broker] = step->now + step->request->lease_ms;
  cut_short (step);
  for (unsigned i = 0; i < self->brokers_count; i++)
    if (self->leases[i] != 0)
      step->room->brokers[result->brokers_count++] = (ledger_broker_t){self->brokers[i], self->leases[i] - step->now};
  result->brokers = step->room->brokers;
}

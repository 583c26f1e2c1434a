// SPDX-License-Identifier: Apache-2.0
//
// retry, claim, recall, inputs: what is asked of a call whose turn has come.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

void
model_begin_attempt (ledger_model_t *self, ledger_model_call_t *call, unsigned broker)
{
  call->attempt = model_attempt_after (self, call, call->attempt);
  model_renew_epoch (self, call);
  call->owner = broker;
  call->awaits_count = 0;
}

static bool
is_next (const ledger_model_call_t *call, uint32_t lost)
{
  return call->attempt == lost + 1 || call->attempt == model_leap (lost);
}

void
model_retry (model_step_t *step)
{
  ledger_model_call_t *call = model_find (step->model, &step->request->call);
  uint32_t lost = step->request->attempt;
  if (call == NULL) {
    step->result->outcome = LEDGER_UNKNOWN;
  } else if (!model_unsettled (call)) {
    model_settled (step, call);
  } else if (is_next (call, lost) && call->owner == step->broker && lost > 0) {
    model_standing (step, LEDGER_OK, call, true);
  } else if (call->attempt != lost || lost == 0) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = call->attempt;
  } else {
    if (call->owner != step->broker)
      call->waiters |= UINT64_C (1) << call->owner;
    if (model_bury (step, call)) {
      model_settled (step, call);
      return;
    }
    model_begin_attempt (step->model, call, step->broker);
    model_standing (step, LEDGER_OK, call, true);
  }
}

void
model_claim (model_step_t *step)
{
  ledger_model_call_t *call = model_find (step->model, &step->request->call);
  if (call == NULL) {
    step->result->outcome = LEDGER_UNKNOWN;
    return;
  }
  if (!model_unsettled (call)) {
    model_settled (step, call);
    return;
  }
  if (call->attempt != step->request->attempt || call->attempt == 0) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = call->attempt;
    return;
  }
  model_actor_t *actor = model_actor (step->model, call->session, call->service);
  if (actor->owner == NULL || strcmp (actor->owner, step->request->instance) != 0) {
    free (actor->owner);
    actor->owner = model_need (strdup (step->request->instance));
    actor->epoch = (actor->epoch > model_present (step->model) ? actor->epoch : model_present (step->model)) + 1;
  }
  model_standing (step, LEDGER_OK, call, false);
}

ledger_model_call_t *
model_running_attempt (model_step_t *step)
{
  ledger_model_call_t *call = model_find (step->model, &step->request->call);
  uint32_t attempt = step->request->attempt;
  if (call == NULL) {
    step->result->outcome = LEDGER_UNKNOWN;
    return NULL;
  }
  if (!model_unsettled (call) || (attempt != 0 && attempt != call->attempt)) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = model_unsettled (call) ? call->attempt : call->winner;
    return NULL;
  }
  model_standing (step, LEDGER_OK, call, false);
  return call;
}

void
model_recall (model_step_t *step)
{
  static const unsigned char none = 0x90; // the model counts entries and doesn't keep them
  if (model_running_attempt (step) != NULL)
    step->result->body = step->room->body = model_bytes (&none, 1);
}

void
model_inputs (model_step_t *step)
{
  const ledger_model_call_t *call = model_running_attempt (step);
  char bytes[16384];
  size_t size = 0;
  if (call == NULL)
    return;
  for (uint32_t i = 0; i < call->inputs_count; i++) {
    const ledger_model_call_t *input = model_find (step->model, &call->inputs[i]);
    step->room->sizes[i] = (uint32_t)troupe_buffer_size (input->value);
    if (size + step->room->sizes[i] > sizeof bytes)
      abort ();
    memcpy (bytes + size, troupe_buffer_data (input->value), step->room->sizes[i]);
    size += step->room->sizes[i];
  }
  step->result->body = step->room->body = model_bytes (bytes, size);
  step->result->sizes = step->room->sizes;
  step->result->sizes_count = call->inputs_count;
}

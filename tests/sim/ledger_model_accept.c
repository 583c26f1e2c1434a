// SPDX-License-Identifier: Apache-2.0
//
// accept.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

static void *
copy (const void *data, size_t size)
{
  return size == 0 ? NULL : memcpy (model_need (malloc (size)), data, size);
}

static ledger_model_call_t *
parent_of (const ledger_model_t *self, const ledger_request_t *request)
{
  if (request->parent_attempt == 0)
    return NULL;
  return model_find (self, &request->path[request->path_count - 1]);
}

static bool
parent_runs (const ledger_model_call_t *parent, const ledger_request_t *request)
{
  return parent != NULL && model_unsettled (parent) && parent->attempt == request->parent_attempt;
}

static bool
out_of_order (const model_step_t *step, const ledger_model_call_t *parent)
{
  const troupe_id_t *id = &step->request->previous;
  const ledger_model_call_t *previous = troupe_id_is_zero (id) ? NULL : model_find (step->model, id);
  if (previous == NULL)
    return !troupe_id_is_zero (id);
  return parent != NULL && previous->under > 0 && previous->under < parent->attempt &&
         troupe_id_equal (&previous->path[previous->path_count - 1], &parent->id);
}

// One that has settled.
static void
take_again (model_step_t *step, ledger_model_call_t *call, ledger_model_call_t *parent)
{
  bool operates = step->request->hub_op != LEDGER_HUB_NONE;
  if (operates && out_of_order (step, parent)) {
    step->result->outcome = LEDGER_OUT_OF_ORDER;
    return;
  }
  if (operates && call->status == TROUPE_STATUS_VALUE)
    model_hub_operate_again (step, parent);
  call->under = parent->attempt;
  model_settled (step, call);
}

static void
accept_again (model_step_t *step, ledger_model_call_t *call, ledger_model_call_t *parent)
{
  if (!model_unsettled (call)) {
    if (parent != NULL && parent->attempt > call->under)
      take_again (step, call, parent);
    else
      model_settled (step, call);
    return;
  }
  if (call->owner != step->broker)
    call->waiters |= UINT64_C (1) << step->broker;
  if (parent != NULL && parent->attempt > call->under) {
    call->under = parent->attempt;
    if (model_ring (step->model, call, call, 0)) {
      model_end_along (step->model, call, TROUPE_STATUS_ERROR, TROUPE_CYCLE, step->now);
      model_settled (step, call);
      return;
    }
  }
  model_standing (step, LEDGER_KNOWN, call, call->owner == step->broker);
}

void
model_add (ledger_model_t *self, ledger_model_call_t *call)
{
  call->sequence = call->order = ++self->sequence;
  if (self->count == self->capacity) {
    self->capacity = self->capacity * 2 + 16;
    self->calls = model_need (realloc (self->calls, self->capacity * sizeof (ledger_model_call_t *)));
  }
  self->calls[self->count++] = call;
}

// `anew`: what it was before, which it replaces.
static ledger_model_call_t *
create (model_step_t *step, ledger_model_call_t *anew)
{
  ledger_model_t *self = step->model;
  const ledger_request_t *request = step->request;
  uint32_t base = anew != NULL ? model_attempt_after (self, anew, anew->attempt) - 1
                              : model_first_base (self, &request->call);
  if (anew != NULL)
    ledger_model_lose (self, &anew->id);
  ledger_model_call_t *call = model_need (calloc (1, sizeof *call));
  *call = (ledger_model_call_t){.id = request->call,
                                .session = model_need (strdup (request->session)),
                                .service = model_need (strdup (request->service)),
                                .trace = request->trace != NULL ? model_need (strdup (request->trace)) : NULL,
                                .actor = request->actor,
                                .flags = request->flags,
                                .base = base,
                                .anew = anew != NULL,
                                .default_deadline = request->default_deadline_ms,
                                .owner = step->broker,
                                .path = copy (request->path, request->path_count * sizeof *request->path),
                                .path_count = request->path_count,
                                .inputs = copy (request->inputs, request->inputs_count * sizeof *request->inputs),
                                .inputs_count = request->inputs_count,
                                .body = troupe_buffer_ref (request->body)};
  model_add (self, call);
  if (call->actor || request->hub_op == LEDGER_HUB_OPEN)
    model_session_keep (self, call->session, step->now);
  return call;
}

// Returns an input that settled without a value; NULL: none did.
static const ledger_model_call_t *
look_at_inputs (const ledger_model_t *self, ledger_model_call_t *call)
{
  const ledger_model_call_t *failed = NULL;
  for (uint32_t i = 0; i < call->inputs_count; i++) {
    const ledger_model_call_t *input = model_find (self, &call->inputs[i]);
    if (model_unsettled (input))
      call->missing = true;
    else if (input->status != TROUPE_STATUS_VALUE && failed == NULL)
      failed = input;
  }
  return failed;
}

// In a hub that a call opened, what is asked for an earlier call goes before later ones.
static void
set_rank (ledger_model_call_t *call, const ledger_model_call_t *parent, bool in_hub)
{
  if (parent == NULL || (parent->rank_count == 0 && !in_hub) || parent->rank_count == TROUPE_PATH_MAX)
    return;
  memcpy (call->rank, parent->rank, sizeof call->rank);
  call->rank_count = parent->rank_count + 1;
  call->rank[call->rank_count - 1] = call->sequence;
}

static void
take_turn (model_step_t *step, ledger_model_call_t *call)
{
  ledger_model_call_t *next = NULL;
  if (call->actor)
    next = model_advance (step->model, call, step->now);
  else if (!call->missing)
    model_start (step->model, call, step->now);
  if (next != NULL && next != call)
    model_tell (step->model, next->owner, LEDGER_NOTICE_READY, next);
}

// One that ends at once gets its turn before that, if it is its turn.
static void
begin_in_vain (model_step_t *step, const ledger_model_call_t *call)
{
  if (call->actor && model_first (step->model, call) == call)
    model_renew_epoch (step->model, call);
}

static void
accept_new (model_step_t *step, ledger_model_call_t *anew, ledger_model_call_t *parent)
{
  ledger_model_call_t *call = create (step, anew);
  if (step->request->deadline_ms > 0)
    call->deadline = step->now + step->request->deadline_ms;
  if (parent != NULL) {
    model_forget_wanted (parent, &call->id);
    call->under = parent->attempt;
    call->order = parent->order;
  }
  if (step->request->hub_op != LEDGER_HUB_NONE) {
    model_hub_operate (step, call, parent);
    return;
  }
  const ledger_model_call_t *failed = look_at_inputs (step->model, call);
  troupe_err_t wrong = model_hub_place (step, call, parent);
  if (wrong != TROUPE_OK) {
    begin_in_vain (step, call);
    model_end_along (step->model, call, TROUPE_STATUS_ERROR, wrong, step->now);
    model_settled (step, call);
    return;
  }
  set_rank (call, parent, step->request->hubs_count > 0);
  if (failed != NULL) {
    call->retryable = failed->retryable;
    begin_in_vain (step, call);
    model_end_along (step->model, call, failed->status, TROUPE_SERVICE_FAILED, step->now);
    model_settled (step, call);
    return;
  }
  take_turn (step, call);
  if (parent != NULL && call->attempt == 0 && model_ring (step->model, call, call, 0)) {
    model_end_along (step->model, call, TROUPE_STATUS_ERROR, TROUPE_CYCLE, step->now);
    model_settled (step, call);
    return;
  }
  model_standing (step, LEDGER_OK, call, true);
}

// What a nested call goes before doesn't count.
static bool
mailbox_full (const model_step_t *step, const ledger_model_call_t *parent)
{
  size_t waiting = 0;
  ledger_model_call_t like = {.session = (char *)(uintptr_t)step->request->session,
                              .service = (char *)(uintptr_t)step->request->service,
                              .actor = true,
                              .sequence = step->model->sequence + 1,
                              .order = parent != NULL ? parent->order : 0};
  set_rank (&like, parent, step->request->hubs_count > 0);
  for (size_t i = 0; i < step->model->count; i++) {
    const ledger_model_call_t *call = step->model->calls[i];
    waiting += model_same_actor (call, &like) && model_unsettled (call) && call->attempt == 0 &&
               (parent == NULL || model_before (call, &like));
  }
  return step->request->actor && waiting >= step->request->mailbox_limit;
}

// Whether waiting for room would be waiting for the call's own parent.
static bool
waits_for_itself (const model_step_t *step, const ledger_model_call_t *parent)
{
  ledger_model_call_t like = {.session = (char *)(uintptr_t)step->request->session,
                              .service = (char *)(uintptr_t)step->request->service,
                              .actor = true};
  uint64_t since = parent != NULL ? model_wanted_since (parent, &step->request->call) : 0;
  for (size_t i = 0; i < step->model->count && parent != NULL; i++) {
    const ledger_model_call_t *call = step->model->calls[i];
    bool before = model_same_actor (call, &like) && model_unsettled (call) &&
                  (call->attempt > 0 || call->order <= parent->order);
    if (before && (call == parent || model_ring (step->model, parent, call, since)))
      return true;
  }
  return false;
}

// That its parent asks for room is noted.
static void
refuse_for_room (model_step_t *step, ledger_model_call_t *parent)
{
  const ledger_request_t *request = step->request;
  step->result->outcome = LEDGER_OVERLOADED;
  if (parent != NULL)
    model_note_wanted (step->model, parent, &request->call, request->service);
}

static void
end_as_cycle (model_step_t *step, ledger_model_call_t *anew, ledger_model_call_t *parent)
{
  ledger_model_call_t *call = create (step, anew);
  model_forget_wanted (parent, &call->id);
  call->under = parent->attempt;
  call->order = parent->order;
  troupe_err_t wrong = model_hub_place (step, call, parent);
  model_end_along (step->model, call, TROUPE_STATUS_ERROR, wrong != TROUPE_OK ? wrong : TROUPE_CYCLE, step->now);
  model_settled (step, call);
}

static bool
inputs_known (const model_step_t *step)
{
  for (uint32_t i = 0; i < step->request->inputs_count; i++)
    if (model_find (step->model, &step->request->inputs[i]) == NULL) {
      step->result->input = i;
      return false;
    }
  return true;
}

void
model_accept (model_step_t *step)
{
  const ledger_request_t *request = step->request;
  ledger_model_call_t *known = model_find (step->model, &request->call), *parent = parent_of (step->model, request);
  if (request->parent_attempt != 0 && !parent_runs (parent, request)) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = parent != NULL && model_unsettled (parent) ? parent->attempt : 0;
    return;
  }
  bool anew = known != NULL && known->status == TROUPE_STATUS_ERROR && known->retryable && parent != NULL &&
              parent->attempt > known->under;
  if (known != NULL && !anew)
    accept_again (step, known, parent);
  else if (out_of_order (step, parent))
    step->result->outcome = LEDGER_OUT_OF_ORDER;
  else if (!inputs_known (step))
    step->result->outcome = LEDGER_UNKNOWN;
  else if (mailbox_full (step, parent) && waits_for_itself (step, parent))
    end_as_cycle (step, known, parent);
  else if (mailbox_full (step, parent))
    refuse_for_room (step, parent);
  else
    accept_new (step, known, parent);
}

// SPDX-License-Identifier: Apache-2.0
//
// settle, what follows from it, and await. What follows is done at once, without the batches of the real one.

#include "sim/ledger_model_state.h"

#include "troupe/value.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

// -- What follows ----------------------------------------------------------------------------------------------------

static void
tell_ready (ledger_model_t *self, const ledger_model_call_t *call)
{
  if (call != NULL)
    model_tell (self, call->owner, LEDGER_NOTICE_READY, call);
}

// `except`: the number of a broker that knows already; -1: none.
static void
tell_settled (ledger_model_t *self, ledger_model_call_t *call, int except)
{
  uint64_t told = call->waiters | UINT64_C (1) << call->owner;
  for (unsigned i = 0; i < self->brokers_count; i++)
    if ((told >> i & 1) != 0 && (int)i != except)
      model_tell (self, i, LEDGER_NOTICE_SETTLED, call);
  call->waiters = 0;
}

static bool
misses_inputs (const ledger_model_t *self, const ledger_model_call_t *call)
{
  for (uint32_t i = 0; i < call->inputs_count; i++) {
    const ledger_model_call_t *input = model_find (self, &call->inputs[i]);
    if (input != NULL && model_unsettled (input))
      return true;
  }
  return false;
}

static bool
needs (const ledger_model_call_t *call, const ledger_model_call_t *input)
{
  for (uint32_t i = 0; i < call->inputs_count; i++)
    if (troupe_id_equal (&call->inputs[i], &input->id))
      return call->missing && model_unsettled (call);
  return false;
}

static void
check_one_at_a_time (ledger_model_t *self, const ledger_model_call_t *call)
{
  for (size_t i = 0; i < self->count && call->actor; i++) {
    const ledger_model_call_t *other = self->calls[i];
    self->violations += other != call && model_same_actor (other, call) && model_unsettled (other) &&
                        other->attempt > 0 && call->attempt > 0;
  }
}

static void
end (ledger_model_t *self, ledger_model_call_t *call, troupe_status_t status, troupe_buffer_t *value, uint32_t winner,
     int64_t now)
{
  check_one_at_a_time (self, call);
  call->status = status;
  call->winner = winner;
  call->value = value;
  call->awaits_count = 0;
  model_hub_leave (self, call, now);
  model_session_touch (self, call->session, now);
}

static void
end_alone (ledger_model_t *self, ledger_model_call_t *call, troupe_status_t status, troupe_err_t code, int64_t now)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, code, call->service, NULL, "it ends because of another call");
  json_t *json = troupe_error_to_json (&error);
  troupe_buffer_t *value = NULL;
  if (troupe_value_pack (json, &value, NULL) != TROUPE_OK)
    abort ();
  json_decref (json);
  end (self, call, status, value, 0, now);
  if (call->actor)
    tell_ready (self, model_advance (self, call, now));
  tell_settled (self, call, -1);
}

static const ledger_model_call_t *
failed_input (const ledger_model_t *self, const ledger_model_call_t *call)
{
  for (uint32_t i = 0; i < call->inputs_count; i++) {
    const ledger_model_call_t *input = model_find (self, &call->inputs[i]);
    if (input != NULL && !model_unsettled (input) && input->status != TROUPE_STATUS_VALUE)
      return input;
  }
  return NULL;
}

// True: it has ended.
static bool
go_on (ledger_model_t *self, ledger_model_call_t *call, const ledger_model_call_t *input, int64_t now)
{
  const ledger_model_call_t *failed = input->status != TROUPE_STATUS_VALUE ? input : failed_input (self, call);
  if (failed != NULL) {
    call->retryable = failed->retryable;
    end_alone (self, call, failed->status, TROUPE_SERVICE_FAILED, now);
    return true;
  }
  if (misses_inputs (self, call))
    return false;
  call->missing = false;
  if (call->actor) {
    tell_ready (self, model_advance (self, call, now));
  } else {
    model_start (self, call, now);
    tell_ready (self, call);
  }
  return false;
}

static bool
is_child (const ledger_model_call_t *call, const ledger_model_call_t *parent)
{
  return model_unsettled (call) && call->under > 0 &&
         troupe_id_equal (&call->path[call->path_count - 1], &parent->id);
}

// One after another: first what it made, then what needs it, and so on with each that ends by that.
static void
follow (ledger_model_t *self, const ledger_model_call_t *call, int64_t now)
{
  const ledger_model_call_t **queue = model_need (calloc (self->count + 1, sizeof *queue));
  size_t count = 0;
  queue[count++] = call;
  for (size_t at = 0; at < count; at++) {
    for (size_t i = 0; i < self->count; i++)
      if (is_child (self->calls[i], queue[at])) {
        end_alone (self, self->calls[i], TROUPE_STATUS_CANCELLED, TROUPE_CANCELLED, now);
        queue[count++] = self->calls[i];
      }
    for (size_t i = 0; i < self->count; i++)
      if (needs (self->calls[i], queue[at]) && go_on (self, self->calls[i], queue[at], now))
        queue[count++] = self->calls[i];
  }
  free (queue);
}

void
model_end_along (ledger_model_t *self, ledger_model_call_t *call, troupe_status_t status, troupe_err_t code,
                 int64_t now)
{
  end_alone (self, call, status, code, now);
  follow (self, call, now);
}

// -- settle ----------------------------------------------------------------------------------------------------------

static void
give_next (model_step_t *step, const ledger_model_call_t *next)
{
  if (next == NULL)
    return;
  if (next->owner != step->broker) {
    tell_ready (step->model, next);
    return;
  }
  model_describe (step->model, &step->room->calls[0], next, step->now, false);
  step->result->calls = step->room->calls;
  step->result->calls_count = 1;
}

static size_t
value_size (const ledger_request_t *request)
{
  size_t size = troupe_buffer_size (request->body);
  for (uint32_t i = 0; i < request->sizes_count; i++)
    size -= request->sizes[i];
  return size;
}

static void
settle_again (model_step_t *step, const ledger_model_call_t *call)
{
  const ledger_request_t *request = step->request;
  size_t size = value_size (request);
  bool won = call->winner == request->attempt && call->status == request->status &&
             troupe_buffer_size (call->value) == size &&
             (size == 0 || memcmp (troupe_buffer_data (call->value), troupe_buffer_data (request->body), size) == 0);
  if (!won) {
    model_settled (step, call);
    return;
  }
  step->result->outcome = LEDGER_OK;
  const ledger_model_call_t *next = call->actor ? model_running (step->model, call) : NULL;
  if (next != NULL && next->owner == step->broker)
    give_next (step, next);
}

static void
settle_now (model_step_t *step, ledger_model_call_t *call)
{
  const ledger_request_t *request = step->request;
  ledger_model_t *self = step->model;
  end (self, call, request->status, model_bytes (troupe_buffer_data (request->body), value_size (request)),
       request->attempt, step->now);
  call->retryable = request->retryable && !((call->flags & TROUPE_FLAG_ONCE) != 0 && call->attempt > 0);
  model_hub_say_settled (step, call);
  bool heard = call->attempt > 0 && (request->heard || model_hub_news (call) == 0);
  if (heard)
    model_hub_pass (call);
  if ((call->flags & TROUPE_FLAG_OBSERVE) != 0)
    model_rouse_rest (self, call, heard, step->now);
  if (call->actor)
    model_actor (self, call->session, call->service)->entries += request->sizes_count;
  step->result->outcome = LEDGER_OK;
  step->result->attempt = call->attempt;
  if (call->actor)
    give_next (step, model_advance (self, call, step->now));
  tell_settled (self, call, (int)step->broker);
  follow (self, call, step->now);
}

static bool
cancelled_too_late (const model_step_t *step, const ledger_model_call_t *call)
{
  if (step->request->under == 0 || call->under == 0)
    return false;
  const ledger_model_call_t *parent = model_find (step->model, &call->path[call->path_count - 1]);
  return parent != NULL && model_unsettled (parent) && parent->attempt != step->request->under;
}

static bool
speaks_for (const char *patterns, const char *service)
{
  char pattern[TROUPE_SERVICE_NAME_MAX + 1];
  for (const char *at = patterns; at != NULL && *at != '\0'; at += strcspn (at, "\n") + 1) {
    snprintf (pattern, sizeof pattern, "%.*s", (int)strcspn (at, "\n"), at);
    if (fnmatch (pattern, service, 0) == 0)
      return true;
  }
  return patterns == NULL;
}

void
model_settle (model_step_t *step)
{
  const ledger_request_t *request = step->request;
  ledger_model_call_t *call = model_find (step->model, &request->call);
  if (call == NULL) {
    step->result->outcome = LEDGER_UNKNOWN;
    return;
  }
  if (!speaks_for (request->serves, call->service)) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = call->attempt;
    return;
  }
  if (!model_unsettled (call)) {
    settle_again (step, call);
    return;
  }
  bool moved = call->actor ? request->epoch != model_actor (step->model, call->session, call->service)->epoch
                           : request->epoch < model_era (call);
  moved = moved && request->epoch != 0;
  bool strange = request->attempt != 0 && call->owner != step->broker && model_is_over (step->model, call);
  if (moved || strange || cancelled_too_late (step, call) || (request->attempt != 0 && request->attempt != call->attempt)) {
    step->result->outcome = LEDGER_STALE;
    step->result->attempt = call->attempt;
    return;
  }
  settle_now (step, call);
}

// -- await -----------------------------------------------------------------------------------------------------------

static bool
closes_ring (model_step_t *step, const ledger_model_call_t *call)
{
  if (troupe_id_is_zero (&step->request->waiter))
    return false;
  ledger_model_call_t *waiter = model_find (step->model, &step->request->waiter);
  if (waiter == NULL || !model_unsettled (waiter))
    return false;
  if (waiter == call || model_ring (step->model, waiter, call, 0))
    return true;
  for (uint32_t i = 0; i < waiter->awaits_count; i++)
    if (troupe_id_equal (&waiter->awaits[i], &call->id))
      return false;
  if (waiter->awaits_count < LEDGER_MODEL_AWAITS_MAX)
    waiter->awaits[waiter->awaits_count++] = call->id;
  return false;
}

void
model_await (model_step_t *step)
{
  ledger_model_call_t *call = model_find (step->model, &step->request->call);
  if (call == NULL) {
    step->result->outcome = LEDGER_UNKNOWN;
  } else if (!model_unsettled (call)) {
    model_settled (step, call);
  } else if (closes_ring (step, call)) {
    step->result->outcome = LEDGER_CYCLE;
    step->result->why = "the two wait for each other";
  } else {
    call->waiters |= UINT64_C (1) << step->broker;
    model_standing (step, LEDGER_PENDING, call, false);
  }
}

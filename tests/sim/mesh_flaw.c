// SPDX-License-Identifier: Apache-2.0
//
// Mutations of the store; those of the network are where it delivers.

#include "sim/ledger_model_state.h"
#include "sim/mesh_state.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *sentence;
} flaws[] = {
  {"none", "Nothing is broken."},
#define MESH_FLAW(constant, name, sentence) {name, sentence},
#include "sim/mesh_flaw.def"
#undef MESH_FLAW
};

const char *
mesh_flaw_name (mesh_flaw_t flaw)
{
  return flaws[flaw].name;
}

const char *
mesh_flaw_sentence (mesh_flaw_t flaw)
{
  return flaws[flaw].sentence;
}

mesh_flaw_t
mesh_flaw_of_name (const char *name)
{
  unsigned flaw = MESH_FLAW_NONE + 1;
  while (flaw < MESH_FLAWS && strcmp (flaws[flaw].name, name) != 0)
    flaw++;
  return flaw;
}

void
mesh_flaw_request (const mesh_t *self, ledger_request_t *request)
{
  mesh_hub_flaw_request (self, request);
  switch (self->options.flaw) {
  case MESH_FLAW_SETTLE_ANY_ATTEMPT:
    if (request->op == LEDGER_SETTLE)
      request->attempt = 0;
    break;
  case MESH_FLAW_TAKEOVER_NOTHING:
    request->broker = "nobody";
    break;
  case MESH_FLAW_PREVIOUS_UNCHECKED:
    request->previous = (troupe_id_t){{0}};
    break;
  case MESH_FLAW_DEADLINE_EARLY:
    request->deadline_ms /= 2;
    break;
  case MESH_FLAW_MAILBOX_PARALLEL:
    request->actor = false;
    break;
  case MESH_FLAW_DEADLINE_FORGOTTEN:
    request->deadline_ms = request->default_deadline_ms = 0;
    break;
  case MESH_FLAW_PARENT_UNCHECKED:
    request->parent_attempt = 0;
    break;
  default:
    break;
  }
}

// A nested call's parent becomes one that nobody has heard of, so that nothing follows from it; or what it was.
static void
disown (ledger_model_call_t *call)
{
  call->path[call->path_count - 1].bytes[9] ^= 0xff;
}

static void
disown_children (mesh_t *self, const troupe_id_t *parent)
{
  for (size_t i = 0; i < self->model->count; i++) {
    ledger_model_call_t *call = self->model->calls[i];
    if (call->under > 0 && troupe_id_equal (&call->path[call->path_count - 1], parent))
      disown (call);
  }
}

static void
disown_others (mesh_t *self, const troupe_id_t *but)
{
  for (size_t i = 0; i < self->model->count; i++)
    if (self->model->calls[i]->under > 0 && !troupe_id_equal (&self->model->calls[i]->id, but))
      disown (self->model->calls[i]);
}

static void
forget_journal (mesh_t *self, const ledger_request_t *request)
{
  const ledger_model_call_t *known = model_find (self->model, &request->call);
  if (known != NULL && known->status == TROUPE_STATUS_VALUE && request->parent_attempt > known->under)
    ledger_model_lose (self->model, &request->call);
}

// What runs in the session looks as if it had settled, while that is closed; or what it was.
static void
hide_running (mesh_t *self, const char *session, troupe_status_t from, troupe_status_t to)
{
  for (size_t i = 0; i < self->model->count; i++) {
    ledger_model_call_t *call = self->model->calls[i];
    if (strcmp (call->session, session) == 0 && call->attempt > 0 && call->status == from && call->value == NULL)
      call->status = to;
  }
}

static void
remember_again (mesh_t *self, const char *session)
{
  for (size_t i = 0; i < self->model->actors_count; i++)
    if (strcmp (self->model->actors[i]->session, session) == 0)
      self->model->actors[i]->entries = 1;
}

void
mesh_flaw_before (mesh_t *self, const ledger_request_t *request)
{
  if (mesh_flawed (self, MESH_FLAW_SESSION_RUNS_ON) && request->op == LEDGER_CLOSE)
    hide_running (self, request->session, TROUPE_STATUS_NONE, TROUPE_STATUS_VALUE);
  mesh_hub_flaw_before (self, request);
  if (mesh_flawed (self, MESH_FLAW_CHILDREN_LEFT) && request->op == LEDGER_SETTLE)
    disown_children (self, &request->call);
  if (mesh_flawed (self, MESH_FLAW_JOURNAL_FORGOTTEN) && request->op == LEDGER_ACCEPT)
    forget_journal (self, request);
  if (mesh_flawed (self, MESH_FLAW_ACCEPT_TWICE) && request->op == LEDGER_ACCEPT)
    ledger_model_lose (self->model, &request->call);
  if (mesh_flawed (self, MESH_FLAW_RINGS_UNSEEN) && request->op == LEDGER_ACCEPT)
    disown_others (self, &request->call);
}

void
mesh_flaw_performed (mesh_t *self, const ledger_request_t *request)
{
  mesh_hub_flaw_performed (self, request);
  if (mesh_flawed (self, MESH_FLAW_SESSION_RUNS_ON) && request->op == LEDGER_CLOSE)
    hide_running (self, request->session, TROUPE_STATUS_VALUE, TROUPE_STATUS_NONE);
  if (mesh_flawed (self, MESH_FLAW_SESSION_REMEMBERED) && request->op == LEDGER_CLOSE)
    remember_again (self, request->session);
  troupe_id_t nobody = request->call;
  nobody.bytes[9] ^= 0xff;
  if (mesh_flawed (self, MESH_FLAW_CHILDREN_LEFT) && request->op == LEDGER_SETTLE)
    disown_children (self, &nobody);
  if (mesh_flawed (self, MESH_FLAW_RINGS_UNSEEN) && request->op == LEDGER_ACCEPT)
    disown_others (self, &request->call);
}

// -- What the model holds --------------------------------------------------------------------------------------------

static void
start_early (mesh_t *self, ledger_result_t *result, ledger_model_call_t *call)
{
  if (!mesh_flawed (self, MESH_FLAW_INPUTS_EARLY) || !call->missing)
    return;
  call->missing = false;
  if (!call->actor)
    model_start (self->model, call, mesh_ms (self));
  else
    model_advance (self->model, call, mesh_ms (self));
  result->attempt = call->attempt;
  result->ready = call->attempt > 0;
}

static void
spoil_accepted (mesh_t *self, ledger_model_call_t *call)
{
  if (mesh_flawed (self, MESH_FLAW_ACCEPT_FORGOTTEN) && mesh_chance (&self->clock, 20))
    ledger_model_lose (self->model, &call->id);
  else if (mesh_flawed (self, MESH_FLAW_MAILBOX_LIFO))
    call->order = UINT32_MAX - call->sequence;
  else if (mesh_flawed (self, MESH_FLAW_ROOTS_FORGOTTEN))
    call->order = call->sequence;
}

static void
spoil_settled (mesh_t *self, const ledger_request_t *request, ledger_result_t *result, ledger_model_call_t *call)
{
  if (result->outcome != LEDGER_SETTLED || !mesh_flawed (self, MESH_FLAW_SETTLE_LAST_WINS))
    return;
  size_t size = troupe_buffer_size (request->body);
  for (uint32_t i = 0; i < request->sizes_count; i++)
    size -= request->sizes[i];
  troupe_buffer_unref (&call->value);
  call->value = model_bytes (troupe_buffer_data (request->body), size);
  call->status = request->status;
  result->outcome = LEDGER_OK;
  result->attempt = call->winner = request->attempt;
}

static void
spoil_attempt (mesh_t *self, const ledger_request_t *request, ledger_result_t *result, ledger_model_call_t *call)
{
  if (result->outcome != LEDGER_OK)
    return;
  if (mesh_flawed (self, MESH_FLAW_RETRY_SAME_ATTEMPT))
    call->attempt = result->attempt = request->attempt;
  if (mesh_flawed (self, MESH_FLAW_ATTEMPTS_REPEAT))
    call->attempt = result->attempt = request->attempt + 1;
}

static void
spoil_taken (mesh_t *self, ledger_result_t *result)
{
  for (size_t i = 0; i < result->calls_count && mesh_flawed (self, MESH_FLAW_AWAIT_TAKEN); i++)
    model_find (self->model, &result->calls[i].call)->waiters = 0;
  if (!mesh_flawed (self, MESH_FLAW_TAKEOVER_SAME_ATTEMPT))
    return;
  for (size_t i = 0; i < result->calls_count; i++) {
    ledger_call_t *taken = (ledger_call_t *)(uintptr_t)&result->calls[i]; // a copy of the simulation's
    if (taken->attempt > 1)
      model_find (self->model, &taken->call)->attempt = --taken->attempt;
  }
}

static void
spoil_inputs (const mesh_t *self, ledger_result_t *result)
{
  if (result->sizes_count != 2 || !mesh_flawed (self, MESH_FLAW_INPUTS_MIXED))
    return;
  uint32_t *sizes = (uint32_t *)(uintptr_t)result->sizes, first = sizes[0], second = sizes[1];
  const char *bytes = troupe_buffer_data (result->body);
  char *mixed = mesh_need (malloc (first + second));
  memcpy (mixed, bytes + first, second);
  memcpy (mixed + second, bytes, first);
  troupe_buffer_unref (&result->body); // the mail's own reference
  result->body = model_bytes (mixed, first + second);
  sizes[0] = second;
  sizes[1] = first;
  free (mixed);
}

// The other brokers seem dead, or none does.
static void
spoil_leases (mesh_t *self, unsigned broker, ledger_result_t *result)
{
  for (size_t i = 0; i < result->brokers_count && mesh_flawed (self, MESH_FLAW_ORPHANS_LEFT); i++)
    ((ledger_broker_t *)(uintptr_t)&result->brokers[i])->remaining_ms = 1000;
  for (size_t i = 0; i < result->brokers_count && mesh_flawed (self, MESH_FLAW_LEASES_LAPSE); i++) {
    ledger_broker_t *lease = (ledger_broker_t *)(uintptr_t)&result->brokers[i];
    if (strcmp (lease->name, self->brokers[broker].name) != 0)
      lease->remaining_ms = -1;
  }
}

void
mesh_flaw_after (mesh_t *self, unsigned broker, const ledger_request_t *request, ledger_result_t *result)
{
  ledger_model_call_t *call = model_find (self->model, &request->call);
  mesh_hub_flaw_after (self, result);
  switch (request->op) {
  case LEDGER_ACCEPT:
    if (call != NULL && result->outcome == LEDGER_OK) {
      start_early (self, result, call);
      spoil_accepted (self, call);
    }
    break;
  case LEDGER_SETTLE:
    if (call != NULL)
      spoil_settled (self, request, result, call);
    break;
  case LEDGER_AWAIT:
    if (call != NULL && mesh_flawed (self, MESH_FLAW_AWAIT_FORGOTTEN))
      call->waiters &= ~(UINT64_C (1) << broker);
    break;
  case LEDGER_RETRY:
    if (call != NULL)
      spoil_attempt (self, request, result, call);
    break;
  case LEDGER_RECOVER:
    if (mesh_flawed (self, MESH_FLAW_RECOVER_NOTHING))
      result->calls_count = 0;
    break;
  case LEDGER_SWEEP:
    if (mesh_flawed (self, MESH_FLAW_ORPHANS_LEFT))
      result->calls_count = 0;
    break;
  case LEDGER_TAKEOVER:
    spoil_taken (self, result);
    break;
  case LEDGER_INPUTS:
    spoil_inputs (self, result);
    break;
  case LEDGER_LEASE:
    spoil_leases (self, broker, result);
    break;
  default:
    break;
  }
}

bool
mesh_flaw_notice (const mesh_t *self, const ledger_notice_t *notice)
{
  return (mesh_flawed (self, MESH_FLAW_SETTLED_NOTICES_LOST) && notice->kind == LEDGER_NOTICE_SETTLED) ||
         (mesh_flawed (self, MESH_FLAW_READY_NOTICES_LOST) && notice->kind == LEDGER_NOTICE_READY);
}

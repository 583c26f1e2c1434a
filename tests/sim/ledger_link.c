// SPDX-License-Identifier: Apache-2.0
//
// A broker's connection to the ledger's model: requests in a queue, performed one by one when the test says so.

#include "sim/ledger_model_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct queued {
  struct queued *next;
  ledger_request_t request;
} queued_t;

struct ledger_link {
  ledger_model_t *model;
  unsigned broker;
  ledger_result_fn *result;
  ledger_notice_fn *notice;
  void *context;
  bool up;
  queued_t *first, **last;
  char *fail_next;
};

ledger_link_t *
ledger_model_connect (ledger_model_t *self, const char *broker, ledger_result_fn *result, ledger_notice_fn *notice,
                      void *context)
{
  unsigned number = 0;
  while (number < self->brokers_count && strcmp (self->brokers[number], broker) != 0)
    number++;
  if (number == MODEL_BROKERS_MAX)
    abort ();
  if (number == self->brokers_count)
    self->brokers[self->brokers_count++] = model_need (strdup (broker));
  ledger_link_t *link = model_need (calloc (1, sizeof *link));
  *link = (ledger_link_t){.model = self, .broker = number, .result = result, .notice = notice, .context = context};
  link->last = &link->first;
  return link;
}

// -- Requests --------------------------------------------------------------------------------------------------------

static void
free_death (const ledger_death_t *death)
{
  if (death == NULL)
    return;
  free ((void *)(uintptr_t)death->instance);
  free ((void *)(uintptr_t)death->host);
  free ((void *)(uintptr_t)death->how);
  free ((void *)(uintptr_t)death);
}

static void
free_request (queued_t *queued)
{
  ledger_request_t *request = &queued->request;
  const void *copies[] = {request->session, request->service, request->trace,  request->instance,
                          request->broker,  request->path,    request->sizes,  request->inputs,
                          request->hubs,    request->unknown, request->live,    request->members};
  for (uint32_t i = 0; i < request->members_count; i++)
    free ((void *)(uintptr_t)request->members[i]);
  for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
    free ((void *)(uintptr_t)copies[i]);
  free_death (request->death);
  troupe_buffer_unref (&request->body);
  free (queued);
}

static queued_t *
take_first (ledger_link_t *self)
{
  queued_t *queued = self->first;
  self->first = queued->next;
  if (self->first == NULL)
    self->last = &self->first;
  return queued;
}

void
ledger_link_close (ledger_link_t **self_p)
{
  ledger_link_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  while (self->first != NULL)
    free_request (take_first (self));
  free (self->fail_next);
  free (self);
}

static void *
copy (const void *data, size_t size)
{
  return size == 0 ? NULL : memcpy (model_need (malloc (size)), data, size);
}

static char *
copy_text (const char *text)
{
  return text != NULL ? model_need (strdup (text)) : NULL;
}

static void
copy_members (ledger_request_t *kept, const ledger_request_t *request)
{
  const char **members =
    request->members_count > 0 ? model_need (calloc (request->members_count, sizeof *members)) : NULL;
  for (uint32_t i = 0; i < request->members_count; i++)
    members[i] = copy_text (request->members[i]);
  kept->members = members;
  kept->unknown = request->unknown != NULL ? copy (request->unknown, (request->members_count + 63) / 64 * 8) : NULL;
  kept->live = request->live != NULL ? copy (request->live, (request->members_count + 63) / 64 * 8) : NULL;
}

static void
copy_death (ledger_request_t *kept, const ledger_request_t *request)
{
  if (request->death == NULL)
    return;
  ledger_death_t *death = copy (request->death, sizeof *death);
  death->instance = copy_text (death->instance);
  death->host = copy_text (death->host);
  death->how = copy_text (death->how);
  kept->death = death;
}

void
ledger_link_submit (ledger_link_t *self, const ledger_request_t *request)
{
  queued_t *queued = model_need (calloc (1, sizeof *queued));
  ledger_request_t *kept = &queued->request;
  *kept = *request;
  kept->session = copy_text (request->session);
  kept->service = copy_text (request->service);
  kept->trace = copy_text (request->trace);
  kept->instance = copy_text (request->instance);
  kept->broker = copy_text (request->broker);
  copy_death (kept, request);
  kept->path = copy (request->path, request->path_count * sizeof *request->path);
  kept->sizes = copy (request->sizes, request->sizes_count * sizeof *request->sizes);
  kept->inputs = copy (request->inputs, request->inputs_count * sizeof *request->inputs);
  kept->hubs = copy (request->hubs, request->hubs_count * sizeof *request->hubs);
  copy_members (kept, request);
  kept->body = troupe_buffer_ref (request->body);
  *self->last = queued;
  self->last = &queued->next;
}

static void
perform (model_step_t *step)
{
  static void (*const steps[]) (model_step_t * step) = {
    [LEDGER_ACCEPT] = model_accept,   [LEDGER_SETTLE] = model_settle,     [LEDGER_AWAIT] = model_await,
    [LEDGER_RETRY] = model_retry,     [LEDGER_RECALL] = model_recall,     [LEDGER_SWEEP] = model_sweep,
    [LEDGER_RECOVER] = model_recover, [LEDGER_INPUTS] = model_inputs,     [LEDGER_CLAIM] = model_claim,
    [LEDGER_LEASE] = model_lease,     [LEDGER_TAKEOVER] = model_takeover, [LEDGER_HEAR] = model_hear,
    [LEDGER_ROUSE] = model_rouse,     [LEDGER_LETTERS] = model_letters,   [LEDGER_LETTER] = model_letter,
    [LEDGER_RESEND] = model_resend,   [LEDGER_DISCARD] = model_discard,   [LEDGER_SESSIONS] = model_sessions,
    [LEDGER_CLOSE] = model_close,
  };
  ledger_op_t op = step->request->op;
  model_hub_expire (step->model, step->now);
  steps[op](step);
  if (op == LEDGER_ACCEPT || op == LEDGER_SETTLE || op == LEDGER_SWEEP)
    model_rouse_report (step);
}

// As stage_id made it.
static unsigned
number_of (const troupe_id_t *id)
{
  return (unsigned)id->bytes[14] << 8 | id->bytes[15];
}

// What calls ask for, when the environment has TROUPE_TRACE.
static void
trace (const ledger_link_t *self, const ledger_request_t *request, const ledger_result_t *result, int64_t now)
{
  static const char *const ops[] = {"accept", "settle", "await", "retry", "recall",   "sweep",    "recover",
                                    "inputs", "claim",  "lease", "hear",  "rouse",    "takeover", "letters",
                                    "letter", "resend", "discard", "sessions", "close"};
  static const char *const outcomes[] = {"ok",         "known", "pending", "settled", "stale",       "unknown",
                                         "overloaded", "lost",  "failed",  "cycle",   "out of order"};
  if (request->session != NULL && getenv ("TROUPE_TRACE") != NULL)
    fprintf (stderr, "%" PRId64 " store of %s: %s call %u attempt %u: %s attempt %u\n", now,
             self->model->brokers[self->broker], ops[request->op], number_of (&request->call), request->attempt,
             outcomes[result->outcome], result->attempt);
}

static void
answer (ledger_link_t *self, queued_t *queued, bool done, bool lost, int64_t now)
{
  model_room_t *room = model_need (calloc (1, sizeof *room));
  ledger_result_t result = {.op = queued->request.op, .token = queued->request.token};
  model_step_t step = {self->model, self->broker, &queued->request, &result, room, now};
  char *fail = lost ? NULL : self->fail_next;
  if (fail != NULL) {
    self->fail_next = NULL;
    result.outcome = LEDGER_FAILED;
    result.why = fail;
  } else if (done) {
    self->model->now = now;
    perform (&step);
  }
  if (lost)
    result = (ledger_result_t){.op = queued->request.op, .token = queued->request.token, .outcome = LEDGER_LOST};
  trace (self, &queued->request, &result, now);
  // What the result borrows must outlive what the receiver does: a reference of its own.
  troupe_buffer_t *value = troupe_buffer_ref (result.body);
  free_request (queued);
  self->result (self->context, &result);
  troupe_buffer_unref (&value);
  troupe_buffer_unref (&room->body);
  free (room);
  free (fail);
}

static void
hand_over (ledger_link_t *self, int64_t now)
{
  ledger_model_t *model = self->model;
  model_notice_t *first = model->inboxes[self->broker];
  model->inboxes[self->broker] = first->next;
  ledger_notice_t notice = {.kind = first->kind};
  const ledger_model_call_t *call = model_find (model, &first->call);
  bool wanted =
    call != NULL && (first->kind == LEDGER_NOTICE_SETTLED || (model_unsettled (call) && call->owner == self->broker));
  free (first);
  if (!wanted)
    return;
  model_describe (model, &notice.call, call, now, false);
  if (getenv ("TROUPE_TRACE") != NULL)
    fprintf (stderr, "%" PRId64 " store of %s: notice %s call %u\n", now, model->brokers[self->broker],
             notice.kind == LEDGER_NOTICE_READY ? "ready" : "settled", number_of (&call->id));
  self->notice (self->context, &notice);
}

// -- What a test does ------------------------------------------------------------------------------------------------

void
ledger_link_up (ledger_link_t *self)
{
  self->up = true;
  ledger_notice_t notice = model_met (self->model, self->broker);
  self->notice (self->context, &notice);
}

void
ledger_link_break (ledger_link_t *self, size_t done, int64_t now)
{
  size_t count = ledger_link_waiting (self);
  self->up = false;
  self->notice (self->context, &(ledger_notice_t){.kind = LEDGER_NOTICE_DOWN});
  for (size_t i = 0; i < count; i++)
    answer (self, take_first (self), i < done, true, now);
}

bool
ledger_link_deliver (ledger_link_t *self, int64_t now)
{
  if (self->first != NULL) {
    answer (self, take_first (self), self->up, !self->up, now);
    return true;
  }
  if (!self->up || self->model->inboxes[self->broker] == NULL)
    return false;
  hand_over (self, now);
  return true;
}

size_t
ledger_link_waiting (const ledger_link_t *self)
{
  size_t count = 0;
  for (const queued_t *queued = self->first; queued != NULL; queued = queued->next)
    count++;
  return count;
}

void
ledger_link_fail_next (ledger_link_t *self, const char *why)
{
  free (self->fail_next);
  self->fail_next = model_need (strdup (why));
}

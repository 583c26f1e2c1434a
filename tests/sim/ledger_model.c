// SPDX-License-Identifier: Apache-2.0
//
// Calls in an array by the order of acceptance, looked up one by one: a simulation's run has some hundreds. The steps
// have the names and the order of broker/functions.lua, so that the two can be read side by side.

#include "sim/ledger_model.h"

#include <stdlib.h>
#include <string.h>

enum { BROKERS_MAX = 64, BATCH = 100 };

typedef struct {
  char *session, *service;
  uint32_t entries;
  troupe_buffer_t *last; // the entries of the last settle that added some
} memory_t;

typedef struct notice {
  struct notice *next;
  ledger_notice_kind_t kind;
  size_t call;
} notice_t;

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

struct ledger_model {
  ledger_model_call_t *calls;
  size_t count, capacity;
  uint64_t sequence;
  memory_t *memories;
  size_t memories_count;
  char *brokers[BROKERS_MAX];
  unsigned brokers_count;
  notice_t *inboxes[BROKERS_MAX];
  size_t violations;
};

static void *
need (void *memory)
{
  if (memory == NULL)
    abort ();
  return memory;
}

// -- The store -------------------------------------------------------------------------------------------------------

ledger_model_t *
ledger_model_new (void)
{
  return need (calloc (1, sizeof (ledger_model_t)));
}

static void
free_call (ledger_model_call_t *call)
{
  free (call->session);
  free (call->service);
  free (call->trace);
  free (call->path);
  troupe_buffer_unref (&call->body);
  troupe_buffer_unref (&call->value);
}

void
ledger_model_destroy (ledger_model_t **self_p)
{
  ledger_model_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (size_t i = 0; i < self->count; i++)
    free_call (&self->calls[i]);
  for (size_t i = 0; i < self->memories_count; i++) {
    free (self->memories[i].session);
    free (self->memories[i].service);
    troupe_buffer_unref (&self->memories[i].last);
  }
  for (unsigned i = 0; i < self->brokers_count; i++) {
    free (self->brokers[i]);
    for (notice_t *notice; (notice = self->inboxes[i]) != NULL;) {
      self->inboxes[i] = notice->next;
      free (notice);
    }
  }
  free (self->calls);
  free (self->memories);
  free (self);
}

size_t
ledger_model_count (const ledger_model_t *self)
{
  return self->count;
}

const ledger_model_call_t *
ledger_model_at (const ledger_model_t *self, size_t index)
{
  return &self->calls[index];
}

static ledger_model_call_t *
find (const ledger_model_t *self, const troupe_id_t *id)
{
  for (size_t i = 0; i < self->count; i++)
    if (troupe_id_equal (&self->calls[i].id, id))
      return &self->calls[i];
  return NULL;
}

const ledger_model_call_t *
ledger_model_find (const ledger_model_t *self, const troupe_id_t *id)
{
  return find (self, id);
}

static memory_t *
memory_of (ledger_model_t *self, const char *session, const char *service)
{
  for (size_t i = 0; i < self->memories_count; i++)
    if (strcmp (self->memories[i].session, session) == 0 && strcmp (self->memories[i].service, service) == 0)
      return &self->memories[i];
  self->memories = need (realloc (self->memories, (self->memories_count + 1) * sizeof (memory_t)));
  memory_t *memory = &self->memories[self->memories_count++];
  *memory = (memory_t){.session = need (strdup (session)), .service = need (strdup (service))};
  return memory;
}

uint32_t
ledger_model_memory (const ledger_model_t *self, const char *session, const char *service)
{
  for (size_t i = 0; i < self->memories_count; i++)
    if (strcmp (self->memories[i].session, session) == 0 && strcmp (self->memories[i].service, service) == 0)
      return self->memories[i].entries;
  return 0;
}

size_t
ledger_model_violations (const ledger_model_t *self)
{
  return self->violations;
}

void
ledger_model_lose (ledger_model_t *self, const troupe_id_t *id)
{
  ledger_model_call_t *call = find (self, id);
  if (call == NULL)
    return;
  free_call (call);
  size_t index = (size_t)(call - self->calls);
  memmove (call, call + 1, (self->count - index - 1) * sizeof *call);
  self->count--;
  for (unsigned i = 0; i < self->brokers_count; i++)
    for (notice_t *notice = self->inboxes[i]; notice != NULL; notice = notice->next)
      if (notice->call > index)
        notice->call--;
}

static int64_t
remaining (const ledger_model_call_t *call, int64_t now)
{
  if (call->deadline == 0)
    return 0;
  return call->deadline > now ? call->deadline - now : 1;
}

static void
tell (ledger_model_t *self, unsigned broker, ledger_notice_kind_t kind, const ledger_model_call_t *call)
{
  notice_t *notice = need (calloc (1, sizeof *notice));
  *notice = (notice_t){.kind = kind, .call = (size_t)(call - self->calls)};
  notice_t **last = &self->inboxes[broker];
  while (*last != NULL)
    last = &(*last)->next;
  *last = notice;
}

static bool
same_actor (const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  return a->actor && b->actor && strcmp (a->session, b->session) == 0 && strcmp (a->service, b->service) == 0;
}

// The first open call of the mailbox that `of` belongs to; NULL: it is empty.
static ledger_model_call_t *
first_in_box (const ledger_model_t *self, const ledger_model_call_t *of)
{
  for (size_t i = 0; i < self->count; i++)
    if (same_actor (&self->calls[i], of) && self->calls[i].status == TROUPE_STATUS_NONE)
      return &self->calls[i];
  return NULL;
}

static void
describe (ledger_model_t *self, ledger_call_t *out, const ledger_model_call_t *call, int64_t now, bool with_body)
{
  *out = (ledger_call_t){.call = call->id,
                         .session = call->session,
                         .service = call->service,
                         .actor = call->actor,
                         .ready = call->attempt > 0,
                         .attempt = call->attempt,
                         .flags = call->flags,
                         .deadline_ms = remaining (call, now),
                         .memory = call->actor ? memory_of (self, call->session, call->service)->entries : 0,
                         .path = call->path,
                         .path_count = call->path_count,
                         .trace = call->trace,
                         .body = with_body ? call->body : NULL};
}

static void
standing (ledger_model_t *self, ledger_result_t *result, ledger_outcome_t outcome, const ledger_model_call_t *call,
          bool ready, int64_t now)
{
  result->outcome = outcome;
  result->attempt = call->attempt;
  result->ready = ready;
  result->deadline_ms = remaining (call, now);
  result->memory = call->actor ? memory_of (self, call->session, call->service)->entries : 0;
}

static void
settled (ledger_result_t *result, const ledger_model_call_t *call)
{
  result->outcome = LEDGER_SETTLED;
  result->attempt = call->winner;
  result->status = call->status;
  result->body = call->value;
}

// -- accept ----------------------------------------------------------------------------------------------------------

static void
accept_again (ledger_link_t *link, ledger_result_t *result, ledger_model_call_t *call, int64_t now)
{
  if (call->status != TROUPE_STATUS_NONE) {
    settled (result, call);
    return;
  }
  if (call->owner != link->broker)
    call->waiters |= UINT64_C (1) << link->broker;
  standing (link->model, result, LEDGER_KNOWN, call, call->owner == link->broker && call->attempt > 0, now);
}

static void
accept (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, int64_t now)
{
  ledger_model_t *self = link->model;
  ledger_model_call_t *known = find (self, &request->call);
  if (known != NULL) {
    accept_again (link, result, known, now);
    return;
  }
  ledger_model_call_t call = {.id = request->call,
                              .session = need (strdup (request->session)),
                              .service = need (strdup (request->service)),
                              .actor = request->actor,
                              .flags = request->flags,
                              .default_deadline = request->default_deadline_ms,
                              .owner = link->broker,
                              .sequence = ++self->sequence,
                              .path_count = request->path_count,
                              .body = troupe_buffer_ref (request->body)};
  size_t before = 0;
  for (size_t i = 0; i < self->count; i++)
    before += same_actor (&self->calls[i], &call) && self->calls[i].status == TROUPE_STATUS_NONE;
  if (request->actor && before > request->mailbox_limit) {
    free_call (&call);
    result->outcome = LEDGER_OVERLOADED;
    return;
  }
  call.attempt = before == 0;
  int64_t relative = request->deadline_ms == 0 && before == 0 ? call.default_deadline : request->deadline_ms;
  call.deadline = relative > 0 ? now + relative : 0;
  if (request->path_count > 0) {
    call.path = need (calloc (request->path_count, sizeof *call.path));
    memcpy (call.path, request->path, request->path_count * sizeof *call.path);
  }
  call.trace = request->trace != NULL ? need (strdup (request->trace)) : NULL;
  if (self->count == self->capacity) {
    self->capacity = self->capacity * 2 + 16;
    self->calls = need (realloc (self->calls, self->capacity * sizeof call));
  }
  self->calls[self->count++] = call;
  standing (self, result, LEDGER_OK, &self->calls[self->count - 1], before == 0, now);
}

// -- settle ----------------------------------------------------------------------------------------------------------

static bool
same_bytes (const troupe_buffer_t *a, const void *data, size_t size)
{
  return troupe_buffer_size (a) == size && (size == 0 || memcmp (troupe_buffer_data (a), data, size) == 0);
}

static void
pass_turn (ledger_link_t *link, ledger_result_t *result, ledger_call_t *next, const ledger_model_call_t *settled_call,
           int64_t now)
{
  ledger_model_call_t *first = first_in_box (link->model, settled_call);
  if (first == NULL)
    return;
  if (first->attempt == 0) {
    first->attempt = 1;
    if (first->deadline == 0 && first->default_deadline > 0)
      first->deadline = now + first->default_deadline;
  }
  if (first->owner != link->broker) {
    tell (link->model, first->owner, LEDGER_NOTICE_READY, first);
    return;
  }
  describe (link->model, next, first, now, false);
  result->calls = next;
  result->calls_count = 1;
}

static void
settle_again (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, ledger_call_t *next,
              const ledger_model_call_t *call, size_t value_size, int64_t now)
{
  bool won = call->winner == request->attempt && call->status == request->status;
  if (won && request->attempt == 0)
    won = same_bytes (call->value, troupe_buffer_data (request->body), value_size);
  if (!won) {
    settled (result, call);
    return;
  }
  result->outcome = LEDGER_OK;
  const ledger_model_call_t *first = call->actor ? first_in_box (link->model, call) : NULL;
  if (first != NULL && first->owner == link->broker && first->attempt > 0) {
    describe (link->model, next, first, now, false);
    result->calls = next;
    result->calls_count = 1;
  }
}

static void
tell_waiters (ledger_link_t *link, ledger_model_call_t *call)
{
  uint64_t told = call->waiters | UINT64_C (1) << call->owner;
  for (unsigned i = 0; i < link->model->brokers_count; i++)
    if ((told >> i & 1) != 0 && i != link->broker)
      tell (link->model, i, LEDGER_NOTICE_SETTLED, call);
  call->waiters = 0;
}

static void
settle (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, ledger_call_t *next, int64_t now)
{
  ledger_model_t *self = link->model;
  ledger_model_call_t *call = find (self, &request->call);
  size_t value_size = troupe_buffer_size (request->body);
  for (uint32_t i = 0; i < request->sizes_count; i++)
    value_size -= request->sizes[i];
  if (call == NULL) {
    result->outcome = LEDGER_UNKNOWN;
    return;
  }
  if (call->status != TROUPE_STATUS_NONE) {
    settle_again (link, request, result, next, call, value_size, now);
    return;
  }
  if (request->attempt != 0 && request->attempt != call->attempt) {
    result->outcome = LEDGER_STALE;
    result->attempt = call->attempt;
    return;
  }
  if (call->actor && call->attempt > 0 && first_in_box (self, call) != call)
    self->violations++;
  bool had_turn = call->attempt > 0;
  call->status = request->status;
  call->winner = request->attempt;
  if (troupe_buffer_new (&call->value, troupe_buffer_data (request->body), value_size) != TROUPE_OK)
    abort ();
  if (call->actor)
    memory_of (self, call->session, call->service)->entries += request->sizes_count;
  result->outcome = LEDGER_OK;
  result->attempt = call->attempt;
  if (call->actor && had_turn)
    pass_turn (link, result, next, call, now);
  tell_waiters (link, call);
}

// -- await, retry, recall --------------------------------------------------------------------------------------------

static void
await (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, int64_t now)
{
  ledger_model_call_t *call = find (link->model, &request->call);
  if (call == NULL) {
    result->outcome = LEDGER_UNKNOWN;
  } else if (call->status != TROUPE_STATUS_NONE) {
    settled (result, call);
  } else {
    call->waiters |= UINT64_C (1) << link->broker;
    standing (link->model, result, LEDGER_PENDING, call, false, now);
  }
}

static void
retry (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, int64_t now)
{
  ledger_model_call_t *call = find (link->model, &request->call);
  uint32_t lost = request->attempt;
  if (call == NULL) {
    result->outcome = LEDGER_UNKNOWN;
  } else if (call->status != TROUPE_STATUS_NONE) {
    settled (result, call);
  } else if (call->attempt == lost + 1 && call->owner == link->broker && lost > 0) {
    standing (link->model, result, LEDGER_OK, call, true, now);
  } else if (call->attempt != lost || lost == 0) {
    result->outcome = LEDGER_STALE;
    result->attempt = call->attempt;
  } else {
    if (call->owner != link->broker)
      call->waiters |= UINT64_C (1) << call->owner;
    call->owner = link->broker;
    call->attempt = lost + 1;
    standing (link->model, result, LEDGER_OK, call, true, now);
  }
}

static void
recall (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, troupe_buffer_t **body,
        int64_t now)
{
  const ledger_model_call_t *call = find (link->model, &request->call);
  if (call == NULL) {
    result->outcome = LEDGER_UNKNOWN;
    return;
  }
  if (call->status != TROUPE_STATUS_NONE || (request->attempt != 0 && request->attempt != call->attempt)) {
    result->outcome = LEDGER_STALE;
    return;
  }
  standing (link->model, result, LEDGER_OK, call, false, now);
  unsigned char none = 0x90; // the model counts entries and doesn't keep them
  if (troupe_buffer_new (body, &none, 1) != TROUPE_OK)
    abort ();
  result->body = *body;
}

// -- sweep, recover --------------------------------------------------------------------------------------------------

static void
gather (ledger_link_t *link, const ledger_request_t *request, ledger_result_t *result, ledger_call_t batch[BATCH],
        int64_t now)
{
  const ledger_model_t *self = link->model;
  bool sweep = request->op == LEDGER_SWEEP;
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *call = &self->calls[i];
    bool wanted = sweep ? call->deadline != 0 && call->deadline <= now : call->owner == link->broker;
    if (call->status != TROUPE_STATUS_NONE || !wanted || ledger_slot (call->session) != request->slot)
      continue;
    if (result->calls_count == BATCH) {
      result->more = sweep; // recover's position isn't modelled: a test keeps under a batch a slot
      break;
    }
    describe (link->model, &batch[result->calls_count++], call, now, !sweep);
  }
  result->calls = batch;
  result->outcome = LEDGER_OK;
}

// -- Links -----------------------------------------------------------------------------------------------------------

ledger_link_t *
ledger_model_connect (ledger_model_t *self, const char *broker, ledger_result_fn *result, ledger_notice_fn *notice,
                      void *context)
{
  unsigned number = 0;
  while (number < self->brokers_count && strcmp (self->brokers[number], broker) != 0)
    number++;
  if (number == BROKERS_MAX)
    abort ();
  if (number == self->brokers_count)
    self->brokers[self->brokers_count++] = need (strdup (broker));
  ledger_link_t *link = need (calloc (1, sizeof *link));
  *link = (ledger_link_t){.model = self, .broker = number, .result = result, .notice = notice, .context = context};
  link->last = &link->first;
  return link;
}

static void
free_request (queued_t *queued)
{
  ledger_request_t *request = &queued->request;
  const char *texts[] = {request->session, request->service, request->trace};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    free ((void *)(uintptr_t)texts[i]);
  free ((void *)(uintptr_t)request->path);
  free ((void *)(uintptr_t)request->sizes);
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
  return size == 0 ? NULL : memcpy (need (malloc (size)), data, size);
}

void
ledger_link_submit (ledger_link_t *self, const ledger_request_t *request)
{
  queued_t *queued = need (calloc (1, sizeof *queued));
  ledger_request_t *kept = &queued->request;
  *kept = *request;
  kept->session = request->session != NULL ? need (strdup (request->session)) : NULL;
  kept->service = request->service != NULL ? need (strdup (request->service)) : NULL;
  kept->trace = request->trace != NULL ? need (strdup (request->trace)) : NULL;
  kept->path = copy (request->path, request->path_count * sizeof *request->path);
  kept->sizes = copy (request->sizes, request->sizes_count * sizeof *request->sizes);
  kept->body = troupe_buffer_ref (request->body);
  *self->last = queued;
  self->last = &queued->next;
}

static void
perform (ledger_link_t *self, const ledger_request_t *request, ledger_result_t *result, ledger_call_t batch[BATCH],
         troupe_buffer_t **body, int64_t now)
{
  switch (request->op) {
  case LEDGER_ACCEPT:
    accept (self, request, result, now);
    break;
  case LEDGER_SETTLE:
    settle (self, request, result, batch, now);
    break;
  case LEDGER_AWAIT:
    await (self, request, result, now);
    break;
  case LEDGER_RETRY:
    retry (self, request, result, now);
    break;
  case LEDGER_RECALL:
    recall (self, request, result, body, now);
    break;
  case LEDGER_SWEEP:
  case LEDGER_RECOVER:
    gather (self, request, result, batch, now);
    break;
  default:
    result->outcome = LEDGER_FAILED;
    result->why = "the model doesn't have this request yet";
  }
}

static void
answer (ledger_link_t *self, queued_t *queued, bool done, bool lost, int64_t now)
{
  ledger_call_t batch[BATCH];
  troupe_buffer_t *body = NULL;
  ledger_result_t result = {.op = queued->request.op, .token = queued->request.token};
  char *fail = lost ? NULL : self->fail_next;
  if (fail != NULL) {
    self->fail_next = NULL;
    result.outcome = LEDGER_FAILED;
    result.why = fail;
  } else if (done) {
    perform (self, &queued->request, &result, batch, &body, now);
  }
  if (lost)
    result = (ledger_result_t){.op = queued->request.op, .token = queued->request.token, .outcome = LEDGER_LOST};
  // What the result borrows must outlive what the receiver does, and the calls may move: references of its own.
  troupe_buffer_t *value = troupe_buffer_ref (result.body);
  free_request (queued);
  self->result (self->context, &result);
  troupe_buffer_unref (&value);
  troupe_buffer_unref (&body);
  free (fail);
}

static void
hand_over (ledger_link_t *self, int64_t now)
{
  ledger_model_t *model = self->model;
  notice_t *first = model->inboxes[self->broker];
  model->inboxes[self->broker] = first->next;
  const ledger_model_call_t *call = &model->calls[first->call];
  ledger_notice_t notice = {.kind = first->kind};
  describe (model, &notice.call, call, now, false);
  bool wanted =
    first->kind == LEDGER_NOTICE_SETTLED || (call->status == TROUPE_STATUS_NONE && call->owner == self->broker);
  free (first);
  if (wanted)
    self->notice (self->context, &notice);
}

void
ledger_link_up (ledger_link_t *self)
{
  self->up = true;
  self->notice (self->context, &(ledger_notice_t){.kind = LEDGER_NOTICE_UP});
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
  self->fail_next = need (strdup (why));
}

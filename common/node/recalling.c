// SPDX-License-Identifier: Apache-2.0
//
// Recalls: a task reads its actor's memory, or what was said in its hubs, from the broker that offered it (only that
// one knows that this instance runs the call). When that connection is lost, a recall waits until the call is offered
// again. As long as the store is away it asks again; it ends with an error when nobody answers for long, and when the
// task is cancelled.
//
// What was said in a hub may be here already, by subscription (sayings.h): then nothing is asked. When a part of it is
// missing that may be on its way, it is waited for, for a moment.

#include "node/listening.h"
#include "node/serving.h"
#include "troupe/value.h"

#include <stdlib.h>

enum {
  RECALLS_MAX = 64,  // of one task at a time
  COUNT_MAX = 65536, // entries; the protocol's limit of COUNT
  AGAIN_MS = 5000,   // without an answer
  TRIES_MAX = 6,     // so after 30 s it fails
  REFUSED_RETRY_MS = 250,
  DOUBLINGS_MAX = 3, // of the pause after a refusal
};

typedef struct {
  node_list_t place; // in task->recalls
  troupe_task_t *task;
  uint32_t request;
  bool hears; // reads the hubs' logs, page by page; else the memory
  uint64_t from, count;
  uint64_t position; // of the next page
  node_list_t holding; // in the hub's `waiting`: what is missing may be on its way to here
  unsigned tries, refusals; // without an answer, in a row; that may pass, in a row
  bool done;
  json_t *entries;       // of the memory; done without an error
  troupe_heard_t *heard; // of the logs
  troupe_error_t *error; // done, and NULL with neither of these: no memory for it
  troupe_recalled_fn *recalled;
  troupe_heard_packed_fn *packed; // instead
  void *context;
  node_timer_t timer;
} recall_t;

static void
send_recall (recall_t *self)
{
  troupe_header_t header;
  troupe_task_t *task = self->task;
  if (node_connection_up (task->at)) {
    troupe_header_init (&header, self->hears ? TROUPE_CMD_HEAR : TROUPE_CMD_RECALL);
    troupe_header_set_call (&header, &task->call);
    troupe_header_set_attempt (&header, task->attempt);
    troupe_header_set_request (&header, self->request);
    if (self->hears && self->position > 0)
      troupe_header_set_position (&header, self->position);
    if (!self->hears) {
      troupe_header_set_from (&header, self->from);
      troupe_header_set_count (&header, self->count);
    }
    node_connection_send (task->at, &header, NULL);
  }
  node_timers_set (&task->core->timers, &self->timer, task->core->now + AGAIN_MS);
}

// What was asked for is here, or there is an error. The function is due.
static void
finish (recall_t *self, const troupe_error_t *error)
{
  node_list_remove (&self->holding);
  node_timers_release (&self->task->core->timers, &self->timer);
  self->done = true;
  if (error != NULL) {
    troupe_heard_destroy (&self->heard);
    if ((self->error = malloc (sizeof *error)) != NULL)
      *self->error = *error;
  }
  node_core_ready (self->task->core, &self->task->ready);
}

static void
give_up (const recall_t *self)
{
  const node_stretch_t *stretch = &self->task->stretch;
  node_hub_t *hub = node_listening_find (self->task->core, &stretch->hub);
  if (hub != NULL)
    node_listening_gave_up (self->task->core, hub, stretch->position);
}

static void
fire (node_timer_t *timer)
{
  recall_t *self = NODE_OF (timer, recall_t, timer);
  troupe_error_t error;
  if (!node_list_empty (&self->holding)) {
    node_list_remove (&self->holding);
    give_up (self);
    send_recall (self);
    return;
  }
  if (++self->tries < TRIES_MAX) {
    send_recall (self);
    return;
  }
  troupe_error_set (&error, TROUPE_UNAVAILABLE, self->task->service_name,
                    "see that brokers and Redis are up (troupe ps)", "%s could not be read within %d s",
                    self->hears ? "what was said in the actor's hubs" : "the actor's memory", TRIES_MAX * AGAIN_MS / 1000);
  finish (self, &error);
}

// -- What a subscription has brought ---------------------------------------------------------------------------------

// True: all of it, and it is done.
static bool
take_published (recall_t *self, const node_hub_t *hub)
{
  const node_stretch_t *stretch = &self->task->stretch;
  if (sayings_look (&hub->said, stretch->since, stretch->position, stretch->entries) != SAYINGS_WHOLE)
    return false;
  if (heard_new (&self->heard) != TROUPE_OK)
    return false; // it is read from the log then
  if (sayings_read (&hub->said, stretch->since, stretch->position, self->task->service_name, self->heard) !=
      TROUPE_OK) {
    troupe_heard_destroy (&self->heard);
    return false;
  }
  self->task->core->counters[NODE_COUNT_HEARD_PUBLISHED] += troupe_heard_count (self->heard);
  finish (self, NULL);
  return true;
}

void
node_recall_said (node_hub_t *hub)
{
  for (node_list_t *link = hub->waiting.next, *next; link != &hub->waiting; link = next) {
    next = link->next;
    take_published (NODE_OF (link, recall_t, holding), hub);
  }
}

// What was said is here, may come within a moment, or is read from the log.
static void
hear (recall_t *self)
{
  troupe_task_t *task = self->task;
  const node_stretch_t *stretch = &task->stretch;
  node_hub_t *hub = stretch->entries > 0 ? node_listening_find (task->core, &stretch->hub) : NULL;
  if (hub != NULL && take_published (self, hub))
    return;
  if (hub == NULL || !hub->comes ||
      sayings_look (&hub->said, stretch->since, stretch->position, stretch->entries) != SAYINGS_MISSING) {
    send_recall (self);
    return;
  }
  node_list_append (&hub->waiting, &self->holding);
  node_timers_set (&task->core->timers, &self->timer, task->core->now + hub->patience);
}

static troupe_err_t
begin (troupe_task_t *task, const recall_t *recall)
{
  node_core_t *core = task->core;
  if (task->cancelled)
    return TROUPE_CANCELLED;
  if (task->recalls_count >= RECALLS_MAX)
    return TROUPE_OVERLOADED;
  recall_t *self = calloc (1, sizeof *self);
  if (self == NULL || node_timers_reserve (&core->timers) != TROUPE_OK) {
    free (self);
    return TROUPE_NO_MEMORY;
  }
  *self = *recall;
  self->task = task;
  self->request = ++core->request;
  self->timer.fire = fire;
  node_list_init (&self->place);
  node_list_init (&self->holding);
  node_list_append (&task->recalls, &self->place);
  task->recalls_count++;
  if (self->hears)
    hear (self);
  else
    send_recall (self);
  node_core_wake (core);
  return TROUPE_OK;
}

troupe_err_t
troupe_task_recall (troupe_task_t *task, size_t from, size_t count, troupe_recalled_fn *recalled, void *context)
{
  if (!task->actor || count < 1 || count > COUNT_MAX || from > UINT32_MAX || recalled == NULL)
    return TROUPE_BAD_ARGUMENT;
  return begin (task, &(recall_t){.from = from, .count = count, .recalled = recalled, .context = context});
}

troupe_err_t
troupe_task_hear (troupe_task_t *task, troupe_heard_fn *heard, void *context)
{
  if (!task->actor || heard == NULL)
    return TROUPE_BAD_ARGUMENT;
  return begin (task, &(recall_t){.hears = true, .recalled = heard, .context = context});
}

troupe_err_t
troupe_task_hear_packed (troupe_task_t *task, troupe_heard_packed_fn *heard, void *context)
{
  if (!task->actor || heard == NULL)
    return TROUPE_BAD_ARGUMENT;
  return begin (task, &(recall_t){.hears = true, .packed = heard, .context = context});
}

// -- Answers ---------------------------------------------------------------------------------------------------------

static recall_t *
find (troupe_task_t *task, const troupe_header_t *header)
{
  for (node_list_t *link = task->recalls.next; link != &task->recalls; link = link->next) {
    recall_t *self = NODE_OF (link, recall_t, place);
    if (!self->done && troupe_header_has (header, TROUPE_F (REQUEST)) && self->request == header->request)
      return self;
  }
  node_core_count (task->core, NODE_COUNT_FRAMES_UNEXPECTED);
  return NULL;
}

bool
node_recall_waits (troupe_task_t *task, const troupe_header_t *header)
{
  return find (task, header) != NULL;
}

void
node_recall_answered (troupe_task_t *task, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  json_t *entries = NULL;
  recall_t *self = find (task, header);
  if (self == NULL)
    return;
  troupe_err_t err = troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &entries, &error);
  if (err == TROUPE_OK && !json_is_array (entries))
    err = troupe_error_set (&error, TROUPE_BAD_FRAME, task->service_name, NULL, "the recalled memory is not a list");
  if (err == TROUPE_OK) {
    self->entries = entries;
    finish (self, NULL);
  } else {
    json_decref (entries);
    finish (self, &error);
  }
}

// A page: more are asked for until all are here.
void
node_hear_answered (troupe_task_t *task, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  recall_t *self = find (task, header);
  if (self == NULL)
    return;
  troupe_err_t err = self->heard != NULL ? TROUPE_OK : heard_new (&self->heard);
  if (err != TROUPE_OK)
    troupe_error_set (&error, err, task->service_name, NULL, "out of memory");
  size_t before = err == TROUPE_OK ? troupe_heard_count (self->heard) : 0;
  if (err == TROUPE_OK)
    err = heard_add_list (self->heard, body, &error);
  if (err != TROUPE_OK) {
    finish (self, &error);
    return;
  }
  task->core->counters[NODE_COUNT_HEARD_LOGGED] += troupe_heard_count (self->heard) - before;
  if (troupe_header_has (header, TROUPE_F (POSITION))) {
    self->position = header->position;
    self->request = ++task->core->request;
    self->tries = self->refusals = 0;
    send_recall (self);
  } else
    finish (self, NULL);
}

void
node_recall_refused (troupe_task_t *task, const troupe_header_t *header, const troupe_error_t *error)
{
  recall_t *self = find (task, header);
  if (self == NULL)
    return;
  if (troupe_err_class (error->code) != TROUPE_CLASS_RETRYABLE)
    finish (self, error);
  else {
    // The store is away: without it, the task couldn't end either. So it goes on, and the task's deadline ends it. The
    // timer that was set for a lost answer sends it again, sooner.
    unsigned delay = error->retry_after_ms < REFUSED_RETRY_MS ? REFUSED_RETRY_MS : error->retry_after_ms;
    node_timers_set (&task->core->timers, &self->timer, task->core->now + ((int64_t)delay << self->refusals));
    self->refusals += self->refusals < DOUBLINGS_MAX;
    self->tries = 0;
  }
}

void
node_recall_resend (troupe_task_t *task)
{
  for (node_list_t *link = task->recalls.next; link != &task->recalls; link = link->next) {
    recall_t *self = NODE_OF (link, recall_t, place);
    if (self->done || !node_list_empty (&self->holding))
      continue;
    self->request = ++task->core->request; // what refuses the earlier one now speaks of an attempt that is over
    send_recall (self);
  }
}

// -- Ending ----------------------------------------------------------------------------------------------------------

static void
drop (recall_t *self)
{
  if (!self->done)
    node_timers_release (&self->task->core->timers, &self->timer);
  node_list_remove (&self->place);
  node_list_remove (&self->holding);
  self->task->recalls_count--;
  json_decref (self->entries);
  troupe_heard_destroy (&self->heard);
  free (self->error);
  free (self);
}

void
node_recall_fail_all (troupe_task_t *task, const troupe_error_t *error)
{
  for (node_list_t *link = task->recalls.next; link != &task->recalls; link = link->next) {
    recall_t *self = NODE_OF (link, recall_t, place);
    if (!self->done)
      finish (self, error);
  }
}

void
node_recall_drop_all (troupe_task_t *task)
{
  while (!node_list_empty (&task->recalls))
    drop (NODE_OF (task->recalls.next, recall_t, place));
}

static recall_t *
first_done (const troupe_task_t *task)
{
  for (node_list_t *link = task->recalls.next; link != &task->recalls; link = link->next) {
    recall_t *self = NODE_OF (link, recall_t, place);
    if (self->done)
      return self;
  }
  return NULL;
}

bool
node_recall_due (const troupe_task_t *task)
{
  return first_done (task) != NULL;
}

// Unpacks what was heard, for whoever wants it so.
static void
unpack (recall_t *self)
{
  troupe_error_t error = {0};
  if (troupe_heard_list (self->heard, &self->entries, &error) != TROUPE_OK &&
      (self->error = malloc (sizeof error)) != NULL)
    *self->error = error;
  troupe_heard_destroy (&self->heard);
}

void
node_recall_deliver (troupe_task_t *task)
{
  static const troupe_error_t lost = {.code = TROUPE_NO_MEMORY, .why = "out of memory"};
  recall_t *self = first_done (task);
  if (self == NULL)
    return;
  if (self->heard != NULL && self->packed == NULL)
    unpack (self);
  recall_t copy = *self;
  self->entries = NULL; // the receiver's now
  self->heard = NULL;
  self->error = NULL;
  drop (self);
  if (node_recall_due (task))
    node_core_ready (task->core, &task->ready);
  bool failed = copy.entries == NULL && copy.heard == NULL;
  task->heard |= copy.hears && !failed;
  const troupe_error_t *why = !failed ? NULL : copy.error != NULL ? copy.error : &lost;
  if (copy.packed != NULL)
    copy.packed (copy.context, task, copy.heard, why);
  else
    copy.recalled (copy.context, task, copy.entries, why);
  free (copy.error);
}

// SPDX-License-Identifier: Apache-2.0
//
// Services and what brokers say about their tasks, above all offers.
//
// The instance follows the attempt number that it is offered: an offer of a call that runs here already means that the
// broker took the earlier attempt for lost. It runs on under the new number; if it has ended, its outcome goes out
// again. What speaks of an earlier attempt than the current one is late, and dropped.
//
// Offers beyond our credit wait here (sharing.c); a broker that offers far beyond it is broken, and its offers are
// declined: settled with an error at once.

#include "node/serving.h"

#include "node/calling.h"
#include "node/listening.h"
#include "node/parts.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  SERVICES_MAX = 10000,
  CREDIT_MAX = 1000 * 1000, // the protocol's limit of CREDIT
  OVERSHOOT = 4, // times the credit: more than changes of shares, and owners that are offered to without, explain
  OVERSHOOT_MIN = 16,
  DEADLINE_GRACE_MS = 2500, // the broker cancels what is past its deadline; without it we do, a lease later
};

// -- Services --------------------------------------------------------------------------------------------------------

node_service_t *
node_service_find (const node_core_t *core, troupe_text_t name)
{
  for (unsigned i = 0; i < core->services_count; i++)
    if (troupe_text_equal (name, core->services[i]->name))
      return core->services[i];
  return NULL;
}

static troupe_err_t
check_service (const node_core_t *core, const troupe_service_t *service, troupe_error_t *error)
{
  if (service->name == NULL || !troupe_service_name_valid (service->name))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, service->name, "write kind/name, such as agent/alice",
                             "not a service's name");
  if (service->credit < 1 || service->credit > CREDIT_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, service->name, "say how many calls it takes at once",
                             "the credit %u is not in 1 to %d", service->credit, CREDIT_MAX);
  if (service->serve == NULL || (service->info != NULL && !json_is_object (service->info)))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, service->name, NULL, "%s",
                             service->serve == NULL ? "it has no function that serves" : "its info is not an object");
  if (service->observes != TROUPE_OBSERVES_CALLED && !service->actor)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, service->name, NULL, "only an actor observes");
  if (node_service_find (core, troupe_text (service->name)) != NULL)
    return troupe_error_set (error, TROUPE_CONFLICT, service->name, NULL, "this process serves it already");
  if (core->services_count >= SERVICES_MAX)
    return troupe_error_set (error, TROUPE_OVERLOADED, service->name, "use more processes",
                             "a process serves at most %d services", SERVICES_MAX);
  return TROUPE_OK;
}

static troupe_err_t
make_room (node_core_t *core)
{
  size_t count = core->services_count + 1;
  node_service_t **services = realloc (core->services, count * sizeof (node_service_t *));
  if (services == NULL)
    return TROUPE_NO_MEMORY;
  core->services = services;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *connection = &core->connections[i];
    node_registration_t *registrations = realloc (connection->registrations, count * sizeof *registrations);
    if (registrations == NULL)
      return TROUPE_NO_MEMORY;
    registrations[count - 1] = (node_registration_t){NODE_UNREGISTERED};
    connection->registrations = registrations;
  }
  return TROUPE_OK;
}

static void
free_service (node_service_t *self)
{
  troupe_buffer_unref (&self->info);
  free (self->name);
  free (self);
}

static troupe_err_t
add_service (node_core_t *core, const troupe_service_t *service, troupe_error_t *error)
{
  node_service_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  node_list_init (&self->waiting);
  self->index = core->services_count;
  self->actor = service->actor;
  self->observes = service->observes;
  self->credit = service->credit;
  self->serve = service->serve;
  self->context = service->context;
  self->name = strdup (service->name);
  troupe_err_t err = self->name == NULL ? TROUPE_NO_MEMORY : make_room (core);
  if (err == TROUPE_OK && service->info != NULL)
    err = troupe_value_pack (service->info, &self->info, error);
  if (err == TROUPE_OK)
    core->services[core->services_count++] = self;
  else
    free_service (self);
  return err;
}

troupe_err_t
node_core_describe (node_core_t *core, const char *name, const json_t *info, troupe_error_t *error)
{
  troupe_buffer_t *packed = NULL;
  node_service_t *service = node_service_find (core, troupe_text (name));
  if (service == NULL)
    return troupe_error_set (error, TROUPE_NOT_FOUND, name, NULL, "this process doesn't serve it");
  if (!json_is_object (info))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, NULL, "its info is not an object");
  troupe_err_t err = troupe_value_pack (info, &packed, error);
  if (err != TROUPE_OK)
    return err;
  troupe_buffer_unref (&service->info);
  service->info = packed;
  for (unsigned i = 0; i < core->connections_count; i++)
    core->connections[i].registrations[service->index].stale = true;
  return TROUPE_OK;
}

troupe_err_t
node_core_serve (node_core_t *core, const troupe_service_t *service, troupe_error_t *error)
{
  troupe_err_t err = check_service (core, service, error);
  if (err != TROUPE_OK)
    return err;
  err = add_service (core, service, error);
  if (err == TROUPE_NO_MEMORY)
    return troupe_error_set (error, err, service->name, NULL, "out of memory");
  if (err != TROUPE_OK)
    return err;
  node_share_evenly (core, core->services[core->services_count - 1]);
  for (unsigned i = 0; i < core->connections_count && !core->draining; i++)
    if (node_connection_up (&core->connections[i]))
      node_service_register (&core->connections[i], core->services[core->services_count - 1]);
  node_core_wake (core);
  return TROUPE_OK;
}

void
node_serving_close (node_core_t *core)
{
  while (!node_list_empty (&core->all_tasks)) {
    troupe_task_t *task = NODE_OF (core->all_tasks.next, troupe_task_t, place);
    if (task->phase == NODE_TASK_RUNNING)
      node_task_detach (task);
    else
      node_task_free (task);
  }
  for (unsigned i = 0; i < core->services_count; i++)
    free_service (core->services[i]);
  free (core->services);
}

// -- Answers ---------------------------------------------------------------------------------------------------------

// A task by its call; NULL, and counted, when there is none or the frame speaks of an earlier attempt.
static troupe_task_t *
task_of (node_core_t *core, const troupe_header_t *header)
{
  troupe_task_t *task = NULL;
  if (troupe_header_has (header, TROUPE_F (CALL)))
    task = node_table_find (&core->tasks, &header->call);
  if (task == NULL || (troupe_header_has (header, TROUPE_F (ATTEMPT)) && header->attempt < task->attempt)) {
    node_core_count (core, NODE_COUNT_FRAMES_UNEXPECTED);
    return NULL;
  }
  return task;
}

// What was asked under an earlier attempt and is refused for that says nothing of this one.
static void
recall_refused (troupe_task_t *task, const troupe_header_t *header, const troupe_error_t *error, bool superseded)
{
  if (!superseded)
    node_recall_refused (task, header, error);
  else if (node_recall_waits (task, header))
    node_task_cancel (task);
}

void
node_serving_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  if (header->of == TROUPE_CMD_REGISTER || header->of == TROUPE_CMD_UNREGISTER || header->of == TROUPE_CMD_GRANT) {
    node_service_refused (from, header, error);
    return;
  }
  troupe_task_t *task = task_of (from->core, header);
  if (task == NULL)
    return;
  bool superseded = error->code == TROUPE_STALE || error->code == TROUPE_UNKNOWN_CALL;
  if (header->of == TROUPE_CMD_SETTLE && task->phase == NODE_TASK_ENDED)
    node_task_settle_refused (task, error);
  else if (header->of == TROUPE_CMD_RECALL || header->of == TROUPE_CMD_HEAR)
    recall_refused (task, header, error, superseded);
  else if (header->of != TROUPE_CMD_SETTLE && superseded)
    node_task_cancel (task);
}

void
node_serving_cancel (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_task_t *task = task_of (from->core, header);
  if (task != NULL)
    node_task_cancel (task);
}

void
node_serving_stream (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  // Whichever attempt it names: who reads wants the one that runs.
  troupe_task_t *task = node_table_find (&from->core->tasks, &header->call);
  if (task != NULL)
    node_parts_read (task, from);
  else
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
}

void
node_serving_confirmed (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_task_t *task = node_table_find (&from->core->tasks, &header->call);
  if (task != NULL && task->phase == NODE_TASK_ENDED)
    node_task_free (task); // whichever attempt it was: the call has settled
  else
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
}

void
node_serving_recalled (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_task_t *task = task_of (from->core, header);
  if (task != NULL)
    node_recall_answered (task, header, body);
}

void
node_serving_heard (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_task_t *task = task_of (from->core, header);
  if (task != NULL)
    node_hear_answered (task, header, body);
}

// -- Offers ----------------------------------------------------------------------------------------------------------

static void
decline (node_connection_t *from, const troupe_header_t *offer, const troupe_error_t *error)
{
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  json_t *json = troupe_error_to_json (error);
  node_core_count (from->core, NODE_COUNT_OFFERS_DECLINED);
  if (json == NULL || troupe_value_pack (json, &body, NULL) != TROUPE_OK)
    body = troupe_buffer_ref (from->core->last_words);
  json_decref (json);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &offer->call);
  troupe_header_set_session (&header, offer->session);
  troupe_header_set_attempt (&header, offer->attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_ERROR);
  uint64_t flags = troupe_header_has (offer, TROUPE_F (FLAGS)) ? offer->flags & TROUPE_FLAG_VOLATILE : 0;
  flags |= troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE ? TROUPE_FLAG_RETRYABLE : 0;
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  if (troupe_header_has (offer, TROUPE_F (EPOCH)))
    troupe_header_set_epoch (&header, offer->epoch);
  node_connection_send (from, &header, body);
  troupe_buffer_unref (&body);
}

static void
take_terms (troupe_task_t *task, node_connection_t *from, const troupe_header_t *header)
{
  task->at = from;
  task->deadline = TROUPE_LOOP_NEVER;
  if (troupe_header_has (header, TROUPE_F (DEADLINE)))
    task->deadline = from->core->now + (int64_t)header->deadline;
  if (troupe_header_has (header, TROUPE_F (EPOCH)))
    task->epoch = header->epoch;
  if (header->attempt > task->attempt) {
    task->attempt = header->attempt;
    node_parts_restart (task);
    node_calling_await_again (task);
  }
  bool read = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_STREAM);
  if (read && !node_parts_reads (task, from))
    node_parts_read (task, from);
  if (task->phase == NODE_TASK_ENDED)
    return;
  node_share_charge (task, from);
  if (task->deadline == TROUPE_LOOP_NEVER)
    node_timers_stop (&task->core->timers, &task->timer);
  else
    node_timers_set (&task->core->timers, &task->timer, task->deadline + DEADLINE_GRACE_MS);
}

// Two brokers hold the same volatile call, as each was sent it when the other seemed lost. They don't know of each
// other, and the task has one outcome, which goes to one of them; the other would keep its credit in use.
static void
leave (node_connection_t *broker, const troupe_task_t *task, uint64_t attempt)
{
  troupe_header_t offer;
  troupe_error_t error;
  troupe_header_init (&offer, TROUPE_CMD_OFFER);
  troupe_header_set_call (&offer, &task->call);
  troupe_header_set_session (&offer, troupe_text (task->session));
  troupe_header_set_attempt (&offer, attempt);
  troupe_header_set_flags (&offer, TROUPE_FLAG_VOLATILE);
  troupe_error_set (&error, TROUPE_UNAVAILABLE, task->service_name, "call again",
                    "the call is volatile, and runs for another broker");
  decline (broker, &offer, &error);
}

static void
offered_again (node_connection_t *from, troupe_task_t *task, const troupe_header_t *header)
{
  bool of_two = task->is_volatile && task->at != from && node_connection_up (task->at);
  if (header->attempt < task->attempt) {
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    if (of_two)
      leave (from, task, header->attempt);
    return;
  }
  if (of_two)
    leave (task->at, task, task->attempt);
  take_terms (task, from, header);
  if (task->phase == NODE_TASK_ENDED)
    node_task_settle (task);
  else
    node_recall_resend (task);
}

static void
offered (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  node_core_t *core = from->core;
  troupe_error_t error;
  troupe_task_t *task;
  node_service_t *service = node_service_find (core, header->service);
  if (service == NULL) {
    troupe_error_set (&error, TROUPE_UNKNOWN_SERVICE, core->instance, NULL, "this instance doesn't serve it");
    decline (from, header, &error);
    return;
  }
  bool observes = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_OBSERVE) != 0;
  if (observes && service->observes == TROUPE_OBSERVES_CALLED) {
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, service->name, NULL, "it hears only when it is called");
    decline (from, header, &error);
    return;
  }
  if (service->running >= (uint64_t)service->credit * OVERSHOOT + OVERSHOOT_MIN) {
    troupe_error_set (&error, TROUPE_OVERLOADED, service->name, NULL, "this instance runs %u calls; its credit is %u",
                      service->running, service->credit);
    decline (from, header, &error);
    return;
  }
  troupe_err_t err = node_task_new (&task, service, core, header, body, &error);
  if (err != TROUPE_OK) {
    decline (from, header, &error);
    return;
  }
  take_terms (task, from, header);
  node_share_enter (task);
}

void
node_serving_offer (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  node_core_t *core = from->core;
  troupe_task_t *task = node_table_find (&core->tasks, &header->call);
  if (task != NULL)
    offered_again (from, task, header);
  else
    offered (from, header, body);
  node_listening_offered (from, header);
  node_share_report (from, header);
}

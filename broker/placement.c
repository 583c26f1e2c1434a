// SPDX-License-Identifier: Apache-2.0
//
// Every call passes the service's queue, and the queue is not empty only when no instance has credit: so calls are
// offered in the order in which their turn came.
//
// An actor's calls go by rendezvous hashing (Thaler and Ravishankar 1998): of the instances with credit, the one whose
// hash with the session and the service is highest. Sessions stay with their instance, whose caches are warm, as long
// as it is there; when one comes or goes only its share moves. All brokers compute the same.
//
// Other calls go to the least loaded, by the share of its credit that is in use; among equals to the one that has
// waited longest, which the order of the list says.
//
// Both look at every instance. With the tens that a service has that costs less than keeping them sorted.

#include "broker/placement.h"

#include "broker/answer.h"

static bool
has_credit (const instance_t *instance)
{
  return instance->running < instance->credit;
}

static instance_t *
choose_by_session (const service_t *service, const char *session)
{
  static const table_key_t placement = {{0, 0}};
  uint64_t hash = table_hash (&placement, session, strlen (session)) ^ service->hash;
  instance_t *best = NULL;
  uint64_t best_score = 0;
  for (list_link_t *link = service->instances.next; link != &service->instances; link = link->next) {
    instance_t *instance = LIST_ITEM (link, instance_t, in_service);
    uint64_t score = table_hash_number (hash ^ instance->seed);
    if (has_credit (instance) && (best == NULL || score > best_score)) {
      best = instance;
      best_score = score;
    }
  }
  return best;
}

static bool
less_loaded (const instance_t *a, const instance_t *b)
{
  return (uint64_t)a->running * b->credit < (uint64_t)b->running * a->credit;
}

static instance_t *
choose_by_load (const service_t *service)
{
  instance_t *best = NULL;
  for (list_link_t *link = service->instances.next; link != &service->instances; link = link->next) {
    instance_t *instance = LIST_ITEM (link, instance_t, in_service);
    if (has_credit (instance) && (best == NULL || less_loaded (instance, best)))
      best = instance;
  }
  return best;
}

static bool
has_stream (const call_t *call)
{
  if ((call->flags & TROUPE_FLAG_STREAM) != 0)
    return true;
  for (const list_link_t *link = call->waiters.next; link != &call->waiters; link = link->next)
    if (LIST_ITEM (link, const waiter_t, in_call)->stream)
      return true;
  return false;
}

static void
send_offer (broker_core_t *core, const call_t *call)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_service (&header, troupe_text (call->service->name));
  troupe_header_set_session (&header, troupe_text (call->session));
  troupe_header_set_attempt (&header, call->attempt);
  if (call->deadline.place != 0) {
    int64_t remains = call->deadline.at - core->now;
    troupe_header_set_deadline (&header, remains > 1 ? (uint64_t)remains : 1);
  }
  if (call->path_count > 0)
    troupe_header_set_path (&header, call->path, call->path_count);
  if (has_stream (call))
    troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  if (call->actor)
    troupe_header_set_memory (&header, call->memory);
  if (call->trace != NULL)
    troupe_header_set_trace (&header, troupe_text (call->trace));
  answer_send (core, call->instance->peer->connection, &header, call->body);
}

static void
offer (broker_core_t *core, call_t *call, instance_t *instance)
{
  call->phase = CALL_RUNNING;
  call->instance = instance;
  call->ran = 0;
  list_append (&instance->calls, &call->in_phase);
  instance->running++;
  list_remove (&instance->in_service);
  list_append (&instance->service->instances, &instance->in_service);
  core->counters[BROKER_COUNT_ATTEMPTS_OFFERED]++;
  send_offer (core, call);
}

void
placement_dispatch (broker_core_t *core, service_t *service)
{
  for (list_link_t *link; (link = list_first (&service->queue)) != NULL && !core->stopped;) {
    call_t *call = LIST_ITEM (link, call_t, in_phase);
    instance_t *instance = call->actor ? choose_by_session (service, call->session) : choose_by_load (service);
    if (instance == NULL)
      return;
    placement_withdraw (call);
    offer (core, call, instance);
  }
}

void
placement_withdraw (call_t *call)
{
  list_remove (&call->in_phase);
  call->service->queue_count--;
  call->phase = CALL_STORED;
}

void
placement_queue (broker_core_t *core, call_t *call, bool front)
{
  call->phase = CALL_QUEUED;
  if (front)
    list_prepend (&call->service->queue, &call->in_phase);
  else
    list_append (&call->service->queue, &call->in_phase);
  call->service->queue_count++;
  placement_dispatch (core, call->service);
}

// SPDX-License-Identifier: Apache-2.0
//
// Every call passes the service's queue, and the queue is not empty only when no instance has credit: so calls are
// offered in the order in which their turn came.
//
// An actor lives on one instance, its owner, whose caches are warm; the store says which. Its next call goes there if
// that has credit, and without credit when the owner may be running it since an earlier attempt: it then goes on under
// the new number, and until it has that it can't read the memory, so the others would wait for it in vain. Else the
// actor moves, for nothing of it runs: to the one that rendezvous hashing (Thaler and Ravishankar 1998) proposes among
// the instances with credit, of which all brokers think the same. The store must know before the call is offered there.
//
// An instance that has lost another broker tells which calls of that it runs. Whoever takes one of them over offers it
// there, also without credit.
//
// Between its placement and its offer a call holds the credit of its instance, while the ledger is asked to make that
// the owner, and for the values of the call's inputs. If the instance goes, the call is placed anew.
//
// Other calls go to the least loaded, by the share of its credit that is in use; among equals to the one that has
// waited longest, which the order of the list says.
//
// Both look at every instance. With the tens that a service has that costs less than keeping them sorted.

#include "broker/placement.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/ending.h"
#include "broker/hearing.h"
#include "broker/losses.h"
#include "broker/registry.h"
#include "broker/saying.h"
#include "broker/streaming.h"

#include <stdlib.h>

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

static instance_t *
choose_for_actor (const call_t *call)
{
  const service_t *service = call->service;
  for (list_link_t *link = service->instances.next; link != &service->instances; link = link->next) {
    instance_t *instance = LIST_ITEM (link, instance_t, in_service);
    if (instance->identity == call->owner && (has_credit (instance) || call->ran != 0))
      return instance;
  }
  return choose_by_session (service, call->session);
}

// Who runs it since the attempt that was lost, and has said so (AWAIT); NULL: nobody.
static instance_t *
who_runs (const call_t *call)
{
  for (list_link_t *link = call->waiters.next; link != &call->waiters && call->ran != 0; link = link->next) {
    const waiter_t *waiter = LIST_ITEM (link, const waiter_t, in_call);
    instance_t *instance = waiter->runs == call->ran ? registry_instance (waiter->peer, call->service) : NULL;
    if (instance != NULL && instance->open)
      return instance;
  }
  return NULL;
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

static instance_t *
choose (const call_t *call)
{
  instance_t *instance = who_runs (call);
  if (instance != NULL)
    return instance;
  return call->actor ? choose_for_actor (call) : choose_by_load (call->service);
}

enum { QUEUE_MAX = 1000000 }; // the protocol's limit of QUEUE

uint64_t
placement_queue_of (const service_t *service)
{
  return service->queue_count < QUEUE_MAX ? service->queue_count : QUEUE_MAX;
}

void
placement_report (broker_core_t *core, instance_t *instance)
{
  troupe_header_t header;
  uint64_t queue = placement_queue_of (instance->service);
  instance->queue_told = queue > 0;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_service (&header, troupe_text (instance->service->name));
  troupe_header_set_queue (&header, queue);
  answer_send (core, instance->peer->connection, &header, NULL);
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
  bool streams = (call->flags & TROUPE_FLAG_STREAM) != 0 || streaming_wanted (call);
  unsigned flags = (streams ? TROUPE_FLAG_STREAM : 0) | (call->unstored ? TROUPE_FLAG_VOLATILE : 0) |
                   (call->flags & TROUPE_FLAG_OBSERVE);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  if (call->actor)
    troupe_header_set_memory (&header, call->memory);
  if (call->news > 0)
    troupe_header_set_news (&header, call->news);
  if (call->news > 0 && call->stretch.entries > 0) {
    troupe_header_set_hub (&header, &call->stretch.hub);
    troupe_header_set_since (&header, call->stretch.since);
    troupe_header_set_position (&header, call->stretch.position);
    troupe_header_set_entries (&header, call->stretch.entries);
    saying_before (core, &call->stretch.hub);
    hearing_offered (core, call->instance->peer, &call->stretch.hub);
  }
  if (call->trace != NULL)
    troupe_header_set_trace (&header, troupe_text (call->trace));
  if (call->epoch != 0)
    troupe_header_set_epoch (&header, call->epoch);
  if (call->gathered != NULL)
    troupe_header_set_sizes (&header, call->gathered_sizes, call->needs);
  troupe_header_set_queue (&header, placement_queue_of (call->service));
  answer_send (core, call->instance->peer->connection, &header, call->gathered != NULL ? call->gathered : call->body);
}

static void
offer (broker_core_t *core, call_t *call)
{
  call->phase = CALL_RUNNING;
  call->ran = 0;
  core->counters[BROKER_COUNT_ATTEMPTS_OFFERED]++;
  send_offer (core, call);
  troupe_buffer_unref (&call->gathered);
}

static void
end_as_deaf (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_UNAVAILABLE, call->service->name, "register it with the flag observe, or call it",
                    "it is to hear what was said in its hubs, and its instance takes no observe calls");
  ending_begin (core, call, TROUPE_STATUS_ERROR, call->attempt, &error);
}

static void
place (broker_core_t *core, call_t *call, instance_t *instance)
{
  if ((call->flags & TROUPE_FLAG_OBSERVE) != 0 && !instance->observes) {
    end_as_deaf (core, call);
    return;
  }
  call->phase = CALL_PLACED;
  call->instance = instance;
  list_append (&instance->calls, &call->in_phase);
  instance->running++;
  list_remove (&instance->in_service);
  list_append (&instance->service->instances, &instance->in_service);
  placement_continue (core, call);
}

void
placement_continue (broker_core_t *core, call_t *call)
{
  bool moves = call->actor && call->instance != NULL && call->instance->identity != call->owner;
  bool gathers = call->needs > 0 && call->gathered == NULL;
  if (call->asking)
    return;
  if (call->instance == NULL)
    placement_queue (core, call, true);
  else if (moves) {
    call->ran = 0; // once it has moved, what the attempt before brings is refused
    asking_for (core, call, LEDGER_CLAIM);
  } else if (gathers)
    asking_for (core, call, LEDGER_INPUTS);
  else
    offer (core, call);
}

// What waits to be asked again, for an instance that it won't be offered to, is not asked. What is under way comes
// back.
static void
drop_question (broker_core_t *core, call_t *call)
{
  bool own = call->op == LEDGER_CLAIM || call->op == LEDGER_INPUTS;
  if (call->asking && own && asking_waits (call))
    asking_abandon (core, call);
}

void
placement_lost (broker_core_t *core, call_t *call)
{
  drop_question (core, call);
  placement_continue (core, call);
}

void
placement_leave (broker_core_t *core, call_t *call)
{
  drop_question (core, call);
  call->phase = CALL_STORED;
  if (call->instance != NULL)
    registry_return (core, call);
}

void
placement_dispatch (broker_core_t *core, service_t *service)
{
  for (list_link_t *link; (link = list_first (&service->queue)) != NULL && !core->stopped;) {
    call_t *call = LIST_ITEM (link, call_t, in_phase);
    instance_t *instance = choose (call);
    if (instance == NULL)
      return;
    placement_withdraw (call);
    place (core, call, instance);
  }
}

void
placement_withdraw (call_t *call)
{
  list_remove (&call->in_phase);
  call->service->queue_count--;
  call->phase = CALL_STORED;
}

// An instance with less credit than there are brokers may have given none of it here, and waits to be asked.
static void
ask_for_credit (broker_core_t *core, service_t *service)
{
  LIST_EACH (link, &service->instances)
  {
    instance_t *instance = LIST_ITEM (link, instance_t, in_service);
    if (instance->credit == 0)
      placement_report (core, instance);
  }
}

void
placement_queue (broker_core_t *core, call_t *call, bool front)
{
  service_t *service = call->service;
  call->phase = CALL_QUEUED;
  if (front)
    list_prepend (&service->queue, &call->in_phase);
  else
    list_append (&service->queue, &call->in_phase);
  service->queue_count++;
  bool first = service->queue_count == 1;
  placement_dispatch (core, service);
  if (first && service->queue_count == 1)
    ask_for_credit (core, service);
}

void
placement_runs_on (broker_core_t *core, call_t *call)
{
  if (call->phase != CALL_QUEUED || who_runs (call) == NULL)
    return;
  placement_withdraw (call);
  placement_queue (core, call, true);
}

// -- Before it is offered --------------------------------------------------------------------------------------------

static void
end_as_too_large (broker_core_t *core, call_t *call, size_t size)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_TOO_LARGE, call->service->name, "send files as URLs, or raise limits.message",
                    "the input has %zu bytes together with the values it refers to, at most %zu are taken", size,
                    core->options.limits.message);
  ending_begin (core, call, TROUPE_STATUS_ERROR, call->attempt, &error);
}

// no_memory
static troupe_err_t
gather (call_t *call, const ledger_result_t *result)
{
  size_t own = troupe_buffer_size (call->body), size = own + troupe_buffer_size (result->body);
  char *bytes = malloc (size > 0 ? size : 1);
  if (bytes == NULL)
    return TROUPE_NO_MEMORY;
  if (own > 0)
    memcpy (bytes, troupe_buffer_data (call->body), own);
  if (size > own)
    memcpy (bytes + own, troupe_buffer_data (result->body), size - own);
  troupe_err_t err = troupe_buffer_new (&call->gathered, bytes, size);
  free (bytes);
  call->needs = result->sizes_count;
  for (uint32_t i = 0; i < result->sizes_count; i++)
    call->gathered_sizes[i] = result->sizes[i];
  return err;
}

static void
prepared (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  size_t size = troupe_buffer_size (call->body) + troupe_buffer_size (result->body);
  if (call->phase != CALL_PLACED) {
    asking_continue (core, call); // it was cancelled, or given up
  } else if (call->op == LEDGER_CLAIM) {
    call->owner = registry_identity (core, result->owner);
    call->epoch = result->epoch;
    asking_continue (core, call);
  } else if (size > core->options.limits.message) {
    end_as_too_large (core, call, size);
  } else if (gather (call, result) != TROUPE_OK) {
    answer_no_memory (core, call->service->name, NULL);
    asking_again (core, call, result);
  } else {
    asking_continue (core, call);
  }
}

void
placement_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
    prepared (core, call, result);
    break;
  case LEDGER_SETTLED:
    ending_finish (core, call, result->status, result->body);
    break;
  case LEDGER_STALE:
    if (result->attempt == call->attempt) // which was taken over while this was asked about an earlier one
      asking_continue (core, call);
    else
      attempts_give_up (core, call);
    break;
  case LEDGER_UNKNOWN:
    losses_end (core, call);
    break;
  default:
    if (call->phase == CALL_PLACED && call->instance != NULL)
      asking_again (core, call, result);
    else
      asking_continue (core, call);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// A waiter is a connection that is told how a call ends: its caller, or anybody who knows its id. When the connection
// goes, the waiter goes; the call goes on, for it is stored and its value is kept for whoever asks later.
//
// A call that is not this broker's is only a place for its waiters: the ledger tells when it has settled, and is then
// asked for the value.

#include "broker/awaiting.h"

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/calls.h"
#include "broker/ending.h"
#include "broker/losses.h"
#include "broker/placement.h"
#include "broker/streaming.h"

#include <stdlib.h>

static waiter_t *
find (const call_t *call, const peer_t *peer)
{
  for (list_link_t *link = call->waiters.next; link != &call->waiters; link = link->next) {
    waiter_t *waiter = LIST_ITEM (link, waiter_t, in_call);
    if (waiter->peer == peer)
      return waiter;
  }
  return NULL;
}

// NULL: `error` says why.
static waiter_t *
make_waiter (broker_core_t *core, call_t *call, peer_t *peer, troupe_error_t *error)
{
  if (call->waiters_count >= WAITERS_MAX) {
    core->drops[BROKER_QUEUE_WAITERS]++;
    troupe_error_set (error, TROUPE_OVERLOADED, "call", "await it later",
                      "%d connections wait for this call, which is the limit", WAITERS_MAX);
    error->retry_after_ms = RETRY_AFTER_MS;
    return NULL;
  }
  waiter_t *waiter = call->caller.call == NULL ? &call->caller : malloc (sizeof *waiter);
  if (waiter == NULL) {
    answer_no_memory (core, "call", error);
    return NULL;
  }
  *waiter = (waiter_t){.peer = peer, .call = call};
  list_append (&peer->waiters, &waiter->in_peer);
  list_append (&call->waiters, &waiter->in_call);
  call->waiters_count++;
  return waiter;
}

troupe_err_t
awaiting_join (broker_core_t *core, call_t *call, peer_t *peer, troupe_command_t of, bool stream, troupe_error_t *error)
{
  waiter_t *waiter = find (call, peer);
  bool streams = (call->flags & TROUPE_FLAG_STREAM) != 0 || streaming_wanted (call);
  if (waiter == NULL)
    waiter = make_waiter (core, call, peer, error);
  if (waiter == NULL)
    return error->code;
  if (waiter->of != TROUPE_CMD_CALL)
    waiter->of = of;
  if (of == TROUPE_CMD_CALL)
    waiter->told = false; // it asks again, so it is answered again
  else
    waiter->awaits = true;
  waiter->stream = stream;
  if (stream && !streams && call->phase == CALL_RUNNING)
    streaming_begin (core, call);
  return TROUPE_OK;
}

static void
free_waiter (waiter_t *waiter)
{
  list_remove (&waiter->in_peer);
  list_remove (&waiter->in_call);
  waiter->call->waiters_count--;
  if (waiter == &waiter->call->caller)
    waiter->call = NULL;
  else
    free (waiter);
}

void
awaiting_leave (broker_core_t *core, waiter_t *waiter)
{
  call_t *call = waiter->call;
  free_waiter (waiter);
  calls_drop_unneeded (core, call);
}

void
awaiting_quit (broker_core_t *core, call_t *call, const peer_t *peer)
{
  waiter_t *waiter = find (call, peer);
  if (waiter != NULL)
    awaiting_leave (core, waiter);
}

void
awaiting_clear (call_t *call)
{
  for (list_link_t *link; (link = list_first (&call->waiters)) != NULL;)
    free_waiter (LIST_ITEM (link, waiter_t, in_call));
}

// -- Telling ---------------------------------------------------------------------------------------------------------

void
awaiting_tell_accepted (broker_core_t *core, call_t *call)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_ACCEPTED);
  troupe_header_set_call (&header, &call->id);
  LIST_EACH (link, &call->waiters)
  {
    waiter_t *waiter = LIST_ITEM (link, waiter_t, in_call);
    if (waiter->of != TROUPE_CMD_CALL || waiter->told)
      continue;
    waiter->told = true;
    answer_send (core, waiter->peer->connection, &header, NULL);
  }
}

void
awaiting_tell_settled (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value)
{
  if (!call->unstored)
    awaiting_tell_accepted (core, call);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_status (&header, status);
  LIST_EACH (link, &call->waiters)
  answer_send (core, LIST_ITEM (link, waiter_t, in_call)->peer->connection, &header, value);
}

// That it awaits is refused, beside what it may have called.
static void
refuse_await (broker_core_t *core, waiter_t *waiter, const troupe_error_t *error)
{
  troupe_command_t of = waiter->of;
  waiter->of = TROUPE_CMD_AWAIT;
  answer_refuse_waiter (core, waiter, error);
  waiter->of = of;
}

void
awaiting_tell_refused (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  LIST_EACH (link, &call->waiters)
  {
    waiter_t *waiter = LIST_ITEM (link, waiter_t, in_call);
    if (waiter->of == TROUPE_CMD_CALL)
      answer_refuse_waiter (core, waiter, error);
    if (waiter->awaits)
      refuse_await (core, waiter, error);
  }
}

void
awaiting_send_part (broker_core_t *core, const call_t *call, const troupe_header_t *header, troupe_buffer_t *body)
{
  LIST_EACH (link, &call->waiters)
  {
    const waiter_t *waiter = LIST_ITEM (link, const waiter_t, in_call);
    if (!waiter->stream)
      continue;
    core->counters[BROKER_COUNT_PARTS_SENT]++;
    answer_send (core, waiter->peer->connection, header, body);
  }
}

void
awaiting_refuse_untold (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  LIST_EACH (link, &call->waiters)
  {
    waiter_t *waiter = LIST_ITEM (link, waiter_t, in_call);
    if (waiter->of != TROUPE_CMD_CALL || waiter->told)
      continue;
    if (error != NULL)
      answer_refuse_waiter (core, waiter, error);
    if (waiter->awaits)
      waiter->of = TROUPE_CMD_AWAIT;
    else
      free_waiter (waiter);
  }
}

// -- Who waits for whom ----------------------------------------------------------------------------------------------

static waiter_t *
first_unchecked (const call_t *call)
{
  for (list_link_t *link = call->waiters.next; link != &call->waiters; link = link->next) {
    waiter_t *waiter = LIST_ITEM (link, waiter_t, in_call);
    if (waiter->unchecked)
      return waiter;
  }
  return NULL;
}

troupe_id_t
awaiting_unchecked (const call_t *call)
{
  const waiter_t *waiter = first_unchecked (call);
  return waiter != NULL ? waiter->waits : (troupe_id_t){{0}};
}

// The store has answered for one: it may wait, or `cycle` says why not. The others' turn comes next.
static void
checked (broker_core_t *core, call_t *call, const troupe_error_t *cycle)
{
  waiter_t *waiter = first_unchecked (call);
  if (waiter != NULL && troupe_id_equal (&waiter->waits, &call->checking)) {
    waiter->unchecked = false;
    if (cycle != NULL) {
      refuse_await (core, waiter, cycle);
      waiter->awaits = false;
    }
    if (cycle != NULL && waiter->of == TROUPE_CMD_AWAIT)
      free_waiter (waiter);
  }
  call->await_wanted = call->await_wanted || first_unchecked (call) != NULL;
}

static void
would_wait_for_itself (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_CYCLE, call->service != NULL ? call->service->name : "call",
                    "let one of them go on without waiting for the other", "%s",
                    result->why != NULL ? result->why : "the waiting call would wait for itself");
  checked (core, call, &error);
  call->await_wanted = call->await_wanted || call->waiters_count > 0; // the others', without a waiter
  asking_continue (core, call);
  calls_drop_unneeded (core, call);
}

// -- AWAIT -----------------------------------------------------------------------------------------------------------

// `older`: than the store's generation.
static troupe_err_t
unknown (troupe_error_t *error, bool older)
{
  return troupe_error_set (error, TROUPE_UNKNOWN_CALL, "call", "check its id and its session",
                           "the store has no such call: it never was, %s",
                           older ? "its result has expired, or the store has lost it since its history changed"
                                 : "or its result has expired");
}

static troupe_err_t
join (broker_core_t *core, call_t *call, peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  bool stream = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_STREAM) != 0;
  troupe_err_t err = awaiting_join (core, call, peer, TROUPE_CMD_AWAIT, stream, error);
  if (err != TROUPE_OK)
    return err;
  if (troupe_header_has (header, TROUPE_F (WAITER)) && !call->unstored) {
    waiter_t *waiter = find (call, peer);
    waiter->waits = header->waiter;
    waiter->unchecked = call->await_wanted = true;
  }
  if (troupe_header_has (header, TROUPE_F (ATTEMPT))) {
    find (call, peer)->runs = (uint32_t)header->attempt;
    placement_runs_on (core, call);
  }
  // Nothing is to be done for it here: so it isn't seen here either when the store has lost it (a Redis that may
  // forget), or who runs it, when another broker offered it, and now somebody reads along.
  if (call->phase == CALL_STORED)
    call->await_wanted = true;
  asking_continue (core, call);
  return TROUPE_OK;
}

static troupe_err_t
take_await (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  if (call != NULL && !troupe_text_equal (header->session, call->session))
    return unknown (error, false);
  if (call != NULL)
    return join (core, call, peer, header, error);
  if (!core->up)
    return answer_store_down (core, error);
  call = calls_new (core, &header->call, header->session, true, error);
  if (call == NULL)
    return error->code;
  call->await_wanted = true;
  troupe_err_t err = join (core, call, peer, header, error);
  if (err != TROUPE_OK)
    calls_destroy (core, call);
  else
    asking_continue (core, call);
  return err;
}

void
awaiting_on_await (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_error_t error;
  if (take_await (core, peer, header, &error) != TROUPE_OK)
    answer_refuse (core, peer->connection, TROUPE_CMD_AWAIT, header, &error);
}

static void
not_known (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  if (call->phase == CALL_HELD) {
    accepting_held_unknown (core, call);
  } else if (call->accept_wanted || call->outcome.status != TROUPE_STATUS_NONE) {
    asking_continue (core, call);
  } else if (call->phase == CALL_ACCEPTING) {
    accepting_doubt_unknown (core, call);
  } else if (call->whole || losses_explain (core, call)) {
    losses_end (core, call);
  } else {
    unknown (&error, result->older);
    calls_refuse (core, call, &error);
  }
}

static void
pending (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  if (call->phase == CALL_HELD) {
    accepting_held_known (core, call);
    calls_set_deadline (core, call, result->deadline_ms);
  } else if (call->phase == CALL_ACCEPTING && !call->accept_wanted) {
    accepting_doubt_known (core, call);
    calls_set_deadline (core, call, result->deadline_ms);
  }
  losses_seen (core, call);
  checked (core, call, NULL);
  streaming_ask (core, call, result);
  asking_continue (core, call);
  calls_drop_unneeded (core, call);
}

static void
failed (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  if (call->whole && call->phase != CALL_HELD) {
    asking_again (core, call, result);
    return;
  }
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "call", "see the log of Redis; send it again",
                    "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  error.retry_after_ms = RETRY_AFTER_MS;
  calls_refuse (core, call, &error);
}

void
awaiting_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_SETTLED:
    ending_finish (core, call, result->status, result->body);
    break;
  case LEDGER_PENDING:
    pending (core, call, result);
    break;
  case LEDGER_UNKNOWN:
    not_known (core, call, result);
    break;
  case LEDGER_CYCLE:
    would_wait_for_itself (core, call, result);
    break;
  case LEDGER_LOST:
    asking_again (core, call, result);
    break;
  default:
    failed (core, call, result);
  }
}

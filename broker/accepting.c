// SPDX-License-Identifier: Apache-2.0
//
// From CALL to the answer: stored, held, or refused.
//
// Before a call's service is known nothing is stored, so that a typo leaves no trace. But the ledger is asked whether
// the call was accepted earlier (through another broker, or an earlier life of this one): a caller that sends it again
// must not hear "refused" of a call that runs.
//
// Order: calls of one peer reach the ledger in the order in which they came, and held ones go before those that come
// after the service appeared, so an actor's mailbox has them in their callers' order.
//
// A request to store that was lost leaves a call in doubt. It is made again when the store is back; until the ledger
// has said what became of it, its caller hears nothing, and after its deadline that nobody knows.

#include "broker/accepting.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/ending.h"
#include "broker/recovery.h"
#include "broker/registry.h"

// -- CALL ------------------------------------------------------------------------------------------------------------

// Printable ASCII without spaces: a session is part of keys, logs and command lines.
static bool
session_valid (troupe_text_t session)
{
  for (size_t i = 0; i < session.size; i++)
    if (session.data[i] <= ' ' || session.data[i] > '~')
      return false;
  return session.size > 0;
}

static troupe_err_t
check_call (broker_core_t *core, const call_t *call, const troupe_header_t *header, troupe_error_t *error)
{
  if (!session_valid (header->session))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "session", NULL,
                             "a session's name is 1 to 128 printable ASCII characters without spaces");
  if (troupe_header_has (header, TROUPE_F (DEADLINE)) && header->deadline == 0)
    return troupe_error_set (error, TROUPE_DEADLINE, "call", NULL, "no time was left when the call was sent");
  if (call != NULL && !troupe_text_equal (header->session, call->session))
    return troupe_error_set (error, TROUPE_CONFLICT, "call", "give every call an id of its own",
                             "a call of this id is open in another session");
  if (!core->up && call == NULL)
    return answer_store_down (core, error);
  return TROUPE_OK;
}

static call_content_t
content_of (const troupe_header_t *header, troupe_buffer_t *body)
{
  call_content_t content = {.service = header->service, .body = body};
  if (troupe_header_has (header, TROUPE_F (PATH))) {
    content.path = header->path;
    content.path_count = header->path_count;
  }
  if (troupe_header_has (header, TROUPE_F (TRACE)))
    content.trace = header->trace;
  return content;
}

static bool
waits (const call_t *call)
{
  return (call->flags & TROUPE_FLAG_WAIT) != 0;
}

// Sets a call that was just filled on its way: to the ledger, or to those that wait for their service.
static void
begin (broker_core_t *core, call_t *call, const troupe_header_t *header)
{
  call->flags = troupe_header_has (header, TROUPE_F (FLAGS)) ? (uint32_t)header->flags : 0;
  call->deadline_ms = troupe_header_has (header, TROUPE_F (DEADLINE)) ? (int64_t)header->deadline : 0;
  calls_set_deadline (core, call, call->deadline_ms);
  if (call->service->instances_count > 0) {
    call->phase = CALL_ACCEPTING;
    call->accept_wanted = true;
  } else {
    call->phase = CALL_HELD;
    call->await_wanted = true;
    if (waits (call) && call->deadline_ms == 0)
      calls_set_deadline (core, call, core->options.limits.deadline);
    list_append (&call->service->held, &call->in_phase);
  }
  asking_continue (core, call);
}

static troupe_err_t
take_call (broker_core_t *core, call_t *call, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body,
           troupe_error_t *error)
{
  bool stream = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_STREAM) != 0;
  size_t limit = core->options.limits.open_bytes;
  if (!call->whole && core->open_bytes + troupe_buffer_size (body) > limit) {
    calls_drop_unneeded (core, call);
    return calls_overloaded (core, error, "bytes of calls (limits.open_bytes)", limit);
  }
  troupe_err_t err = awaiting_join (core, call, peer, TROUPE_CMD_CALL, stream, error);
  if (err != TROUPE_OK) {
    calls_drop_unneeded (core, call);
    return err;
  }
  if (call->whole) {
    core->counters[BROKER_COUNT_CALLS_REPEATED]++;
    if (call->phase != CALL_HELD && call->phase != CALL_ACCEPTING)
      awaiting_tell_accepted (core, call);
    return TROUPE_OK;
  }
  call_content_t content = content_of (header, body);
  err = calls_fill (core, call, &content, error);
  if (err == TROUPE_OK)
    begin (core, call, header);
  else
    awaiting_quit (core, call, peer);
  return err;
}

void
accepting_on_call (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error;
  call_t *call = calls_find (core, &header->call);
  troupe_err_t err = check_call (core, call, header, &error);
  if (err == TROUPE_OK && call == NULL) {
    call = calls_new (core, &header->call, header->session, true, &error);
    err = call != NULL ? TROUPE_OK : error.code;
  }
  if (err == TROUPE_OK)
    err = take_call (core, call, peer, header, body, &error);
  if (err != TROUPE_OK)
    answer_refuse (core, peer->connection, TROUPE_CMD_CALL, header, &error);
}

// -- Before it is stored ---------------------------------------------------------------------------------------------

static void
accept_held (broker_core_t *core, call_t *call)
{
  // Accepting tells what was asked, and must not wait for that: calls that come now must not overtake this one.
  asking_abandon (core, call);
  call->await_wanted = false;
  list_remove (&call->in_phase);
  call->phase = CALL_ACCEPTING;
  call->actor = call->service->actor;
  call->accept_wanted = true;
  asking_continue (core, call);
}

void
accepting_service_appeared (broker_core_t *core, service_t *service)
{
  for (list_link_t *link; (link = list_first (&service->held)) != NULL;)
    accept_held (core, LIST_ITEM (link, call_t, in_phase));
}

static void
refuse_unknown (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  registry_unknown (core, call->service->name, &error);
  calls_refuse (core, call, &error);
}

void
accepting_held_unknown (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  if (call->outcome.status == TROUPE_STATUS_CANCELLED || call->outcome.status == TROUPE_STATUS_DEADLINE) {
    bool cancelled = call->outcome.status == TROUPE_STATUS_CANCELLED;
    troupe_error_set (&error, cancelled ? TROUPE_CANCELLED : TROUPE_DEADLINE, call->service->name, NULL, "%s",
                      cancelled ? "its caller cancelled it" : "no instance of the service came until the deadline");
    calls_refuse (core, call, &error);
  } else if (core->settled_in && !waits (call)) {
    refuse_unknown (core, call);
  }
}

void
accepting_held_known (broker_core_t *core, call_t *call)
{
  list_remove (&call->in_phase);
  call->phase = CALL_STORED;
  core->counters[BROKER_COUNT_CALLS_REPEATED]++;
  awaiting_tell_accepted (core, call);
}

void
accepting_settled_in (broker_core_t *core)
{
  LIST_EACH (link, &core->all_calls)
  {
    call_t *call = LIST_ITEM (link, call_t, in_core);
    if (call->phase == CALL_HELD && !call->asking && !waits (call))
      refuse_unknown (core, call);
  }
}

static troupe_err_t
store_failed (troupe_error_t *error, const call_t *call, const char *why)
{
  troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, call->service->name, "see the log of Redis",
                    "the store could not take the call: %s", why != NULL ? why : "no reason given");
  error->retry_after_ms = RETRY_AFTER_MS;
  return TROUPE_STORE_UNAVAILABLE;
}

static void
accept_refused (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  if (result->outcome == LEDGER_OVERLOADED)
    troupe_error_set (&error, TROUPE_OVERLOADED, call->service->name, "send it again later, or raise limits.mailbox",
                      "%u calls wait for this actor already (limits.mailbox)", core->options.limits.mailbox);
  else
    store_failed (&error, call, result->why);
  error.retry_after_ms = RETRY_AFTER_MS;
  calls_refuse (core, call, &error);
}

// The ledger could not store it now, but may have done so before: it is asked whether it has. It isn't asked to store
// it once more, because its caller's next calls may be stored by now.
static void
resolve_doubt (broker_core_t *core, call_t *call)
{
  call->await_wanted = true;
  asking_continue (core, call);
}

void
accepting_doubt_known (broker_core_t *core, call_t *call)
{
  call->phase = CALL_STORED;
  call->in_doubt = false;
  core->counters[BROKER_COUNT_CALLS_ACCEPTED]++;
  awaiting_tell_accepted (core, call);
  recovery_read_slot (core, call->session); // how it stands, and whether it is to be offered
}

void
accepting_doubt_unknown (broker_core_t *core, call_t *call)
{
  troupe_error_t error;
  store_failed (&error, call, "it reported an error");
  calls_refuse (core, call, &error);
}

// Stored just now, or known: in either case its caller has what it wanted.
static void
accepted (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  bool known = result->outcome == LEDGER_KNOWN;
  core->counters[known ? BROKER_COUNT_CALLS_REPEATED : BROKER_COUNT_CALLS_ACCEPTED]++;
  call->phase = CALL_STORED;
  call->in_doubt = false;
  calls_set_deadline (core, call, result->deadline_ms);
  awaiting_tell_accepted (core, call);
  attempt_t attempt = {result->attempt, result->memory, result->deadline_ms};
  if (result->ready && known)
    attempts_resume (core, call, &attempt);
  else if (result->ready)
    attempts_begin (core, call, &attempt);
  else if (call->turn.attempt != 0)
    attempts_begin (core, call, &call->turn);
  else
    asking_continue (core, call);
}

void
accepting_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
  case LEDGER_KNOWN:
    accepted (core, call, result);
    break;
  case LEDGER_SETTLED:
    core->counters[BROKER_COUNT_CALLS_REPEATED]++;
    ending_finish (core, call, result->status, result->body);
    break;
  case LEDGER_LOST:
    call->in_doubt = true;
    asking_again (core, call, result);
    break;
  case LEDGER_OVERLOADED:
    accept_refused (core, call, result);
    break;
  default:
    if (call->in_doubt)
      resolve_doubt (core, call);
    else
      accept_refused (core, call, result);
  }
}

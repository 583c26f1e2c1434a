// SPDX-License-Identifier: Apache-2.0
//
// From CALL to the ledger: checked, and taken there or held.
//
// Before a call's service is known nothing is stored, so that a typo leaves no trace. But the ledger is asked whether
// the call was accepted earlier (through another broker, or an earlier life of this one): a caller that sends it again
// must not hear "refused" of a call that runs.
//
// Order: calls of one peer reach the ledger in the order in which they came, and held ones go before those that come
// after the service appeared, so an actor's mailbox has them in their callers' order. Where that is not enough (a call
// was lost on its way here, or is held while those after it are not), the ledger refuses what came too early, by the
// PREVIOUS that its caller named.
//
// A nested call that is here already, and that a later attempt of its parent makes again, is taken to the ledger again,
// which knows whether that attempt may make it. What came of it concerns only those who asked then.
//
// What the ledger answers is accepting_result.c's.

#include "broker/accepting.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/registry.h"
#include "broker/unstored.h"

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

static bool
is_volatile (const troupe_header_t *header)
{
  return troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE) != 0;
}

static uint32_t
parent_of (const troupe_header_t *header)
{
  return troupe_header_has (header, TROUPE_F (PARENT)) ? (uint32_t)header->parent : 0;
}

static troupe_id_t
previous_of (const troupe_header_t *header)
{
  return troupe_header_has (header, TROUPE_F (PREVIOUS)) ? header->previous : (troupe_id_t){{0}};
}

static troupe_err_t
check_call (broker_core_t *core, const call_t *call, const troupe_header_t *header, troupe_error_t *error)
{
  if (!session_valid (header->session))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "session", NULL,
                             "a session's name is 1 to 128 printable ASCII characters without spaces");
  if (troupe_header_has (header, TROUPE_F (DEADLINE)) && header->deadline == 0)
    return troupe_error_set (error, TROUPE_DEADLINE, "call", NULL, "no time was left when the call was sent");
  if (troupe_header_has (header, TROUPE_F (PARENT)) &&
      (!troupe_header_has (header, TROUPE_F (PATH)) || header->path_count == 0))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "call", "send the ids of the calls that it is made for",
                             "PARENT without PATH: it is the attempt of the last of those");
  if (troupe_header_has (header, TROUPE_F (PREVIOUS)) && troupe_id_equal (&header->previous, &header->call))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "call", "name the call that was made before it",
                             "PREVIOUS is the call itself");
  if (troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_OBSERVE) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "call", "call it without the flag",
                             "only a broker asks to observe");
  if (call != NULL && !troupe_text_equal (header->session, call->session))
    return troupe_error_set (error, TROUPE_CONFLICT, "call", "give every call an id of its own",
                             "a call of this id is open in another session");
  if (is_volatile (header))
    return unstored_check (core, header, error);
  if (!core->up && call == NULL)
    return answer_store_down (core, error);
  return TROUPE_OK;
}

static call_content_t
content_of (const troupe_header_t *header, troupe_buffer_t *body)
{
  call_content_t content = {.service = header->service, .body = body, .brief = is_volatile (header)};
  if (troupe_header_has (header, TROUPE_F (PATH))) {
    content.path = header->path;
    content.path_count = header->path_count;
  }
  if (troupe_header_has (header, TROUPE_F (INPUTS))) {
    content.inputs = header->inputs;
    content.inputs_count = header->inputs_count;
  }
  if (troupe_header_has (header, TROUPE_F (HUBS))) {
    content.hubs = header->hubs;
    content.hubs_count = header->hubs_count;
  }
  if (troupe_header_has (header, TROUPE_F (FAN)))
    content.fan = header->fan;
  if (troupe_header_has (header, TROUPE_F (TRACE)))
    content.trace = header->trace;
  return content;
}

static bool
waits (const call_t *call)
{
  return (call->flags & TROUPE_FLAG_WAIT) != 0;
}

static void
refuse_unknown (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  registry_unknown (core, call->service->name, &error);
  calls_refuse_callers (core, call, &error);
}

// Sets a call that was just filled on its way: to the ledger, or to those that wait for their service.
static void
begin (broker_core_t *core, call_t *call, const troupe_header_t *header)
{
  call->flags = troupe_header_has (header, TROUPE_F (FLAGS)) ? (uint32_t)header->flags : 0;
  call->deadline_ms = troupe_header_has (header, TROUPE_F (DEADLINE)) ? (int64_t)header->deadline : 0;
  call->parent = parent_of (header);
  call->previous = previous_of (header);
  calls_set_deadline (core, call, call->deadline_ms);
  if (is_volatile (header))
    unstored_prepare (core, call);
  if (call->service->instances_count > 0 || call->hub_work != NULL) {
    call->phase = CALL_ACCEPTING;
    call->accept_wanted = true;
  } else {
    call->phase = CALL_HELD;
    call->await_wanted = true;
    if (waits (call) && call->deadline_ms == 0)
      calls_set_deadline (core, call, core->options.limits.deadline);
    list_append (&call->service->held, &call->in_phase);
  }
  if (call->phase == CALL_HELD && call->unstored && core->settled_in && !waits (call))
    refuse_unknown (core, call);
  else
    asking_continue (core, call);
}

// Its caller sends it again, with or without `wait`: it may keep it waiting no longer, to ask another broker.
static void
hold_as (broker_core_t *core, call_t *call, const troupe_header_t *header)
{
  bool wait = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_WAIT) != 0;
  call->flags = wait ? call->flags | TROUPE_FLAG_WAIT : call->flags & ~(uint32_t)TROUPE_FLAG_WAIT;
  if (!wait && core->settled_in && !call->asking)
    refuse_unknown (core, call);
}

// The ledger will say whether those who call may.
static bool
is_asked (const call_t *call)
{
  return call->accept_wanted || (call->asking && call->op == LEDGER_ACCEPT);
}

static troupe_err_t
take_call (broker_core_t *core, call_t *call, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body,
           troupe_error_t *error)
{
  bool stream = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_STREAM) != 0;
  size_t limit = core->options.limits.open_bytes;
  if (!call->whole && core->open_bytes + troupe_buffer_size (body) > limit) {
    calls_drop_unneeded (core, call);
    return calls_overloaded (core, error, BROKER_QUEUE_OPEN_BYTES, "bytes of calls (limits.open_bytes)", limit);
  }
  troupe_err_t err = awaiting_join (core, call, peer, TROUPE_CMD_CALL, stream, error);
  if (err != TROUPE_OK) {
    calls_drop_unneeded (core, call);
    return err;
  }
  if (call->whole) {
    core->counters[BROKER_COUNT_CALLS_REPEATED]++;
    call->previous = previous_of (header); // of what isn't stored yet, the caller knows more now
    if (call->unstored) {
      unstored_joined (core, call);
    } else if (parent_of (header) > call->parent && call->phase != CALL_HELD) {
      call->parent = parent_of (header);
      call->accept_wanted = true;
      asking_continue (core, call);
      return TROUPE_OK;
    }
    if (call->phase == CALL_HELD)
      hold_as (core, call, header);
    else if (call->phase != CALL_ACCEPTING && !is_asked (call))
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

void
accepting_held_unknown (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  if (call->outcome.status == TROUPE_STATUS_CANCELLED || call->outcome.status == TROUPE_STATUS_DEADLINE) {
    bool cancelled = call->outcome.status == TROUPE_STATUS_CANCELLED;
    troupe_error_set (&error, cancelled ? TROUPE_CANCELLED : TROUPE_DEADLINE, call->service->name, NULL, "%s",
                      cancelled ? "its caller cancelled it" : "no instance of the service came until the deadline");
    calls_refuse_callers (core, call, &error);
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
accepting_found (broker_core_t *core, call_t *call)
{
  if (call->phase == CALL_HELD)
    accepting_held_known (core, call);
  if (call->phase != CALL_ACCEPTING)
    return;
  call->phase = CALL_STORED;
  call->in_doubt = false;
  if (!is_asked (call))
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

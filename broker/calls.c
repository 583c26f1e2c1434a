// SPDX-License-Identifier: Apache-2.0
//
// A call is held here from the first message about it until it has settled: as long as its caller isn't answered, this
// is its only place; afterwards it is a copy of what the store has, with its input, so that nothing is read back to
// offer it. The input is one buffer from the socket to the ledger and to the offer.
//
// Before its service is known nothing is stored, so that a typo leaves no trace. But the ledger is asked whether the call was
// accepted earlier (through another broker, or an earlier life of this one): a caller that sends it again must not hear
// "refused" of a call that runs.
//
// Order: calls of one peer reach the ledger in the order in which they came, and held ones go before those that come
// after the service appeared, so an actor's mailbox has them in their callers' order.

#include "broker/calls.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/placement.h"
#include "broker/registry.h"
#include "broker/settling.h"

#include <stdlib.h>

// -- Making and forgetting -------------------------------------------------------------------------------------------

static uint64_t
hash_of (const broker_core_t *core, const troupe_id_t *id)
{
  return table_hash (&core->options.key, id->bytes, sizeof id->bytes);
}

call_t *
calls_find (const broker_core_t *core, const troupe_id_t *id)
{
  for (table_link_t *link = table_first (&core->calls, hash_of (core, id)); link != NULL; link = table_next (link)) {
    call_t *call = LIST_ITEM (link, call_t, by_id);
    if (memcmp (call->id.bytes, id->bytes, sizeof id->bytes) == 0)
      return call;
  }
  return NULL;
}

// `error` may be NULL.
static troupe_err_t
overloaded (const broker_core_t *core, troupe_error_t *error, const char *what, size_t limit)
{
  troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later, or raise the limit",
                    "the broker holds as many %s as it may (%zu)", what, limit);
  if (error != NULL)
    error->retry_after_ms = RETRY_AFTER_MS;
  return TROUPE_OVERLOADED;
}

call_t *
calls_new (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, bool limited, troupe_error_t *error)
{
  if (limited && core->calls.count >= core->options.limits.open_calls) {
    overloaded (core, error, "open calls (limits.open_calls)", core->options.limits.open_calls);
    return NULL;
  }
  call_t *call = calloc (1, sizeof *call + session.size + 1);
  if (call == NULL || alarms_reserve (&core->deadlines, core->calls.count + 1) != TROUPE_OK) {
    free (call);
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  memcpy (call->session, session.data, session.size);
  call->id = *id;
  call->phase = CALL_STORED;
  list_init (&call->waiters);
  list_init (&call->in_phase);
  list_init (&call->in_again);
  table_insert (&core->calls, &call->by_id, hash_of (core, id));
  list_append (&core->all_calls, &call->in_core);
  return call;
}

static troupe_err_t
copy_content (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error)
{
  troupe_id_t *path = NULL;
  char *trace = NULL;
  if (content->path_count > 0 && (path = calloc (content->path_count, sizeof *path)) != NULL)
    memcpy (path, content->path, content->path_count * sizeof *path);
  if (content->trace.data != NULL)
    trace = strndup (content->trace.data, content->trace.size);
  if ((content->path_count > 0 && path == NULL) || (content->trace.data != NULL && trace == NULL)) {
    free (path);
    free (trace);
    return answer_no_memory (core, call->service->name, error);
  }
  call->path = path;
  call->path_count = content->path_count;
  call->trace = trace;
  return TROUPE_OK;
}

troupe_err_t
calls_fill (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error)
{
  call->service = registry_take (core, content->service, error);
  if (call->service == NULL)
    return error->code;
  troupe_err_t err = copy_content (core, call, content, error);
  if (err != TROUPE_OK) {
    registry_release (core, call->service);
    call->service = NULL;
    return err;
  }
  call->actor = call->service->actor;
  call->body = troupe_buffer_ref (content->body);
  core->open_bytes += troupe_buffer_size (call->body);
  call->whole = true;
  return TROUPE_OK;
}

// Takes it out of the queue, the held ones or the orphans. (A running one gives its credit back instead.)
static void
leave_phase (call_t *call)
{
  if (call->phase == CALL_QUEUED)
    placement_withdraw (call);
  else
    list_remove (&call->in_phase);
}

void
calls_destroy (broker_core_t *core, call_t *call)
{
  asking_abandon (core, call);
  if (call->instance != NULL)
    registry_return (core, call);
  leave_phase (call);
  awaiting_clear (call);
  settling_clear_outcome (call);
  alarms_clear (&core->deadlines, &call->deadline);
  table_remove (&core->calls, &call->by_id);
  list_remove (&call->in_core);
  core->open_bytes -= troupe_buffer_size (call->body);
  troupe_buffer_unref (&call->body);
  if (call->service != NULL)
    registry_release (core, call->service);
  free (call->path);
  free (call->trace);
  free (call);
}

void
calls_drop_unneeded (broker_core_t *core, call_t *call)
{
  if (call->waiters_count > 0 || call->outcome.status != TROUPE_STATUS_NONE || call->accept_wanted)
    return;
  if (call->phase == CALL_HELD || (call->phase == CALL_STORED && !call->whole))
    calls_destroy (core, call);
}

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
  call->flags = troupe_header_has (header, TROUPE_F (FLAGS)) ? (uint32_t) header->flags : 0;
  call->deadline_ms = troupe_header_has (header, TROUPE_F (DEADLINE)) ? (int64_t) header->deadline : 0;
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
    return overloaded (core, error, "bytes of calls (limits.open_bytes)", limit);
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
calls_on_call (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
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

void
calls_set_deadline (broker_core_t *core, call_t *call, int64_t remaining)
{
  if (remaining > 0)
    alarms_set (&core->deadlines, &call->deadline, core->now + remaining);
  else
    alarms_clear (&core->deadlines, &call->deadline);
}

void
calls_refuse (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  awaiting_tell_refused (core, call, error);
  calls_destroy (core, call);
}

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
calls_service_appeared (broker_core_t *core, service_t *service)
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
calls_held_unknown (broker_core_t *core, call_t *call)
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
calls_held_known (broker_core_t *core, call_t *call)
{
  list_remove (&call->in_phase);
  call->phase = CALL_STORED;
  core->counters[BROKER_COUNT_CALLS_REPEATED]++;
  awaiting_tell_accepted (core, call);
}

void
calls_settled_in (broker_core_t *core)
{
  LIST_EACH (link, &core->all_calls) {
    call_t *call = LIST_ITEM (link, call_t, in_core);
    if (call->phase == CALL_HELD && !call->asking && !waits (call))
      refuse_unknown (core, call);
  }
}

static void
accept_refused (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  if (result->outcome == LEDGER_OVERLOADED)
    troupe_error_set (&error, TROUPE_OVERLOADED, call->service->name, "send it again later, or raise limits.mailbox",
                      "%u calls wait for this actor already (limits.mailbox)", core->options.limits.mailbox);
  else
    troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, call->service->name, "see the log of Redis",
                      "the store could not take the call: %s", result->why != NULL ? result->why : "no reason given");
  error.retry_after_ms = RETRY_AFTER_MS;
  calls_refuse (core, call, &error);
}

// Stored just now, or known: in either case its caller has what it wanted.
static void
accepted (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  bool known = result->outcome == LEDGER_KNOWN;
  core->counters[known ? BROKER_COUNT_CALLS_REPEATED : BROKER_COUNT_CALLS_ACCEPTED]++;
  call->phase = CALL_STORED;
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
calls_accept_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
  case LEDGER_KNOWN:
    accepted (core, call, result);
    break;
  case LEDGER_SETTLED:
    core->counters[BROKER_COUNT_CALLS_REPEATED]++;
    settling_finish (core, call, result->status, result->body);
    break;
  case LEDGER_LOST:
    asking_again (core, call, result);
    break;
  default:
    accept_refused (core, call, result);
  }
}

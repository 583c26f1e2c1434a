// SPDX-License-Identifier: Apache-2.0
//
// A call has one outcome. The first that comes here (of its instance, its caller, its deadline, the last of its
// instances to die) is taken to the ledger, which takes the first of all brokers'. Nobody is told before it is stored.
// An outcome that came second is refused: to the instance that means that its work was superseded.
//
// An instance's credit is free again as soon as its outcome is here. One that still runs a call which has settled
// otherwise is told to stop.
//
// An outcome for a call that isn't held here (this broker restarted, or another one offered it) goes to the ledger as
// it is, and the attempt number decides there.

#include "broker/settling.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/peers.h"
#include "broker/placement.h"
#include "broker/recovery.h"
#include "broker/registry.h"

#include <stdlib.h>

// -- Outcomes --------------------------------------------------------------------------------------------------------

void
settling_clear_outcome (call_t *call)
{
  troupe_buffer_unref (&call->outcome.body);
  troupe_buffer_unref (&call->outcome.value);
  free (call->outcome.sizes);
  call->outcome = (outcome_t){0};
}

static void
unref_whole (void *data, void *hint)
{
  troupe_buffer_t *whole = hint;
  (void) data;
  troupe_buffer_unref (&whole);
}

// The first `size` bytes of `whole`, sharing them.
static troupe_buffer_t *
beginning_of (troupe_buffer_t *whole, size_t size)
{
  if (size == troupe_buffer_size (whole))
    return troupe_buffer_ref (whole);
  union {
    const void *constant;
    void *data;
  } bytes = {troupe_buffer_data (whole)};
  troupe_buffer_t *part = NULL;
  if (troupe_buffer_adopt (&part, bytes.data, size, unref_whole, whole) == TROUPE_OK)
    troupe_buffer_ref (whole);
  return part;
}

static size_t
memory_size (const troupe_header_t *header)
{
  size_t size = 0;
  for (uint32_t i = 0; troupe_header_has (header, TROUPE_F (SIZES)) && i < header->sizes_count; i++)
    size += header->sizes[i];
  return size;
}

static troupe_err_t
make_outcome (broker_core_t *core, outcome_t *out, const peer_t *peer, const troupe_header_t *header,
              troupe_buffer_t *body, troupe_error_t *error)
{
  size_t value_size = troupe_buffer_size (body) - memory_size (header);
  outcome_t outcome = {.status = (troupe_status_t) header->status,
                       .attempt = (uint32_t) header->attempt,
                       .said = (uint32_t) header->attempt,
                       .from = peer->connection};
  uint32_t count = troupe_header_has (header, TROUPE_F (SIZES)) ? header->sizes_count : 0;
  if (count > 0) {
    outcome.sizes = calloc (count, sizeof *outcome.sizes);
    if (outcome.sizes == NULL)
      return answer_no_memory (core, "outcome", error);
    memcpy (outcome.sizes, header->sizes, count * sizeof *outcome.sizes);
    outcome.sizes_count = count;
  }
  outcome.value = beginning_of (body, value_size);
  if (outcome.value == NULL && body != NULL) {
    free (outcome.sizes);
    return answer_no_memory (core, "outcome", error);
  }
  outcome.body = troupe_buffer_ref (body);
  *out = outcome;
  return TROUPE_OK;
}

// It will settle: nobody shall be offered it any more.
static void
stop_offering (call_t *call)
{
  if (call->phase == CALL_QUEUED)
    placement_withdraw (call);
  else if (call->phase == CALL_ORPHAN)
    list_remove (&call->in_phase);
  if (call->phase == CALL_ORPHAN || call->phase == CALL_RETRYING)
    call->phase = CALL_STORED;
}

// -- SETTLE ----------------------------------------------------------------------------------------------------------

static troupe_err_t
stale (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_STALE, "call", "drop the result",
                           "another attempt runs the call, or it has settled otherwise");
}

static troupe_err_t
unknown (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_UNKNOWN_CALL, "call", "drop the result",
                           "the store has no such call: it never was, or its result has expired");
}

static troupe_err_t
check_settle (const call_t *call, const troupe_header_t *header, troupe_buffer_t *body, troupe_error_t *error)
{
  if (header->status == TROUPE_STATUS_NONE || header->attempt == 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "settle", NULL, "status and attempt begin with 1");
  if (memory_size (header) > troupe_buffer_size (body))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "settle", NULL,
                             "the sizes of the memory entries are more than the body has");
  if (call == NULL)
    return TROUPE_OK;
  if (!troupe_text_equal (header->session, call->session))
    return unknown (error);
  if (call->whole && !call->actor && memory_size (header) > 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service->name, "register it as an actor",
                             "memory entries of a service that is no actor");
  return TROUPE_OK;
}

static troupe_err_t
take_outcome (broker_core_t *core, call_t *call, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body,
              troupe_error_t *error)
{
  outcome_t *outcome = &call->outcome;
  if (outcome->status != TROUPE_STATUS_NONE) {
    if (outcome->from == 0 || outcome->said != header->attempt)
      return stale (error);
    outcome->from = peer->connection; // the same again, over a new connection
    return TROUPE_OK;
  }
  bool late = call->ran != 0 && header->attempt == call->ran;
  if (call->whole && header->attempt < call->attempt && !late)
    return stale (error);
  troupe_err_t err = make_outcome (core, outcome, peer, header, body, error);
  if (err != TROUPE_OK)
    return err;
  if (late)
    outcome->attempt = call->attempt;
  stop_offering (call);
  if (call->instance != NULL && call->instance->peer == peer && header->attempt == call->attempt)
    registry_return (core, call);
  asking_continue (core, call);
  return TROUPE_OK;
}

void
settling_on_settle (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error;
  call_t *call = calls_find (core, &header->call);
  troupe_err_t err = check_settle (call, header, body, &error);
  if (err == TROUPE_OK && call == NULL) {
    call = calls_new (core, &header->call, header->session, true, &error);
    err = call != NULL ? TROUPE_OK : error.code;
  }
  if (err == TROUPE_OK) {
    err = take_outcome (core, call, peer, header, body, &error);
    if (err != TROUPE_OK)
      calls_drop_unneeded (core, call);
  }
  if (err == TROUPE_OK)
    return;
  core->counters[BROKER_COUNT_SETTLES_REFUSED]++;
  answer_refuse (core, peer->connection, TROUPE_CMD_SETTLE, header, &error);
}

// -- Ends that are not the instance's --------------------------------------------------------------------------------

void
settling_end (broker_core_t *core, call_t *call, troupe_status_t status, uint32_t attempt,
              const troupe_error_t *error)
{
  if (call->outcome.status != TROUPE_STATUS_NONE)
    return;
  if (call->phase == CALL_HELD && !call->asking) {
    calls_refuse (core, call, error);
    return;
  }
  call->outcome.status = status;
  call->outcome.attempt = attempt;
  call->outcome.body = answer_error_body (core, error);
  call->outcome.value = troupe_buffer_ref (call->outcome.body);
  stop_offering (call);
  asking_continue (core, call);
}

void
settling_expire (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  const char *name = call->service != NULL ? call->service->name : "call";
  if (call->phase == CALL_ACCEPTING && asking_waits (call)) {
    troupe_error_set (&error, TROUPE_DEADLINE, name, "see whether Redis runs",
                      "the deadline passed while the store was away; if the call was stored, it ends the same way");
    calls_refuse (core, call, &error);
    return;
  }
  troupe_error_set (&error, TROUPE_DEADLINE, name, "give it more time, or see what holds it up",
                    call->phase == CALL_HELD     ? "no instance of the service came until the deadline"
                    : call->phase == CALL_QUEUED ? "no instance had credit for it until the deadline"
                                                 : "the deadline passed");
  settling_end (core, call, TROUPE_STATUS_DEADLINE, 0, &error);
}

static troupe_err_t
cancel (broker_core_t *core, const troupe_header_t *header, troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  bool with_session = troupe_header_has (header, TROUPE_F (SESSION));
  if (call == NULL && !with_session)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "cancel", NULL, "cancel needs the call's session");
  if (call != NULL && with_session && !troupe_text_equal (header->session, call->session))
    return unknown (error);
  if (call == NULL)
    call = calls_new (core, &header->call, header->session, true, error);
  if (call == NULL)
    return error->code;
  troupe_error_t cancelled = {0};
  troupe_error_set (&cancelled, TROUPE_CANCELLED, call->service != NULL ? call->service->name : "call", NULL,
                    "its caller cancelled it");
  settling_end (core, call, TROUPE_STATUS_CANCELLED, 0, &cancelled);
  return TROUPE_OK;
}

void
settling_on_cancel (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void) body;
  troupe_error_t error = {0};
  if (cancel (core, header, &error) != TROUPE_OK)
    answer_refuse (core, peer->connection, TROUPE_CMD_CANCEL, header, &error);
}

// -- It has settled --------------------------------------------------------------------------------------------------

static void
tell_instance_to_stop (broker_core_t *core, const call_t *call)
{
  if (call->instance == NULL)
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_attempt (&header, call->attempt);
  answer_send (core, call->instance->peer->connection, &header, NULL);
}

// Tells the instance that its outcome was taken.
static void
confirm (broker_core_t *core, call_t *call)
{
  if (call->outcome.from == 0)
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CONFIRMED);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_attempt (&header, call->outcome.said);
  answer_send (core, call->outcome.from, &header, NULL);
  call->outcome.from = 0;
}

// Tells the instance that brought the outcome that it wasn't taken, and forgets the outcome.
static void
refuse_outcome (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  if (call->outcome.from != 0) {
    troupe_header_t about;
    troupe_header_init (&about, TROUPE_CMD_SETTLE);
    troupe_header_set_call (&about, &call->id);
    troupe_header_set_attempt (&about, call->outcome.said);
    core->counters[BROKER_COUNT_SETTLES_REFUSED]++;
    if (peers_find (core, call->outcome.from) != NULL)
      answer_refuse (core, call->outcome.from, TROUPE_CMD_SETTLE, &about, error);
  }
  settling_clear_outcome (call);
}

void
settling_finish (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value)
{
  troupe_error_t error = {0};
  if (call->outcome.from != 0) { // it brought another outcome than this one
    stale (&error);
    refuse_outcome (core, call, &error);
  }
  tell_instance_to_stop (core, call);
  awaiting_tell_settled (core, call, status, value);
  calls_destroy (core, call);
}

void
settling_vanished (broker_core_t *core, call_t *call)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&call->id, id);
  answer_note (core, TROUPE_LOG_ERROR, "the store has lost a call", "call", id, "session", call->session);
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_UNKNOWN_CALL, call->service != NULL ? call->service->name : "call",
                    "see whether Redis lost data (store.fsync, maxmemory-policy)",
                    "the call was stored, and the store doesn't know it any more");
  refuse_outcome (core, call, &error);
  troupe_buffer_t *body = answer_error_body (core, &error);
  settling_finish (core, call, TROUPE_STATUS_ERROR, body);
  troupe_buffer_unref (&body);
}

static void
stored (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  static const broker_counter_t counters[] = {[TROUPE_STATUS_VALUE] = BROKER_COUNT_CALLS_VALUE,
                                              [TROUPE_STATUS_ERROR] = BROKER_COUNT_CALLS_ERROR,
                                              [TROUPE_STATUS_CANCELLED] = BROKER_COUNT_CALLS_CANCELLED,
                                              [TROUPE_STATUS_DEADLINE] = BROKER_COUNT_CALLS_DEADLINE};
  core->counters[counters[call->outcome.status]]++;
  confirm (core, call);
  settling_finish (core, call, call->outcome.status, call->outcome.value);
  for (size_t i = 0; i < result->calls_count; i++)
    recovery_next (core, &result->calls[i]);
}

// Another attempt owns the call.
static void
superseded (broker_core_t *core, call_t *call)
{
  bool ours = call->outcome.attempt == call->attempt;
  troupe_error_t error = {0};
  stale (&error);
  refuse_outcome (core, call, &error);
  if (ours && call->instance != NULL) {
    tell_instance_to_stop (core, call);
    registry_return (core, call);
  }
  call->await_wanted = call->phase == CALL_STORED && (call->whole || call->waiters_count > 0);
  asking_continue (core, call);
  calls_drop_unneeded (core, call);
}

static void
not_known (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  unknown (&error);
  bool stored_here = call->whole && call->phase != CALL_HELD && call->phase != CALL_ACCEPTING;
  if (stored_here) {
    settling_vanished (core, call);
    return;
  }
  refuse_outcome (core, call, &error);
  if (call->phase == CALL_HELD) {
    calls_held_unknown (core, call);
    return;
  }
  if (call->whole) {
    asking_continue (core, call);
    return;
  }
  awaiting_tell_refused (core, call, &error);
  calls_destroy (core, call);
}

static void
failed (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  if (call->whole) { // the outcome is here and nowhere else
    asking_again (core, call, result);
    return;
  }
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "call", "see the log of Redis; send it again",
                    "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  error.retry_after_ms = RETRY_AFTER_MS;
  refuse_outcome (core, call, &error);
  call->await_wanted = call->waiters_count > 0;
  asking_continue (core, call);
  calls_drop_unneeded (core, call);
}

void
settling_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
    stored (core, call, result);
    break;
  case LEDGER_SETTLED:
    settling_finish (core, call, result->status, result->body);
    break;
  case LEDGER_STALE:
    superseded (core, call);
    break;
  case LEDGER_UNKNOWN:
    not_known (core, call);
    break;
  case LEDGER_LOST:
    asking_again (core, call, result);
    break;
  default:
    failed (core, call, result);
  }
}

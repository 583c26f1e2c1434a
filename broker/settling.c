// SPDX-License-Identifier: Apache-2.0
//
// A call has one outcome. The first that comes here (of its instance, its caller, its deadline, the last of its
// instances to die) is taken to the ledger, which takes the first of all brokers'. Nobody is told before it is stored.
// An outcome that came second is refused: to the instance that means that its work was superseded.
//
// What the store has yet to take is bounded: an outcome beyond that is refused for now. Its instance keeps it, and sends
// it again.
//
// An instance's credit is free again as soon as its outcome is here. One that still runs a call which has settled
// otherwise is told to stop.
//
// An outcome for a call, or an attempt, that isn't known here (this broker restarted, or another one offered it) goes
// to the ledger as it is, and the attempt number decides there. It travels apart, as a detached call, so that it can't
// stand in the way of the attempt that is known here.

#include "broker/settling.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/confirming.h"
#include "broker/ending.h"
#include "broker/losses.h"
#include "broker/recovery.h"
#include "broker/registry.h"
#include "broker/rights.h"
#include "broker/rousing.h"
#include "broker/unstored.h"

#include <stdlib.h>

// -- Outcomes --------------------------------------------------------------------------------------------------------

static void
unref_whole (void *data, void *hint)
{
  troupe_buffer_t *whole = hint;
  (void)data;
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
check_room (broker_core_t *core, size_t size, troupe_error_t *error)
{
  size_t limit = core->options.limits.open_bytes;
  if (core->outcome_bytes + size <= limit)
    return TROUPE_OK;
  return calls_overloaded (core, error, BROKER_QUEUE_OUTCOME_BYTES,
                           "bytes of outcomes that Redis hasn't stored (limits.open_bytes)", limit);
}

static troupe_err_t
make_outcome (broker_core_t *core, call_t *call, const peer_t *peer, const troupe_header_t *header,
              troupe_buffer_t *body, troupe_error_t *error)
{
  size_t size = troupe_buffer_size (body), value_size = size - memory_size (header);
  troupe_err_t err = call->unstored ? TROUPE_OK : check_room (core, size, error);
  if (err != TROUPE_OK)
    return err;
  outcome_t outcome = {.status = (troupe_status_t)header->status,
                       .attempt = (uint32_t)header->attempt,
                       .said = (uint32_t)header->attempt,
                       .counted = call->unstored ? 0 : size,
                       .from = peer->connection};
  uint64_t flags = troupe_header_has (header, TROUPE_F (FLAGS)) ? header->flags : 0;
  outcome.retryable = outcome.status == TROUPE_STATUS_ERROR && (flags & TROUPE_FLAG_RETRYABLE) != 0;
  outcome.heard = (flags & TROUPE_FLAG_HEARD) != 0;
  outcome.epoch = troupe_header_has (header, TROUPE_F (EPOCH)) ? header->epoch : 0;
  uint32_t count = troupe_header_has (header, TROUPE_F (SIZES)) ? header->sizes_count : 0;
  if (count > 0) {
    outcome.sizes = calloc (count, sizeof *outcome.sizes);
    if (outcome.sizes == NULL)
      return answer_no_memory (core, "outcome", error);
    memcpy (outcome.sizes, header->sizes, count * sizeof *outcome.sizes);
    outcome.sizes_count = count;
  }
  // A volatile one is passed on at once; others wait for the store, which may be away.
  outcome.body = flags & TROUPE_FLAG_VOLATILE ? troupe_buffer_ref (body) : troupe_buffer_keep (body);
  outcome.value = beginning_of (outcome.body, value_size);
  if (outcome.value == NULL && body != NULL) {
    troupe_buffer_unref (&outcome.body);
    free (outcome.sizes);
    return answer_no_memory (core, "outcome", error);
  }
  core->outcome_bytes += outcome.counted;
  call->outcome = outcome;
  return TROUPE_OK;
}

// -- SETTLE ----------------------------------------------------------------------------------------------------------

troupe_err_t
settling_stale (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_STALE, "call", "drop the result",
                           "another attempt runs the call, or it has settled otherwise");
}

troupe_err_t
settling_unknown (troupe_error_t *error)
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
    return settling_unknown (error);
  if (call->whole && !call->actor && memory_size (header) > 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service->name, "register it as an actor",
                             "memory entries of a service that is no actor");
  return TROUPE_OK;
}

// Its attempt was lost, and nobody has been offered the next one: what it brings is as good.
static bool
is_late (const call_t *call, const troupe_header_t *header)
{
  return call->ran != 0 && header->attempt == call->ran;
}

// Whether somebody else runs this attempt, or nobody was offered it yet. (An instance that came back is the same one.)
static bool
is_forged (const call_t *call, const peer_t *peer, const troupe_header_t *header)
{
  if (header->attempt != call->attempt)
    return false; // the number decides
  if (call->phase != CALL_RUNNING)
    return call->phase == CALL_QUEUED || call->phase == CALL_PLACED;
  return call->instance->peer != peer && strcmp (call->instance->peer->name, peer->name) != 0;
}

static troupe_err_t
take_outcome (broker_core_t *core, call_t *call, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body,
              troupe_error_t *error)
{
  outcome_t *outcome = &call->outcome;
  if (outcome->status != TROUPE_STATUS_NONE) {
    if (outcome->from == 0 || outcome->said != header->attempt)
      return settling_stale (error);
    outcome->from = peer->connection; // the same again, over a new connection
    return TROUPE_OK;
  }
  troupe_err_t err = make_outcome (core, call, peer, header, body, error);
  if (err != TROUPE_OK)
    return err;
  outcome->attempt = call->attempt;
  ending_stop_offering (core, call);
  if (call->instance != NULL && call->instance->peer == peer)
    registry_return (core, call);
  asking_continue (core, call);
  return TROUPE_OK;
}

static troupe_err_t
forward (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body, troupe_error_t *error)
{
  call_t *call = calls_new_detached (core, &header->call, header->session, error);
  if (call == NULL)
    return error->code;
  troupe_err_t err = make_outcome (core, call, peer, header, body, error);
  if (err != TROUPE_OK) {
    calls_destroy (core, call);
    return err;
  }
  call->outcome.by = troupe_identity_ref (peer->identity); // what the call is of, only the store knows
  asking_continue (core, call);
  return TROUPE_OK;
}

static troupe_err_t
take_settle (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body,
             troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  troupe_err_t err = check_settle (call, header, body, error);
  if (err != TROUPE_OK)
    return err;
  bool ours = call != NULL && call->whole && call->attempt != 0;
  if (call != NULL && call->service != NULL && !rights_speak (core, peer, call->service->name))
    return settling_stale (error);
  if (ours && is_forged (call, peer, header))
    return settling_stale (error);
  if (ours && (header->attempt == call->attempt || is_late (call, header)))
    return take_outcome (core, call, peer, header, body, error);
  if (ours && call->unstored && call->instance != NULL && call->instance->peer == peer)
    return take_outcome (core, call, peer, header, body, error); // it runs it since another broker offered it
  if (ours && (call->unstored || header->attempt < call->attempt))
    return settling_stale (error);
  if (call == NULL && troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE) != 0)
    return settling_unknown (error); // it isn't in the store either
  return forward (core, peer, header, body, error);
}

void
settling_on_settle (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error;
  if (take_settle (core, peer, header, body, &error) == TROUPE_OK)
    return;
  settling_refuse (core, peer, header, &error);
}

void
settling_refuse (broker_core_t *core, peer_t *peer, const troupe_header_t *header, const troupe_error_t *error)
{
  core->counters[BROKER_COUNT_SETTLES_REFUSED]++;
  answer_refuse (core, peer->connection, TROUPE_CMD_SETTLE, header, error);
  unstored_settle_refused (core, peer, header, error);
}

// -- Results ---------------------------------------------------------------------------------------------------------

static void
count_end (broker_core_t *core, troupe_status_t status)
{
  static const broker_counter_t counters[] = {[TROUPE_STATUS_VALUE] = BROKER_COUNT_CALLS_VALUE,
                                              [TROUPE_STATUS_ERROR] = BROKER_COUNT_CALLS_ERROR,
                                              [TROUPE_STATUS_CANCELLED] = BROKER_COUNT_CALLS_CANCELLED,
                                              [TROUPE_STATUS_DEADLINE] = BROKER_COUNT_CALLS_DEADLINE};
  core->counters[counters[status]]++;
}

// What a detached call carried: the call itself may be held here too.
static void
finish_held (broker_core_t *core, const call_t *carrier, troupe_status_t status, troupe_buffer_t *value)
{
  call_t *held = carrier->detached ? calls_find (core, &carrier->id) : NULL;
  if (held != NULL)
    ending_finish (core, held, status, value);
}

void
settling_done (broker_core_t *core, call_t *call)
{
  count_end (core, call->outcome.status);
  confirming_tell (core, call);
  if ((call->flags & TROUPE_FLAG_OBSERVE) != 0)
    rousing_heard (core, &call->stretch.hub);
  finish_held (core, call, call->outcome.status, call->outcome.value);
  ending_finish (core, call, call->outcome.status, call->outcome.value);
}

static void
stored (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  settling_done (core, call);
  for (size_t i = 0; i < result->calls_count; i++)
    recovery_next (core, &result->calls[i]);
}

static void
settled_otherwise (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  finish_held (core, call, result->status, result->body);
  ending_finish (core, call, result->status, result->body);
}

// Another attempt owns the call.
static void
superseded (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error;
  settling_stale (&error);
  ending_refuse_outcome (core, call, &error);
  if (call->detached) {
    calls_destroy (core, call);
    return;
  }
  if (call->whole && result->attempt == call->attempt) // it is, but the actor lives on another instance by now
    attempts_begin_next (core, call);
  else
    attempts_give_up (core, call);
}

static void
not_known (broker_core_t *core, call_t *call)
{
  bool stored_here = call->whole && call->phase != CALL_HELD && call->phase != CALL_ACCEPTING;
  if (stored_here) {
    losses_end (core, call);
    return;
  }
  troupe_error_t error;
  settling_unknown (&error);
  ending_refuse_outcome (core, call, &error);
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
  if (call->whole || call->outcome.from == 0) { // the outcome is here and nowhere else
    asking_again (core, call, result);
    return;
  }
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "call", "see the log of Redis; send it again",
                    "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  error.retry_after_ms = RETRY_AFTER_MS;
  ending_refuse_outcome (core, call, &error);
  calls_destroy (core, call); // a detached one
}

void
settling_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
    stored (core, call, result);
    break;
  case LEDGER_SETTLED:
    settled_otherwise (core, call, result);
    break;
  case LEDGER_STALE:
    superseded (core, call, result);
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

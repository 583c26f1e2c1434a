// SPDX-License-Identifier: Apache-2.0
//
// What the ledger answered to a call that was to be stored: stored, known already, or not taken.
//
// A request to store that was lost leaves a call in doubt. It is made again when the store is back; until the ledger
// has said what became of it, its caller hears nothing, and after its deadline that nobody knows.

#include "broker/accepting.h"

#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/ending.h"
#include "broker/recovery.h"
#include "broker/streaming.h"

static troupe_err_t
store_failed (troupe_error_t *error, const call_t *call, const char *why)
{
  troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, call->service->name, "see the log of Redis",
                    "the store could not take the call: %s", why != NULL ? why : "no reason given");
  error->retry_after_ms = RETRY_AFTER_MS;
  return TROUPE_STORE_UNAVAILABLE;
}

// Those who asked for what was refused, which is everybody when the call isn't stored.
static void
refuse (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  if (call->phase == CALL_ACCEPTING) {
    calls_refuse_callers (core, call, error);
    return;
  }
  awaiting_refuse_untold (core, call, error);
  call->parent = 0; // that attempt isn't known there: it is asked for again when it makes the call again
  asking_continue (core, call);
}

static void
accept_refused (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  core->drops[BROKER_QUEUE_MAILBOX] += result->outcome == LEDGER_OVERLOADED && result->why == NULL;
  if (result->outcome == LEDGER_OVERLOADED && result->why != NULL)
    troupe_error_set (&error, TROUPE_OVERLOADED, call->service->name, "send it again later", "%s", result->why);
  else if (result->outcome == LEDGER_OVERLOADED)
    troupe_error_set (&error, TROUPE_OVERLOADED, call->service->name, "send it again later, or raise limits.mailbox",
                      "%u calls wait for this actor already (limits.mailbox)", core->options.limits.mailbox);
  else if (result->outcome == LEDGER_STALE)
    troupe_error_set (&error, TROUPE_STALE, call->service->name, "stop the attempt that makes it",
                      "the attempt that makes this call was superseded, or its call has settled");
  else if (result->outcome == LEDGER_UNKNOWN)
    troupe_error_set (&error, TROUPE_UNKNOWN_CALL, call->service->name, "check the ids of its inputs and the session",
                      "the store has no such call as its input %u: it never was, or its result has expired",
                      (unsigned)result->input + 1);
  else if (result->outcome == LEDGER_OUT_OF_ORDER)
    troupe_error_set (&error, TROUPE_OUT_OF_ORDER, call->service->name,
                      "send that one again, then this one; or this one without PREVIOUS, if that was refused",
                      "the call that its caller made before it (PREVIOUS) is not stored");
  else
    store_failed (&error, call, result->why);
  if (result->outcome == LEDGER_OVERLOADED || error.code == TROUPE_STORE_UNAVAILABLE)
    error.retry_after_ms = RETRY_AFTER_MS;
  refuse (core, call, &error);
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
  calls_refuse_callers (core, call, &error);
}

// Stored just now, or known: in either case its caller has what it wanted.
static void
accepted (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  bool known = result->outcome == LEDGER_KNOWN, again = call->phase != CALL_ACCEPTING;
  if (again && known) {
    awaiting_tell_accepted (core, call);
    asking_continue (core, call);
    return;
  }
  if (again) // it had ended by a retryable error, of which nobody here has heard, and begins anew
    attempts_stop (core, call);
  core->counters[known ? BROKER_COUNT_CALLS_REPEATED : BROKER_COUNT_CALLS_ACCEPTED]++;
  call->phase = CALL_STORED;
  call->in_doubt = false;
  call->term = core->term;
  calls_set_deadline (core, call, result->deadline_ms);
  awaiting_tell_accepted (core, call);
  attempt_t attempt = attempts_of_result (core, result);
  if (result->ready && known)
    attempts_resume (core, call, &attempt);
  else if (result->ready)
    attempts_begin (core, call, &attempt);
  else if (call->turn.attempt != 0)
    attempts_begin (core, call, &call->turn);
  else {
    streaming_ask (core, call, result);
    asking_continue (core, call);
  }
}

void
accepting_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  switch (result->outcome) {
  case LEDGER_OK:
  case LEDGER_KNOWN:
    accepted (core, call, result);
    break;
  case LEDGER_SETTLED: // an operation on a hub always does, whether it came for the first time or again
    core->counters[call->hub_work != NULL ? BROKER_COUNT_CALLS_ACCEPTED : BROKER_COUNT_CALLS_REPEATED]++;
    ending_finish (core, call, result->status, result->body);
    break;
  case LEDGER_LOST:
    call->in_doubt = true;
    asking_again (core, call, result);
    break;
  case LEDGER_OVERLOADED:
  case LEDGER_OUT_OF_ORDER:
    accept_refused (core, call, result);
    break;
  default:
    if (call->accept_wanted)
      asking_continue (core, call); // by a later attempt of the parent
    else if (call->in_doubt)
      resolve_doubt (core, call);
    else
      accept_refused (core, call, result);
  }
}

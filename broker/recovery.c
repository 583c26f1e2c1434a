// SPDX-License-Identifier: Apache-2.0
//
// The store keeps, for each slot, the open calls that a broker offers, and the deadlines of all calls. A broker that
// starts reads the first and goes on with its work; every broker sweeps the second, so calls end in time also when
// nobody holds them any more. Two brokers that find the same one settle it once.
//
// What another broker offered is taken over in the same way as what is read: the store answers with the calls.
//
// A broker whose own lease had run out, for it stood still or had lost the store, holds calls that others may have
// taken over since. It reads every slot, and gives up what it holds and didn't find.
//
// Reading a slot is also the way out whenever a call's turn comes and its input is not here.

#include "broker/recovery.h"

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/calls.h"
#include "broker/ending.h"
#include "broker/leases.h"
#include "broker/losses.h"

_Static_assert(LEDGER_SLOTS == 64, "a bit for each slot");

static void
request_slot (broker_core_t *core, ledger_op_t op, unsigned slot)
{
  ledger_request_t request = {.op = op, .slot = slot, .token = (uint64_t)slot << ASKING_KIND_BITS | ASKING_SLOT};
  if (op == LEDGER_TAKEOVER) {
    request.broker = core->lapsed;
    request.retention_ms = core->options.limits.retention;
    request.letters_max = core->options.limits.dead_letters;
    request.letters_ms = core->options.limits.dead_retention;
  }
  if (op == LEDGER_SWEEP) {
    request.retention_ms = core->options.limits.retention;
    request.idle_ms = core->options.limits.session_idle;
  }
  asking_request (core, &request);
}

static void
read_wanted (broker_core_t *core)
{
  uint64_t slots = core->recover_wanted & ~core->recovering;
  core->recover_wanted &= ~slots;
  core->recovering |= slots;
  for (unsigned slot = 0; slot < LEDGER_SLOTS; slot++)
    if ((slots >> slot & 1) != 0)
      request_slot (core, LEDGER_RECOVER, slot);
}

void
recovery_on_up (broker_core_t *core)
{
  core->recover_at = core->now;
  read_wanted (core);
}

void
recovery_on_time (broker_core_t *core)
{
  if (!core->up)
    return;
  if (core->recover_wanted != 0 && core->now >= core->recover_at)
    read_wanted (core);
  if (core->sweeping || core->now - core->swept < SWEEP_MS)
    return;
  core->swept = core->now;
  core->sweeping = true;
  request_slot (core, LEDGER_SWEEP, core->sweep_slot);
}

// A sweep that is under way is waited for, however long the store takes: its answer lets the next one come.
int64_t
recovery_due (const broker_core_t *core)
{
  bool reads = (core->recover_wanted & ~core->recovering) != 0;
  int64_t sweep = core->swept + SWEEP_MS;
  if (!core->up || (core->sweeping && !reads))
    return TROUPE_LOOP_NEVER;
  if (core->sweeping)
    return core->recover_at;
  return reads && core->recover_at < sweep ? core->recover_at : sweep;
}

static void
read_again (broker_core_t *core, unsigned slot)
{
  core->recover_wanted |= UINT64_C (1) << slot;
  core->recover_at = core->now + STORE_AGAIN_MS;
}

void
recovery_read_slot (broker_core_t *core, const char *session)
{
  core->recover_wanted |= UINT64_C (1) << ledger_slot (session);
  core->recover_at = core->now;
  if (core->up)
    read_wanted (core);
}

// -- Recover ---------------------------------------------------------------------------------------------------------

static troupe_err_t
take_call (broker_core_t *core, call_t *call, const ledger_call_t *stored, troupe_error_t *error)
{
  call_content_t content = {.service = troupe_text (stored->service),
                            .body = stored->body,
                            .path = stored->path,
                            .path_count = stored->path_count};
  if (stored->trace != NULL)
    content.trace = troupe_text (stored->trace);
  troupe_err_t err = calls_fill (core, call, &content, error);
  if (err != TROUPE_OK)
    return err;
  call->flags = stored->flags;
  calls_set_deadline (core, call, stored->deadline_ms);
  return TROUPE_OK;
}

// Found, or made of what the store has; NULL: `error` says why.
static call_t *
whole_call (broker_core_t *core, const ledger_call_t *stored, troupe_error_t *error)
{
  call_t *call = calls_find (core, &stored->call);
  if (call == NULL)
    call = calls_new (core, &stored->call, troupe_text (stored->session), false, error);
  if (call == NULL || call->whole || take_call (core, call, stored, error) == TROUPE_OK)
    return call;
  calls_drop_unneeded (core, call);
  return NULL;
}

static troupe_err_t
recover_call (broker_core_t *core, const ledger_call_t *stored, bool taken, troupe_error_t *error)
{
  const call_t *before = calls_find (core, &stored->call);
  bool known = before != NULL && before->whole;
  call_t *call = whole_call (core, stored, error);
  if (call == NULL)
    return error->code;
  core->counters[BROKER_COUNT_CALLS_RECOVERED] += !known;
  call->actor = stored->actor; // when it was brought here, its service may have been unknown
  call->term = core->term;
  accepting_found (core, call);
  if (known && stored->attempt < call->attempt && call->behind == 0) {
    bool asked = call->asking && call->op != LEDGER_AWAIT; // by the answer to that it shows as well
    if (!asked)
      losses_roll_back (core, call, stored->attempt);
    return TROUPE_OK;
  }
  attempt_t attempt = attempts_of_call (core, stored);
  if (!stored->ready)
    return TROUPE_OK;
  if (taken)
    attempts_take_over (core, call, &attempt);
  else if (call->phase == CALL_STORED && call->outcome.status == TROUPE_STATUS_NONE)
    attempts_resume (core, call, &attempt);
  return TROUPE_OK;
}

static void
recover_calls (broker_core_t *core, const ledger_result_t *result, unsigned slot)
{
  for (size_t i = 0; i < result->calls_count; i++) {
    troupe_error_t error = {0};
    bool taken = result->op == LEDGER_TAKEOVER;
    core->counters[BROKER_COUNT_CALLS_TAKEN_OVER] += taken;
    if (recover_call (core, &result->calls[i], taken, &error) == TROUPE_OK)
      continue;
    answer_note (core, TROUPE_LOG_ERROR, "a stored call can't be taken up", "session", result->calls[i].session, "why",
                 error.why);
    if (error.code == TROUPE_NO_MEMORY || error.code == TROUPE_OVERLOADED)
      read_again (core, slot);
  }
}

// Every slot has been read in this term: what was not found is another broker's, or has settled.
static void
give_up_others (broker_core_t *core)
{
  core->doubting = false;
  LIST_EACH (link, &core->all_calls)
  {
    call_t *call = LIST_ITEM (link, call_t, in_core);
    bool stored = call->whole && !call->unstored && call->phase != CALL_HELD && call->phase != CALL_ACCEPTING;
    if (stored && call->term != core->term)
      attempts_give_up (core, call);
  }
}

static void
recover_result (broker_core_t *core, const ledger_result_t *result, unsigned slot)
{
  if (result->outcome == LEDGER_OK)
    recover_calls (core, result, slot);
  if (result->outcome == LEDGER_OK && result->more) {
    request_slot (core, LEDGER_RECOVER, slot);
    return;
  }
  uint64_t bit = UINT64_C (1) << slot;
  core->recovering &= ~bit;
  if (result->outcome != LEDGER_OK || (core->recover_twice & bit) != 0)
    read_again (core, slot);
  core->recover_twice &= ~bit;
  if (core->doubting && core->recovering == 0 && core->recover_wanted == 0)
    give_up_others (core);
}

void
recovery_begin (broker_core_t *core, const ledger_call_t *stored)
{
  troupe_error_t error = {0};
  call_t *call = whole_call (core, stored, &error);
  if (call == NULL) {
    read_again (core, ledger_slot (stored->session));
    return;
  }
  call->actor = stored->actor;
  call->term = core->term;
  attempt_t attempt = attempts_of_call (core, stored);
  if (call->phase == CALL_STORED && call->outcome.status == TROUPE_STATUS_NONE)
    attempts_begin (core, call, &attempt);
}

// -- Brokers ---------------------------------------------------------------------------------------------------------

void
recovery_doubt (broker_core_t *core)
{
  core->term++;
  core->doubting = true;
  core->recover_twice = core->recovering;
  core->recover_wanted = UINT64_MAX;
  core->recover_at = core->now;
  LIST_EACH (link, &core->all_calls)
  {
    call_t *call = LIST_ITEM (link, call_t, in_core);
    if (call->whole || call->detached)
      continue;
    call->await_wanted = true; // the notice may have gone when this broker was taken for lost
    asking_continue (core, call);
  }
  read_wanted (core);
}

void
recovery_take_over (broker_core_t *core, unsigned slot)
{
  request_slot (core, LEDGER_TAKEOVER, slot);
}

static void
takeover_result (broker_core_t *core, const ledger_result_t *result, unsigned slot)
{
  if (result->outcome == LEDGER_OK)
    recover_calls (core, result, slot);
  if (result->outcome == LEDGER_LOST) // it may have been done: then the calls are among this broker's own
    read_again (core, slot);
  leases_slot_taken (core, slot, result->outcome == LEDGER_OK && !result->more);
}

// -- Sweep -----------------------------------------------------------------------------------------------------------

static void
note_missed (broker_core_t *core, const ledger_result_t *result)
{
  char count[16];
  if (result->outcome != LEDGER_OK || result->news == 0)
    return;
  core->counters[BROKER_COUNT_HUB_MISSED] += result->news;
  snprintf (count, sizeof count, "%u", result->news);
  answer_note (core, TROUPE_LOG_WARNING, "messages of closed hubs were not heard in time, and are gone", "messages",
               count, NULL, NULL);
}

static void
sweep_result (broker_core_t *core, const ledger_result_t *result, unsigned slot)
{
  for (size_t i = 0; i < result->calls_count; i++) {
    const ledger_call_t *expired = &result->calls[i];
    call_t *call = calls_find (core, &expired->call);
    if (call == NULL) // without memory it is found again by the next sweep
      call = calls_new (core, &expired->call, troupe_text (expired->session), false, NULL);
    if (call != NULL)
      ending_expire (core, call);
  }
  note_missed (core, result);
  if (result->outcome == LEDGER_OK)
    core->counters[BROKER_COUNT_SESSIONS_IDLE] += result->inputs;
  core->sweeping = false;
  if (result->outcome != LEDGER_OK || !result->more)
    core->sweep_slot = (slot + 1) % LEDGER_SLOTS;
}

void
recovery_result (broker_core_t *core, const ledger_result_t *result)
{
  unsigned slot = (unsigned)(result->token >> ASKING_KIND_BITS) % LEDGER_SLOTS;
  if (result->op == LEDGER_SWEEP)
    sweep_result (core, result, slot);
  else if (result->op == LEDGER_TAKEOVER)
    takeover_result (core, result, slot);
  else
    recover_result (core, result, slot);
}

// -- Turns -----------------------------------------------------------------------------------------------------------

void
recovery_next (broker_core_t *core, const ledger_call_t *next)
{
  call_t *call = calls_find (core, &next->call);
  if (call == NULL || !call->whole) {
    recovery_read_slot (core, next->session);
    return;
  }
  call->term = core->term;
  attempt_t attempt = attempts_of_call (core, next);
  if (call->phase == CALL_ACCEPTING)
    call->turn = attempt;
  else if (call->phase == CALL_STORED)
    attempts_begin (core, call, &attempt);
}

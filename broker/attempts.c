// SPDX-License-Identifier: Apache-2.0
//
// A stored call whose turn has come is run by one instance at a time, each time under a new attempt number. The ledger
// gives the numbers out; the number is what fences: whatever an older attempt still sends is refused or dropped.
//
// When an instance is lost, the next attempt begins at once, and goes to whoever has credit. If that is the same
// process (it lost its connection, not its life), it knows the call and goes on under the new number. A result that it
// sends before anyone was offered the new attempt is taken as well (settling.c): nobody else can have begun.
//
// After a restart the broker doesn't know who runs what. It waits a second for instances to connect: those that settle,
// stream or recall under the stored number are taken at their word. What is left then begins its next attempt.

#include "broker/attempts.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/ending.h"
#include "broker/losses.h"
#include "broker/placement.h"
#include "broker/registry.h"
#include "broker/streaming.h"

#include <stdlib.h>

attempt_t
attempts_of_result (const broker_core_t *core, const ledger_result_t *result)
{
  return (attempt_t){.attempt = result->attempt,
                     .memory = result->memory,
                     .news = result->news,
                     .stretch = result->stretch,
                     .inputs = result->inputs,
                     .deadline_ms = result->deadline_ms,
                     .owner = registry_identity (core, result->owner),
                     .epoch = result->epoch};
}

attempt_t
attempts_of_call (const broker_core_t *core, const ledger_call_t *call)
{
  return (attempt_t){.attempt = call->attempt,
                     .memory = call->memory,
                     .news = call->news,
                     .stretch = call->stretch,
                     .inputs = call->inputs,
                     .deadline_ms = call->deadline_ms,
                     .owner = registry_identity (core, call->owner),
                     .epoch = call->epoch};
}

static void
take (broker_core_t *core, call_t *call, const attempt_t *attempt)
{
  call->attempt = attempt->attempt;
  call->generation = core->generation;
  call->behind = 0;
  call->memory = attempt->memory;
  call->news = attempt->news;
  call->stretch = attempt->stretch;
  call->needs = attempt->inputs;
  call->owner = attempt->owner;
  call->epoch = attempt->epoch;
  calls_set_deadline (core, call, attempt->deadline_ms);
}

// Nobody was offered it yet. It may have ended meanwhile, or be asked about.
static void
queue (broker_core_t *core, call_t *call, bool front)
{
  if (call->outcome.status == TROUPE_STATUS_NONE)
    placement_queue (core, call, front);
  asking_continue (core, call);
}

void
attempts_begin (broker_core_t *core, call_t *call, const attempt_t *attempt)
{
  take (core, call, attempt);
  queue (core, call, false);
}

void
attempts_resume (broker_core_t *core, call_t *call, const attempt_t *attempt)
{
  take (core, call, attempt);
  if (call->outcome.status == TROUPE_STATUS_NONE) {
    call->ran = attempt->attempt;
    call->phase = core->settled_in ? CALL_RETRYING : CALL_ORPHAN;
    if (call->phase == CALL_ORPHAN)
      list_append (&core->orphans, &call->in_phase);
  }
  asking_continue (core, call);
}

void
attempts_stop (broker_core_t *core, call_t *call)
{
  ending_stop_offering (core, call);
  ending_stop_instance (core, call);
  if (call->instance != NULL)
    registry_return (core, call);
}

void
attempts_begin_next (broker_core_t *core, call_t *call)
{
  attempts_stop (core, call);
  call->phase = CALL_RETRYING;
  asking_continue (core, call);
}

void
attempts_give_up (broker_core_t *core, call_t *call)
{
  attempts_stop (core, call);
  call->await_wanted = true;
  asking_continue (core, call);
}

void
attempts_take_over (broker_core_t *core, call_t *call, const attempt_t *attempt)
{
  // It may have been this broker's before, and lost to the one that it is taken from now.
  attempts_stop (core, call);
  take (core, call, attempt);
  call->ran = attempt->attempt - 1;
  queue (core, call, true);
}

void
attempts_settled_in (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->orphans)) != NULL;) {
    call_t *call = LIST_ITEM (link, call_t, in_phase);
    list_remove (&call->in_phase);
    call->phase = CALL_RETRYING;
    asking_continue (core, call);
  }
}

// -- Losses ----------------------------------------------------------------------------------------------------------

struct death {
  uint32_t attempt;
  char host[65], how[64];
  char instance[];
};

// An instance that leaves in the middle is no death: it was told to.
static void
note_death (broker_core_t *core, call_t *call, const peer_t *peer, const char *how)
{
  size_t size = strlen (peer->name) + 1;
  free (call->death);
  call->death = how != NULL ? malloc (sizeof *call->death + size) : NULL;
  if (how == NULL)
    return;
  if (call->death == NULL) {
    core->counters[BROKER_COUNT_NO_MEMORY]++;
    return;
  }
  call->death->attempt = call->attempt;
  snprintf (call->death->host, sizeof call->death->host, "%s", peer->host);
  snprintf (call->death->how, sizeof call->death->how, "%s", how);
  memcpy (call->death->instance, peer->name, size);
}

bool
attempts_fill_death (const broker_core_t *core, const call_t *call, ledger_death_t *death)
{
  const broker_limits_t *limits = &core->options.limits;
  if (call->death == NULL || call->death->attempt != call->attempt)
    return false;
  *death = (ledger_death_t){.instance = call->death->instance,
                            .host = call->death->host,
                            .how = call->death->how,
                            .deaths_max = limits->attempts};
  return true;
}

// A volatile call, of which the ledger knows nothing.
static void
end_as_died (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_SERVICE_DIED, call->service->name,
                    "look into the log of its instances; the call may be what kills them",
                    "%u instances were lost while they ran this call (limits.attempts)", (unsigned)call->losses);
  ending_begin (core, call, TROUPE_STATUS_ERROR, call->attempt, &error);
}

void
attempts_lost (broker_core_t *core, call_t *call, const peer_t *peer, const char *how)
{
  if (call->phase == CALL_PLACED) {
    placement_lost (core, call);
    return;
  }
  core->counters[BROKER_COUNT_ATTEMPTS_LOST]++;
  call->phase = CALL_STORED;
  if (call->outcome.status != TROUPE_STATUS_NONE)
    return; // it had ended before
  call->losses += call->unstored && how != NULL;
  if (call->unstored && call->losses >= core->options.limits.attempts) {
    end_as_died (core, call);
    return;
  }
  if (!call->unstored)
    note_death (core, call, peer, how);
  call->ran = call->attempt;
  call->phase = CALL_RETRYING;
  asking_continue (core, call);
}

static bool
is_once (const call_t *call)
{
  return (call->flags & TROUPE_FLAG_ONCE) != 0;
}

// As many instances as may have died under it; or it may run at most once.
static void
buried (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  core->counters[BROKER_COUNT_CALLS_ERROR]++;
  core->counters[BROKER_COUNT_LETTERS_WRITTEN] += core->options.limits.dead_letters > 0;
  core->counters[BROKER_COUNT_LETTERS_DROPPED] += result->inputs;
  answer_note (core, TROUPE_LOG_ERROR, "a call has outlived its attempts", "service", call->service->name, "session",
               call->session);
}

// The next attempt has begun in the store.
static void
begun (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  bool late = call->outcome.from != 0 && call->outcome.attempt == call->attempt;
  attempt_t attempt = attempts_of_result (core, result);
  call->term = core->term;
  take (core, call, &attempt);
  if (call->outcome.status == TROUPE_STATUS_NONE) {
    queue (core, call, true);
    return;
  }
  if (late)
    call->outcome.attempt = call->attempt;
  call->phase = CALL_STORED;
  asking_continue (core, call);
}

void
attempts_result (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  bool answered = result->outcome == LEDGER_OK || result->outcome == LEDGER_STALE;
  if (answered && call->phase != CALL_RETRYING && result->attempt <= call->attempt) {
    asking_continue (core, call); // it was taken over while this was asked about an earlier attempt
    return;
  }
  switch (result->outcome) {
  case LEDGER_OK:
    begun (core, call, result);
    break;
  case LEDGER_SETTLED:
    if ((call->death != NULL || is_once (call)) && call->attempt == result->attempt &&
        result->status == TROUPE_STATUS_ERROR)
      buried (core, call, result);
    ending_finish (core, call, result->status, result->body);
    break;
  case LEDGER_STALE: // another broker offers it now
    call->phase = CALL_STORED;
    call->await_wanted = true;
    asking_continue (core, call);
    break;
  case LEDGER_UNKNOWN:
    losses_end (core, call);
    break;
  default:
    asking_again (core, call, result);
  }
}

// -- What an instance sends while it runs a call ---------------------------------------------------------------------

static bool
adopt (broker_core_t *core, call_t *call, const peer_t *peer)
{
  instance_t *instance = registry_instance (peer, call->service);
  if (instance == NULL)
    return false;
  list_remove (&call->in_phase);
  call->phase = CALL_RUNNING;
  call->instance = instance;
  list_append (&instance->calls, &call->in_phase);
  instance->running++;
  core->counters[BROKER_COUNT_ATTEMPTS_ADOPTED]++;
  return true;
}

bool
attempts_runs (broker_core_t *core, call_t *call, const peer_t *peer, uint64_t attempt)
{
  if (call->attempt != attempt)
    return false;
  if (call->phase == CALL_ORPHAN)
    return adopt (core, call, peer);
  return call->instance != NULL && call->instance->peer == peer;
}

void
attempts_on_part (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  call_t *call = calls_find (core, &header->call);
  bool runs = call != NULL && attempts_runs (core, call, peer, header->attempt);
  if (!runs && (call == NULL || !streaming_takes (core, call, peer, header->attempt))) {
    core->counters[BROKER_COUNT_PARTS_STALE]++;
    return;
  }
  awaiting_send_part (core, call, header, body);
}

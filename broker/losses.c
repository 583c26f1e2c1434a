// SPDX-License-Identifier: Apache-2.0
//
// The store may come back with less than it had (functions/generations.lua): empty, or as it was a while ago. Each
// broker then compares what it holds with what is there, by the pass that it makes when others may have taken its calls
// over (recovery.c): it reads all slots, and asks for what it didn't find and for what it only awaits.
//
//   not there             it is lost. Nobody knows whether it ran, so nobody runs it again: who waits is told
//   of an earlier attempt it goes on in the store's history: its next attempt begins, and what this one brings is stale
//   as it was             nothing has happened to it
//   there, and not here   it had settled, and that is lost: it runs again (calls_recovered)
//
// A loss comes with thousands of calls or with none: the log has one line a second for all of them, at the level debug
// one for each.

#include "broker/losses.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/ending.h"
#include "broker/recovery.h"
#include "broker/settling.h"

#include <inttypes.h>

enum { REPORT_MS = 1000 };

void
losses_store_changed (broker_core_t *core, uint64_t generation)
{
  char number[24];
  snprintf (number, sizeof number, "%" PRIu64, generation);
  core->changes++;
  core->counters[BROKER_COUNT_STORE_CHANGES]++;
  answer_note (core, TROUPE_LOG_WARNING, "the store's history has changed: what is held here is compared with it",
               "generation", number, NULL, NULL);
  if (core->leased)
    recovery_doubt (core);
}

void
losses_seen (const broker_core_t *core, call_t *call)
{
  call->seen = core->changes + 1;
}

bool
losses_explain (const broker_core_t *core, const call_t *call)
{
  return call->seen != 0 && call->seen <= core->changes;
}

static void
report_soon (broker_core_t *core)
{
  if (core->losses_at == TROUPE_LOOP_NEVER)
    core->losses_at = core->now + REPORT_MS;
}

void
losses_end (broker_core_t *core, call_t *call)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&call->id, id);
  core->lost++;
  core->counters[BROKER_COUNT_CALLS_LOST]++;
  core->counters[BROKER_COUNT_HUB_MISSED] += call->news;
  report_soon (core);
  answer_note (core, TROUPE_LOG_DEBUG, "the store has lost a call", "call", id, "session", call->session);
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_STORE_LOST, call->service != NULL ? call->service->name : "call",
                    "see what it did before you call again, and why Redis lost data: its disk, store.fsync, a failover",
                    "the call was stored, and the store doesn't have it any more; whether it ran is not known");
  troupe_error_t unknown;
  settling_unknown (&unknown);
  ending_refuse_outcome (core, call, &unknown);
  troupe_buffer_t *body = answer_error_body (core, &error);
  ending_finish (core, call, TROUPE_STATUS_ERROR, body);
  troupe_buffer_unref (&body);
}

void
losses_roll_back (broker_core_t *core, call_t *call, uint32_t attempt)
{
  troupe_error_t error;
  core->rolled_back++;
  core->counters[BROKER_COUNT_ATTEMPTS_ROLLED_BACK]++;
  report_soon (core);
  if (call->outcome.attempt != 0) {
    settling_stale (&error);
    ending_refuse_outcome (core, call, &error);
  }
  call->term = core->term;
  call->ran = 0;
  call->behind = attempt;
  attempts_stop (core, call);
  call->phase = attempt > 0 ? CALL_RETRYING : CALL_STORED;
  if (attempt == 0) // its turn is told by a notice
    call->attempt = 0;
  asking_continue (core, call);
}

// -- Time ------------------------------------------------------------------------------------------------------------

void
losses_on_time (broker_core_t *core)
{
  if (core->losses_at == TROUPE_LOOP_NEVER || core->now < core->losses_at)
    return;
  char lost[24], rolled_back[24];
  snprintf (lost, sizeof lost, "%" PRIu64, core->lost);
  snprintf (rolled_back, sizeof rolled_back, "%" PRIu64, core->rolled_back);
  answer_note (core, TROUPE_LOG_WARNING, "the store has lost what it had acknowledged", "calls", lost, "attempts",
               rolled_back);
  core->lost = core->rolled_back = 0;
  core->losses_at = TROUPE_LOOP_NEVER;
}

int64_t
losses_due (const broker_core_t *core)
{
  return core->losses_at;
}

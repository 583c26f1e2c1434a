// SPDX-License-Identifier: Apache-2.0
//
// Brokers know of each other only through the store: each renews a lease there with every heartbeat, and hears of all
// others' by the answer. When one's lease has run out, each of the others takes its open calls over, slot by slot; a
// call goes to whoever asks first.
//
// A lease can run out without a death. After the store was away or slow all are old, so they mean nothing for one full
// term; and so it is when this broker itself stood still, for then it can't tell how long the others have been silent.
//
// A broker that finds its own lease lapsed lives, but may have lost its calls: it reads its slots (recovery.c), at once
// and once more a term later, when those who took it for dead have heard that it isn't and have stopped.
//
// One lost broker is taken over at a time, once for each time that its lease runs out.

#include "broker/leases.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/recovery.h"

static void
renew (broker_core_t *core)
{
  const broker_limits_t *limits = &core->options.limits;
  core->leasing = true;
  core->lease_asked = core->now;
  core->lease_at = core->now + limits->heartbeat;
  ledger_request_t request = {
    .op = LEDGER_LEASE, .token = asking_token (core, ASKING_LEASE), .lease_ms = limits->lease};
  asking_request (core, &request);
}

static void
give_grace (broker_core_t *core)
{
  core->trust_at = core->now + core->options.limits.lease;
}

void
leases_on_up (broker_core_t *core)
{
  give_grace (core);
  renew (core);
}

void
leases_on_time (broker_core_t *core)
{
  if (!core->up || core->now < core->lease_at)
    return;
  if (core->now - core->lease_at > core->options.limits.lease / 2)
    give_grace (core);
  if (core->now >= core->doubt_at && core->doubt_at != TROUPE_LOOP_NEVER) {
    core->doubt_at = TROUPE_LOOP_NEVER;
    recovery_doubt (core);
  }
  if (core->leasing)
    core->lease_at = core->now + core->options.limits.heartbeat;
  else
    renew (core);
}

int64_t
leases_due (const broker_core_t *core)
{
  return core->up ? core->lease_at : TROUPE_LOOP_NEVER;
}

// -- Taking over -----------------------------------------------------------------------------------------------------

static void
take_slots (broker_core_t *core)
{
  if (!core->up || core->now < core->trust_at)
    return;
  for (unsigned slot = 0; slot < LEDGER_SLOTS; slot++) {
    uint64_t bit = UINT64_C (1) << slot;
    if (__builtin_popcountll (core->taking_over) >= TAKEOVERS_MAX)
      return;
    if ((core->takeover_wanted & ~core->taking_over & bit) == 0)
      continue;
    core->takeover_wanted &= ~bit;
    core->taking_over |= bit;
    recovery_take_over (core, slot);
  }
}

void
leases_slot_taken (broker_core_t *core, unsigned slot, bool done)
{
  uint64_t bit = UINT64_C (1) << slot;
  core->taking_over &= ~bit;
  if (!done)
    core->takeover_wanted |= bit;
  take_slots (core);
}

static const ledger_broker_t *
listed (const ledger_result_t *result, const char *name)
{
  for (size_t i = 0; i < result->brokers_count; i++)
    if (strcmp (result->brokers[i].name, name) == 0)
      return &result->brokers[i];
  return NULL;
}

// Where a lapse is remembered: its broker's place, or one of a broker that the store has forgotten.
static lapse_t *
place_of (broker_core_t *core, const ledger_result_t *result, const char *name)
{
  lapse_t *place = NULL;
  for (size_t i = 0; i < LEDGER_BROKERS_MAX; i++) {
    lapse_t *lapse = &core->lapses[i];
    if (strcmp (lapse->name, name) == 0)
      return lapse;
    if (place == NULL && (lapse->name[0] == '\0' || listed (result, lapse->name) == NULL))
      place = lapse;
  }
  return place;
}

// Whether that broker's calls are to be taken over now; they are remembered as such.
static bool
begin_takeover (broker_core_t *core, const ledger_result_t *result, const ledger_broker_t *broker)
{
  int64_t lapsed_at = core->now + broker->remaining_ms, slack = core->options.limits.lease / 2;
  if (broker->remaining_ms > 0 || strcmp (broker->name, core->name) == 0 || strlen (broker->name) >= BROKER_NAME_SIZE)
    return false;
  lapse_t *lapse = place_of (core, result, broker->name);
  if (lapse == NULL)
    return false;
  bool known = strcmp (lapse->name, broker->name) == 0;
  if (known && lapsed_at - lapse->lapsed_at < slack)
    return false;
  memcpy (lapse->name, broker->name, strlen (broker->name) + 1);
  lapse->lapsed_at = lapsed_at;
  memcpy (core->lapsed, lapse->name, sizeof core->lapsed);
  core->takeover_wanted = UINT64_MAX;
  answer_note (core, TROUPE_LOG_WARNING, "a broker's lease has run out: its calls are taken over", "broker",
               broker->name, NULL, NULL);
  return true;
}

static void
look_at_others (broker_core_t *core, const ledger_result_t *result)
{
  const ledger_broker_t *lapsed = listed (result, core->lapsed);
  if (lapsed != NULL && lapsed->remaining_ms > 0)
    core->takeover_wanted = 0; // it lives
  if (core->now < core->trust_at)
    return;
  bool busy = (core->takeover_wanted | core->taking_over) != 0;
  for (size_t i = 0; i < result->brokers_count && !busy; i++)
    busy = begin_takeover (core, result, &result->brokers[i]);
  take_slots (core);
}

// -- Results ---------------------------------------------------------------------------------------------------------

void
leases_result (broker_core_t *core, const ledger_result_t *result)
{
  core->leasing = false;
  if (result->outcome != LEDGER_OK)
    return; // the next heartbeat brings the next try
  if (core->now - core->lease_asked > core->options.limits.lease / 2)
    give_grace (core);
  if (result->lapsed_ms > 0) {
    answer_note (core, TROUPE_LOG_WARNING, "this broker's lease had run out", NULL, NULL, NULL, NULL);
    core->doubt_at = core->now + core->options.limits.lease;
    if (core->leased) // else every slot is being read anyway
      recovery_doubt (core);
  }
  if (!core->leased) {
    core->leased = true;
    asking_on_up (core);
  }
  look_at_others (core, result);
}

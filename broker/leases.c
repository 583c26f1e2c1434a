// SPDX-License-Identifier: Apache-2.0
//
// Brokers know of each other only through the store: each renews a lease there twice a heartbeat, and hears of all
// others' by the answer. When one's lease has run out, each of the others takes its open calls over, slot by slot; a
// call goes to whoever asks first.
//
// A lease can run out without a death. After the store was away or slow all are old, so they mean nothing for one full
// term; and so it is when this broker itself stood still, for then it can't tell how long the others have been silent.
//
// A broker that is killed drops its connections, long before its lease runs out. Its peers tell the others, which
// then look at its lease more often, and when it is silent in the store as well, for three quarters of a heartbeat,
// its lease is cut short there: each of them finds it lapsed, and so does that broker itself, should it live. One
// that has lost its peers and not the store keeps its lease, and its calls; nothing that peers say does any harm. As
// above, what the store says counts only when it answers at once.
//
// A broker that finds its own lease lapsed lives, but may have lost its calls: it reads its slots (recovery.c), at once
// and once more a term later, when those who took it for dead have heard that it isn't and have stopped.
//
// One lost broker is taken over at a time, once for each time that its lease runs out.

#include "broker/leases.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/recovery.h"

// Renewals in a heartbeat: usually, so that a dead broker is soon silent for too long; and while one is suspected.
enum { RENEWALS = 2, SUSPECT_RENEWALS = 4 };

// How long until the next renewal.
static int64_t
interval (const broker_core_t *core)
{
  int64_t heartbeat = core->options.limits.heartbeat;
  return heartbeat / (core->suspect[0] != '\0' ? SUSPECT_RENEWALS : RENEWALS) + 1;
}

static void
renew (broker_core_t *core)
{
  const broker_limits_t *limits = &core->options.limits;
  core->leasing = true;
  core->lease_asked = core->now;
  core->lease_at = core->now + interval (core);
  ledger_request_t request = {
    .op = LEDGER_LEASE, .token = asking_token (core, ASKING_LEASE), .lease_ms = limits->lease};
  core->cutting = core->suspect[0] != '\0' && core->prompt && core->now >= core->suspect_from;
  if (core->cutting) {
    request.broker = core->suspect;
    request.silent_ms = limits->heartbeat / RENEWALS + limits->heartbeat / SUSPECT_RENEWALS; // it may be a little late
  }
  asking_request (core, &request);
}

static void
give_grace (broker_core_t *core)
{
  core->trust_at = core->now + core->options.limits.lease;
  core->suspect_from = core->now + 2 * core->options.limits.heartbeat;
}

// The others may find the store a little later: between two tries to connect there is up to a second.
void
leases_on_up (broker_core_t *core)
{
  give_grace (core);
  if (core->trust_at < core->now + STORE_RETURN_MS)
    core->trust_at = core->now + STORE_RETURN_MS;
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
  if (core->suspect[0] != '\0' && core->now >= core->suspect_until)
    core->suspect[0] = '\0';
  if (core->leasing)
    core->lease_at = core->now + interval (core);
  else
    renew (core);
}

int64_t
leases_due (const broker_core_t *core)
{
  return core->up ? core->lease_at : TROUPE_LOOP_NEVER;
}

// -- Taking over -----------------------------------------------------------------------------------------------------

// Whether it means something that this broker's lease has run out.
static bool
trusts (const broker_core_t *core, const char *name)
{
  return core->now >= core->trust_at || strcmp (name, core->dead) == 0;
}

static void
take_slots (broker_core_t *core)
{
  if (!core->up || !trusts (core, core->lapsed))
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
  if (broker->remaining_ms > 0 || strcmp (broker->name, core->name) == 0 || strlen (broker->name) >= BROKER_NAME_SIZE ||
      !trusts (core, broker->name))
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
  core->accompanied = result->brokers_count > 1;
  if (lapsed != NULL && lapsed->remaining_ms > 0)
    core->takeover_wanted = 0; // it lives
  bool busy = (core->takeover_wanted | core->taking_over) != 0;
  for (size_t i = 0; i < result->brokers_count && !busy; i++)
    busy = begin_takeover (core, result, &result->brokers[i]);
  take_slots (core);
}

// -- Suspicions ------------------------------------------------------------------------------------------------------

// The peers of a broker that is gone all say so, and for some time: the first one counts.
void
leases_suspect (broker_core_t *core, troupe_text_t name)
{
  bool other = name.size > 0 && name.size < BROKER_NAME_SIZE && !troupe_text_equal (name, core->name);
  if (!other || core->suspect[0] != '\0' || !core->up || !core->leased)
    return;
  memcpy (core->suspect, name.data, name.size);
  core->suspect[name.size] = '\0';
  core->suspect_until = core->now + core->options.limits.lease;
  if (!core->leasing)
    core->lease_at = core->now;
}

// Its lease has run out, or there is no such broker. (As long as it has one it may still fall silent; who is not heard
// to be lost any more is forgotten after a lease.)
static void
judge_suspect (broker_core_t *core, const ledger_result_t *result)
{
  const ledger_broker_t *suspect = core->suspect[0] != '\0' ? listed (result, core->suspect) : NULL;
  const ledger_broker_t *dead = core->dead[0] != '\0' ? listed (result, core->dead) : NULL;
  if (dead == NULL || dead->remaining_ms > 0)
    core->dead[0] = '\0';
  if (suspect != NULL && suspect->remaining_ms > 0)
    return;
  if (suspect != NULL && core->cutting)
    memcpy (core->dead, core->suspect, sizeof core->dead);
  core->suspect[0] = '\0';
}

// -- Results ---------------------------------------------------------------------------------------------------------

void
leases_result (broker_core_t *core, const ledger_result_t *result)
{
  core->leasing = false;
  core->prompt = result->outcome == LEDGER_OK && core->now - core->lease_asked <= core->options.limits.heartbeat / 2;
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
  judge_suspect (core, result);
  look_at_others (core, result);
}

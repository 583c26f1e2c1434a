// SPDX-License-Identifier: Apache-2.0
//
// The store's history changes: who notices it by what, and what the numbers that are given out then look like.
#include "hub_rig.h"

static const char *const on_disk[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

// Both brokers have met it.
static void
until_changed (rig_t *rig, int changes)
{
  LOOP_UNTIL (rig->loop, rig->a.up && rig->b.up && rig->a.changes == changes && rig->b.changes == changes);
  cr_expect_eq (rig->a.generation, rig->b.generation);
}

static void
restart (rig_t *rig)
{
  redis_kill (&rig->redis);
  LOOP_UNTIL (rig->loop, !rig->a.up && !rig->b.up);
  redis_launch (&rig->redis, on_disk);
  until_changed (rig, rig->a.changes + 1);
}

// No connection breaks by it; what finds it out are sweeps, as brokers make them all the time.
static void
flush (rig_t *rig)
{
  int changes = rig->a.changes + 1;
  redis_do (&rig->redis, "FLUSHALL");
  const ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = 7};
  rig_do (rig, &rig->a, &sweep);
  LOOP_UNTIL (rig->loop, rig->a.up && rig->a.changes == changes);
  rig_do (rig, &rig->b, &sweep);
  until_changed (rig, changes);
}

static uint64_t
generation_of (uint64_t number)
{
  return number / LEDGER_GENERATION_SIZE;
}

static ledger_outcome_t
do_accept (rig_t *rig, rig_broker_t *broker, troupe_id_t call)
{
  ledger_request_t accept = rig_accept ("s", call, "agent/alice");
  return rig_do (rig, broker, &accept)->outcome;
}

static ledger_outcome_t
do_settle (rig_t *rig, rig_broker_t *broker, troupe_id_t call, uint32_t attempt)
{
  ledger_request_t settle = rig_settle ("s", call, attempt, "value");
  return rig_do (rig, broker, &settle)->outcome;
}

// The epoch.
static uint64_t
claim (rig_t *rig, troupe_id_t call, uint32_t attempt, const char *instance)
{
  ledger_request_t request = rig_simple (LEDGER_CLAIM, "s", call, attempt);
  request.instance = instance;
  cr_expect_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_OK);
  return rig->a.last.epoch;
}

Test (ledger_generations, one_begins_when_redis_was_started_again_and_what_runs_goes_on)
{
  rig_t *rig = rig_start (on_disk);
  troupe_id_t call = troupe_id_new ();
  uint64_t before = rig->a.generation;
  cr_expect_gt (before, 0);
  cr_expect_eq (rig->a.changes, 0, "the first time, there is nothing that it could differ from");
  cr_expect_eq (do_accept (rig, &rig->a, call), LEDGER_OK);
  restart (rig);
  cr_expect_gt (rig->a.generation, before);
  cr_expect_eq (do_accept (rig, &rig->a, call), LEDGER_KNOWN);
  cr_expect_eq (rig->a.last.attempt, 1);
  cr_expect_eq (do_settle (rig, &rig->a, call, 1), LEDGER_OK);
  rig_stop (rig);
}

Test (ledger_generations, none_begins_when_only_connections_broke)
{
  rig_t *rig = rig_start (NULL);
  redis_number (&rig->redis, "CLIENT KILL TYPE normal");
  LOOP_UNTIL (rig->loop, rig->a.downs == 1 && rig->b.downs == 1 && rig->a.up && rig->b.up);
  cr_expect_eq (rig->a.changes + rig->b.changes, 0);
  rig_stop (rig);
}

// A master that was a replica in between is the same process.
Test (ledger_generations, one_begins_when_only_the_history_of_replication_is_another)
{
  rig_t *rig = rig_start (NULL);
  redis_do (&rig->redis, "REPLICAOF 127.0.0.1 1");
  redis_do (&rig->redis, "REPLICAOF NO ONE");
  redis_number (&rig->redis, "CLIENT KILL TYPE normal");
  until_changed (rig, 1);
  rig_stop (rig);
}

Test (ledger_generations, positions_never_repeat_though_everything_is_gone)
{
  rig_t *rig = rig_start (NULL);
  uint64_t last = 0;
  for (int i = 0; i < 3; i++) {
    troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a"));
    ledger_request_t settle = rig_settle ("s", hub_rig_say (rig, "agent/a", NULL, &hub), 1, "A");
    cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
    cr_assert_eq (rig->a.last.said_count, 1);
    uint64_t position = rig->a.last.said[0].position;
    cr_expect_gt (generation_of (position), generation_of (last));
    cr_expect_leq (generation_of (position), rig->a.generation);
    last = position;
    flush (rig);
  }
  rig_stop (rig);
}

Test (ledger_generations, attempts_and_epochs_leap)
{
  rig_t *rig = rig_start (on_disk);
  troupe_id_t first = troupe_id_new (), second = troupe_id_new ();
  do_accept (rig, &rig->a, first);
  do_accept (rig, &rig->a, second);
  uint64_t epoch = claim (rig, first, 1, "alice-1");
  restart (rig);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", first, 1);
  for (int again = 0; again < 2; again++) {
    cr_expect_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_OK);
    cr_expect_eq (rig->a.last.attempt, 1001);
    cr_expect_str_eq (rig->a.last.owner, "alice-1");
    cr_expect_gt (generation_of (rig->a.last.epoch), generation_of (epoch));
  }
  uint64_t renewed = rig->a.last.epoch;
  retry.attempt = 1001;
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->attempt, 1002, "of the same generation");
  cr_expect_eq (claim (rig, first, 1002, "alice-2"), renewed + 1);
  cr_expect_eq (do_settle (rig, &rig->a, first, 1), LEDGER_STALE);
  cr_expect_eq (do_settle (rig, &rig->a, first, 1002), LEDGER_OK);
  cr_assert_eq (rig->a.last.calls_count, 1);
  cr_expect_eq (rig->a.last.calls[0].attempt, 1001, "it was accepted before, and begins now");
  rig_stop (rig);
}

Test (ledger_generations, only_its_own_broker_settles_what_was_begun_in_an_earlier_one)
{
  rig_t *rig = rig_start (on_disk);
  troupe_id_t call = troupe_id_new ();
  do_accept (rig, &rig->a, call);
  restart (rig);
  cr_expect_eq (do_settle (rig, &rig->b, call, 1), LEDGER_STALE);
  ledger_request_t end = rig_settle ("s", call, 0, "cancelled");
  end.status = TROUPE_STATUS_CANCELLED;
  cr_expect_eq (rig_do (rig, &rig->b, &end)->outcome, LEDGER_OK, "everybody may end it");
  rig_stop (rig);
}

Test (ledger_generations, a_hub_that_is_lost_is_unknown_and_says_why)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a"));
  flush (rig);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "hub/add");
  accept.hub_op = LEDGER_HUB_ADD;
  accept.hubs = &hub;
  accept.hubs_count = 1;
  accept.lease_ms = 60000;
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->a.last, "unknown_hub") && rig_body_has (&rig->a.last, "lost"), "%s", rig->a.last.body);
  rig_stop (rig);
}

static size_t
roused (rig_t *rig, troupe_id_t hub)
{
  ledger_request_t request = rig_simple (LEDGER_ROUSE, "s", hub, 0);
  request.deadline_ms = 60000;
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  cr_assert_eq (result->outcome, LEDGER_OK, "%s", result->why);
  return result->calls_count;
}

// Its attempts count as those of one that may have begun before, and yet it is new to the store: the others of its group
// are still to come, and must not be told what it says.
Test (ledger_generations, the_first_of_a_group_that_was_made_before_is_followed_by_the_others)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t early = troupe_id_new ();
  flush (rig);
  troupe_id_t hub = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b"));
  ledger_request_t fast = hub_rig_call ("agent/a", NULL, &hub, 1), late = hub_rig_call ("agent/b", NULL, &hub, 1);
  fast.call = early;
  fast.fan = late.fan = troupe_id_new ();
  fast.flags |= TROUPE_FLAG_MORE;
  cr_assert_eq (rig_do (rig, &rig->a, &fast)->outcome, LEDGER_OK);
  cr_assert_eq (rig->a.last.attempt, 1001);
  ledger_request_t settle = rig_settle ("s", fast.call, 1001, "A");
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (roused (rig, hub), 0, "b is to be called yet");
  cr_assert_eq (rig_do (rig, &rig->a, &late)->outcome, LEDGER_OK);
  cr_expect_str_eq (hub_rig_heard (rig, late.call), "");
  settle = rig_settle ("s", late.call, 1, "B");
  settle.heard = true;
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (roused (rig, hub), 2, "each what the other one said");
  rig_stop (rig);
}

// SPDX-License-Identifier: Apache-2.0
//
// A broker that its peers have lost, and whose lease has not run out: dead, late, or as well as ever.

#include "core_pair.h"

TestSuite (core_suspicions, .init = core_pair_open, .fini = core_pair_close);

// A peer tells that it has lost that broker.
static void
report_lost (stage_t *to, const char *broker)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_lost (&header, troupe_text (broker));
  stage_receive (to, CALLER, &header, NULL);
  stage_settle_store (to);
}

// Both go on in the same time.
static void
live_both (int64_t ms)
{
  for (int64_t passed = 0; passed < ms; passed += 50) {
    stage_advance (first, 50);
    stage_advance (second, 50);
    stage_say (first, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (first, INSTANCE, TROUPE_CMD_HEARTBEAT);
    stage_say (second, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (second, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
}

Test (core_suspicions, one_that_its_peers_lost_and_that_is_silent_is_taken_over_before_its_lease_runs_out)
{
  live_both (5000);
  core_pair_call (first, 1, "tool/echo");
  cr_assert_eq (core_pair_offered (first), 1);
  report_lost (second, "broker-1"); // which is dead from now on
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0, "it may only be late");
  core_pair_live (second, 750);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 1);
  cr_expect_eq (core_pair_offered (second), 2);
  core_pair_settle (second, 1, 2);
}

// What the peers say of a broker that goes on changes nothing.
Test (core_suspicions, one_that_lives_keeps_its_calls_whatever_its_peers_say)
{
  live_both (5000);
  core_pair_call (first, 1, "tool/echo");
  cr_assert_eq (core_pair_offered (first), 1);
  for (int i = 0; i < 100; i++) {
    report_lost (second, "broker-1");
    report_lost (second, "broker-2");
    report_lost (second, "nobody");
    live_both (50);
  }
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  cr_expect_eq (core_pair_offered (second), 0);
  core_pair_settle (first, 1, 1);
  cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
}

// It stood still, and wakes: what it had is another's, as when its lease runs out by itself.
Test (core_suspicions, one_that_was_lost_too_early_finds_out_and_does_no_harm)
{
  live_both (5000);
  core_pair_call (first, 1, "tool/echo");
  cr_assert_eq (core_pair_offered (first), 1);
  report_lost (second, "broker-1");
  core_pair_live (second, 1000);
  cr_assert_eq (core_pair_offered (second), 2);
  stage_forget (first);
  stage_advance (first, 1000);
  core_pair_settle (first, 1, 1);
  cr_expect_null (stage_take (first, INSTANCE, TROUPE_CMD_CONFIRMED), "it is stale");
  core_pair_settle (second, 1, 2);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED));
  live_both (6000);
  cr_expect_eq (broker_core_open_calls (first->core), 0);
}

// As long as the store is slow, nobody's silence there means anything.
Test (core_suspicions, nobody_is_cut_short_when_the_store_has_just_come_back)
{
  live_both (5000);
  ledger_link_break (second->link, 0, second->now);
  stage_advance (second, 300);
  report_lost (second, "broker-1");
  stage_up (second);
  report_lost (second, "broker-1");
  core_pair_live (second, 750);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  core_pair_call (first, 1, "tool/echo");
  core_pair_settle (first, 1, 1);
  cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
}

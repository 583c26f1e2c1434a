// SPDX-License-Identifier: Apache-2.0
//
// Leases of brokers, what is taken over, and what is given up.

#include "core_pair.h"

TestSuite (core_brokers, .init = core_pair_open, .fini = core_pair_close);

Test (core_brokers, a_lost_broker_s_calls_are_taken_over)
{
  core_pair_call (first, 1, "agent/alice");
  core_pair_call (first, 2, "agent/alice"); // waits in the mailbox
  core_pair_call (first, 3, "tool/echo");
  stage_destroy (&first);
  core_pair_live (second, TERM - 500);
  cr_expect_eq (core_pair_offered (second), 0, "its lease has not run out");
  core_pair_live (second, 2000);
  cr_expect_eq (core_pair_offered (second), 2);
  cr_expect_eq (core_pair_offered (second), 2);
  core_pair_settle (second, 1, 2);
  cr_expect_eq (core_pair_offered (second), 1, "the mailbox goes on");
  core_pair_settle (second, 2, 1);
  core_pair_settle (second, 3, 2);
  cr_expect_eq (broker_core_open_calls (second->core), 0);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 3);
}

Test (core_brokers, what_a_lost_broker_s_instance_brings_before_anybody_else_was_offered_it_is_taken)
{
  core_pair_call (first, 1, "tool/echo");
  stage_destroy (&first);
  stage_say (second, INSTANCE, TROUPE_CMD_BYE);
  core_pair_live (second, TERM + 1000); // taken over, and nobody to offer it to
  stage_hello (second, INSTANCE, "instance-2");
  core_pair_settle (second, 1, 1);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED));
}

// It can't read the actor's memory before it has the new number, and its credit is free only after that.
Test (core_brokers, the_owner_goes_on_with_what_is_taken_over_also_without_credit)
{
  core_pair_call (first, 1, "agent/alice");
  cr_expect_eq (core_pair_offered (first), 1);
  stage_register (second, INSTANCE, "agent/alice", 1, true);
  troupe_id_t id = stage_id (2);
  stage_call (second, CALLER, &id, "agent/alice", "another", 0, 0);
  stage_settle_store (second);
  cr_expect_eq (core_pair_offered (second), 1, "the credit is used");
  stage_destroy (&first);
  core_pair_live (second, TERM + 1000);
  const stage_message_t *offer = stage_take (second, INSTANCE, TROUPE_CMD_OFFER);
  id = stage_id (1);
  cr_expect (offer != NULL && troupe_id_equal (&offer->header.call, &id) && offer->header.attempt == 2);
}

// A caller brought it here before any instance did, so that this broker could not know that it is an actor's.
Test (core_brokers, an_actor_moves_also_when_its_service_was_unknown_here)
{
  stage_register (first, INSTANCE, "agent/bob", 4, true);
  core_pair_call (first, 1, "agent/bob");
  cr_expect_eq (core_pair_offered (first), 1);
  core_pair_call (second, 1, "agent/bob");
  cr_expect_not_null (stage_take (second, CALLER, TROUPE_CMD_ACCEPTED));
  stage_destroy (&first);
  core_pair_live (second, TERM + 1000);
  stage_hello (second, OTHER, "instance-3");
  stage_register (second, OTHER, "agent/bob", 4, true);
  stage_settle_store (second);
  cr_expect_str_eq (ledger_model_owner (model, "s", "agent/bob"), "instance-3");
  const stage_message_t *offer = stage_take (second, OTHER, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.attempt == 2 && offer->header.epoch == 2);
}

Test (core_brokers, callers_of_a_lost_broker_hear_the_end_here)
{
  core_pair_call (first, 1, "tool/echo");
  stage_destroy (&first);
  troupe_id_t id = stage_id (1);
  stage_await (second, CALLER, &id, "s");
  core_pair_live (second, TERM + 1000);
  core_pair_settle (second, 1, 2);
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
}

Test (core_brokers, one_that_stood_still_gives_up_what_was_taken)
{
  core_pair_call (first, 1, "tool/echo");
  core_pair_call (first, 2, "agent/alice");
  core_pair_call (first, 3, "agent/alice");
  core_pair_live (second, TERM + 1000);
  cr_expect_eq (core_pair_offered (second), 2);
  cr_expect_eq (core_pair_offered (second), 2);
  stage_forget (first);
  first->now = second->now;
  core_pair_live (first, 500);
  cr_expect_not_null (stage_take (first, INSTANCE, TROUPE_CMD_CANCEL));
  core_pair_settle (second, 1, 2);
  core_pair_settle (second, 2, 2);
  core_pair_settle (second, 3, 1);
  core_pair_live (first, 500);
  for (int i = 0; i < 3; i++)
    cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
  cr_expect_eq (broker_core_open_calls (first->core), 0);
}

Test (core_brokers, one_that_stood_still_takes_nothing_over_at_once)
{
  core_pair_call (first, 1, "tool/echo");
  second->now += TERM + 1000; // both did
  stage_step (second, &(broker_event_t){.kind = BROKER_TIME});
  stage_settle_store (second);
  cr_expect_eq (core_pair_offered (second), 0);
  first->now = second->now;
  core_pair_live (first, TERM);
  for (int i = 0; i < 10; i++) {
    core_pair_live (first, 250);
    core_pair_live (second, 250);
  }
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
}

Test (core_brokers, after_the_store_was_away_leases_get_a_full_term)
{
  core_pair_call (first, 1, "tool/echo");
  ledger_link_break (first->link, 0, first->now);
  ledger_link_break (second->link, 0, second->now);
  core_pair_live (second, TERM + 1000);
  stage_up (second);
  core_pair_live (second, TERM - 500);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  core_pair_live (second, 1500);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 1, "the first one is really gone");
}

Test (core_brokers, a_slot_that_was_lost_on_the_way_is_taken_all_the_same)
{
  for (size_t done = 0; done < 2; done++) {
    unsigned number = 1 + (unsigned)done;
    stage_destroy (&first);
    first = stage_new (model, "broker-1", NULL, second->now);
    stage_ready (first);
    core_pair_join (first);
    core_pair_call (first, number, "tool/echo");
    while (second->now < first->now + TERM + 600) {
      second->now += 100;
      stage_say (second, CALLER, TROUPE_CMD_HEARTBEAT);
      stage_say (second, INSTANCE, TROUPE_CMD_HEARTBEAT);
      stage_step (second, &(broker_event_t){.kind = BROKER_TIME});
      ledger_link_deliver (second->link, second->now);
    }
    ledger_link_break (second->link, done * ledger_link_waiting (second->link), second->now);
    stage_up (second);
    core_pair_live (second, 2 * TERM);
    core_pair_settle (second, number, (unsigned)core_pair_offered (second));
    cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED), "%zu", done);
  }
}

Test (core_brokers, without_a_lease_nothing_is_stored)
{
  stage_t *third = stage_new (model, "broker-3", NULL, first->now);
  ledger_link_fail_next (third->link, "ERR of the test");
  stage_up (third);
  core_pair_join (third);
  core_pair_call (third, 1, "tool/echo");
  cr_expect_null (stage_take (third, CALLER, TROUPE_CMD_ACCEPTED));
  core_pair_live (third, 750);
  cr_expect_not_null (stage_take (third, CALLER, TROUPE_CMD_ACCEPTED));
  stage_destroy (&third);
}

// SPDX-License-Identifier: Apache-2.0
//
// Two brokers with one store: leases, what is taken over, and what is given up.

#include "sim/stage.h"

#include <criterion/criterion.h>

enum { CALLER = 1, INSTANCE = 2, OTHER = 3, TERM = 2500 };

static ledger_model_t *model;
static stage_t *first, *second;

static void
join (stage_t *stage)
{
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
}

static void
open (void)
{
  model = ledger_model_new ();
  first = stage_new (model, "broker-1", NULL, 1000);
  second = stage_new (model, "broker-2", NULL, 1000);
  stage_ready (first);
  stage_ready (second);
  join (first);
  join (second);
  stage_forget (first);
  stage_forget (second);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&first);
  stage_destroy (&second);
  ledger_model_destroy (&model);
}

TestSuite (core_brokers, .init = open, .fini = close);

// Time passes for a broker, and its peers stay.
static void
live (stage_t *stage, int64_t ms)
{
  for (int64_t passed = 0; passed < ms; passed += 250) {
    stage_advance (stage, 250);
    stage_say (stage, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
}

static void
call (stage_t *stage, unsigned number, const char *service)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, service, "s", 0, 0);
  stage_settle_store (stage);
}

static void
settle (stage_t *stage, unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, INSTANCE, &id, "s", attempt, "value");
  stage_settle_store (stage);
}

static uint64_t
offered (stage_t *stage)
{
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  return message != NULL ? message->header.attempt : 0;
}

Test (core_brokers, a_lost_broker_s_calls_are_taken_over)
{
  call (first, 1, "agent/alice");
  call (first, 2, "agent/alice"); // waits in the mailbox
  call (first, 3, "tool/echo");
  stage_destroy (&first);
  live (second, TERM - 500);
  cr_expect_eq (offered (second), 0, "its lease has not run out");
  live (second, 2000);
  cr_expect_eq (offered (second), 2);
  cr_expect_eq (offered (second), 2);
  settle (second, 1, 2);
  cr_expect_eq (offered (second), 1, "the mailbox goes on");
  settle (second, 2, 1);
  settle (second, 3, 2);
  cr_expect_eq (broker_core_open_calls (second->core), 0);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 3);
}

Test (core_brokers, what_a_lost_broker_s_instance_brings_before_anybody_else_was_offered_it_is_taken)
{
  call (first, 1, "tool/echo");
  stage_destroy (&first);
  stage_say (second, INSTANCE, TROUPE_CMD_BYE);
  live (second, TERM + 1000); // taken over, and nobody to offer it to
  stage_hello (second, INSTANCE, "instance-2");
  settle (second, 1, 1);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED));
}

// It can't read the actor's memory before it has the new number, and its credit is free only after that.
Test (core_brokers, the_owner_goes_on_with_what_is_taken_over_also_without_credit)
{
  call (first, 1, "agent/alice");
  cr_expect_eq (offered (first), 1);
  stage_register (second, INSTANCE, "agent/alice", 1, true);
  troupe_id_t id = stage_id (2);
  stage_call (second, CALLER, &id, "agent/alice", "another", 0, 0);
  stage_settle_store (second);
  cr_expect_eq (offered (second), 1, "the credit is used");
  stage_destroy (&first);
  live (second, TERM + 1000);
  const stage_message_t *offer = stage_take (second, INSTANCE, TROUPE_CMD_OFFER);
  id = stage_id (1);
  cr_expect (offer != NULL && troupe_id_equal (&offer->header.call, &id) && offer->header.attempt == 2);
}

// A caller brought it here before any instance did, so that this broker could not know that it is an actor's.
Test (core_brokers, an_actor_moves_also_when_its_service_was_unknown_here)
{
  stage_register (first, INSTANCE, "agent/bob", 4, true);
  call (first, 1, "agent/bob");
  cr_expect_eq (offered (first), 1);
  call (second, 1, "agent/bob");
  cr_expect_not_null (stage_take (second, CALLER, TROUPE_CMD_ACCEPTED));
  stage_destroy (&first);
  live (second, TERM + 1000);
  stage_hello (second, OTHER, "instance-3");
  stage_register (second, OTHER, "agent/bob", 4, true);
  stage_settle_store (second);
  cr_expect_str_eq (ledger_model_owner (model, "s", "agent/bob"), "instance-3");
  const stage_message_t *offer = stage_take (second, OTHER, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.attempt == 2 && offer->header.epoch == 2);
}

Test (core_brokers, callers_of_a_lost_broker_hear_the_end_here)
{
  call (first, 1, "tool/echo");
  stage_destroy (&first);
  troupe_id_t id = stage_id (1);
  stage_await (second, CALLER, &id, "s");
  live (second, TERM + 1000);
  settle (second, 1, 2);
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
}

Test (core_brokers, one_that_stood_still_gives_up_what_was_taken)
{
  call (first, 1, "tool/echo");
  call (first, 2, "agent/alice");
  call (first, 3, "agent/alice");
  live (second, TERM + 1000);
  cr_expect_eq (offered (second), 2);
  cr_expect_eq (offered (second), 2);
  stage_forget (first);
  first->now = second->now;
  live (first, 500);
  cr_expect_not_null (stage_take (first, INSTANCE, TROUPE_CMD_CANCEL));
  settle (second, 1, 2);
  settle (second, 2, 2);
  settle (second, 3, 1);
  live (first, 500);
  for (int i = 0; i < 3; i++)
    cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
  cr_expect_eq (broker_core_open_calls (first->core), 0);
}

Test (core_brokers, one_that_stood_still_takes_nothing_over_at_once)
{
  call (first, 1, "tool/echo");
  second->now += TERM + 1000; // both did
  stage_step (second, &(broker_event_t){.kind = BROKER_TIME});
  stage_settle_store (second);
  cr_expect_eq (offered (second), 0);
  first->now = second->now;
  live (first, TERM);
  for (int i = 0; i < 10; i++) {
    live (first, 250);
    live (second, 250);
  }
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
}

Test (core_brokers, after_the_store_was_away_leases_get_a_full_term)
{
  call (first, 1, "tool/echo");
  ledger_link_break (first->link, 0, first->now);
  ledger_link_break (second->link, 0, second->now);
  live (second, TERM + 1000);
  stage_up (second);
  live (second, TERM - 500);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  live (second, 1500);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 1, "the first one is really gone");
}

Test (core_brokers, a_slot_that_was_lost_on_the_way_is_taken_all_the_same)
{
  for (size_t done = 0; done < 2; done++) {
    unsigned number = 1 + (unsigned)done;
    stage_destroy (&first);
    first = stage_new (model, "broker-1", NULL, second->now);
    stage_ready (first);
    join (first);
    call (first, number, "tool/echo");
    while (second->now < first->now + TERM + 600) {
      second->now += 100;
      stage_say (second, CALLER, TROUPE_CMD_HEARTBEAT);
      stage_say (second, INSTANCE, TROUPE_CMD_HEARTBEAT);
      stage_step (second, &(broker_event_t){.kind = BROKER_TIME});
      ledger_link_deliver (second->link, second->now);
    }
    ledger_link_break (second->link, done * ledger_link_waiting (second->link), second->now);
    stage_up (second);
    live (second, 2 * TERM);
    settle (second, number, (unsigned)offered (second));
    cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED), "%zu", done);
  }
}

Test (core_brokers, without_a_lease_nothing_is_stored)
{
  stage_t *third = stage_new (model, "broker-3", NULL, first->now);
  ledger_link_fail_next (third->link, "ERR of the test");
  stage_up (third);
  join (third);
  call (third, 1, "tool/echo");
  cr_expect_null (stage_take (third, CALLER, TROUPE_CMD_ACCEPTED));
  live (third, 750);
  cr_expect_not_null (stage_take (third, CALLER, TROUPE_CMD_ACCEPTED));
  stage_destroy (&third);
}

// -- Reading along ---------------------------------------------------------------------------------------------------

static void
await_parts (stage_t *stage, unsigned number)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  stage_receive (stage, CALLER, &header, NULL);
  stage_settle_store (stage);
}

static bool
streams (stage_t *stage, unsigned number)
{
  const stage_message_t *stream = stage_take (stage, INSTANCE, TROUPE_CMD_STREAM);
  return stream != NULL && stream->header.call.bytes[15] == number && stream->header.attempt == 1;
}

Test (core_brokers, parts_of_a_call_that_another_broker_offers)
{
  troupe_id_t ids[] = {stage_id (1), stage_id (2)};
  call (first, 1, "agent/alice");
  await_parts (second, 1);
  cr_expect (streams (second, 1));
  call (first, 2, "tool/echo");
  stage_call (second, CALLER, &ids[1], "tool/echo", "s", TROUPE_FLAG_STREAM, 0); // known to the store
  stage_settle_store (second);
  cr_expect (streams (second, 2));
  for (int i = 0; i < 2; i++) {
    stage_part (second, OTHER, &ids[i], 1, 0);
    stage_hello (second, OTHER, "other-3");
    stage_part (second, OTHER, &ids[i], 1, 0);
    cr_expect_null (stage_take (second, CALLER, TROUPE_CMD_PART), "of one that doesn't serve it");
    stage_part (second, INSTANCE, &ids[i], 1, 0);
    cr_expect_not_null (stage_take (second, CALLER, TROUPE_CMD_PART));
  }
}

Test (core_brokers, parts_of_a_call_that_runs_here_already)
{
  call (first, 1, "tool/echo");
  await_parts (first, 1);
  cr_expect (streams (first, 1));
  await_parts (first, 1);
  cr_expect (!streams (first, 1), "it knows");
}

Test (core_brokers, instances_hear_how_many_calls_wait)
{
  stage_register (first, INSTANCE, "tool/echo", 1, false);
  for (unsigned i = 1; i <= 3; i++)
    call (first, i, "tool/echo");
  const stage_message_t *offer = stage_take (first, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.queue == 0, "when it was offered");
  stage_forget (first);
  live (first, 500);
  const stage_message_t *beat = stage_take (first, INSTANCE, TROUPE_CMD_HEARTBEAT);
  while (beat != NULL && !troupe_header_has (&beat->header, TROUPE_F (QUEUE)))
    beat = stage_take (first, INSTANCE, TROUPE_CMD_HEARTBEAT);
  cr_expect (beat != NULL && beat->header.queue == 2 && troupe_text_equal (beat->header.service, "tool/echo"));
  settle (first, 1, 1);
  offer = stage_take (first, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.queue == 1);
  settle (first, 2, 1);
  stage_forget (first);
  live (first, 500);
  bool none = false;
  while ((beat = stage_take (first, INSTANCE, TROUPE_CMD_HEARTBEAT)) != NULL)
    none = none || (troupe_header_has (&beat->header, TROUPE_F (QUEUE)) && beat->header.queue == 0);
  cr_expect (none, "and that none do any more");
}

// -- Suspicions ------------------------------------------------------------------------------------------------------

// A peer of `stage` has lost that broker.
static void
report_lost (stage_t *stage, const char *broker)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_lost (&header, troupe_text (broker));
  stage_receive (stage, CALLER, &header, NULL);
  stage_settle_store (stage);
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

Test (core_brokers, one_that_its_peers_lost_and_that_is_silent_is_taken_over_before_its_lease_runs_out)
{
  live_both (5000);
  call (first, 1, "tool/echo");
  cr_assert_eq (offered (first), 1);
  report_lost (second, "broker-1"); // which is dead from now on
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0, "it may only be late");
  live (second, 750);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 1);
  cr_expect_eq (offered (second), 2);
  settle (second, 1, 2);
}

// What the peers say of a broker that goes on changes nothing.
Test (core_brokers, one_that_lives_keeps_its_calls_whatever_its_peers_say)
{
  live_both (5000);
  call (first, 1, "tool/echo");
  cr_assert_eq (offered (first), 1);
  for (int i = 0; i < 100; i++) {
    report_lost (second, "broker-1");
    report_lost (second, "broker-2");
    report_lost (second, "nobody");
    live_both (50);
  }
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  cr_expect_eq (offered (second), 0);
  settle (first, 1, 1);
  cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
}

// It stood still, and wakes: what it had is another's, as when its lease runs out by itself.
Test (core_brokers, one_that_was_lost_too_early_finds_out_and_does_no_harm)
{
  live_both (5000);
  call (first, 1, "tool/echo");
  cr_assert_eq (offered (first), 1);
  report_lost (second, "broker-1");
  live (second, 1000);
  cr_assert_eq (offered (second), 2);
  stage_forget (first);
  stage_advance (first, 1000);
  settle (first, 1, 1);
  cr_expect_null (stage_take (first, INSTANCE, TROUPE_CMD_CONFIRMED), "it is stale");
  settle (second, 1, 2);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_CONFIRMED));
  live_both (6000);
  cr_expect_eq (broker_core_open_calls (first->core), 0);
}

// As long as the store is slow, nobody's silence there means anything.
Test (core_brokers, nobody_is_cut_short_when_the_store_has_just_come_back)
{
  live_both (5000);
  ledger_link_break (second->link, 0, second->now);
  stage_advance (second, 300);
  report_lost (second, "broker-1");
  stage_up (second);
  report_lost (second, "broker-1");
  live (second, 750);
  cr_expect_eq (broker_core_counter (second->core, BROKER_COUNT_CALLS_TAKEN_OVER), 0);
  call (first, 1, "tool/echo");
  settle (first, 1, 1);
  cr_expect_not_null (stage_take (first, CALLER, TROUPE_CMD_SETTLED));
}

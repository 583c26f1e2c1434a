// SPDX-License-Identifier: Apache-2.0
//
// A store that is away, breaks off, reports errors, or forgets.

#include "core_rig.h"

TestSuite (core_store, .init = core_rig_open_serving, .fini = core_rig_close);

// The store has yet to answer these two.

static void
call (unsigned number)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, "agent/alice", "s", 0, 0);
}

static void
settle (unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, INSTANCE, &id, "s", attempt, "value");
}

static bool
refused_as (troupe_command_t of, troupe_err_t code)
{
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  return refused != NULL && refused->header.of == of && stage_error (refused) == code;
}

Test (core_store, without_a_store_nothing_is_taken)
{
  ledger_link_break (stage->link, 0, stage->now);
  call (1);
  cr_expect (refused_as (TROUPE_CMD_CALL, TROUPE_STORE_UNAVAILABLE));
  troupe_id_t id = stage_id (2);
  stage_await (stage, CALLER, &id, "s");
  cr_expect (refused_as (TROUPE_CMD_AWAIT, TROUPE_STORE_UNAVAILABLE));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_store, an_accept_that_was_lost_is_made_again_done_or_not)
{
  for (size_t done = 0; done < 2; done++) {
    unsigned number = 1 + (unsigned)done;
    call (number);
    ledger_link_break (stage->link, done, stage->now);
    cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
    call (number); // its caller asks again
    cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED), "it may have been stored");
    stage_up (stage);
    cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
    cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
    core_rig_settle (INSTANCE, number, (unsigned)core_rig_attempt (INSTANCE));
    cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
    cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  }
}

Test (core_store, accepts_made_again_keep_their_order)
{
  for (unsigned i = 1; i <= 5; i++)
    call (i);
  ledger_link_break (stage->link, 2, stage->now);
  stage_up (stage);
  for (unsigned i = 1; i <= 5; i++)
    cr_expect_eq (ledger_model_at (model, i - 1)->id.bytes[15], i);
}

Test (core_store, a_settle_that_was_lost_is_made_again_done_or_not)
{
  for (size_t done = 0; done < 2; done++) {
    unsigned number = 1 + (unsigned)done;
    core_rig_call (number, "agent/alice");
    cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_OFFER));
    settle (number, 1);
    ledger_link_break (stage->link, done, stage->now);
    cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
    stage_up (stage);
    cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
    const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
    cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_VALUE);
  }
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_store, the_turn_survives_a_lost_settle)
{
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  settle (1, 1);
  ledger_link_break (stage->link, 1, stage->now); // stored, and the answer with the next call is lost
  stage_up (stage);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_OFFER) && core_rig_sent (INSTANCE, TROUPE_CMD_OFFER));
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED) && core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_store, what_runs_goes_on_and_settles_when_the_store_is_back)
{
  core_rig_call (1, "agent/alice");
  ledger_link_break (stage->link, 0, stage->now);
  settle (1, 1);
  cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_REFUSED));
  stage_up (stage);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_store, an_instance_lost_meanwhile_is_retried_when_the_store_is_back)
{
  core_rig_call (1, "agent/alice");
  stage_forget (stage);
  ledger_link_break (stage->link, 0, stage->now);
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  cr_expect_not (core_rig_sent (OTHER, TROUPE_CMD_OFFER));
  stage_up (stage);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
}

Test (core_store, an_accept_in_doubt_is_given_up_at_its_deadline)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/alice", "s", 0, 700);
  ledger_link_break (stage->link, 1, stage->now);
  stage_advance (stage, 800);
  cr_expect_not (refused_as (TROUPE_CMD_CALL, TROUPE_DEADLINE), "that would mean that it isn't stored");
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  stage_up (stage);
  for (int i = 0; i < 8; i++) {
    stage_advance (stage, 500);
    stage_say (stage, CALLER, TROUPE_CMD_HEARTBEAT);
  }
  cr_expect_eq (ledger_model_find (model, &id)->status, TROUPE_STATUS_DEADLINE, "and so it ends if it was stored");
}

Test (core_store, a_deadline_that_passes_meanwhile_settles_afterwards)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/alice", "s", 0, 700);
  stage_settle_store (stage);
  ledger_link_break (stage->link, 0, stage->now);
  stage_advance (stage, 800);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  stage_up (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
}

Test (core_store, an_error_of_the_store_refuses_an_accept)
{
  call (1);
  ledger_link_fail_next (stage->link, "OOM command not allowed");
  stage_settle_store (stage);
  cr_expect (refused_as (TROUPE_CMD_CALL, TROUPE_STORE_UNAVAILABLE));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_store, an_error_of_the_store_delays_a_settle)
{
  core_rig_call (1, "agent/alice");
  settle (1, 1);
  ledger_link_fail_next (stage->link, "MISCONF disk full");
  stage_settle_store (stage);
  cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  stage_advance (stage, 600);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_store, an_error_of_the_store_delays_a_retry)
{
  core_rig_call (1, "agent/alice");
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  ledger_link_fail_next (stage->link, "MISCONF disk full");
  stage_settle_store (stage);
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  stage_advance (stage, 600);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_OFFER));
}

Test (core_store, a_call_that_the_store_lost_ends_as_an_error)
{
  core_rig_call (1, "agent/alice");
  troupe_id_t id = stage_id (1);
  ledger_model_lose (model, &id);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_UNKNOWN_CALL);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (settled->header.status, TROUPE_STATUS_ERROR);
  cr_expect_eq (stage_error (settled), TROUPE_STORE_LOST);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

// It waits for its turn, which nobody will give it: its caller finds out when it asks once more.
Test (core_store, a_call_that_the_store_lost_before_its_turn_ends_when_it_is_asked_for)
{
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  troupe_id_t id = stage_id (2);
  ledger_model_lose (model, &id);
  stage_forget (stage);
  stage_await (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (stage_error (settled), TROUPE_STORE_LOST);
  cr_expect_eq (broker_core_open_calls (stage->core), 1, "the first one");
}

Test (core_store, a_store_that_stalls_is_waited_for_in_peace)
{
  unsigned woken = 0;
  for (int64_t due, end = stage->now + 2000; (due = broker_core_due (stage->core)) <= end; woken++) {
    stage->now = due > stage->now ? due : stage->now;
    stage_step (stage, &(broker_event_t){.kind = BROKER_TIME});
    cr_assert_gt (broker_core_due (stage->core), stage->now, "it would be woken again at once, for ever");
  }
  cr_expect_lt (woken, 40); // ticks and leases, four a second each
  stage_settle_store (stage);
}

Test (core_store, recovery_that_fails_is_tried_again)
{
  core_rig_call (1, "agent/alice");
  int64_t now = stage->now;
  stage_destroy (&stage);
  stage = stage_new (model, "broker-1", NULL, now);
  ledger_link_up (stage->link);
  ledger_link_break (stage->link, 0, now); // all 64 are lost
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  stage_up (stage);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
}

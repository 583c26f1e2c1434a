// SPDX-License-Identifier: Apache-2.0
//
// A store that comes back with another history: as it was, empty, or older.

#include "core_rig.h"

#include "sim/ledger_model_state.h"

TestSuite (core_losses, .init = core_rig_open_serving, .fini = core_rig_close);

static uint64_t
counted (broker_counter_t counter)
{
  return broker_core_counter (stage->core, counter);
}

// The store has yet to answer this.
static void
settle (unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, INSTANCE, &id, "s", attempt, "value");
}

static bool
settled_as (troupe_err_t code)
{
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  return settled != NULL && settled->header.status == TROUPE_STATUS_ERROR && stage_error (settled) == code;
}

static void
come_back (void)
{
  stage_up (stage);
  stage_settle_store (stage);
}

Test (core_losses, what_is_still_there_goes_on_as_it_was)
{
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_begin_generation (model, 0);
  come_back ();
  cr_expect_eq (counted (BROKER_COUNT_STORE_CHANGES), 1);
  cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  cr_expect_eq (core_rig_attempt (INSTANCE), 1001, "what begins now can't be mistaken for what has begun before");
  cr_expect_eq (counted (BROKER_COUNT_CALLS_LOST) + counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 0);
}

Test (core_losses, what_is_gone_ends_with_an_error_that_says_so_and_is_not_run_again)
{
  core_rig_call (1, "agent/alice"); // runs
  core_rig_call (2, "agent/alice"); // waits for its turn
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_empty (model);
  come_back ();
  cr_expect (settled_as (TROUPE_STORE_LOST));
  cr_expect (settled_as (TROUPE_STORE_LOST));
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (counted (BROKER_COUNT_CALLS_LOST), 2);
  cr_expect_eq (ledger_model_count (model), 0);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_REFUSED));
  stage_advance (stage, 2000);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0);
  core_rig_call (3, "agent/alice");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
}

Test (core_losses, an_outcome_that_is_on_its_way_when_the_store_loses_its_call_is_refused)
{
  core_rig_call (1, "agent/alice");
  settle (1, 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_empty (model);
  come_back ();
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_REFUSED));
  cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (settled_as (TROUPE_STORE_LOST));
}

Test (core_losses, a_call_that_is_being_stored_is_stored_in_what_came_back)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/alice", "s", 0, 0);
  ledger_link_break (stage->link, 1, stage->now); // it was done, and nobody heard of it
  ledger_model_empty (model);
  come_back ();
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
}

// Another broker's, whose loss that one would tell if it lived.
Test (core_losses, who_waits_for_a_call_that_was_there_and_is_gone_is_told)
{
  stage_t *second = stage_new (model, "broker-2", NULL, 1000);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  core_rig_call (1, "agent/alice");
  troupe_id_t id = stage_id (1), never = stage_id (2);
  stage_await (second, CALLER, &id, "s");
  stage_settle_store (second);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_link_break (second->link, 0, second->now);
  ledger_model_empty (model);
  stage_up (second);
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (stage_error (settled), TROUPE_STORE_LOST);
  stage_await (second, CALLER, &never, "s");
  stage_settle_store (second);
  const stage_message_t *refused = stage_take (second, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_UNKNOWN_CALL, "of this one nobody was ever told");
  stage_destroy (&second);
}

// -- Older -----------------------------------------------------------------------------------------------------------

// Call 1 runs in attempt 2, of which the store forgets: it has attempt `stored`.
static void
forget_attempt (uint32_t stored)
{
  core_rig_call (1, "agent/alice");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  core_rig_reconnect ();
  cr_assert_eq (core_rig_attempt (INSTANCE), 2);
  ledger_link_break (stage->link, 0, stage->now);
  troupe_id_t id = stage_id (1);
  model_find (model, &id)->attempt = stored;
  ledger_model_begin_generation (model, 0);
}

Test (core_losses, an_attempt_that_the_store_has_forgotten_is_followed_by_one_of_another_number)
{
  forget_attempt (1);
  come_back ();
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (core_rig_attempt (INSTANCE), 1001);
  cr_expect_eq (counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 1);
  for (unsigned attempt = 1; attempt <= 2; attempt++) {
    core_rig_settle (INSTANCE, 1, attempt);
    cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_STALE, "%u", attempt);
  }
  core_rig_settle (INSTANCE, 1, 1001);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_losses, the_outcome_of_an_attempt_that_the_store_has_forgotten_is_refused)
{
  forget_attempt (1);
  settle (1, 2); // while the store is away
  come_back ();
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_STALE);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1001);
  cr_expect_eq (counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 1);
}

Test (core_losses, a_call_that_had_its_turn_in_a_history_that_is_gone_waits_for_it_again)
{
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1, "the second one runs");
  ledger_link_break (stage->link, 0, stage->now);
  troupe_id_t first = stage_id (1), second = stage_id (2);
  model_find (model, &first)->status = TROUPE_STATUS_NONE;
  troupe_buffer_unref (&model_find (model, &first)->value);
  model_find (model, &second)->attempt = 0;
  ledger_model_begin_generation (model, 0);
  stage_forget (stage);
  come_back ();
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (core_rig_attempt (INSTANCE), 1001, "the first one, whose outcome is lost, runs again");
  core_rig_settle (INSTANCE, 1, 1001);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1001, "and then the second one");
  core_rig_settle (INSTANCE, 2, 1001);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

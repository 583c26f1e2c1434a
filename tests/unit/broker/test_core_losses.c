// SPDX-License-Identifier: Apache-2.0
//
// A store that comes back with another history: as it was, empty, or older.

#include "sim/ledger_model_state.h"
#include "sim/stage.h"

#include <criterion/criterion.h>

enum { CALLER = 1, INSTANCE = 2, OTHER = 3 };

static ledger_model_t *model;
static stage_t *stage;

static void
open (void)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", NULL, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_losses, .init = open, .fini = close);

static uint64_t
counted (broker_counter_t counter)
{
  return broker_core_counter (stage->core, counter);
}

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

// The attempt of the next offer to the instance; 0: there is none.
static unsigned
offered (void)
{
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  return offer != NULL ? (unsigned)offer->header.attempt : 0;
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
  call (1);
  call (2);
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_begin_generation (model, 0);
  come_back ();
  cr_expect_eq (counted (BROKER_COUNT_STORE_CHANGES), 1);
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL) == NULL);
  settle (1, 1);
  stage_settle_store (stage);
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CONFIRMED) != NULL);
  cr_expect (stage_take (stage, CALLER, TROUPE_CMD_SETTLED) != NULL);
  cr_expect_eq (offered (), 1001, "what begins now can't be mistaken for what has begun before");
  cr_expect_eq (counted (BROKER_COUNT_CALLS_LOST) + counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 0);
}

Test (core_losses, what_is_gone_ends_with_an_error_that_says_so_and_is_not_run_again)
{
  call (1); // runs
  call (2); // waits for its turn
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_empty (model);
  come_back ();
  cr_expect (settled_as (TROUPE_STORE_LOST));
  cr_expect (settled_as (TROUPE_STORE_LOST));
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL) != NULL);
  cr_expect_eq (counted (BROKER_COUNT_CALLS_LOST), 2);
  cr_expect_eq (ledger_model_count (model), 0);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  settle (1, 1);
  stage_settle_store (stage);
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED) != NULL);
  stage_advance (stage, 2000);
  cr_expect_eq (offered (), 0);
  call (3);
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1);
}

Test (core_losses, an_outcome_that_is_on_its_way_when_the_store_loses_its_call_is_refused)
{
  call (1);
  stage_settle_store (stage);
  settle (1, 1);
  ledger_link_break (stage->link, 0, stage->now);
  ledger_model_empty (model);
  come_back ();
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED) != NULL);
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CONFIRMED) == NULL);
  cr_expect (settled_as (TROUPE_STORE_LOST));
}

Test (core_losses, a_call_that_is_being_stored_is_stored_in_what_came_back)
{
  call (1);
  ledger_link_break (stage->link, 1, stage->now); // it was done, and nobody heard of it
  ledger_model_empty (model);
  come_back ();
  cr_expect (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED) != NULL);
  cr_expect_eq (offered (), 1);
}

// Another broker's, whose loss that one would tell if it lived.
Test (core_losses, who_waits_for_a_call_that_was_there_and_is_gone_is_told)
{
  stage_t *second = stage_new (model, "broker-2", NULL, 1000);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  call (1);
  stage_settle_store (stage);
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
  call (1);
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1);
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_settle_store (stage);
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_settle_store (stage);
  cr_assert_eq (offered (), 2);
  ledger_link_break (stage->link, 0, stage->now);
  troupe_id_t id = stage_id (1);
  model_find (model, &id)->attempt = stored;
  ledger_model_begin_generation (model, 0);
}

Test (core_losses, an_attempt_that_the_store_has_forgotten_is_followed_by_one_of_another_number)
{
  forget_attempt (1);
  come_back ();
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL) != NULL);
  cr_expect_eq (offered (), 1001);
  cr_expect_eq (counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 1);
  for (unsigned attempt = 1; attempt <= 2; attempt++) {
    settle (1, attempt);
    stage_settle_store (stage);
    const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
    cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE, "%u", attempt);
  }
  settle (1, 1001);
  stage_settle_store (stage);
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CONFIRMED) != NULL);
  cr_expect (stage_take (stage, CALLER, TROUPE_CMD_SETTLED) != NULL);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_losses, the_outcome_of_an_attempt_that_the_store_has_forgotten_is_refused)
{
  forget_attempt (1);
  settle (1, 2); // while the store is away
  come_back ();
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE);
  cr_expect_eq (offered (), 1001);
  cr_expect_eq (counted (BROKER_COUNT_ATTEMPTS_ROLLED_BACK), 1);
}

Test (core_losses, a_call_that_had_its_turn_in_a_history_that_is_gone_waits_for_it_again)
{
  call (1);
  call (2);
  stage_settle_store (stage);
  settle (1, 1);
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1);
  cr_expect_eq (offered (), 1, "the second one runs");
  ledger_link_break (stage->link, 0, stage->now);
  troupe_id_t first = stage_id (1), second = stage_id (2);
  model_find (model, &first)->status = TROUPE_STATUS_NONE;
  troupe_buffer_unref (&model_find (model, &first)->value);
  model_find (model, &second)->attempt = 0;
  ledger_model_begin_generation (model, 0);
  stage_forget (stage);
  come_back ();
  cr_expect (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL) != NULL);
  cr_expect_eq (offered (), 1001, "the first one, whose outcome is lost, runs again");
  settle (1, 1001);
  stage_settle_store (stage);
  cr_expect_eq (offered (), 1001, "and then the second one");
  settle (2, 1001);
  stage_settle_store (stage);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

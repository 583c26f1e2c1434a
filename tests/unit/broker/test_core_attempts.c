// SPDX-License-Identifier: Apache-2.0
//
// Instances that are lost, leave, come back, and are late.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open ();
  stage_hello (stage, OTHER, "instance-3");
}

TestSuite (core_attempts, .init = open, .fini = core_rig_close);

Test (core_attempts, a_lost_instance_s_call_goes_to_another_under_the_next_attempt)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  stage_register (stage, OTHER, "tool/echo", 4, false);
  core_rig_lose (INSTANCE);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
  core_rig_settle (OTHER, 1, 2);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, retried_calls_go_before_others_in_their_order)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  for (unsigned i = 1; i <= 4; i++)
    core_rig_call (i, "tool/echo");
  core_rig_lose (INSTANCE);
  stage_register (stage, OTHER, "tool/echo", 4, false);
  for (unsigned i = 1; i <= 4; i++) {
    const stage_message_t *offer = stage_take (stage, OTHER, TROUPE_CMD_OFFER);
    cr_assert (offer != NULL);
    cr_expect_eq (offer->header.call.bytes[15], i);
    cr_expect_eq (offer->header.attempt, i <= 2 ? 2 : 1);
  }
}

Test (core_attempts, three_deaths_are_an_error)
{
  for (broker_connection_t connection = 10; connection < 13; connection++) {
    char name[] = {'m', 'o', 'r', 't', 'a', 'l', '-', (char)('0' + connection - 10), '\0'};
    stage_hello (stage, connection, name);
    stage_register (stage, connection, "tool/deadly", 4, false);
    if (connection == 10)
      core_rig_call (1, "tool/deadly");
    cr_expect_eq (core_rig_attempt (connection), connection - 9);
    core_rig_lose (connection);
  }
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (settled->header.status, TROUPE_STATUS_ERROR);
  cr_expect_eq (stage_error (settled), TROUPE_SERVICE_DIED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_attempts, with_no_instance_left_it_waits_for_one)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  core_rig_lose (INSTANCE);
  stage_register (stage, OTHER, "tool/echo", 4, false);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
}

Test (core_attempts, one_that_unregisters_ends_what_it_runs)
{
  stage_register (stage, INSTANCE, "tool/echo", 1, false);
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_UNREGISTERED));
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (core_rig_attempt (INSTANCE), 0, "nothing more after unregistered");
  stage_register (stage, OTHER, "tool/echo", 1, false);
  cr_expect_eq (core_rig_attempt (OTHER), 1);
}

Test (core_attempts, one_that_unregisters_is_not_offered_what_was_being_prepared_for_it)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  for (unsigned number = 1; number <= 2; number++) {
    troupe_id_t id = stage_id (number);
    stage_call (stage, CALLER, &id, "agent/alice", number == 1 ? "s" : "t", 0, 0);
  }
  for (unsigned number = 1; number <= 2; number++)
    ledger_link_deliver (stage->link, stage->now); // it is stored, and the actor's new owner is asked for
  cr_assert_gt (ledger_link_waiting (stage->link), 0);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_UNREGISTERED));
  stage_settle_store (stage);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0, "nothing more after unregistered");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_attempt (OTHER), 1);
  cr_expect_eq (core_rig_attempt (OTHER), 1);
}

Test (core_attempts, one_that_unregisters_may_register_again)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  core_rig_call (1, "tool/echo");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  core_rig_call (2, "tool/echo");
  core_rig_call (3, "tool/echo");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0, "what it ran before counts");
}

Test (core_attempts, a_stale_attempt_s_result_is_refused)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  core_rig_lose (INSTANCE);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
  stage_hello (stage, 20, "instance-2");
  core_rig_settle (20, 1, 1);
  const stage_message_t *refused = stage_take (stage, 20, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE && refused->header.attempt == 1);
  core_rig_settle (OTHER, 1, 2);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, a_late_result_is_taken_while_nobody_else_has_begun)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  core_rig_lose (INSTANCE); // its connection, not its life
  stage_hello (stage, 20, "instance-2");
  core_rig_settle (20, 1, 1);
  const stage_message_t *confirmed = stage_take (stage, 20, TROUPE_CMD_CONFIRMED);
  cr_expect (confirmed != NULL && confirmed->header.attempt == 1);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, a_late_result_is_taken_while_the_next_attempt_is_being_begun)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false); // the store hasn't answered
  stage_hello (stage, 20, "instance-2");
  core_rig_settle (20, 1, 1);
  cr_expect (core_rig_sent (20, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (core_rig_attempt (OTHER), 0);
}

Test (core_attempts, a_result_sent_again_over_a_new_connection_is_confirmed_there)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_settle (stage, INSTANCE, &id, "s", 1, "value"); // the store hasn't answered
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_hello (stage, 20, "instance-2");
  stage_settle (stage, 20, &id, "s", 1, "value");
  stage_settle_store (stage);
  cr_expect (core_rig_sent (20, TROUPE_CMD_CONFIRMED));
  stage_settle (stage, 20, &id, "s", 1, "value"); // and again
  stage_settle_store (stage);
  cr_expect (core_rig_sent (20, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, a_result_for_a_call_that_never_was)
{
  core_rig_settle (INSTANCE, 5, 1);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_UNKNOWN_CALL);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_attempts, an_outcome_from_who_does_not_run_the_attempt_is_refused)
{
  stage_register (stage, INSTANCE, "tool/x", 1, 0);
  core_rig_call (1, "tool/x");
  cr_assert_eq (core_rig_attempt (INSTANCE), 1);
  core_rig_settle (OTHER, 1, 1);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_REFUSED));
  core_rig_settle (CALLER, 1, 1);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, an_outcome_before_anyone_was_offered_the_call_is_refused)
{
  stage_register (stage, INSTANCE, "tool/x", 1, 0);
  core_rig_call (1, "tool/x");
  core_rig_call (2, "tool/x"); // waits for the credit
  cr_assert_eq (core_rig_attempt (INSTANCE), 1);
  core_rig_settle (OTHER, 2, 1);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_REFUSED));
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

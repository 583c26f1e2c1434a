// SPDX-License-Identifier: Apache-2.0
//
// Instances that are lost, come back, and are late; brokers that restart.

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
  stage_hello (stage, OTHER, "instance-3");
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_attempts, .init = open, .fini = close);

static bool
sent (broker_connection_t to, troupe_command_t command)
{
  return stage_take (stage, to, command) != NULL;
}

static void
call (unsigned number, const char *service)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, service, "s", 0, 0);
  stage_settle_store (stage);
}

static void
settle (broker_connection_t from, unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, from, &id, "s", attempt, "value");
  stage_settle_store (stage);
}

// The attempt of the next offer; 0: none.
static uint64_t
offered (broker_connection_t to)
{
  const stage_message_t *message = stage_take (stage, to, TROUPE_CMD_OFFER);
  return message != NULL ? message->header.attempt : 0;
}

static void
lose (broker_connection_t connection)
{
  stage_unsent (stage, connection, TROUPE_CMD_HEARTBEAT, false);
  stage_settle_store (stage);
}

static void
restart (void)
{
  int64_t now = stage->now;
  stage_destroy (&stage);
  stage = stage_new (model, "broker-1", NULL, now);
  stage_up (stage);
}

Test (core_attempts, a_lost_instance_s_call_goes_to_another_under_the_next_attempt)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  cr_expect_eq (offered (INSTANCE), 1);
  stage_register (stage, OTHER, "tool/echo", 4, false);
  lose (INSTANCE);
  cr_expect_eq (offered (OTHER), 2);
  settle (OTHER, 1, 2);
  cr_expect (sent (OTHER, TROUPE_CMD_CONFIRMED));
  cr_expect (sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, retried_calls_go_before_others_in_their_order)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  for (unsigned i = 1; i <= 4; i++)
    call (i, "tool/echo");
  lose (INSTANCE);
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
      call (1, "tool/deadly");
    cr_expect_eq (offered (connection), connection - 9);
    lose (connection);
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
  call (1, "tool/echo");
  call (2, "tool/echo");
  lose (INSTANCE);
  stage_register (stage, OTHER, "tool/echo", 4, false);
  cr_expect_eq (offered (OTHER), 2);
  cr_expect_eq (offered (OTHER), 2);
}

Test (core_attempts, one_that_unregisters_ends_what_it_runs)
{
  stage_register (stage, INSTANCE, "tool/echo", 1, false);
  call (1, "tool/echo");
  call (2, "tool/echo");
  cr_expect_eq (offered (INSTANCE), 1);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect (sent (INSTANCE, TROUPE_CMD_UNREGISTERED));
  settle (INSTANCE, 1, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (offered (INSTANCE), 0, "nothing more after unregistered");
  stage_register (stage, OTHER, "tool/echo", 1, false);
  cr_expect_eq (offered (OTHER), 1);
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
  cr_expect (sent (INSTANCE, TROUPE_CMD_UNREGISTERED));
  stage_settle_store (stage);
  cr_expect_eq (offered (INSTANCE), 0, "nothing more after unregistered");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  stage_settle_store (stage);
  cr_expect_eq (offered (OTHER), 1);
  cr_expect_eq (offered (OTHER), 1);
}

Test (core_attempts, one_that_unregisters_may_register_again)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  call (1, "tool/echo");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  call (2, "tool/echo");
  call (3, "tool/echo");
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_eq (offered (INSTANCE), 0, "what it ran before counts");
}

Test (core_attempts, a_stale_attempt_s_result_is_refused)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  lose (INSTANCE);
  cr_expect_eq (offered (OTHER), 2);
  stage_hello (stage, 20, "instance-2");
  settle (20, 1, 1);
  const stage_message_t *refused = stage_take (stage, 20, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE && refused->header.attempt == 1);
  settle (OTHER, 1, 2);
  cr_expect (sent (OTHER, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, a_late_result_is_taken_while_nobody_else_has_begun)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  lose (INSTANCE); // its connection, not its life
  stage_hello (stage, 20, "instance-2");
  settle (20, 1, 1);
  const stage_message_t *confirmed = stage_take (stage, 20, TROUPE_CMD_CONFIRMED);
  cr_expect (confirmed != NULL && confirmed->header.attempt == 1);
  cr_expect (sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, a_late_result_is_taken_while_the_next_attempt_is_being_begun)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false); // the store hasn't answered
  stage_hello (stage, 20, "instance-2");
  settle (20, 1, 1);
  cr_expect (sent (20, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (offered (OTHER), 0);
}

Test (core_attempts, a_result_sent_again_over_a_new_connection_is_confirmed_there)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_settle (stage, INSTANCE, &id, "s", 1, "value"); // the store hasn't answered
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_hello (stage, 20, "instance-2");
  stage_settle (stage, 20, &id, "s", 1, "value");
  stage_settle_store (stage);
  cr_expect (sent (20, TROUPE_CMD_CONFIRMED));
  stage_settle (stage, 20, &id, "s", 1, "value"); // and again
  stage_settle_store (stage);
  cr_expect (sent (20, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, a_result_for_a_call_that_never_was)
{
  settle (INSTANCE, 5, 1);
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_UNKNOWN_CALL);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_attempts, after_a_restart_a_running_attempt_may_settle)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  call (1, "agent/alice");
  call (2, "agent/alice");
  restart ();
  stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  cr_expect (sent (INSTANCE, TROUPE_CMD_RESET), "it doesn't know the connection");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  cr_expect_eq (offered (INSTANCE), 0, "somebody may be running it");
  settle (INSTANCE, 1, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (offered (INSTANCE), 1, "the mailbox goes on");
  settle (INSTANCE, 2, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, after_a_restart_a_streaming_instance_is_taken_at_its_word)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  restart ();
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_part (stage, INSTANCE, &id, 1, 7);
  stage_advance (stage, 1500);
  cr_expect_eq (offered (INSTANCE), 0);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_ATTEMPTS_ADOPTED), 1);
  settle (INSTANCE, 1, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_attempts, after_a_restart_what_nobody_runs_is_retried)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  restart ();
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  stage_advance (stage, 1100);
  cr_expect_eq (offered (OTHER), 2);
  settle (OTHER, 1, 2);
  cr_expect (sent (OTHER, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_attempts, after_a_restart_callers_find_their_calls)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  restart ();
  stage_hello (stage, CALLER, "caller-1");
  troupe_id_t known = stage_id (1), fresh = stage_id (2);
  stage_call (stage, CALLER, &known, "tool/echo", "s", 0, 0);
  stage_call (stage, CALLER, &fresh, "tool/echo", "s", 0, 0); // its instance isn't back yet
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_not (sent (CALLER, TROUPE_CMD_REFUSED));
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED), "the fresh one");
}

Test (core_attempts, after_a_restart_unknown_services_are_refused_within_a_second)
{
  restart ();
  stage_hello (stage, CALLER, "caller-1");
  call (1, "tool/none");
  cr_expect_not (sent (CALLER, TROUPE_CMD_REFUSED));
  stage_advance (stage, 1000);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_UNKNOWN_SERVICE);
}

Test (core_attempts, a_call_that_another_broker_offers_is_awaited_here)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  stage_t *second = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  troupe_id_t id = stage_id (1);
  stage_call (second, CALLER, &id, "tool/echo", "s", 0, 0); // unknown here, but known to the store
  stage_settle_store (second);
  cr_expect (stage_take (second, CALLER, TROUPE_CMD_ACCEPTED) != NULL);
  settle (INSTANCE, 1, 1);
  stage_settle_store (second);
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (broker_core_open_calls (second->core), 0);
  stage_destroy (&second);
}

Test (core_attempts, a_mailbox_shared_by_two_brokers_goes_on_in_order)
{
  stage_t *second = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  stage_hello (second, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (second, INSTANCE, "agent/alice", 4, true);
  call (1, "agent/alice");
  troupe_id_t id = stage_id (2);
  stage_call (second, CALLER, &id, "agent/alice", "s", 0, 0);
  stage_settle_store (second);
  call (3, "agent/alice");
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_null (stage_take (second, INSTANCE, TROUPE_CMD_OFFER));
  settle (INSTANCE, 1, 1);
  stage_settle_store (second);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_OFFER));
  cr_expect_eq (offered (INSTANCE), 0);
  stage_settle (second, INSTANCE, &id, "s", 1, "value");
  stage_settle_store (second);
  stage_settle_store (stage);
  cr_expect_eq (offered (INSTANCE), 1);
  stage_destroy (&second);
}

Test (core_attempts, settled_through_another_broker_the_instance_here_is_stopped)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  stage_t *second = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  troupe_id_t id = stage_id (1);
  stage_cancel (second, CALLER, &id, "s");
  stage_settle_store (second);
  stage_settle_store (stage);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CANCEL));
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (broker_core_open_calls (second->core), 0);
  stage_destroy (&second);
}

Test (core_attempts, orphans_of_a_dead_broker_end_at_their_deadline)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 2000);
  stage_settle_store (stage);
  stage_t *second = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
  stage_await (second, CALLER, &id, "s");
  for (int i = 0; i < 12; i++) { // the first broker stands still
    stage_advance (second, 500);
    stage_say (second, CALLER, TROUPE_CMD_HEARTBEAT);
  }
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
  stage_destroy (&second);
}

// -- Outcomes of others' attempts ------------------------------------------------------------------------------------

Test (core_attempts, an_outcome_from_who_does_not_run_the_attempt_is_refused)
{
  stage_register (stage, INSTANCE, "tool/x", 1, 0);
  call (1, "tool/x");
  cr_assert_eq (offered (INSTANCE), 1);
  settle (OTHER, 1, 1);
  cr_expect (sent (OTHER, TROUPE_CMD_REFUSED));
  settle (CALLER, 1, 1);
  cr_expect (sent (CALLER, TROUPE_CMD_REFUSED));
  cr_expect_not (sent (CALLER, TROUPE_CMD_SETTLED));
  settle (INSTANCE, 1, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (sent (CALLER, TROUPE_CMD_SETTLED));
}

Test (core_attempts, an_outcome_before_anyone_was_offered_the_call_is_refused)
{
  stage_register (stage, INSTANCE, "tool/x", 1, 0);
  call (1, "tool/x");
  call (2, "tool/x"); // waits for the credit
  cr_assert_eq (offered (INSTANCE), 1);
  settle (OTHER, 2, 1);
  cr_expect (sent (OTHER, TROUPE_CMD_REFUSED));
  settle (INSTANCE, 1, 1);
  cr_expect_eq (offered (INSTANCE), 1);
  settle (INSTANCE, 2, 1);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

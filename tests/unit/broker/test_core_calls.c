// SPDX-License-Identifier: Apache-2.0
//
// A call from CALL to SETTLED: one caller (connection 1), one or two instances (connections 2 and 3).

#include "sim/stage.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { CALLER = 1, INSTANCE = 2, OTHER = 3, SECOND_CALLER = 4 };

static ledger_model_t *model;
static stage_t *stage;

static void
open_with (const broker_limits_t *limits)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", limits, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_hello (stage, OTHER, "instance-3");
  stage_hello (stage, SECOND_CALLER, "caller-4");
  stage_forget (stage);
}

static void
open (void)
{
  open_with (NULL);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_calls, .init = open, .fini = close);

static bool
sent (broker_connection_t to, troupe_command_t command)
{
  return stage_take (stage, to, command) != NULL;
}

static void
call (broker_connection_t from, unsigned number, const char *service)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, from, &id, service, "s", 0, 0);
  stage_settle_store (stage);
}

static void
settle (broker_connection_t from, unsigned number, unsigned attempt, const char *value)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, from, &id, "s", attempt, value);
  stage_settle_store (stage);
}

// The number of the call that was offered to an instance next; 0: none.
static unsigned
offered (broker_connection_t to)
{
  const stage_message_t *message = stage_take (stage, to, TROUPE_CMD_OFFER);
  return message != NULL ? message->header.call.bytes[15] : 0;
}

Test (core_calls, accepted_offered_settled)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  cr_expect (sent (INSTANCE, TROUPE_CMD_REGISTERED));
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", TROUPE_FLAG_STREAM, 5000);
  cr_expect_not (sent (CALLER, TROUPE_CMD_ACCEPTED), "nothing is promised before it is stored");
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED));
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect_eq (offer->header.attempt, 1);
  cr_expect_eq (offer->header.deadline, 5000);
  cr_expect_eq (offer->header.flags, TROUPE_FLAG_STREAM);
  cr_expect (stage_body_is (offer, "input"));
  stage_part (stage, INSTANCE, &id, 1, 0);
  const stage_message_t *part = stage_take (stage, CALLER, TROUPE_CMD_PART);
  cr_expect (part != NULL && stage_body_is (part, "part"));
  stage_settle (stage, INSTANCE, &id, "s", 1, "value");
  cr_expect_not (sent (INSTANCE, TROUPE_CMD_CONFIRMED), "nor confirmed");
  stage_settle_store (stage);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (settled->header.status, TROUPE_STATUS_VALUE);
  cr_expect (stage_body_is (settled, "value"));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (broker_core_open_bytes (stage->core), 0);
}

Test (core_calls, unknown_service_is_refused_at_once_with_the_nearest_name)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  call (CALLER, 1, "agent/alcie");
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert (refused != NULL);
  cr_expect_eq (refused->header.of, TROUPE_CMD_CALL);
  cr_expect_eq (stage_error (refused), TROUPE_UNKNOWN_SERVICE);
  cr_expect (memmem (troupe_buffer_data (refused->body), troupe_buffer_size (refused->body), "agent/alice?", 12));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (ledger_model_count (model), 0);
}

Test (core_calls, a_waiting_call_is_accepted_when_its_service_appears)
{
  troupe_id_t first = stage_id (1), second = stage_id (2);
  stage_call (stage, CALLER, &first, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_call (stage, CALLER, &second, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  cr_expect_eq (ledger_model_count (model), 0);
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED) && sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect (ledger_model_find (model, &first)->actor);
}

Test (core_calls, held_calls_go_before_those_that_come_after_the_service)
{
  troupe_id_t held = stage_id (1), later = stage_id (2);
  stage_call (stage, CALLER, &held, "agent/late", "s", TROUPE_FLAG_WAIT, 0); // and the ledger hasn't answered
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_call (stage, CALLER, &later, "agent/late", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect_lt (ledger_model_find (model, &held)->sequence, ledger_model_find (model, &later)->sequence);
}

Test (core_calls, a_waiting_call_ends_at_its_deadline)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 300);
  stage_advance (stage, 200);
  cr_expect_not (sent (CALLER, TROUPE_CMD_REFUSED));
  stage_advance (stage, 200);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_DEADLINE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, a_waiting_call_goes_with_its_caller)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  stage_say (stage, CALLER, TROUPE_CMD_BYE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, repeated_while_being_accepted_it_is_answered_once)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_not (sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_eq (offered (INSTANCE), 0);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0); // and once more now that it runs
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED));
}

Test (core_calls, repeated_after_it_settled_it_is_accepted_and_settled)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  settle (INSTANCE, 1, 1, "value");
  stage_forget (stage);
  call (SECOND_CALLER, 1, "tool/echo");
  cr_expect (sent (SECOND_CALLER, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, SECOND_CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (offered (INSTANCE), 0);
}

Test (core_calls, a_caller_that_is_lost_leaves_its_call_running)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  stage_unsent (stage, CALLER, TROUPE_CMD_HEARTBEAT, false);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
  settle (INSTANCE, 1, 1, "value");
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  troupe_id_t id = stage_id (1);
  stage_await (stage, SECOND_CALLER, &id, "s");
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, SECOND_CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
}

Test (core_calls, an_actor_runs_one_call_at_a_time_in_order)
{
  stage_register (stage, INSTANCE, "agent/alice", 10, true);
  for (unsigned i = 1; i <= 3; i++)
    call (CALLER, i, "agent/alice");
  for (unsigned i = 1; i <= 3; i++) {
    cr_expect_eq (offered (INSTANCE), i);
    cr_expect_eq (offered (INSTANCE), 0);
    settle (INSTANCE, i, 1, "value");
  }
}

Test (core_calls, what_an_actor_remembers_is_stored_and_not_sent_to_the_caller)
{
  stage_register (stage, INSTANCE, "agent/alice", 10, true);
  call (CALLER, 1, "agent/alice");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_id_t id = stage_id (1);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_header_set_sizes (&header, (const uint32_t[]){2, 3}, 2);
  troupe_buffer_t *body = stage_text ("value11222");
  stage_receive (stage, INSTANCE, &header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (ledger_model_memory (model, "s", "agent/alice"), 2);
  call (CALLER, 2, "agent/alice");
  stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.memory == 2);
}

Test (core_calls, memory_sizes_beyond_the_body_are_refused)
{
  stage_register (stage, INSTANCE, "agent/alice", 10, true);
  call (CALLER, 1, "agent/alice");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_id_t id = stage_id (1);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_header_set_sizes (&header, (const uint32_t[]){UINT32_MAX, UINT32_MAX}, 2);
  stage_receive (stage, INSTANCE, &header, NULL);
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_BAD_MESSAGE);
  settle (INSTANCE, 1, 1, "value"); // it may still do better
  cr_expect (sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_calls, credit_is_never_exceeded_and_the_queue_is_in_order)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  for (unsigned i = 1; i <= 5; i++)
    call (CALLER, i, "tool/echo");
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_eq (offered (INSTANCE), 2);
  cr_expect_eq (offered (INSTANCE), 0);
  settle (INSTANCE, 2, 1, "value");
  cr_expect_eq (offered (INSTANCE), 3);
  cr_expect_eq (offered (INSTANCE), 0);
  troupe_header_t grant;
  troupe_header_init (&grant, TROUPE_CMD_GRANT);
  troupe_header_set_service (&grant, troupe_text ("tool/echo"));
  troupe_header_set_credit (&grant, 3);
  stage_receive (stage, INSTANCE, &grant, NULL);
  cr_expect_eq (offered (INSTANCE), 4);
  cr_expect_eq (offered (INSTANCE), 0);
}

Test (core_calls, load_is_shared_evenly)
{
  stage_register (stage, INSTANCE, "tool/echo", 10, false);
  stage_register (stage, OTHER, "tool/echo", 10, false);
  for (unsigned i = 1; i <= 10; i++)
    call (CALLER, i, "tool/echo");
  unsigned first = 0, second = 0;
  while (offered (INSTANCE) != 0)
    first++;
  while (offered (OTHER) != 0)
    second++;
  cr_expect_eq (first, 5);
  cr_expect_eq (second, 5);
}

Test (core_calls, a_session_stays_with_its_instance)
{
  stage_register (stage, INSTANCE, "agent/alice", 100, true);
  stage_register (stage, OTHER, "agent/alice", 100, true);
  unsigned homes[2] = {0};
  for (unsigned session = 0; session < 40; session++) {
    char name[16];
    snprintf (name, sizeof name, "s%u", session);
    broker_connection_t home = 0;
    for (unsigned turn = 0; turn < 3; turn++) {
      troupe_id_t id = stage_id (1000 + session * 10 + turn);
      stage_call (stage, CALLER, &id, "agent/alice", name, 0, 0);
      stage_settle_store (stage);
      bool first = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER) != NULL;
      broker_connection_t to = first ? INSTANCE : OTHER;
      cr_expect (first || stage_take (stage, OTHER, TROUPE_CMD_OFFER) != NULL);
      cr_expect (home == 0 || home == to);
      home = to;
      stage_settle (stage, to, &id, name, 1, "value");
      stage_settle_store (stage);
    }
    homes[home == INSTANCE]++;
  }
  cr_expect (homes[0] > 8 && homes[1] > 8, "%u and %u of 40 sessions", homes[0], homes[1]);
}

Test (core_calls, cancelled_while_it_runs)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (stage_error (settled), TROUPE_CANCELLED);
  const stage_message_t *stop = stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL);
  cr_expect (stop != NULL && stop->header.attempt == 1);
  settle (INSTANCE, 1, 1, "value");
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE && refused->header.of == TROUPE_CMD_SETTLE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, cancelled_while_being_accepted)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  cr_expect (sent (CALLER, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (offered (INSTANCE), 0, "nobody is bothered with it");
}

Test (core_calls, cancelled_while_held)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  stage_cancel (stage, CALLER, &id, "s");
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_CANCELLED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, cancelled_in_the_mailbox_the_next_one_has_its_turn)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  for (unsigned i = 1; i <= 3; i++)
    call (CALLER, i, "agent/alice");
  cr_expect_eq (offered (INSTANCE), 1);
  troupe_id_t id = stage_id (2);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  settle (INSTANCE, 1, 1, "value");
  cr_expect_eq (offered (INSTANCE), 3);
}

Test (core_calls, a_deadline_settles_it_and_stops_the_instance)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 400);
  stage_advance (stage, 300);
  cr_expect_not (sent (CALLER, TROUPE_CMD_SETTLED));
  stage_advance (stage, 200);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
  cr_expect (sent (INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, the_default_deadline_starts_with_the_turn)
{
  broker_limits_t limits = stage_limits;
  limits.deadline = 1000;
  close ();
  open_with (&limits);
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  call (CALLER, 1, "agent/alice");
  call (CALLER, 2, "agent/alice");
  for (int i = 0; i < 4; i++) { // all peers stay alive
    stage_advance (stage, 200);
    stage_say (stage, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
  settle (INSTANCE, 1, 1, "value");
  stage_advance (stage, 800);
  cr_expect (ledger_model_at (model, 1)->status == TROUPE_STATUS_NONE);
  stage_advance (stage, 300);
  cr_expect (ledger_model_at (model, 1)->status == TROUPE_STATUS_DEADLINE);
}

Test (core_calls, await_of_a_call_that_never_was)
{
  troupe_id_t id = stage_id (9);
  stage_await (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_UNKNOWN_CALL);
  cr_expect_eq (refused->header.of, TROUPE_CMD_AWAIT);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, everybody_who_waits_is_told)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_await (stage, SECOND_CALLER, &id, "s");
  settle (INSTANCE, 1, 1, "value");
  cr_expect (sent (CALLER, TROUPE_CMD_SETTLED));
  cr_expect (sent (SECOND_CALLER, TROUPE_CMD_SETTLED));
  cr_expect_not (sent (SECOND_CALLER, TROUPE_CMD_ACCEPTED));
}

Test (core_calls, parts_go_to_those_who_read_along_only)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_part (stage, INSTANCE, &id, 1, 0);
  cr_expect_not (sent (CALLER, TROUPE_CMD_PART));
  stage_call (stage, CALLER, &id, "tool/echo", "s", TROUPE_FLAG_STREAM, 0);
  stage_part (stage, INSTANCE, &id, 1, 1);
  cr_expect (sent (CALLER, TROUPE_CMD_PART));
  stage_part (stage, INSTANCE, &id, 2, 0);
  stage_part (stage, OTHER, &id, 1, 2);
  cr_expect_not (sent (CALLER, TROUPE_CMD_PART));
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PARTS_STALE), 2);
}

Test (core_calls, recall_is_for_the_instance_that_runs_the_call)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  call (CALLER, 1, "agent/alice");
  troupe_id_t id = stage_id (1);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_request (&header, 77);
  troupe_header_set_from (&header, 0);
  troupe_header_set_count (&header, 10);
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_receive (stage, OTHER, &header, NULL);
  stage_settle_store (stage);
  const stage_message_t *recalled = stage_take (stage, INSTANCE, TROUPE_CMD_RECALLED);
  cr_expect (recalled != NULL && recalled->header.request == 77 && stage_body_is (recalled, "\x90"));
  const stage_message_t *refused = stage_take (stage, OTHER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE && refused->header.request == 77);
}

Test (core_calls, limits_of_calls_and_bytes)
{
  broker_limits_t limits = stage_limits;
  limits.open_calls = 3;
  limits.open_bytes = 12;
  close ();
  open_with (&limits);
  stage_register (stage, INSTANCE, "tool/echo", 10, false);
  call (CALLER, 1, "tool/echo");
  call (CALLER, 2, "tool/echo");
  cr_expect_not (sent (CALLER, TROUPE_CMD_REFUSED));
  call (CALLER, 3, "tool/echo"); // 15 bytes
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_OVERLOADED);
  cr_expect_eq (broker_core_open_calls (stage->core), 2);
  troupe_id_t ids[] = {stage_id (8), stage_id (9)};
  settle (INSTANCE, 1, 1, "value");
  stage_settle (stage, INSTANCE, &ids[0], "s", 1, "of nobody"); // held until the store answers
  stage_settle (stage, INSTANCE, &ids[1], "s", 1, "of nobody");
  stage_forget (stage);
  troupe_id_t id = stage_id (4);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_OVERLOADED);
}

Test (core_calls, a_full_mailbox_refuses)
{
  broker_limits_t limits = stage_limits;
  limits.mailbox = 2;
  close ();
  open_with (&limits);
  stage_register (stage, INSTANCE, "agent/alice", 1, true);
  for (unsigned i = 1; i <= 3; i++)
    call (CALLER, i, "agent/alice");
  cr_expect_not (sent (CALLER, TROUPE_CMD_REFUSED));
  call (CALLER, 4, "agent/alice");
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_OVERLOADED);
}

Test (core_calls, bad_names_are_refused)
{
  static const struct {
    const char *service, *session;
  } bad[] = {{"alice", "s"}, {"agent/", "s"}, {"agent/alice", "a b"}, {"agent/alice", "\x7f"}, {"-/x", "s"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    troupe_id_t id = stage_id (1 + (unsigned)i);
    stage_call (stage, CALLER, &id, bad[i].service, bad[i].session, 0, 0);
    const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
    cr_expect (refused != NULL && stage_error (refused) == TROUPE_BAD_ARGUMENT, "%zu", i);
  }
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_calls, an_id_belongs_to_one_session)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (CALLER, 1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_call (stage, SECOND_CALLER, &id, "tool/echo", "other", 0, 0);
  const stage_message_t *refused = stage_take (stage, SECOND_CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_CONFLICT);
  stage_await (stage, SECOND_CALLER, &id, "other");
  refused = stage_take (stage, SECOND_CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_UNKNOWN_CALL);
  stage_cancel (stage, SECOND_CALLER, &id, "other");
  cr_expect (sent (SECOND_CALLER, TROUPE_CMD_REFUSED));
}

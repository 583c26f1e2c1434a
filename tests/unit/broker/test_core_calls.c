// SPDX-License-Identifier: Apache-2.0
//
// A call from CALL to SETTLED: who is told of it, what of it is stored, and what it may be called.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open ();
  stage_hello (stage, OTHER, "instance-3");
  stage_hello (stage, SECOND_CALLER, "caller-4");
}

TestSuite (core_calls, .init = open, .fini = core_rig_close);

Test (core_calls, accepted_offered_settled)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_REGISTERED));
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", TROUPE_FLAG_STREAM, 5000);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED), "nothing is promised before it is stored");
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
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
  cr_expect_not (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED), "nor confirmed");
  stage_settle_store (stage);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
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
  core_rig_call (1, "agent/alcie");
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert (refused != NULL);
  cr_expect_eq (refused->header.of, TROUPE_CMD_CALL);
  cr_expect_eq (stage_error (refused), TROUPE_UNKNOWN_SERVICE);
  cr_expect (memmem (troupe_buffer_data (refused->body), troupe_buffer_size (refused->body), "agent/alice?", 12));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (ledger_model_count (model), 0);
}

Test (core_calls, repeated_while_being_accepted_it_is_answered_once)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (core_rig_offered (INSTANCE), 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0); // and once more now that it runs
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
}

Test (core_calls, repeated_after_it_settled_it_is_accepted_and_settled)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  core_rig_settle (INSTANCE, 1, 1);
  stage_forget (stage);
  troupe_id_t id = stage_id (1);
  stage_call (stage, SECOND_CALLER, &id, "tool/echo", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (SECOND_CALLER, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, SECOND_CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
}

Test (core_calls, a_caller_that_is_lost_leaves_its_call_running)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  stage_unsent (stage, CALLER, TROUPE_CMD_HEARTBEAT, false);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
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
    core_rig_call (i, "agent/alice");
  for (unsigned i = 1; i <= 3; i++) {
    cr_expect_eq (core_rig_offered (INSTANCE), i);
    cr_expect_eq (core_rig_offered (INSTANCE), 0);
    core_rig_settle (INSTANCE, i, 1);
  }
}

Test (core_calls, what_an_actor_remembers_is_stored_and_not_sent_to_the_caller)
{
  stage_register (stage, INSTANCE, "agent/alice", 10, true);
  core_rig_call (1, "agent/alice");
  troupe_header_t header = core_rig_settle_header (1, 1, TROUPE_STATUS_VALUE);
  troupe_header_set_sizes (&header, (const uint32_t[]){2, 3}, 2);
  core_rig_send (INSTANCE, &header, "value11222");
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (ledger_model_memory (model, "s", "agent/alice"), 2);
  core_rig_call (2, "agent/alice");
  stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.memory == 2);
}

Test (core_calls, memory_sizes_beyond_the_body_are_refused)
{
  stage_register (stage, INSTANCE, "agent/alice", 10, true);
  core_rig_call (1, "agent/alice");
  troupe_header_t header = core_rig_settle_header (1, 1, TROUPE_STATUS_VALUE);
  troupe_header_set_sizes (&header, (const uint32_t[]){UINT32_MAX, UINT32_MAX}, 2);
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_BAD_MESSAGE);
  core_rig_settle (INSTANCE, 1, 1); // it may still do better
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
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
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_await (stage, SECOND_CALLER, &id, "s");
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  cr_expect (core_rig_sent (SECOND_CALLER, TROUPE_CMD_SETTLED));
  cr_expect_not (core_rig_sent (SECOND_CALLER, TROUPE_CMD_ACCEPTED));
}

Test (core_calls, parts_go_to_those_who_read_along_only)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_part (stage, INSTANCE, &id, 1, 0);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_PART));
  stage_call (stage, CALLER, &id, "tool/echo", "s", TROUPE_FLAG_STREAM, 0);
  stage_part (stage, INSTANCE, &id, 1, 1);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_PART));
  stage_part (stage, INSTANCE, &id, 2, 0);
  stage_part (stage, OTHER, &id, 1, 2);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_PART));
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PARTS_STALE), 2);
}

Test (core_calls, recall_is_for_the_instance_that_runs_the_call)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  core_rig_call (1, "agent/alice");
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
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_call (stage, SECOND_CALLER, &id, "tool/echo", "other", 0, 0);
  cr_expect_eq (core_rig_refused (SECOND_CALLER), TROUPE_CONFLICT);
  stage_await (stage, SECOND_CALLER, &id, "other");
  cr_expect_eq (core_rig_refused (SECOND_CALLER), TROUPE_UNKNOWN_CALL);
  stage_cancel (stage, SECOND_CALLER, &id, "other");
  cr_expect (core_rig_sent (SECOND_CALLER, TROUPE_CMD_REFUSED));
}

// SPDX-License-Identifier: Apache-2.0
//
// Volatile calls: the store never hears of them.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open ();
  stage_register (stage, INSTANCE, "tool/echo", 1, false);
  stage_register (stage, INSTANCE, "agent/alice", 1, true);
  stage_forget (stage);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_count (model), 0);
  core_rig_close ();
}

TestSuite (core_volatile, .init = open, .fini = close);

static void
call (unsigned number, const char *service, unsigned flags)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, service, "s", TROUPE_FLAG_VOLATILE | flags, 0);
}

static void
settle (broker_connection_t from, unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, from, &id, "s", attempt, "value");
}

Test (core_volatile, accepted_offered_and_settled_without_a_store)
{
  ledger_link_break (stage->link, 0, stage->now);
  call (1, "tool/echo", 0);
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED), "settled says it");
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect_eq (offer->header.flags, TROUPE_FLAG_VOLATILE);
  cr_expect_eq (offer->header.attempt, 1);
  call (1, "tool/echo", 0);
  cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED), "again");
  settle (INSTANCE, 1, 1);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_CONFIRMED), "nothing was stored");
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (broker_core_open_bytes (stage->core), 0);
}

Test (core_volatile, an_actor_s_call_is_refused)
{
  call (1, "agent/alice", 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_BAD_ARGUMENT);
  call (2, "agent/late", TROUPE_FLAG_WAIT);
  stage_register (stage, INSTANCE, "agent/late", 1, true);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_BAD_ARGUMENT, "also when that is seen later");
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_volatile, an_unknown_service_is_refused_or_waited_for)
{
  call (1, "tool/late", 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_UNKNOWN_SERVICE);
  call (2, "tool/late", TROUPE_FLAG_WAIT);
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
  stage_register (stage, INSTANCE, "tool/late", 1, false);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
}

Test (core_volatile, a_caller_hears_of_a_call_that_takes_long)
{
  call (1, "tool/echo", 0);
  call (2, "tool/echo", 0); // queues
  stage_advance (stage, 900);
  call (3, "tool/echo", 0);
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
  stage_advance (stage, 200);
  cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED), "not yet of the third");
  settle (INSTANCE, 1, 1);
  stage_advance (stage, 900);
  const stage_message_t *accepted = stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED);
  troupe_id_t third = stage_id (3);
  cr_assert (accepted != NULL);
  cr_expect (troupe_id_equal (&accepted->header.call, &third), "once each");
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
}

// Its instance has forgotten the task, so nobody would send another outcome.
Test (core_volatile, an_outcome_that_is_refused_becomes_that_error)
{
  static const uint32_t sizes[] = {100};
  call (1, "tool/echo", 0);
  troupe_header_t header = core_rig_settle_header (1, 1, TROUPE_STATUS_VALUE);
  troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  troupe_header_set_sizes (&header, sizes, 1);
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_BAD_MESSAGE);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_BAD_MESSAGE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  call (2, "tool/echo", 0);
  stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1, "its credit is free");
}

// Its caller lost the answer, and sends both again; on the way the old connection's cancel arrives.
Test (core_volatile, a_cancel_that_comes_before_the_call_ends_it)
{
  troupe_id_t id = stage_id (1);
  stage_cancel (stage, CALLER, &id, "s");
  call (1, "tool/echo", 0);
  stage_cancel (stage, CALLER, &id, "s");
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0);
  stage_settle_store (stage);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_volatile, a_lost_instance_s_call_is_run_again_three_times_at_most)
{
  call (1, "tool/echo", 0);
  for (unsigned i = 1; i <= 3; i++) {
    cr_expect_eq (core_rig_attempt (INSTANCE), i);
    stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
    stage_hello (stage, INSTANCE, "instance-2");
    stage_register (stage, INSTANCE, "tool/echo", 1, false);
  }
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_SERVICE_DIED);
}

Test (core_volatile, cancelled_and_past_its_deadline)
{
  call (1, "tool/echo", 0);
  call (2, "tool/echo", 0); // queues
  troupe_id_t id = stage_id (1);
  stage_cancel (stage, CALLER, &id, "s");
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL));
  for (int i = 0; i < 600; i++) {
    stage_advance (stage, 1000);
    stage_say (stage, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
  settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
}

Test (core_volatile, bounded_as_other_calls)
{
  broker_limits_t limits = stage_limits;
  limits.open_calls = 1;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "tool/echo", 1, false);
  call (1, "tool/echo", 0);
  call (2, "tool/echo", 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_OVERLOADED);
}

Test (core_volatile, an_outcome_that_comes_too_late_is_not_known)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (1);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  stage_receive (stage, INSTANCE, &header, NULL);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_UNKNOWN_CALL);
}

Test (core_volatile, a_caller_may_come_back_within_a_lease)
{
  for (int64_t away = 2000; away <= 3000; away += 1000) {
    call (1, "tool/echo", 0);
    cr_expect_eq (core_rig_attempt (INSTANCE), 1);
    stage_say (stage, CALLER, TROUPE_CMD_BYE);
    for (int64_t passed = 0; passed < away; passed += 500) {
      stage_advance (stage, 500);
      stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
    }
    stage_hello (stage, CALLER, "caller-1");
    cr_expect_eq (broker_core_open_calls (stage->core), away < 2500);
    call (1, "tool/echo", 0);
    cr_expect_eq (core_rig_attempt (INSTANCE), away < 2500 ? 0 : 1, "begun anew");
    settle (INSTANCE, 1, 1);
    cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_SETTLED));
  }
}

static void
end_session (const char *session, unsigned flags, bool ended)
{
  troupe_err_t code;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_END);
  troupe_header_set_session (&header, troupe_text (session));
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  json_t *json = core_rig_ask (&header, &code);
  cr_expect_eq (code, TROUPE_OK);
  cr_expect_eq (json_is_true (json_object_get (json, "ended")), ended);
  json_decref (json);
}

static void
expect_cancelled (unsigned number)
{
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  troupe_id_t id = stage_id (number);
  cr_assert (settled != NULL);
  cr_expect (troupe_id_equal (&settled->header.call, &id));
  cr_expect_eq (settled->header.status, TROUPE_STATUS_CANCELLED);
}

// One runs, one waits for credit, and one for its service.
Test (core_volatile, end_with_their_session)
{
  troupe_id_t other = stage_id (4);
  call (1, "tool/echo", 0);
  call (2, "tool/echo", 0);
  call (3, "tool/late", TROUPE_FLAG_WAIT);
  stage_call (stage, CALLER, &other, "tool/echo", "another", TROUPE_FLAG_VOLATILE, 0);
  stage_forget (stage);
  end_session ("nobody", 0, false);
  end_session ("s", 0, true);
  expect_cancelled (1);
  expect_cancelled (2);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_CANCELLED);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
  end_session ("s", 0, false);
}

// As a broker is told by whoever has another one end the session in the store, which may be away from here.
Test (core_volatile, end_without_the_store)
{
  call (1, "tool/echo", 0);
  stage_forget (stage);
  ledger_link_break (stage->link, 0, stage->now);
  end_session ("nobody", TROUPE_FLAG_VOLATILE, false);
  end_session ("s", TROUPE_FLAG_VOLATILE, true);
  expect_cancelled (1);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

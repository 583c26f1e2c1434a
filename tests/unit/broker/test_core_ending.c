// SPDX-License-Identifier: Apache-2.0
//
// Calls that end before their value is there: cancelled, or at their deadline.

#include "core_rig.h"

TestSuite (core_ending, .init = core_rig_open, .fini = core_rig_close);

Test (core_ending, cancelled_while_it_runs)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (stage_error (settled), TROUPE_CANCELLED);
  const stage_message_t *stop = stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL);
  cr_expect (stop != NULL && stop->header.attempt == 1);
  core_rig_settle (INSTANCE, 1, 1);
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE && refused->header.of == TROUPE_CMD_SETTLE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_ending, cancelled_while_being_accepted)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (core_rig_offered (INSTANCE), 0, "nobody is bothered with it");
}

Test (core_ending, cancelled_in_the_mailbox_the_next_one_has_its_turn)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  for (unsigned i = 1; i <= 3; i++)
    core_rig_call (i, "agent/alice");
  cr_expect_eq (core_rig_offered (INSTANCE), 1);
  troupe_id_t id = stage_id (2);
  stage_cancel (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 3);
}

Test (core_ending, a_deadline_settles_it_and_stops_the_instance)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 400);
  stage_advance (stage, 300);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
  stage_advance (stage, 200);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_ending, the_default_deadline_starts_with_the_turn)
{
  broker_limits_t limits = stage_limits;
  limits.deadline = 1000;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  for (int i = 0; i < 4; i++) { // all peers stay alive
    stage_advance (stage, 200);
    stage_say (stage, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
  core_rig_settle (INSTANCE, 1, 1);
  stage_advance (stage, 800);
  cr_expect (ledger_model_at (model, 1)->status == TROUPE_STATUS_NONE);
  stage_advance (stage, 300);
  cr_expect (ledger_model_at (model, 1)->status == TROUPE_STATUS_DEADLINE);
}

// SPDX-License-Identifier: Apache-2.0
//
// Calls of which another broker does a part: it offers, settles, or dies.

#include "core_rig.h"

static stage_t *second;

static void
open (void)
{
  core_rig_open ();
  second = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (second);
  stage_hello (second, CALLER, "caller-1");
}

static void
close (void)
{
  stage_destroy (&second);
  core_rig_close ();
}

TestSuite (core_elsewhere, .init = open, .fini = close);

Test (core_elsewhere, a_call_that_another_broker_offers_is_awaited_here)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_call (second, CALLER, &id, "tool/echo", "s", 0, 0); // unknown here, but known to the store
  stage_settle_store (second);
  cr_expect (stage_take (second, CALLER, TROUPE_CMD_ACCEPTED) != NULL);
  core_rig_settle (INSTANCE, 1, 1);
  stage_settle_store (second);
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  cr_expect_eq (broker_core_open_calls (second->core), 0);
}

Test (core_elsewhere, a_mailbox_shared_by_two_brokers_goes_on_in_order)
{
  stage_hello (second, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (second, INSTANCE, "agent/alice", 4, true);
  core_rig_call (1, "agent/alice");
  troupe_id_t id = stage_id (2);
  stage_call (second, CALLER, &id, "agent/alice", "s", 0, 0);
  stage_settle_store (second);
  core_rig_call (3, "agent/alice");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  cr_expect_null (stage_take (second, INSTANCE, TROUPE_CMD_OFFER));
  core_rig_settle (INSTANCE, 1, 1);
  stage_settle_store (second);
  cr_expect_not_null (stage_take (second, INSTANCE, TROUPE_CMD_OFFER));
  cr_expect_eq (core_rig_attempt (INSTANCE), 0);
  stage_settle (second, INSTANCE, &id, "s", 1, "value");
  stage_settle_store (second);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
}

Test (core_elsewhere, settled_through_another_broker_the_instance_here_is_stopped)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  troupe_id_t id = stage_id (1);
  stage_cancel (second, CALLER, &id, "s");
  stage_settle_store (second);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CANCEL));
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (broker_core_open_calls (second->core), 0);
}

Test (core_elsewhere, orphans_of_a_dead_broker_end_at_their_deadline)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 2000);
  stage_settle_store (stage);
  stage_await (second, CALLER, &id, "s");
  for (int i = 0; i < 12; i++) { // the first broker stands still
    stage_advance (second, 500);
    stage_say (second, CALLER, TROUPE_CMD_HEARTBEAT);
  }
  const stage_message_t *settled = stage_take (second, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_DEADLINE);
}

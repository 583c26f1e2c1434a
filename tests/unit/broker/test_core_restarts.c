// SPDX-License-Identifier: Apache-2.0
//
// A broker that restarts, and finds in the store what it did before.

#include "core_rig.h"

TestSuite (core_restarts, .init = core_rig_open, .fini = core_rig_close);

static void
restart (void)
{
  int64_t now = stage->now;
  stage_destroy (&stage);
  stage = stage_new (model, "broker-1", NULL, now);
  stage_up (stage);
}

Test (core_restarts, after_a_restart_a_running_attempt_may_settle)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/alice");
  restart ();
  stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_RESET), "it doesn't know the connection");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0, "somebody may be running it");
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (core_rig_attempt (INSTANCE), 1, "the mailbox goes on");
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_restarts, after_a_restart_a_streaming_instance_is_taken_at_its_word)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  restart ();
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  troupe_id_t id = stage_id (1);
  stage_part (stage, INSTANCE, &id, 1, 7);
  stage_advance (stage, 1500);
  cr_expect_eq (core_rig_attempt (INSTANCE), 0);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_ATTEMPTS_ADOPTED), 1);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
}

Test (core_restarts, after_a_restart_what_nobody_runs_is_retried)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  restart ();
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "tool/echo", 4, false);
  stage_advance (stage, 1100);
  cr_expect_eq (core_rig_attempt (OTHER), 2);
  core_rig_settle (OTHER, 1, 2);
  cr_expect (core_rig_sent (OTHER, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_restarts, after_a_restart_callers_find_their_calls)
{
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  restart ();
  stage_hello (stage, CALLER, "caller-1");
  troupe_id_t known = stage_id (1), fresh = stage_id (2);
  stage_call (stage, CALLER, &known, "tool/echo", "s", 0, 0);
  stage_call (stage, CALLER, &fresh, "tool/echo", "s", 0, 0); // its instance isn't back yet
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED), "the fresh one");
}

Test (core_restarts, after_a_restart_unknown_services_are_refused_within_a_second)
{
  restart ();
  stage_hello (stage, CALLER, "caller-1");
  core_rig_call (1, "tool/none");
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  stage_advance (stage, 1000);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_UNKNOWN_SERVICE);
}

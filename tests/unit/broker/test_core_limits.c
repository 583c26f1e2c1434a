// SPDX-License-Identifier: Apache-2.0
//
// What a broker holds at most, of calls, of their bytes and in a mailbox.

#include "broker/state.h"
#include "core_rig.h"

TestSuite (core_limits, .init = core_rig_open, .fini = core_rig_close);

Test (core_limits, limits_of_calls_and_bytes)
{
  broker_limits_t limits = stage_limits;
  limits.open_calls = 3;
  limits.open_bytes = 12;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "tool/echo", 10, false);
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  core_rig_call (3, "tool/echo"); // 15 bytes
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_OVERLOADED);
  cr_expect_eq (broker_core_open_calls (stage->core), 2);
  troupe_id_t ids[] = {stage_id (8), stage_id (9)};
  core_rig_settle (INSTANCE, 1, 1);
  stage_settle (stage, INSTANCE, &ids[0], "s", 1, "none"); // held until the store answers
  stage_settle (stage, INSTANCE, &ids[1], "s", 1, "none");
  stage_forget (stage);
  troupe_id_t id = stage_id (4);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_OVERLOADED);
}

// What the store hasn't taken yet; whose, says nothing about how much it is.
Test (core_limits, limits_of_outcomes)
{
  broker_limits_t limits = stage_limits;
  limits.open_bytes = 20;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "tool/echo", 10, false);
  for (unsigned i = 1; i <= 2; i++)
    core_rig_call (i, "tool/echo");
  stage_forget (stage);
  troupe_id_t ids[] = {stage_id (1), stage_id (2), stage_id (9)};
  stage_settle (stage, INSTANCE, &ids[0], "s", 1, "0123456789");
  stage_settle (stage, INSTANCE, &ids[2], "s", 1, "0123456789"); // of nobody
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OK);
  stage_settle (stage, INSTANCE, &ids[2], "s", 2, "0");
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OVERLOADED);
  stage_settle (stage, INSTANCE, &ids[1], "s", 1, "0123456789");
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OVERLOADED);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_UNKNOWN_CALL);
  stage_settle (stage, INSTANCE, &ids[1], "s", 1, "0123456789"); // again
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OK);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (stage->core->outcome_bytes, 0);
}

Test (core_limits, a_full_mailbox_refuses)
{
  broker_limits_t limits = stage_limits;
  limits.mailbox = 2;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "agent/alice", 1, true);
  for (unsigned i = 1; i <= 3; i++)
    core_rig_call (i, "agent/alice");
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  core_rig_call (4, "agent/alice");
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_OVERLOADED);
}

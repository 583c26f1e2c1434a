// SPDX-License-Identifier: Apache-2.0
//
// What a broker does when somebody ends a session, or asks which there are.

#include "core_rig.h"

static void
open (void)
{
  broker_limits_t limits = stage_limits;
  limits.session_idle = 100 * 1000;
  core_rig_open_with (&limits);
  stage_register (stage, INSTANCE, "agent/a", 8, true);
  stage_settle_store (stage);
  stage_forget (stage);
}

TestSuite (core_sessions, .init = open, .fini = core_rig_close);

static bool
end (const char *session)
{
  troupe_err_t code;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_END);
  troupe_header_set_session (&header, troupe_text (session));
  json_t *json = core_rig_ask (&header, &code);
  bool ended = json_is_true (json_object_get (json, "ended"));
  cr_expect_eq (code, TROUPE_OK);
  json_decref (json);
  return ended;
}

static size_t
listed (void)
{
  return core_rig_listed (TROUPE_CMD_SESSIONS, "sessions");
}

static void
call (unsigned number, const char *session)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, "agent/a", session, 0, 0);
  stage_settle_store (stage);
}

// Whoever waits is told, and who runs it.
Test (core_sessions, what_is_under_way_in_one_that_ends_is_cancelled)
{
  call (1, "s");
  call (2, "s");
  call (3, "other");
  troupe_id_t ids[] = {stage_id (1), stage_id (2), stage_id (3)};
  cr_expect (end ("s"));
  for (int i = 0; i < 2; i++) {
    const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
    cr_assert_not_null (settled);
    cr_expect_eq (settled->header.status, TROUPE_STATUS_CANCELLED);
    cr_expect (!troupe_id_equal (&settled->header.call, &ids[2]));
  }
  const stage_message_t *stop = stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL);
  cr_assert_not_null (stop);
  cr_expect (troupe_id_equal (&stop->header.call, &ids[0]));
  cr_expect_eq (broker_core_open_calls (stage->core), 1, "the other session's");
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_ENDED), 1);

  stage_settle (stage, INSTANCE, &ids[0], "s", 1, "late");
  stage_settle_store (stage);
  cr_expect_eq (ledger_model_memory (model, "s", "agent/a"), 0);
  cr_expect_not (end ("s"), "it is gone");
  stage_forget (stage);
  call (4, "s");
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_OFFER), "begun anew");
}

Test (core_sessions, they_are_listed)
{
  cr_expect_eq (listed (), 0);
  call (1, "s");
  call (2, "s");
  call (3, "other");
  call (4, "another");
  cr_expect_eq (listed (), 3);
  cr_expect (end ("s"));
  cr_expect_eq (listed (), 2);
}

Test (core_sessions, idle_ones_end_by_themselves)
{
  troupe_id_t id = stage_id (1);
  call (1, "s");
  call (2, "busy");
  stage_settle (stage, INSTANCE, &id, "s", 1, "value");
  stage_settle_store (stage);
  stage_advance (stage, 90 * 1000);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_IDLE), 0, "not for so long");
  stage_advance (stage, 20 * 1000);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_IDLE), 1);
  cr_expect_eq (broker_core_open_calls (stage->core), 1, "the other one has an open call");
}

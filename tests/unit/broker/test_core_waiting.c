// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait for a service that is not there yet.

#include "core_rig.h"

TestSuite (core_waiting, .init = core_rig_open, .fini = core_rig_close);

Test (core_waiting, a_waiting_call_is_accepted_when_its_service_appears)
{
  troupe_id_t first = stage_id (1), second = stage_id (2);
  stage_call (stage, CALLER, &first, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_call (stage, CALLER, &second, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  cr_expect_eq (ledger_model_count (model), 0);
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED) && core_rig_sent (CALLER, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (core_rig_offered (INSTANCE), 1);
  cr_expect (ledger_model_find (model, &first)->actor);
}

Test (core_waiting, held_calls_go_before_those_that_come_after_the_service)
{
  troupe_id_t held = stage_id (1), later = stage_id (2);
  stage_call (stage, CALLER, &held, "agent/late", "s", TROUPE_FLAG_WAIT, 0); // and the ledger hasn't answered
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_call (stage, CALLER, &later, "agent/late", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect_lt (ledger_model_find (model, &held)->sequence, ledger_model_find (model, &later)->sequence);
}

Test (core_waiting, a_waiting_call_ends_at_its_deadline)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 300);
  stage_advance (stage, 200);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  stage_advance (stage, 200);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_DEADLINE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_waiting, a_waiting_call_goes_with_its_caller)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  stage_say (stage, CALLER, TROUPE_CMD_BYE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_waiting, cancelled_while_held)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  stage_cancel (stage, CALLER, &id, "s");
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_CANCELLED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

// So it goes to another broker, and none keeps it twice.
Test (core_waiting, a_held_call_that_comes_again_without_waiting_is_refused)
{
  troupe_id_t id = stage_id (1), other = stage_id (2);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_call (stage, CALLER, &other, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_settle_store (stage);
  stage_call (stage, CALLER, &other, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  stage_call (stage, CALLER, &id, "agent/late", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_UNKNOWN_SERVICE);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
}

// The ledger hasn't answered yet whether it knows the call.
Test (core_waiting, a_held_call_that_comes_again_at_once_without_waiting_is_refused)
{
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/late", "s", TROUPE_FLAG_WAIT, 0);
  stage_call (stage, CALLER, &id, "agent/late", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_UNKNOWN_SERVICE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

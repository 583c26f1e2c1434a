// SPDX-License-Identifier: Apache-2.0
//
// Calls that need the values of others.

#include "core_rig.h"

TestSuite (core_inputs, .init = core_rig_open_serving, .fini = core_rig_close);

static void
call_with_inputs (unsigned number, const char *service, unsigned first, unsigned second)
{
  troupe_header_t header = core_rig_call_header (number, service);
  troupe_id_t ids[] = {stage_id (first), stage_id (second)};
  troupe_header_set_inputs (&header, ids, 2);
  core_rig_send (CALLER, &header, "input");
}

Test (core_inputs, a_call_is_offered_with_the_values_of_its_inputs)
{
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  call_with_inputs (3, "agent/alice", 1, 2);
  cr_expect (core_rig_offered (INSTANCE) == 1 && core_rig_offered (INSTANCE) == 2);
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 0, "one is not there yet");
  core_rig_settle (INSTANCE, 2, 1);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect (stage_body_is (offer, "inputvaluevalue"));
  cr_expect (offer->header.sizes_count == 2 && offer->header.sizes[0] == 5 && offer->header.sizes[1] == 5);
  core_rig_reconnect ();
  offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && stage_body_is (offer, "inputvaluevalue"), "and so is the next attempt");
  core_rig_settle (INSTANCE, 3, 2);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_inputs, without_a_value_of_an_input_the_call_ends)
{
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  call_with_inputs (3, "agent/alice", 1, 2);
  stage_forget (stage);
  troupe_header_t failed = core_rig_settle_header (2, 1, TROUPE_STATUS_ERROR);
  core_rig_send (INSTANCE, &failed, "error");
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.call.bytes[15] == 2);
  settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.call.bytes[15] == 3 && settled->header.status == TROUPE_STATUS_ERROR);
  call_with_inputs (4, "agent/alice", 1, 9);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_UNKNOWN_CALL);
}

Test (core_inputs, inputs_that_are_too_large_together_end_the_call)
{
  broker_limits_t limits = stage_limits;
  limits.message = 12;
  core_rig_reopen (&limits);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  core_rig_call (1, "tool/echo");
  core_rig_call (2, "tool/echo");
  core_rig_settle (INSTANCE, 1, 1);
  core_rig_settle (INSTANCE, 2, 1);
  stage_forget (stage);
  call_with_inputs (3, "tool/echo", 1, 2);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_TOO_LARGE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

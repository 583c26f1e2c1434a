// SPDX-License-Identifier: Apache-2.0
//
// Who awaits a call by its id, at a broker that is just asked to store the same call by somebody else: what comes of
// that is for who called. Who awaits is told what the store has.
#include "core_rig.h"

static void
meet_all (stage_t *made)
{
  stage_hello (made, CALLER, "caller-1");
  stage_hello (made, INSTANCE, "instance-2");
  stage_hello (made, OTHER, "other-3");
  stage_register (made, INSTANCE, "tool/echo", 4, false);
}

static void
open (void)
{
  core_rig_open_alone (NULL);
  meet_all (stage);
}

TestSuite (core_awaiting, .init = open, .fini = core_rig_close);

// What was refused, and why; TROUPE_OK: nothing more.
static troupe_err_t
refused (broker_connection_t to, troupe_command_t of)
{
  const stage_message_t *message = stage_take (stage, to, TROUPE_CMD_REFUSED);
  if (message == NULL)
    return TROUPE_OK;
  cr_expect_eq (message->header.of, of);
  return stage_error (message);
}

// Behind a call that the store doesn't have.
static void
call_too_early (void)
{
  troupe_header_t header = core_rig_call_header (1, "tool/echo");
  troupe_id_t before = stage_id (99);
  troupe_header_set_previous (&header, &before);
  troupe_buffer_t *body = stage_text ("hello");
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
}

Test (core_awaiting, one_that_is_refused_to_its_caller_is_asked_for)
{
  troupe_id_t id = stage_id (1);
  call_too_early ();
  stage_await (stage, OTHER, &id, "s");
  stage_settle_store (stage);
  cr_expect_eq (refused (CALLER, TROUPE_CMD_CALL), TROUPE_OUT_OF_ORDER);
  cr_expect_eq (refused (OTHER, TROUPE_CMD_AWAIT), TROUPE_UNKNOWN_CALL);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (broker_core_open_bytes (stage->core), 0);
}

// It was accepted elsewhere since, and so its caller asks only how it ends.
Test (core_awaiting, its_caller_may_await_it_as_well)
{
  troupe_id_t id = stage_id (1);
  call_too_early ();
  stage_await (stage, CALLER, &id, "s");
  stage_settle_store (stage);
  cr_expect_eq (refused (CALLER, TROUPE_CMD_CALL), TROUPE_OUT_OF_ORDER);
  cr_expect_eq (refused (CALLER, TROUPE_CMD_AWAIT), TROUPE_UNKNOWN_CALL);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

// The call has settled by another broker, when this one has lost the store and is asked to store it.
static void
settle_elsewhere (const troupe_id_t *id)
{
  stage_t *second = stage_new (model, "broker-2", NULL, 1000);
  stage_ready (second);
  meet_all (second);
  stage_call (second, CALLER, id, "tool/echo", "s", 0, 0);
  stage_settle_store (second);
  stage_settle (second, INSTANCE, id, "s", 1, "value");
  stage_settle_store (second);
  cr_expect (stage_take (second, CALLER, TROUPE_CMD_SETTLED) != NULL);
  stage_destroy (&second);
}

static void
expect_value (void)
{
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, OTHER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL);
  cr_expect_eq (settled->header.status, TROUPE_STATUS_VALUE);
  cr_expect (stage_body_is (settled, "value"));
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

// It has just begun: the store is there, and has not said yet that this broker has its lease.
Test (core_awaiting, a_deadline_that_passes_before_the_store_is_asked_is_not_its_outcome)
{
  troupe_id_t id = stage_id (1);
  settle_elsewhere (&id);
  stage_destroy (&stage);
  stage = stage_new (model, "broker-1", NULL, 2000);
  ledger_link_up (stage->link);
  meet_all (stage);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 100);
  stage_await (stage, OTHER, &id, "s");
  stage->now += 200;
  stage_step (stage, &(broker_event_t){.kind = BROKER_TIME});
  cr_expect_eq (refused (CALLER, TROUPE_CMD_CALL), TROUPE_DEADLINE);
  cr_expect_eq (refused (OTHER, TROUPE_CMD_AWAIT), TROUPE_OK);
  expect_value ();
}

Test (core_awaiting, a_deadline_that_passes_in_doubt_is_not_its_outcome)
{
  troupe_id_t id = stage_id (1);
  settle_elsewhere (&id);
  stage_call (stage, CALLER, &id, "tool/echo", "s", 0, 100);
  stage_await (stage, OTHER, &id, "s");
  ledger_link_break (stage->link, 0, stage->now);
  stage_advance (stage, 200);
  cr_expect_eq (refused (CALLER, TROUPE_CMD_CALL), TROUPE_OK, "nobody knows");
  cr_expect_eq (refused (OTHER, TROUPE_CMD_AWAIT), TROUPE_OK);
  stage_up (stage);
  expect_value ();
}

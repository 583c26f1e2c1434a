// SPDX-License-Identifier: Apache-2.0
//
// Calls that a task makes: which attempt they are of, what the next one gets of them, and how they end with it.

#include "core_rig.h"

TestSuite (core_nested, .init = core_rig_open_serving, .fini = core_rig_close);

static void
fail (unsigned number, unsigned attempt, unsigned flags)
{
  troupe_header_t header = core_rig_settle_header (number, attempt, TROUPE_STATUS_ERROR);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  core_rig_send (INSTANCE, &header, "error");
}

Test (core_nested, a_stale_attempt_makes_no_calls)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  core_rig_nested (3, "tool/echo", 1, 2);
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE);
  cr_expect (refused != NULL && refused->header.attempt == 2, "it says which attempt's call it means");
  core_rig_settle (INSTANCE, 1, 1);
  core_rig_nested (4, "tool/echo", 1, 1);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_STALE, "its call has settled");
  troupe_header_t header = core_rig_call_header (5, "tool/echo");
  troupe_header_set_parent (&header, 1);
  core_rig_send (INSTANCE, &header, "input");
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_BAD_ARGUMENT, "an attempt of nothing");
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, the_next_attempt_gets_what_is_recorded)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  core_rig_nested (3, "tool/echo", 1, 1);
  core_rig_nested (4, "tool/echo", 1, 1);
  core_rig_settle (INSTANCE, 2, 1);
  fail (3, 1, 0);
  fail (4, 1, TROUPE_FLAG_RETRYABLE);
  core_rig_reconnect ();
  stage_forget (stage);
  core_rig_nested (2, "tool/echo", 1, 2);
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  core_rig_nested (3, "tool/echo", 1, 2);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "error"));
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
  core_rig_nested (4, "tool/echo", 1, 2);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL, "it begins anew");
  cr_expect_eq (offer->header.attempt, 2);
  core_rig_settle (INSTANCE, 4, 2);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
}

Test (core_nested, one_that_still_runs_is_joined_by_the_next_attempt)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  core_rig_reconnect ();
  stage_forget (stage);
  core_rig_nested (2, "tool/echo", 1, 1);
  cr_expect_neq (core_rig_refused (INSTANCE), TROUPE_STALE, "it is known");
  core_rig_nested (2, "tool/echo", 1, 2);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (ledger_model_at (model, 1)->under, 2);
  core_rig_settle (INSTANCE, 2, 2);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED));
}

Test (core_nested, one_that_still_runs_is_not_joined_by_an_attempt_that_is_over)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  stage_forget (stage);
  core_rig_nested (2, "tool/echo", 1, 2);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_STALE);
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect_eq (ledger_model_at (model, 1)->status, TROUPE_STATUS_VALUE, "and it goes on");
}

Test (core_nested, what_a_settled_call_made_is_cancelled)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 2);
  core_rig_settle (INSTANCE, 1, 1);
  const stage_message_t *cancel = stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL);
  cr_expect (cancel != NULL && cancel->header.call.bytes[15] == 2);
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, a_later_attempt_hears_accepted_when_the_store_knows_it)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  core_rig_reconnect ();
  stage_forget (stage);
  ledger_link_break (stage->link, 0, stage->now);
  core_rig_nested (2, "tool/echo", 1, 2);
  core_rig_nested (2, "tool/echo", 1, 2);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  stage_up (stage);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (ledger_model_at (model, 1)->under, 2);
}

static void
cancel (unsigned number, unsigned under)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_parent (&header, under);
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_settle_store (stage);
}

// The attempts of a call share the ids of what they call.
Test (core_nested, a_superseded_attempt_cancels_nothing)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "tool/echo", 1, 1);
  core_rig_reconnect (); // attempt 2 of both begins
  core_rig_nested (2, "tool/echo", 1, 2);
  stage_forget (stage);
  cancel (2, 1);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED));
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL), "it goes on");
  cr_expect_eq (ledger_model_at (model, 1)->status, TROUPE_STATUS_NONE);
  cancel (2, 2);
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (ledger_model_at (model, 1)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
}

Test (core_nested, a_held_nested_call_is_cancelled_by_its_attempt)
{
  core_rig_call (1, "agent/alice");
  troupe_header_t header = core_rig_call_header (2, "agent/late");
  troupe_id_t parent = stage_id (1);
  troupe_header_set_path (&header, &parent, 1);
  troupe_header_set_parent (&header, 2);
  troupe_header_set_flags (&header, TROUPE_FLAG_WAIT);
  core_rig_send (INSTANCE, &header, "input");
  cancel (2, 1);
  cr_expect_neq (core_rig_refused (INSTANCE), TROUPE_CANCELLED, "by an earlier one");
  cancel (2, 2);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_CANCELLED);
}

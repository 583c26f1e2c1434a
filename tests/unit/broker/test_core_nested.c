// SPDX-License-Identifier: Apache-2.0
//
// Calls that a task makes, calls that need others' values, and who waits for whom.

#include "sim/stage.h"

#include <criterion/criterion.h>

enum { CALLER = 1, INSTANCE = 2, OTHER = 3 };

static ledger_model_t *model;
static stage_t *stage;

static void
open (void)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", NULL, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "agent/bob", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_forget (stage);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_nested, .init = open, .fini = close);

static troupe_header_t
header_of (unsigned number, const char *service)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  return header;
}

static void
send_with_text (broker_connection_t from, const troupe_header_t *header, const char *text)
{
  troupe_buffer_t *body = stage_text (text);
  stage_receive (stage, from, header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
}

static void
call (unsigned number, const char *service)
{
  troupe_header_t header = header_of (number, service);
  send_with_text (CALLER, &header, "input");
}

// Made by the instance while it runs an attempt of `parent`.
static void
nested (unsigned number, const char *service, unsigned parent, unsigned attempt)
{
  troupe_header_t header = header_of (number, service);
  troupe_id_t id = stage_id (parent);
  troupe_header_set_path (&header, &id, 1);
  troupe_header_set_parent (&header, attempt);
  send_with_text (INSTANCE, &header, "input");
}

static void
settle (unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, INSTANCE, &id, "s", attempt, "value");
  stage_settle_store (stage);
}

static void
fail (unsigned number, unsigned attempt, unsigned flags)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_ERROR);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  send_with_text (INSTANCE, &header, "error");
}

// The number of the call that was offered next; 0: none.
static unsigned
offered (broker_connection_t to)
{
  const stage_message_t *offer = stage_take (stage, to, TROUPE_CMD_OFFER);
  return offer != NULL ? offer->header.call.bytes[15] : 0;
}

static bool
refused_as (broker_connection_t to, troupe_err_t code)
{
  const stage_message_t *refused = stage_take (stage, to, TROUPE_CMD_REFUSED);
  return refused != NULL && stage_error (refused) == code;
}

// Loses the instance's connection, not its life.
static void
reconnect (void)
{
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_settle_store (stage);
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_settle_store (stage);
}

Test (core_nested, a_stale_attempt_makes_no_calls)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  nested (3, "tool/echo", 1, 2);
  const stage_message_t *refused = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_STALE);
  cr_expect (refused != NULL && refused->header.attempt == 2, "it says which attempt's call it means");
  settle (1, 1);
  nested (4, "tool/echo", 1, 1);
  cr_expect (refused_as (INSTANCE, TROUPE_STALE), "its call has settled");
  troupe_header_t header = header_of (5, "tool/echo");
  troupe_header_set_parent (&header, 1);
  send_with_text (INSTANCE, &header, "input");
  cr_expect (refused_as (INSTANCE, TROUPE_BAD_ARGUMENT), "an attempt of nothing");
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, the_next_attempt_gets_what_is_recorded)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  nested (3, "tool/echo", 1, 1);
  nested (4, "tool/echo", 1, 1);
  settle (2, 1);
  fail (3, 1, 0);
  fail (4, 1, TROUPE_FLAG_RETRYABLE);
  reconnect ();
  stage_forget (stage);
  nested (2, "tool/echo", 1, 2);
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
  nested (3, "tool/echo", 1, 2);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "error"));
  cr_expect_eq (offered (INSTANCE), 0);
  nested (4, "tool/echo", 1, 2);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL, "it begins anew");
  cr_expect_eq (offer->header.attempt, 2);
  settle (4, 2);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_body_is (settled, "value"));
}

Test (core_nested, one_that_still_runs_is_joined_by_the_next_attempt)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  reconnect ();
  stage_forget (stage);
  nested (2, "tool/echo", 1, 1);
  cr_expect (!refused_as (INSTANCE, TROUPE_STALE), "it is known");
  nested (2, "tool/echo", 1, 2);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  cr_expect_eq (ledger_model_at (model, 1)->under, 2);
  settle (2, 2);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED));
}

Test (core_nested, one_that_still_runs_is_not_joined_by_an_attempt_that_is_over)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  stage_forget (stage);
  nested (2, "tool/echo", 1, 2);
  cr_expect (refused_as (INSTANCE, TROUPE_STALE));
  settle (2, 1);
  cr_expect_eq (ledger_model_at (model, 1)->status, TROUPE_STATUS_VALUE, "and it goes on");
}

Test (core_nested, what_a_settled_call_made_is_cancelled)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  cr_expect_eq (offered (INSTANCE), 1);
  cr_expect_eq (offered (INSTANCE), 2);
  settle (1, 1);
  const stage_message_t *cancel = stage_take (stage, INSTANCE, TROUPE_CMD_CANCEL);
  cr_expect (cancel != NULL && cancel->header.call.bytes[15] == 2);
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.status == TROUPE_STATUS_CANCELLED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, a_call_that_waits_for_itself_ends_as_a_cycle)
{
  call (1, "agent/alice");
  nested (2, "agent/alice", 1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_CYCLE);
  nested (3, "agent/bob", 1, 1);
  nested (4, "agent/alice", 3, 1);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_CYCLE);
}

static void
await_within (unsigned number, unsigned waiter, broker_connection_t from)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number), waits = stage_id (waiter);
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  if (waiter != 0)
    troupe_header_set_waiter (&header, &waits);
  stage_receive (stage, from, &header, NULL);
}

Test (core_nested, an_await_that_closes_a_ring_is_refused)
{
  call (1, "agent/alice");
  call (2, "agent/bob");
  await_within (2, 1, INSTANCE);
  stage_settle_store (stage);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED));
  await_within (1, 2, INSTANCE);
  stage_settle_store (stage);
  cr_expect (refused_as (INSTANCE, TROUPE_CYCLE));
  stage_forget (stage);
  settle (2, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED), "who waits without a ring hears the end");
}

Test (core_nested, only_the_one_that_closes_the_ring_is_refused)
{
  stage_hello (stage, OTHER, "other-3");
  call (1, "agent/alice");
  call (2, "agent/bob");
  await_within (2, 1, INSTANCE);
  stage_settle_store (stage);
  await_within (1, 2, OTHER); // both while the store hasn't answered
  await_within (1, 0, INSTANCE);
  stage_settle_store (stage);
  cr_expect (refused_as (OTHER, TROUPE_CYCLE));
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED));
  settle (1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED));
  cr_expect_null (stage_take (stage, OTHER, TROUPE_CMD_SETTLED));
}

// -- Inputs ----------------------------------------------------------------------------------------------------------

static void
call_with_inputs (unsigned number, const char *service, unsigned first, unsigned second)
{
  troupe_header_t header = header_of (number, service);
  troupe_id_t ids[] = {stage_id (first), stage_id (second)};
  troupe_header_set_inputs (&header, ids, 2);
  send_with_text (CALLER, &header, "input");
}

Test (core_nested, a_call_is_offered_with_the_values_of_its_inputs)
{
  call (1, "tool/echo");
  call (2, "tool/echo");
  call_with_inputs (3, "agent/alice", 1, 2);
  cr_expect (offered (INSTANCE) == 1 && offered (INSTANCE) == 2);
  settle (1, 1);
  cr_expect_eq (offered (INSTANCE), 0, "one is not there yet");
  settle (2, 1);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect (stage_body_is (offer, "inputvaluevalue"));
  cr_expect (offer->header.sizes_count == 2 && offer->header.sizes[0] == 5 && offer->header.sizes[1] == 5);
  reconnect ();
  offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && stage_body_is (offer, "inputvaluevalue"), "and so is the next attempt");
  settle (3, 2);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, without_a_value_of_an_input_the_call_ends)
{
  call (1, "tool/echo");
  call (2, "tool/echo");
  call_with_inputs (3, "agent/alice", 1, 2);
  stage_forget (stage);
  fail (2, 1, 0);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.call.bytes[15] == 2);
  settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && settled->header.call.bytes[15] == 3 && settled->header.status == TROUPE_STATUS_ERROR);
  call_with_inputs (4, "agent/alice", 1, 9);
  cr_expect (refused_as (CALLER, TROUPE_UNKNOWN_CALL));
}

Test (core_nested, inputs_that_are_too_large_together_end_the_call)
{
  stage_destroy (&stage);
  broker_limits_t limits = stage_limits;
  limits.message = 12;
  stage = stage_new (model, "broker-1", &limits, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  call (1, "tool/echo");
  call (2, "tool/echo");
  settle (1, 1);
  settle (2, 1);
  stage_forget (stage);
  call_with_inputs (3, "tool/echo", 1, 2);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_TOO_LARGE);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

// -- Owners ----------------------------------------------------------------------------------------------------------

Test (core_nested, an_actor_s_calls_go_to_its_owner_as_long_as_that_has_credit)
{
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  call (1, "agent/alice");
  const char *name = ledger_model_owner (model, "s", "agent/alice");
  cr_assert (name != NULL);
  bool here = strcmp (name, "instance-2") == 0;
  broker_connection_t owner = here ? INSTANCE : OTHER, other = here ? OTHER : INSTANCE;
  const stage_message_t *offer = stage_take (stage, owner, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.epoch == 1);
  troupe_id_t id = stage_id (1);
  stage_settle (stage, owner, &id, "s", 1, "value");
  stage_settle_store (stage);
  stage_register (stage, owner, "agent/alice", 0, true); // its credit is elsewhere
  call (2, "agent/alice");
  offer = stage_take (stage, other, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.epoch == 2, "an idle actor may move");
  stage_register (stage, owner, "agent/alice", 4, true);
  id = stage_id (2);
  stage_settle (stage, other, &id, "s", 1, "value");
  stage_settle_store (stage);
  call (3, "agent/alice");
  cr_expect_eq (offered (other), 3, "and stays there");
}

Test (core_nested, an_instance_lost_while_it_is_made_the_owner)
{
  stage_hello (stage, OTHER, "instance-3");
  troupe_header_t header = header_of (1, "agent/alice");
  stage_receive (stage, CALLER, &header, NULL);
  ledger_link_deliver (stage->link, stage->now); // accepted, and placed
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_register (stage, OTHER, "agent/alice", 1, true);
  stage_settle_store (stage);
  const stage_message_t *offer = stage_take (stage, OTHER, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect_eq (offer->header.attempt, 1, "nobody was offered it");
  cr_expect_eq (offer->header.epoch, 2);
  troupe_id_t id = stage_id (1);
  stage_settle (stage, OTHER, &id, "s", 1, "value");
  stage_settle_store (stage);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_nested, cancelled_while_its_instance_is_made_the_owner)
{
  for (int down = 0; down < 2; down++) {
    unsigned number = 1 + (unsigned)down;
    stage_register (stage, INSTANCE, down ? "agent/bob" : "agent/alice", 1, true);
    troupe_header_t header = header_of (number, down ? "agent/bob" : "agent/alice");
    stage_receive (stage, CALLER, &header, NULL);
    ledger_link_deliver (stage->link, stage->now);
    if (down)
      ledger_link_break (stage->link, 0, stage->now);
    troupe_id_t id = stage_id (number);
    stage_cancel (stage, CALLER, &id, "s");
    if (down)
      stage_up (stage);
    stage_settle_store (stage);
    cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_OFFER));
    cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_SETTLED));
    cr_expect_eq (broker_core_open_calls (stage->core), 0);
  }
}

Test (core_nested, an_outcome_of_an_actor_that_moved_is_refused)
{
  call (1, "agent/alice");
  troupe_header_t header;
  troupe_id_t id = stage_id (1);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_header_set_epoch (&header, 7);
  stage_forget (stage);
  send_with_text (INSTANCE, &header, "value");
  cr_expect (refused_as (INSTANCE, TROUPE_STALE));
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.attempt == 2, "the next attempt begins");
}

Test (core_nested, a_later_attempt_hears_accepted_when_the_store_knows_it)
{
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  reconnect ();
  stage_forget (stage);
  ledger_link_break (stage->link, 0, stage->now);
  nested (2, "tool/echo", 1, 2);
  nested (2, "tool/echo", 1, 2);
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
  call (1, "agent/alice");
  nested (2, "tool/echo", 1, 1);
  reconnect (); // attempt 2 of both begins
  nested (2, "tool/echo", 1, 2);
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
  call (1, "agent/alice");
  troupe_header_t header = header_of (2, "agent/late");
  troupe_id_t parent = stage_id (1);
  troupe_header_set_path (&header, &parent, 1);
  troupe_header_set_parent (&header, 2);
  troupe_header_set_flags (&header, TROUPE_FLAG_WAIT);
  send_with_text (INSTANCE, &header, "input");
  cancel (2, 1);
  cr_expect (!refused_as (INSTANCE, TROUPE_CANCELLED), "by an earlier one");
  cancel (2, 2);
  cr_expect (refused_as (INSTANCE, TROUPE_CANCELLED));
}

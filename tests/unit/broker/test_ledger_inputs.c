// SPDX-License-Identifier: Apache-2.0
//
// Calls that need what other calls say.
#include "ledger_rig.h"

static troupe_id_t
accepted (rig_t *rig, const char *service)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  return accept.call;
}

static ledger_request_t
with_inputs (const char *service, const troupe_id_t *inputs, uint32_t count)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  accept.inputs = inputs;
  accept.inputs_count = count;
  accept.retention_ms = 3600000;
  return accept;
}

static const rig_result_t *
settle (rig_t *rig, rig_broker_t *broker, troupe_id_t call, const char *value)
{
  ledger_request_t request = rig_settle ("s", call, 1, value);
  return rig_do (rig, broker, &request);
}

static const rig_result_t *
ask (rig_t *rig, ledger_op_t op, troupe_id_t call)
{
  ledger_request_t request = rig_simple (op, "s", call, 0);
  return rig_do (rig, &rig->a, &request);
}

Test (ledger_inputs, a_call_waits_for_them_and_gets_their_values)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t inputs[] = {accepted (rig, "agent/alice"), accepted (rig, "model/m"), {{0}}};
  inputs[2] = inputs[0]; // twice the same
  ledger_request_t call = with_inputs ("tool/t", inputs, 3);
  for (int again = 0; again < 2; again++) {
    const rig_result_t *result = rig_do (rig, &rig->b, &call);
    cr_expect_eq (result->outcome, again ? LEDGER_KNOWN : LEDGER_OK);
    cr_expect (!result->ready && result->attempt == 0 && result->inputs == 3);
    cr_expect_eq (result->deadline_ms, 0, "its default deadline begins with its turn");
  }
  for (int again = 0; again < 2; again++)
    cr_expect_eq (settle (rig, &rig->a, inputs[0], "one")->outcome, LEDGER_OK);
  cr_expect_eq (rig->b.notices_count, 0);
  settle (rig, &rig->a, inputs[1], "three");
  LOOP_UNTIL (rig->loop, rig->b.notices_count > 0);
  cr_expect_eq (rig_notices (&rig->b, LEDGER_NOTICE_READY, &call.call), 1);
  const rig_call_t *ready = &rig->b.notices[0];
  cr_expect (ready->ready && ready->attempt == 1 && ready->inputs == 3 && ready->deadline_ms > 0);

  const rig_result_t *values = ask (rig, LEDGER_INPUTS, call.call);
  cr_expect_eq (values->outcome, LEDGER_OK);
  cr_assert_eq (values->sizes_count, 3);
  cr_expect (values->sizes[0] == 3 && values->sizes[1] == 5 && values->sizes[2] == 3);
  cr_expect_str_eq (values->body, "onethreeone");
  cr_expect_eq (settle (rig, &rig->b, call.call, "done")->outcome, LEDGER_OK);
  cr_expect_eq (ask (rig, LEDGER_INPUTS, call.call)->outcome, LEDGER_STALE);
  rig_stop (rig);
}

Test (ledger_inputs, what_has_settled_already_needs_no_wait)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t input = accepted (rig, "model/m");
  settle (rig, &rig->a, input, "value");
  ledger_request_t call = with_inputs ("tool/t", &input, 1);
  const rig_result_t *result = rig_do (rig, &rig->a, &call);
  cr_expect (result->outcome == LEDGER_OK && result->ready && result->attempt == 1);
  cr_expect_str_eq (ask (rig, LEDGER_INPUTS, call.call)->body, "value");
  rig_stop (rig);
}

Test (ledger_inputs, an_unknown_one_is_named)
{
  rig_t *rig = rig_start (NULL);
  const troupe_id_t inputs[] = {accepted (rig, "model/m"), troupe_id_new ()};
  ledger_request_t call = with_inputs ("tool/t", inputs, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_UNKNOWN);
  cr_expect_eq (rig->a.last.input, 1);
  cr_expect_eq (ask (rig, LEDGER_AWAIT, call.call)->outcome, LEDGER_UNKNOWN, "it was not stored");
  call.inputs = &call.call;
  call.inputs_count = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_UNKNOWN, "nor can a call be its own input");
  call.inputs_count = LEDGER_INPUTS_MAX + 1;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_FAILED);
  rig_stop (rig);
}

Test (ledger_inputs, one_without_a_value_ends_the_call_and_those_that_need_that)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t input = accepted (rig, "model/m"), other = accepted (rig, "model/n");
  const troupe_id_t both[] = {other, input};
  ledger_request_t first = with_inputs ("tool/t", both, 2);
  rig_do (rig, &rig->b, &first);
  ledger_request_t second = with_inputs ("agent/alice", &first.call, 1);
  rig_do (rig, &rig->b, &second);
  ledger_request_t behind = rig_accept ("s", troupe_id_new (), "agent/alice");
  cr_expect_not (rig_do (rig, &rig->a, &behind)->ready, "the first in the mailbox keeps its place");

  // As a broker packs it: {"code": "model_failed", "why": "no luck"}.
  static const char error[] = "\x82\xa4"
                              "code"
                              "\xac"
                              "model_failed"
                              "\xa3"
                              "why"
                              "\xa7"
                              "no luck";
  ledger_request_t end = rig_settle ("s", input, 1, error);
  end.status = TROUPE_STATUS_ERROR;
  cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  const troupe_id_t ended[] = {first.call, second.call};
  for (size_t i = 0; i < 2; i++) {
    LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &ended[i]) == 1);
    const rig_result_t *result = ask (rig, LEDGER_AWAIT, ended[i]);
    cr_expect (result->outcome == LEDGER_SETTLED && result->status == TROUPE_STATUS_ERROR);
    cr_expect (rig_body_has (result, "model_failed") && rig_body_has (result, "no luck") &&
               rig_body_has (result, i == 0 ? "model/m" : "tool/t"));
  }
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_READY, &behind.call) == 1);
  ledger_request_t late = with_inputs ("tool/t", both, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &late)->outcome, LEDGER_SETTLED, "at once");
  cr_expect_eq (rig->a.last.status, TROUPE_STATUS_ERROR);
  rig_stop (rig);
}

Test (ledger_inputs, an_error_that_is_no_error_is_one_all_the_same)
{
  rig_t *rig = rig_start (NULL);
  char nested_lists[4096];
  memset (nested_lists, '\x91', sizeof nested_lists); // lists in lists, without an end
  const struct {
    const char *bytes;
    size_t size;
  } errors[] = {{"", 0},
                {"\xc1", 1},
                {"\x2a", 1},
                {nested_lists, sizeof nested_lists},
                {"\x81\xa4"
                 "code\x90",
                 7}};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    troupe_id_t input = accepted (rig, "model/m");
    ledger_request_t call = with_inputs ("tool/t", &input, 1);
    rig_do (rig, &rig->a, &call);
    ledger_request_t end = rig_settle ("s", input, 1, "");
    end.body = rig_buffer (errors[i].bytes, errors[i].size);
    end.status = TROUPE_STATUS_ERROR;
    cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK, "%zu", i);
    cr_expect_eq (ask (rig, LEDGER_AWAIT, call.call)->outcome, LEDGER_SETTLED, "%zu", i);
    cr_expect (rig_body_has (&rig->a.last, "model/m"), "%zu", i);
  }
  rig_stop (rig);
}

Test (ledger_inputs, a_result_that_somebody_needs_does_not_expire)
{
  rig_t *rig = rig_start (NULL);
  const troupe_id_t inputs[] = {accepted (rig, "model/m"), accepted (rig, "model/n")};
  ledger_request_t call = with_inputs ("tool/t", inputs, 2);
  rig_do (rig, &rig->a, &call);
  for (int i = 0; i < 2; i++) {
    ledger_request_t end = rig_settle ("s", inputs[i], 1, "value");
    end.retention_ms = 1;
    cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  }
  int64_t later = troupe_loop_now () + 20;
  LOOP_UNTIL (rig->loop, troupe_loop_now () > later);
  cr_expect_str_eq (ask (rig, LEDGER_INPUTS, call.call)->body, "valuevalue");
  ledger_request_t end = rig_settle ("s", call.call, 1, "done");
  end.retention_ms = 1;
  rig_do (rig, &rig->a, &end);
  LOOP_UNTIL (rig->loop, ask (rig, LEDGER_AWAIT, inputs[0])->outcome == LEDGER_UNKNOWN);
  LOOP_UNTIL (rig->loop, ask (rig, LEDGER_AWAIT, inputs[1])->outcome == LEDGER_UNKNOWN);
  cr_expect_eq (redis_number (&rig->redis, "DBSIZE"), 2 * LEDGER_SLOTS + 1,
                "each slot's sequence and history, and the inbox that was used");
  rig_stop (rig);
}

// A nested call of an older root takes the turn of an idle actor whose next call misses its inputs.
Test (ledger_inputs, an_idle_actor_takes_what_comes_before_a_call_that_waits)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = accepted (rig, "agent/alice"), input = accepted (rig, "model/m");
  ledger_request_t waits = with_inputs ("agent/bob", &input, 1);
  rig_do (rig, &rig->a, &waits);
  ledger_request_t younger = rig_accept ("s", troupe_id_new (), "agent/bob");
  cr_expect_not (rig_do (rig, &rig->a, &younger)->ready);
  ledger_request_t urgent = rig_nested ("s", troupe_id_new (), "agent/bob", &old, 1);
  const rig_result_t *result = rig_do (rig, &rig->a, &urgent);
  cr_expect (result->ready && result->attempt == 1 && result->deadline_ms > 0);
  settle (rig, &rig->a, input, "value");
  cr_expect_eq (settle (rig, &rig->a, urgent.call, "value")->calls_count, 1);
  cr_expect (troupe_id_equal (&rig->a.last.calls[0].call, &waits.call));
  cr_expect_eq (rig->a.last.calls[0].inputs, 1);
  cr_expect (troupe_id_equal (&settle (rig, &rig->a, waits.call, "value")->calls[0].call, &younger.call));
  rig_stop (rig);
}

Test (ledger_inputs, a_cancelled_call_lets_go_of_them)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t input = accepted (rig, "model/m");
  ledger_request_t call = with_inputs ("agent/alice", &input, 1);
  rig_do (rig, &rig->a, &call);
  ledger_request_t cancel = rig_settle ("s", call.call, 0, "cancelled");
  cancel.status = TROUPE_STATUS_CANCELLED;
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_OK);
  ledger_request_t end = rig_settle ("s", input, 1, "value");
  end.retention_ms = 1;
  rig_do (rig, &rig->a, &end);
  LOOP_UNTIL (rig->loop, ask (rig, LEDGER_AWAIT, input)->outcome == LEDGER_UNKNOWN);
  cr_expect_eq (rig_notices (&rig->a, LEDGER_NOTICE_READY, &call.call), 0);
  rig_stop (rig);
}

Test (ledger_inputs, very_many_that_need_the_same_one)
{
  enum { CALLS = 350 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t input = accepted (rig, "model/m");
  for (int i = 0; i < CALLS; i++) {
    ledger_request_t call = with_inputs ("tool/t", &input, 1);
    ledger_submit (rig->a.ledger, &call);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == CALLS + 1);
  settle (rig, &rig->a, input, "value");
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = ledger_slot ("s")};
  do
    rig_do (rig, &rig->a, &sweep);
  while (rig->a.last.more);
  LOOP_UNTIL (rig->loop, rig->a.notices_count == CALLS);
  rig_stop (rig);
}

Test (ledger_inputs, one_that_ends_with_another_leaves_no_turn)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice");
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "agent/dora", &parent, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_OK);
  troupe_id_t inputs[] = {parent, nested.call};
  ledger_request_t call = with_inputs ("agent/bob", inputs, 2);
  cr_assert_eq (rig_do (rig, &rig->b, &call)->outcome, LEDGER_OK);
  // The parent has a value, and its nested call is cancelled with it.
  cr_expect_eq (settle (rig, &rig->a, parent, "done")->outcome, LEDGER_OK);
  LOOP_UNTIL (rig->loop, rig->b.notices_count > 0);
  cr_expect_eq (rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &call.call), 1);
  cr_expect_eq (rig_notices (&rig->b, LEDGER_NOTICE_READY, &call.call), 0);
  const rig_result_t *result = ask (rig, LEDGER_AWAIT, call.call);
  cr_expect (result->outcome == LEDGER_SETTLED && result->status == TROUPE_STATUS_CANCELLED);
  rig_stop (rig);
}

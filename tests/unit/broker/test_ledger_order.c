// SPDX-License-Identifier: Apache-2.0
//
// A caller's calls are stored in the order in which it made them, or refused.
#include "ledger_rig.h"

static ledger_request_t
after (troupe_id_t previous, const char *service)
{
  ledger_request_t request = rig_accept ("s", troupe_id_new (), service);
  request.previous = previous;
  return request;
}

Test (ledger_order, not_before_the_previous_call)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t first = rig_accept ("s", troupe_id_new (), "agent/alice");
  ledger_request_t second = after (first.call, "agent/alice");
  cr_expect_eq (rig_do (rig, &rig->a, &second)->outcome, LEDGER_OUT_OF_ORDER);
  cr_expect_eq (rig_do (rig, &rig->b, &second)->outcome, LEDGER_OUT_OF_ORDER, "by whichever broker");
  cr_expect_eq (rig_do (rig, &rig->a, &first)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->b, &second)->outcome, LEDGER_OK);
  ledger_request_t settle = rig_settle ("s", first.call, 1, "value");
  const rig_result_t *result = rig_do (rig, &rig->a, &settle);
  cr_expect_eq (result->outcome, LEDGER_OK);
  cr_expect_eq (rig_notices (&rig->b, LEDGER_NOTICE_READY, &second.call), 0);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_READY, &second.call) == 1);
  rig_stop (rig);
}

Test (ledger_order, what_is_stored_is_not_refused_for_it)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t call = rig_accept ("s", troupe_id_new (), "tool/echo");
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  call.previous = troupe_id_new ();
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_KNOWN);
  ledger_request_t settle = rig_settle ("s", call.call, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_SETTLED);
  ledger_request_t next = after (call.call, "tool/echo");
  cr_expect_eq (rig_do (rig, &rig->a, &next)->outcome, LEDGER_OK, "settled is stored");
  rig_stop (rig);
}

Test (ledger_order, with_a_parent_and_with_inputs)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t root = rig_accept ("s", troupe_id_new (), "agent/alice");
  cr_assert_eq (rig_do (rig, &rig->a, &root)->outcome, LEDGER_OK);
  ledger_request_t one = rig_nested ("s", troupe_id_new (), "tool/echo", &root.call, 1);
  ledger_request_t two = rig_nested ("s", troupe_id_new (), "tool/echo", &root.call, 1);
  two.previous = one.call;
  two.inputs = &one.call;
  two.inputs_count = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &two)->outcome, LEDGER_OUT_OF_ORDER, "rather than an unknown input");
  cr_expect_eq (rig_do (rig, &rig->a, &one)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &two)->outcome, LEDGER_OK);
  two.call = troupe_id_new ();
  two.previous = troupe_id_new ();
  two.parent_attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &two)->outcome, LEDGER_STALE, "rather than out of order");
  rig_stop (rig);
}

// A hundred in one go: all of them are taken in the order in which they were made, with nothing to wait for.
Test (ledger_order, a_pipelined_burst)
{
  enum { BURST = 100 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t previous = {{0}};
  size_t before = rig->a.results_count;
  for (unsigned i = 0; i < BURST; i++) {
    ledger_request_t request = after (previous, "agent/alice");
    request.token = i;
    previous = request.call;
    ledger_submit (rig->a.ledger, &request);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == before + BURST);
  for (unsigned i = 0; i < BURST; i++) {
    cr_expect_eq (rig->a.tokens[before + i], i);
    cr_expect_eq (rig->a.outcomes[before + i], LEDGER_OK);
  }
  rig_stop (rig);
}

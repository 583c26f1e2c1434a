// SPDX-License-Identifier: Apache-2.0
//
// No one waits for ever: services that aren't there, and actors that have too much to do.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (refusals, .init = place_enter, .fini = place_leave);

static troupe_placeholder_t *
call_nobody (troupe_node_t *node, bool wait, int64_t deadline_ms)
{
  return stage_call_with (node, &(troupe_call_t){.service = "tool/y", .deadline_ms = deadline_ms, .wait = wait}, "[]");
}

Test (refusals, an_unknown_service_is_an_error_at_once)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  stage_player (&stage, "x", "tool/x", 1);
  troupe_placeholder_t *call = call_nobody (stage_node (&stage, "1"), false, DEADLINE_MS);
  int64_t begin = troupe_loop_now ();
  stage_expect_error (&stage, &call, TROUPE_UNKNOWN_SERVICE, NULL);
  cr_assert_lt (troupe_loop_now () - begin, 5000);
  stage_close (&stage);
}

Test (refusals, a_call_that_waits_for_a_service_ends_at_its_deadline)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  troupe_placeholder_t *call = call_nobody (stage_node (&stage, "1"), true, 500);
  stage_expect_error (&stage, &call, TROUPE_DEADLINE, NULL);
  stage_close (&stage);
}

Test (refusals, a_call_that_waits_for_a_service_runs_when_it_appears)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  troupe_placeholder_t *call = call_nobody (stage_node (&stage, "1"), true, DEADLINE_MS);
  STAGE_UNTIL (&stage, troupe_placeholder_state (call) == TROUPE_CALL_MAYBE);
  stage_player (&stage, "y", "tool/y", 1);
  stage_expect_reply (&stage, &call, 1, "y");
  stage_close (&stage);
}

Test (refusals, a_full_mailbox_is_overloaded_with_a_hint_and_others_go_on)
{
  enum { MAILBOX = 2 };
  stage_t stage;
  troupe_placeholder_t *calls[MAILBOX + 1];
  stage_open (&stage, 1, "mailbox: 2, heartbeat: 200ms, lease: 1s");
  process_t *player = stage_player (&stage, "x", "agent/x", 4);
  troupe_node_t *node = stage_node (&stage, "1");
  for (int i = 0; i <= MAILBOX; i++) {
    calls[i] = stage_call (node, "agent/x", "one", "[['hold', 'here']]");
    stage_until_stored (&stage, calls[i]);
  }
  troupe_placeholder_t *call = stage_call (node, "agent/x", "one", "[]");
  stage_outcome (&stage, call);
  const troupe_error_t *error = troupe_placeholder_error (call);
  cr_assert_eq (error->code, TROUPE_OVERLOADED, "%s: %s", troupe_err_name (error->code), error->why);
  cr_assert_gt (error->retry_after_ms, 0);
  cr_assert_eq (troupe_placeholder_state (call), TROUPE_CALL_REFUSED);
  troupe_placeholder_destroy (&call);
  call = stage_call (node, "agent/x", "two", "[]");
  stage_expect_reply (&stage, &call, 1, "x");
  for (int i = 0; i <= MAILBOX; i++) {
    STAGE_UNTIL (&stage, process_said (player, "hold here"));
    process_send (player, "go here\n");
    stage_expect_reply (&stage, &calls[i], 1, "x");
  }
  call = stage_call (node, "agent/x", "one", "[]");
  stage_expect_reply (&stage, &call, 1, "x");
  stage_close (&stage);
}

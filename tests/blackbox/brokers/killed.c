// SPDX-License-Identifier: Apache-2.0
//
// How long the calls of a killed broker wait: not for its lease, because its peers notice at once that it is gone, and
// tell the others.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>

TestSuite (killed, .init = place_enter, .fini = place_leave, .timeout = 180);

enum { CALLS = 20 };

// One runs, and the others wait for it at broker 1.
static void
make_calls (stage_t *stage, troupe_node_t *node, process_t *worker, troupe_placeholder_t **calls)
{
  calls[0] = stage_call (node, "tool/x", "one", "[['hold', 'here']]");
  STAGE_UNTIL (stage, process_said (worker, "hold here"));
  for (int i = 1; i < CALLS; i++) {
    calls[i] = stage_call (node, "tool/x", "one", "[['say', 'done']]");
    stage_until_stored (stage, calls[i]);
  }
}

// Kills broker 1, and returns after how many ms all of its calls have settled.
static int64_t
time_of_kill (stage_t *stage)
{
  process_t *worker = stage_player (stage, "w", "tool/x", 1);
  troupe_node_t *node = stage_node (stage, "12");
  troupe_placeholder_t *calls[CALLS];
  make_calls (stage, node, worker, calls);
  int64_t since = troupe_loop_now ();
  stage_kill (&stage->brokers[0]);
  process_send (worker, "go here\n");
  for (int i = 0; i < CALLS; i++)
    cr_assert_not_null (stage_outcome (stage, calls[i]));
  int64_t took = troupe_loop_now () - since;
  for (int i = 0; i < CALLS; i++)
    troupe_placeholder_destroy (&calls[i]);
  return took;
}

Test (killed, its_calls_do_not_wait_for_its_lease)
{
  stage_t stage;
  stage_open (&stage, 2, "heartbeat: 300ms, lease: 25s");
  int64_t took = time_of_kill (&stage);
  cr_log_info ("the calls of the killed broker settled after %" PRId64 " ms", took);
  cr_expect_lt (took, 15000, "%" PRId64 " ms", took);
  cr_expect_gt (stage_counter (&stage, 1, "calls_taken_over"), 0);
  stage_close (&stage);
}

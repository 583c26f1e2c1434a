// SPDX-License-Identifier: Apache-2.0
//
// Credit is the instance's: several brokers share it out, and one that dies takes none of it along.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>

TestSuite (credit, .init = place_enter, .fini = place_leave);

// An instance for one call at a time runs one, the next one waits; their broker dies. The other broker leaves the first
// where it runs, and gives the second to an instance that is free.
static void
wait_for_a_free_instance (const char *service, const char *running, const char *waiting)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  process_t *first = stage_player (&stage, "first", service, 1);
  troupe_node_t *node = stage_node (&stage, "12");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2); // so that both calls go by the first
  troupe_placeholder_t *held = stage_call (node, service, running, "[['hold', 'here']]");
  STAGE_UNTIL (&stage, process_said (first, "hold here"));
  troupe_placeholder_t *queued = stage_call (node, service, waiting, "[]");
  stage_until_stored (&stage, queued);
  stage_kill (&stage.brokers[0]);
  STAGE_UNTIL (&stage, stage_counter (&stage, 1, "calls_taken_over") == 2);
  stage_player_at (&stage, "second", service, 1, "2");
  stage_expect_reply (&stage, &queued, 0, "second");
  process_send (first, "go here\n");
  stage_expect_reply (&stage, &held, 0, "first");
  stage_close (&stage);
}

// Which of the two is taken over first depends on their sessions.
Test (credit, what_waits_behind_a_long_call_when_the_broker_dies_runs_elsewhere)
{
  wait_for_a_free_instance ("tool/x", "one", "two");
}

Test (credit, also_when_it_is_taken_over_before_that_call)
{
  wait_for_a_free_instance ("tool/x", "two", "one");
}

Test (credit, an_actor_that_waits_behind_a_long_call_when_the_broker_dies_moves)
{
  wait_for_a_free_instance ("agent/x", "one", "two");
}

Test (credit, also_when_it_is_taken_over_before_that_call_an_actor_moves)
{
  wait_for_a_free_instance ("agent/x", "two", "one");
}

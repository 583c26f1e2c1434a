// SPDX-License-Identifier: Apache-2.0
//
// Processes that are killed in the middle of a call: the call survives, or settles with a clear error; never neither.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (kills, .init = place_enter, .fini = place_leave);

// A call that streams and is in the middle of its reply.
static process_t *
start_slow_call (void)
{
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"slow\"", "--stream", "-s", "one");
  process_expect (call, "\"part\"");
  return call;
}

static void
expect_answer (process_t **call_p)
{
  process_expect (*call_p, "\"value\".*slow");
  process_expect_exit (*call_p, 0);
  process_destroy (call_p);
}

Test (kills, a_call_survives_its_agent)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = start_slow_call ();
  kill (mesh_process ("agent", "alice"), SIGKILL);
  expect_answer (&call);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 2: ");
  mesh_down (&up);
}

Test (kills, a_call_survives_its_model)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = start_slow_call ();
  kill (mesh_process ("model", "talker"), SIGKILL);
  expect_answer (&call);
  mesh_down (&up);
}

Test (kills, a_call_survives_its_broker)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = start_slow_call ();
  kill (mesh_process ("broker", "broker-1"), SIGKILL);
  expect_answer (&call);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 2: ");
  mesh_down (&up);
}

Test (kills, a_call_survives_redis)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = start_slow_call ();
  pid_t redis;
  cr_assert_eq (place_find ("redis-server", NULL, &redis, 1), 1);
  kill (redis, SIGKILL);
  expect_answer (&call);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 2: ");
  mesh_down (&up);
}

Test (kills, a_frozen_agent_is_taken_for_dead_and_its_call_moves)
{
  process_t *up = mesh_up ("models:\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "agents:\n"
                           "  alice: { model: talker, instances: 2 }\n");
  pid_t agents[2];
  cr_assert_eq (place_find ("troupe-agent", "alice", agents, 2), 2);
  process_t *call = start_slow_call ();
  // One of the two has the call; each in turn is frozen, so that whichever had it, the other ends it.
  kill (agents[0], SIGSTOP);
  process_expect (call, "\"value\".*slow");
  process_expect_exit (call, 0);
  process_destroy (&call);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 2: ");
  kill (agents[0], SIGCONT);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 3: ");
  mesh_down (&up);
}

Test (kills, a_call_whose_caller_left_is_found_again)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = start_slow_call ();
  process_signal (call, SIGKILL);
  cr_assert_eq (process_wait (call), 128 + SIGKILL);
  process_destroy (&call);
  // The actor replies to one call at a time: this one's turn comes when the abandoned one has ended, and it is known.
  mesh_expect_reply ("alice", "one", "Hello", "^turn 2: ");
  mesh_down (&up);
}

Test (kills, a_second_broker_takes_over)
{
  process_t *up = mesh_up ("brokers:\n"
                           "  - { name: left }\n"
                           "  - { name: right }\n"
                           "models:\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "agents:\n"
                           "  alice: { model: talker }\n");
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  process_t *call = start_slow_call ();
  kill (mesh_process ("broker", "left"), SIGKILL);
  expect_answer (&call);
  kill (mesh_process ("broker", "right"), SIGKILL);
  mesh_expect_reply ("alice", "one", "Still there?", "^turn 3: ");
  mesh_down (&up);
}

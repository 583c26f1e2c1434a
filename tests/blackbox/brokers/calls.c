// SPDX-License-Identifier: Apache-2.0
//
// Calls to the services of a mesh of several brokers, of which one dies, joins, or has no instance for a while.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (brokers, .init = place_enter, .fini = place_leave);

enum { PIPELINED = 40 };

// The memory of the actor, which tells what was done, each once, in order: 0, 1 ...
static void
expect_memory (stage_t *stage, troupe_node_t *node, int count)
{
  troupe_placeholder_t *call = stage_call (node, "agent/x", "one", "[['recall']]");
  const json_t *value = stage_outcome (stage, call);
  cr_assert_not_null (value, "%s", troupe_placeholder_error (call)->why);
  const json_t *memory = json_array_get (json_object_get (value, "heard"), 0);
  char *text = json_dumps (memory, JSON_COMPACT);
  cr_assert_eq (json_array_size (memory), (size_t)count, "%s", text);
  for (int i = 0; i < count; i++)
    cr_assert_eq (json_integer_value (json_array_get (memory, (size_t)i)), i, "%s", text);
  free (text);
  troupe_placeholder_destroy (&call);
}

// Calls to one actor, sent one behind another without waiting; the broker dies when so many have settled.
static void
pipeline_calls_and_kill (const char *brokers, unsigned settled)
{
  stage_t stage;
  char steps[64];
  troupe_placeholder_t *calls[PIPELINED];
  stage_open (&stage, 2, "");
  stage_player (&stage, "w", "agent/x", 4);
  troupe_node_t *node = stage_node (&stage, brokers);
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == strlen (brokers));
  for (int i = 0; i < PIPELINED; i++) {
    snprintf (steps, sizeof steps, "[['say', 'word %d'], ['remember', %d]]", i, i);
    calls[i] = stage_call (node, "agent/x", "one", steps);
  }
  if (settled > 0)
    STAGE_UNTIL (&stage, troupe_placeholder_state (calls[settled - 1]) == TROUPE_CALL_SETTLED);
  else
    stage_turn (&stage);
  stage_kill (&stage.brokers[0]);
  for (int i = 0; i < PIPELINED; i++)
    stage_expect_reply (&stage, &calls[i], 0, "w");
  expect_memory (&stage, node, PIPELINED);
  stage_close (&stage);
}

Test (brokers, an_actor_hears_pipelined_calls_once_and_in_order_when_the_broker_dies_in_the_middle)
{
  pipeline_calls_and_kill ("12", 5);
}

Test (brokers, an_actor_hears_pipelined_calls_once_and_in_order_when_the_broker_dies_at_once)
{
  pipeline_calls_and_kill ("12", 0);
}

// Accepted by 1, where the only instance has no credit left; both die; an instance comes that 1 never knew.
Test (brokers, a_call_that_was_accepted_but_not_given_to_anybody_runs_when_its_broker_has_died)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  process_t *first = stage_player (&stage, "first", "tool/x", 1);
  troupe_node_t *node = stage_node (&stage, "1"), *other = stage_node (&stage, "2");
  troupe_placeholder_t *busy = stage_call (node, "tool/x", "one", "[['hold', 'busy', 1]]");
  STAGE_UNTIL (&stage, process_said (first, "hold busy"));
  troupe_placeholder_t *waits = stage_call (node, "tool/x", "two", "[]");
  troupe_id_t id = *troupe_placeholder_id (waits);
  stage_until_stored (&stage, waits);
  cr_assert_not (process_said (first, "run 2 "));
  stage_kill (&stage.brokers[0]);
  stage_kill (&first);
  troupe_placeholder_t *waiter = stage_await (other, &id, "two");
  stage_player (&stage, "second", "tool/x", 1);
  stage_expect_reply (&stage, &waiter, 0, "second");
  waiter = stage_await (other, troupe_placeholder_id (busy), "one");
  stage_expect_reply (&stage, &waiter, 2, "second");
  troupe_placeholder_destroy (&waits);
  troupe_placeholder_destroy (&busy);
  stage_close (&stage);
}

// Its process lives, and ZeroMQ's thread answers the transport's heartbeats.
Test (brokers, one_that_freezes_is_left_for_another_and_does_no_harm_when_it_wakes)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  process_t *worker = stage_player (&stage, "w", "agent/x", 4);
  troupe_node_t *node = stage_node (&stage, "12");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2);
  troupe_placeholder_t *running = stage_call (node, "agent/x", "one", "[['hold', 'here'], ['remember', 0]]");
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  troupe_placeholder_t *waits = stage_call (node, "agent/x", "one", "[['remember', 1]]");
  stage_until_stored (&stage, waits);
  process_signal (stage.brokers[0], SIGSTOP);
  process_send (worker, "go here\n");
  troupe_placeholder_t *next = stage_call (node, "agent/x", "one", "[['remember', 2]]");
  stage_expect_reply (&stage, &running, 0, "w");
  stage_expect_reply (&stage, &waits, 0, "w");
  stage_expect_reply (&stage, &next, 0, "w");
  process_signal (stage.brokers[0], SIGCONT);
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2);
  expect_memory (&stage, node, 3);
  stage_close (&stage);
}

Test (brokers, one_that_joins_is_used_within_seconds)
{
  stage_t stage;
  stage_open_some (&stage, 2, 1, "");
  process_t *worker = stage_player (&stage, "w", "tool/x", 4);
  troupe_node_t *both = stage_node (&stage, "21"), *new_one = stage_node (&stage, "2");
  troupe_placeholder_t *call = stage_call (both, "tool/x", "one", "[]");
  stage_expect_reply (&stage, &call, 1, "w");
  stage_start_broker (&stage, 1);
  STAGE_UNTIL (&stage, process_said_error (stage.brokers[1], "ready"));
  int64_t begin = troupe_loop_now ();
  call = stage_call_with (
    new_one, &(troupe_call_t){.service = "tool/x", .session = "one", .deadline_ms = DEADLINE_MS, .wait = true}, "[]");
  stage_expect_reply (&stage, &call, 1, "w");
  cr_assert_lt (troupe_loop_now () - begin, 10000);
  STAGE_UNTIL (&stage, troupe_node_brokers_up (both) == 2);
  // Each knows the instance, and has a part of its credit.
  cr_assert_eq (stage_instances (&stage, 0, "tool/x"), 1);
  cr_assert_eq (stage_instances (&stage, 1, "tool/x"), 1);
  // The other one is needed no more.
  stage_kill (&stage.brokers[0]);
  call = stage_call (both, "tool/x", "one", "[['say', 'still here']]");
  stage_expect_reply (&stage, &call, 1, "w");
  cr_assert (process_said (worker, "say still here"));
  stage_close (&stage);
}

// As one that has just started: its services have yet to find it.
Test (brokers, a_service_that_one_does_not_know_is_called_through_another)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  stage_player_at (&stage, "w", "agent/x", 4, "1");
  troupe_node_t *node = stage_node (&stage, "21");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2);
  STAGE_UNTIL (&stage, stage_instances (&stage, 0, "agent/x") == 1);
  troupe_placeholder_t *call = stage_call (node, "agent/x", "one", "[]");
  stage_expect_reply (&stage, &call, 1, "w");
  call = stage_call (node, "agent/y", "one", "[]");
  stage_expect_error (&stage, &call, TROUPE_UNKNOWN_SERVICE, "no instance");
  stage_close (&stage);
}

static troupe_placeholder_t *
call_late (troupe_node_t *node, const char *service, bool is_volatile)
{
  troupe_call_t call = {
    .service = service, .session = "one", .deadline_ms = DEADLINE_MS, .wait = true, .is_volatile = is_volatile};
  return stage_call_with (node, &call, "[]");
}

// A call that waits for its service doesn't wait at a broker that the service never finds.
Test (brokers, a_call_that_waits_finds_the_broker_that_knows_its_service)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  troupe_node_t *node = stage_node (&stage, "12");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2);
  stage_player_at (&stage, "x", "tool/x", 4, "2");
  STAGE_UNTIL (&stage, stage_instances (&stage, 1, "tool/x") == 1);
  int64_t begin = troupe_loop_now ();
  troupe_placeholder_t *call = call_late (node, "tool/x", false);
  stage_expect_reply (&stage, &call, 1, "x");
  cr_assert_lt (troupe_loop_now () - begin, 3000);
  // Of these the services come later, each to another broker.
  troupe_placeholder_t *later[] = {call_late (node, "agent/y", false), call_late (node, "tool/z", true)};
  STAGE_UNTIL (&stage, stage_open_calls (&stage, 1) == 2);
  stage_player_at (&stage, "y", "agent/y", 4, "1");
  stage_player_at (&stage, "z", "tool/z", 4, "1");
  stage_expect_reply (&stage, &later[0], 1, "y");
  stage_expect_reply (&stage, &later[1], 1, "z");
  cr_assert_eq (stage_open_calls (&stage, 1), 0); // nobody keeps them any more
  stage_close (&stage);
}

// Starts so many calls through each of the brokers, of which each holds.
static void
load (troupe_placeholder_t **calls, unsigned count, troupe_node_t *const *nodes, unsigned nodes_count)
{
  for (unsigned i = 0; i < count; i++)
    calls[i] = stage_call (nodes[i % nodes_count], "tool/x", NULL, "[['hold', 'load']]");
}

// As many as the credit run at once, whichever brokers they came through; and then the next ones, one for each that
// ends.
static void
expect_credit_is_kept (stage_t *stage, process_t *worker, troupe_placeholder_t **calls, unsigned count, unsigned credit)
{
  char regex[32];
  snprintf (regex, sizeof regex, "run %u ", credit);
  STAGE_UNTIL (stage, process_said (worker, regex));
  for (unsigned i = 0; i < count; i++)
    stage_until_stored (stage, calls[i]);
  // The brokers have had every call for a while; what runs beyond the credit would have said so.
  snprintf (regex, sizeof regex, "run %u ", credit + 1);
  cr_assert_not (process_said (worker, regex), "more than its credit runs");
  for (unsigned i = 0; i < count; i++) {
    process_send (worker, "go load\n");
    if (credit + i + 1 > count)
      continue;
    snprintf (regex, sizeof regex, "run %u ", credit + i + 1);
    STAGE_UNTIL (stage, process_said (worker, regex));
    snprintf (regex, sizeof regex, "run %u ", credit + i + 2);
    cr_assert_not (process_said (worker, regex), "more than its credit runs");
  }
  for (unsigned i = 0; i < count; i++)
    stage_expect_reply (stage, &calls[i], 1, "w");
}

Test (brokers, two_do_not_double_an_instances_load)
{
  stage_t stage;
  troupe_placeholder_t *calls[12];
  stage_open (&stage, 2, "");
  process_t *worker = stage_player (&stage, "w", "tool/x", 4);
  troupe_node_t *nodes[] = {stage_node (&stage, "1"), stage_node (&stage, "2")};
  load (calls, 12, nodes, 2);
  expect_credit_is_kept (&stage, worker, calls, 12, 4);
  stage_close (&stage);
}

Test (brokers, two_do_not_halve_it_when_all_work_comes_through_one)
{
  stage_t stage;
  troupe_placeholder_t *calls[12];
  stage_open (&stage, 2, "");
  process_t *worker = stage_player (&stage, "w", "tool/x", 5);
  troupe_node_t *node = stage_node (&stage, "1");
  // One of the five stays with the other broker, so that it can offer at once.
  load (calls, 12, &node, 1);
  expect_credit_is_kept (&stage, worker, calls, 12, 4);
  stage_close (&stage);
}

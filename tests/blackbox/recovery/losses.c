// SPDX-License-Identifier: Apache-2.0
//
// A Redis that comes back with less than it had acknowledged: empty, or as it was a while ago. What is lost is told to
// whoever waits, counted, and never run again unawares; everything else goes on.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <string.h>

static stage_t stage;
static process_t *worker;
static troupe_node_t *node;        // connected to every broker
static troupe_placeholder_t *runs; // the worker's first call

TestSuite (losses, .init = place_enter, .fini = place_leave);

static void
run (process_t *process)
{
  process_expect_exit (process, 0);
  process_destroy (&process);
}

static void
redis_command (const char *command)
{
  run (process_run ("/usr/bin/env", "redis-cli", "-s", "redis.sock", command));
}

static void
come_back_empty (void)
{
  stage_kill (&stage.redis);
  run (process_run ("/bin/rm", "-r", "appendonlydir"));
  stage_start_redis (&stage);
}

// A mesh with a worker, which runs a call of the session "one" until it is told to go on.
static void
begin (unsigned brokers, const char *name)
{
  stage_open (&stage, brokers, "");
  worker = stage_player (&stage, name, "agent/x", 4);
  node = stage_node (&stage, brokers == 2 ? "12" : "1");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == brokers);
  runs = stage_call (node, "agent/x", "one", "[['hold', 'here']]");
  stage_until_stored (&stage, runs);
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
}

static void
expect_lost (troupe_placeholder_t **call_p)
{
  stage_expect_error (&stage, call_p, TROUPE_STORE_LOST, "whether it ran is not known");
}

static void
expect_warned (unsigned broker, const char *regex)
{
  STAGE_UNTIL (&stage, process_said_error (stage.brokers[broker], regex));
}

// How many attempts it has begun.
static int
runs_of (const process_t *process)
{
  int count = 0;
  for (const char *at = process_output (process); (at = strstr (at, "run ")) != NULL; at++)
    count++;
  return count;
}

// A new one is answered, as soon as the store takes it.
static void
expect_new_calls (troupe_node_t *caller)
{
  troupe_call_t call = {.service = "agent/x", .session = "one", .deadline_ms = DEADLINE_MS, .wait = true};
  troupe_placeholder_t *placeholder = stage_call_with (caller, &call, "[]");
  stage_expect_reply (&stage, &placeholder, 0, "w");
}

Test (losses, calls_that_an_emptied_store_lost_end_with_an_error_that_says_so)
{
  begin (2, "w");
  troupe_node_t *other = stage_node (&stage, "2");
  troupe_placeholder_t *waits = stage_call (node, "agent/x", "one", "[]");
  stage_until_stored (&stage, waits);
  troupe_placeholder_t *awaited = stage_await_surely (&stage, other, troupe_placeholder_id (runs), "one");
  come_back_empty ();
  expect_lost (&runs);
  expect_lost (&waits);
  expect_lost (&awaited);
  STAGE_UNTIL (&stage, process_said (worker, "cancelled"));
  expect_warned (0, "store's history has changed");
  expect_warned (0, "lost what it had acknowledged.*calls.:.2");
  cr_expect_eq (stage_counter (&stage, 0, "calls_lost"), 2);
  cr_expect_eq (stage_counter (&stage, 0, "store_changes"), 1);
  expect_new_calls (node);
  expect_new_calls (other);
  cr_expect_eq (runs_of (worker), 3, "nothing ran twice");
  stage_close (&stage);
}

// Its connections hold, and nothing tells that there are no data any more.
Test (losses, a_store_whose_data_are_deleted_is_noticed)
{
  begin (2, "w");
  redis_command ("FLUSHALL");
  expect_lost (&runs);
  for (unsigned i = 0; i < 2; i++)
    expect_warned (i, "store's history has changed");
  expect_new_calls (node);
  stage_close (&stage);
}

// Nobody but the caller knows of the call: the broker that accepted it has died as well.
Test (losses, a_caller_knows_that_its_call_was_lost_when_no_broker_does)
{
  begin (2, "w");
  stage_kill (&stage.brokers[0]);
  come_back_empty ();
  expect_lost (&runs);
  STAGE_UNTIL (&stage, process_said (worker, "cancelled"));
  expect_new_calls (node);
  cr_expect_eq (runs_of (worker), 2, "it was not made again");
  stage_close (&stage);
}

// -- Older -----------------------------------------------------------------------------------------------------------

// Redis as it is now, to come back so.
static void
keep_history (void)
{
  run (process_run ("/bin/cp", "-r", "appendonlydir", "older"));
}

static void
come_back_older (void)
{
  stage_kill (&stage.redis);
  run (process_run ("/bin/rm", "-r", "appendonlydir"));
  run (process_run ("/bin/mv", "older", "appendonlydir"));
  stage_start_redis (&stage);
}

Test (losses, an_attempt_that_the_store_has_forgotten_can_not_settle)
{
  begin (1, "v");
  keep_history ();
  process_t *second = stage_player (&stage, "w", "agent/x", 4);
  stage_kill (&worker);
  STAGE_UNTIL (&stage, process_said (second, "run 1 attempt 2"));
  come_back_older ();
  STAGE_UNTIL (&stage, process_said (second, "run 2 attempt 1001"));
  process_send (second, "go here\n");
  stage_expect_reply (&stage, &runs, 1001, "w");
  cr_expect_eq (stage_counter (&stage, 0, "attempts_rolled_back"), 1);
  cr_expect_eq (stage_counter (&stage, 0, "calls_lost"), 0);
  expect_warned (0, "lost what it had acknowledged.*attempts.:.1");
  stage_close (&stage);
}

Test (losses, what_was_accepted_after_what_is_left_is_lost_and_the_rest_goes_on)
{
  begin (2, "w");
  keep_history ();
  troupe_placeholder_t *waits = stage_call (node, "agent/x", "one", "[]");
  stage_until_stored (&stage, waits);
  come_back_older ();
  expect_lost (&waits);
  process_send (worker, "go here\n");
  stage_expect_reply (&stage, &runs, 1, "w");
  troupe_placeholder_t *next = stage_call (node, "agent/x", "one", "[]");
  stage_expect_reply (&stage, &next, 1, "w");
  stage_close (&stage);
}

// Its caller has the outcome; what the store has is a call that has yet to run.
Test (losses, a_call_whose_outcome_is_lost_runs_again_under_another_number)
{
  begin (1, "w");
  troupe_id_t id = *troupe_placeholder_id (runs);
  keep_history ();
  process_send (worker, "go here\n");
  stage_expect_reply (&stage, &runs, 1, "w");
  come_back_older ();
  STAGE_UNTIL (&stage, process_said (worker, "run 2 attempt 1001"));
  process_send (worker, "go here\n");
  troupe_placeholder_t *call = stage_await (node, &id, "one");
  stage_expect_reply (&stage, &call, 1001, "w");
  cr_expect_eq (stage_counter (&stage, 0, "calls_recovered"), 1);
  stage_close (&stage);
}

// -- As it was -------------------------------------------------------------------------------------------------------

// Longer than the leases: when it is back all are old, and none of the brokers takes the other one for dead.
Test (losses, an_outage_longer_than_the_leases_sets_no_broker_against_the_other)
{
  begin (2, "w");
  troupe_node_t *right = stage_node (&stage, "2");
  troupe_placeholder_t *second = stage_call (right, "agent/x", "two", "[['hold', 'there']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold there"));
  int64_t back = troupe_loop_now () + 3 * STAGE_LEASE_MS;
  stage_kill (&stage.redis);
  STAGE_UNTIL (&stage, troupe_loop_now () > back);
  stage_start_redis (&stage);
  int64_t later = troupe_loop_now () + 3 * STAGE_LEASE_MS;
  STAGE_UNTIL (&stage, troupe_loop_now () > later);
  process_send (worker, "go here\n");
  process_send (worker, "go there\n");
  stage_expect_reply (&stage, &runs, 1, "w");
  stage_expect_reply (&stage, &second, 1, "w");
  for (unsigned i = 0; i < 2; i++) {
    cr_expect_eq (stage_counter (&stage, i, "calls_taken_over"), 0);
    cr_expect_eq (stage_counter (&stage, i, "calls_lost"), 0);
    cr_expect_eq (stage_counter (&stage, i, "attempts_rolled_back"), 0);
  }
  cr_expect_eq (runs_of (worker), 2);
  stage_close (&stage);
}

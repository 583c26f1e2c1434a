// SPDX-License-Identifier: Apache-2.0
//
// Sessions end, because somebody says so, with the run that began them, or idle for long; and leave nothing in Redis.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

TestSuite (ending, .init = place_enter, .fini = place_leave, .timeout = 180);

static const char brief[] = "heartbeat: 200ms, lease: 1s, retention: 1s";

static redisReply *
ask_redis (const char *command)
{
  redisContext *client = redisConnectUnix ("redis.sock");
  cr_assert (client != NULL && client->err == 0);
  redisReply *reply = redisCommand (client, command);
  cr_assert_not_null (reply);
  redisFree (client);
  return reply;
}

// How many there are, without those that brokers make for each slot sooner or later, and keep.
static size_t
keys (void)
{
  static const char *const kept[] = {":sequence", ":store", ":inbox:", "troupe:brokers"};
  redisReply *reply = ask_redis ("KEYS *");
  size_t count = 0;
  for (size_t i = 0; i < reply->elements; i++) {
    bool counts = true;
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
      counts = counts && strstr (reply->element[i]->str, kept[k]) == NULL;
    count += counts;
  }
  freeReplyObject (reply);
  return count;
}

static bool
has_keys (const char *pattern)
{
  char command[64];
  snprintf (command, sizeof command, "KEYS %s", pattern);
  redisReply *reply = ask_redis (command);
  bool has = reply->elements > 0;
  freeReplyObject (reply);
  return has;
}

// So that a wait is no storm of processes and questions.
static void
rest (stage_t *stage)
{
  for (int i = 0; i < 40; i++)
    stage_turn (stage);
}

#define UNTIL_KEYS(stage, condition) STAGE_UNTIL (stage, (rest (stage), (condition)))

// A verb of `troupe session` to its end; its output, valid until the next one.
static const char *
session (int status, const char *verb, const char *more)
{
  return process_output_of (status, (const char *const[]){"troupe", "session", verb, more, NULL});
}

static json_t *
listed (void)
{
  json_t *list = json_loads (session (0, "list", "--json"), 0, NULL);
  cr_assert (json_is_array (list));
  return list;
}

static void
do_steps (stage_t *stage, troupe_node_t *node, const char *name, const char *steps)
{
  troupe_placeholder_t *call = stage_call (node, "agent/x", name, steps);
  stage_expect_reply (stage, &call, 1, "worker");
}

// What the actor finds in its memory.
static size_t
remembered (stage_t *stage, troupe_node_t *node, const char *name)
{
  troupe_placeholder_t *call = stage_call (node, "agent/x", name, "[['recall']]");
  const json_t *heard = json_object_get (stage_outcome (stage, call), "heard");
  size_t count = json_array_size (json_array_get (heard, 0));
  cr_assert_eq (json_array_size (heard), 1);
  troupe_placeholder_destroy (&call);
  return count;
}

// What is there without a session.
static size_t
warm_up (stage_t *stage, troupe_node_t *node)
{
  troupe_placeholder_t *held = stage_call (node, "agent/x", "one", "[['hold', 'warm']]");
  stage_until_stored (stage, held);
  session (0, "end", "one");
  stage_expect_error (stage, &held, TROUPE_CANCELLED, "its session was ended");
  UNTIL_KEYS (stage, !has_keys ("*:one*"));
  return keys ();
}

Test (ending, one_that_is_ended_leaves_nothing_and_begins_anew)
{
  stage_t stage;
  stage_open (&stage, 1, brief);
  stage_player (&stage, "worker", "agent/x", 4);
  stage_player (&stage, "other", "agent/y", 4);
  troupe_node_t *node = stage_node (&stage, "1");
  size_t before = warm_up (&stage, node);
  for (int i = 0; i < 3; i++)
    do_steps (&stage, node, "one", "[['remember', 'a'], ['ask', 'agent/y', [['remember', 'b']]]]");
  cr_expect_gt (keys (), before);
  cr_expect_eq (remembered (&stage, node, "one"), 3);
  json_t *list = listed ();
  cr_assert_eq (json_array_size (list), 1);
  cr_expect_str_eq (json_string_value (json_object_get (json_array_get (list, 0), "session")), "one");
  cr_expect_eq (json_integer_value (json_object_get (json_array_get (list, 0), "parts")), 2);
  json_decref (list);
  cr_expect_not_null (strstr (session (0, "list", NULL), "one"));
  session (0, "end", "one");
  UNTIL_KEYS (&stage, keys () == before);
  session (4, "end", "one");
  cr_expect_eq (remembered (&stage, node, "one"), 0);
  do_steps (&stage, node, "one", "[['remember', 'b']]");
  cr_expect_eq (remembered (&stage, node, "one"), 1);
  cr_expect_eq (stage_counter (&stage, 0, "sessions_ended"), 2);
  stage_close (&stage);
}

// Each is held by another broker, and neither is in the store.
Test (ending, volatile_calls_in_it_are_cancelled_at_every_broker)
{
  stage_t stage;
  stage_open (&stage, 2, brief);
  process_t *worker = stage_player (&stage, "w", "tool/x", 8);
  troupe_call_t made = {.service = "tool/x", .session = "one", .deadline_ms = DEADLINE_MS, .is_volatile = true};
  troupe_placeholder_t *calls[3];
  calls[0] = stage_call_with (stage_node (&stage, "1"), &made, "[['hold', 'left']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold left"));
  calls[1] = stage_call_with (stage_node (&stage, "2"), &made, "[['hold', 'right']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold right"));
  made.session = "two";
  calls[2] = stage_call_with (stage_node (&stage, "2"), &made, "[['hold', 'other']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold other"));
  session (0, "end", "one");
  stage_expect_error (&stage, &calls[0], TROUPE_CANCELLED, "its session was ended");
  stage_expect_error (&stage, &calls[1], TROUPE_CANCELLED, "its session was ended");
  session (4, "end", "one");
  process_send (worker, "go other\n");
  stage_expect_reply (&stage, &calls[2], 1, "w");
  stage_close (&stage);
}

Test (ending, what_runs_in_it_is_stopped_and_writes_nothing)
{
  stage_t stage;
  stage_open (&stage, 2, brief);
  process_t *worker = stage_player (&stage, "worker", "agent/x", 4);
  troupe_node_t *left = stage_node (&stage, "1"), *right = stage_node (&stage, "2");
  troupe_placeholder_t *first = stage_call (left, "agent/x", "one", "[['hold', 'here'], ['remember', 'late']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  troupe_placeholder_t *second = stage_call (right, "agent/x", "one", "[['remember', 'too late']]");
  stage_until_stored (&stage, second);
  session (0, "end", "one");
  stage_expect_error (&stage, &first, TROUPE_CANCELLED, "its session was ended");
  stage_expect_error (&stage, &second, TROUPE_CANCELLED, "its session was ended");
  STAGE_UNTIL (&stage, process_said (worker, "cancelled"));
  process_send (worker, "go here\n");
  cr_expect_eq (remembered (&stage, right, "one"), 0);
  cr_expect_not (has_keys ("*:memory:*"));
  stage_close (&stage);
}

Test (ending, idle_ones_end_by_themselves)
{
  stage_t stage;
  stage_open (&stage, 2, "heartbeat: 200ms, lease: 1s, retention: 1s }\nsessions: { idle: 2s");
  process_t *worker = stage_player (&stage, "worker", "agent/x", 4);
  troupe_node_t *node = stage_node (&stage, "12");
  troupe_placeholder_t *held = stage_call (node, "agent/x", "busy", "[['hold', 'here'], ['remember', 'a']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  do_steps (&stage, node, "one", "[['remember', 'a']]");
  cr_expect (has_keys ("*:memory:one*"));
  UNTIL_KEYS (&stage, !has_keys ("*:one*"));
  process_send (worker, "go here\n");
  stage_expect_reply (&stage, &held, 1, "worker");
  UNTIL_KEYS (&stage, !has_keys ("*:busy*"));
  json_t *list = listed ();
  cr_expect_eq (json_array_size (list), 0);
  json_decref (list);
  cr_expect_eq (stage_counter (&stage, 0, "sessions_idle") + stage_counter (&stage, 1, "sessions_idle"), 2);
  stage_close (&stage);
}

// It made the session, and nobody else knows its name.
Test (ending, a_run_ends_the_session_that_it_began)
{
  stage_t stage;
  stage_open (&stage, 1, brief);
  stage_player (&stage, "worker", "agent/x", 4);
  place_write ("flow.lua", "call ('agent/x', {{'remember', 'a'}}):wait ()\nprint (session ())\n");
  process_t *run = process_run ("troupe", "run", "--broker", "ipc://b1.ipc", "--session", "night", "flow.lua");
  process_expect_exit (run, 0);
  cr_expect (has_keys ("*:memory:night*"));
  run = process_run ("troupe", "run", "--broker", "ipc://b1.ipc", "flow.lua");
  process_expect_exit (run, 0);
  json_t *list = listed ();
  cr_assert_eq (json_array_size (list), 1);
  cr_expect_str_eq (json_string_value (json_object_get (json_array_get (list, 0), "session")), "night");
  json_decref (list);
  session (0, "end", "night");
  cr_expect_not (has_keys ("*:memory:*"));
  stage_close (&stage);
}

Test (ending, mistakes_are_explained)
{
  process_expect_exit (process_run ("troupe", "session", "stop"), 2);
  process_expect_exit (process_run ("troupe", "session", "end"), 2);
  process_expect_exit (process_run ("troupe", "session", "list", "one"), 2);
  process_destroy_all ();
}

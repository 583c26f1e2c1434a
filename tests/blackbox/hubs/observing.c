// SPDX-License-Identifier: Apache-2.0
//
// Agents that hear what is said in their hubs though nobody calls them.

#include "blackbox/harness/stage.h"
#include "troupe/hub.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

TestSuite (observing, .init = place_enter, .fini = place_leave);

static process_t *
listener (stage_t *stage, const char *name)
{
  static const char *const endpoints[] = {"ipc://b1.ipc", "ipc://b2.ipc"};
  const char *arguments[5] = {TROUPE_BIN_DIR "/blackbox-listener", name};
  char service[32];
  for (unsigned i = 0; i < stage->brokers_count; i++)
    arguments[2 + i] = endpoints[i];
  process_t *process = process_start (arguments);
  snprintf (service, sizeof service, "agent/%s", name);
  for (unsigned i = 0; i < stage->brokers_count; i++)
    STAGE_UNTIL (stage, stage_serves (stage, i, service, process_pid (process)));
  return process;
}

static json_t *
words (const char *text)
{
  return json_pack ("{s:s, s:s, s:s}", "name", "host", "role", "user", "content", text);
}

static troupe_hub_t *
open_hub (troupe_node_t *node, const char *announcement)
{
  static const char *const members[] = {"agent/a", "agent/b"};
  troupe_hub_t *hub;
  troupe_error_t error;
  json_t *message = announcement != NULL ? words (announcement) : NULL;
  troupe_hub_options_t options = {.session = "one", .members = members, .members_count = 2, .announcement = message};
  cr_assert_eq (troupe_hub_open (&hub, node, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (message);
  return hub;
}

static void
broadcast (troupe_hub_t *hub, const char *text)
{
  troupe_error_t error;
  json_t *message = words (text);
  cr_assert_eq (troupe_hub_broadcast (hub, message, &error), TROUPE_OK, "%s", error.why);
  json_decref (message);
}

// What an agent replies, which is what it remembers.
static void
expect_memory (stage_t *stage, troupe_node_t *node, const char *service, const troupe_id_t *hub, const char *expected)
{
  troupe_placeholder_t *call;
  troupe_error_t error;
  json_t *input = json_null ();
  troupe_call_t options = {.service = service,
                           .input = input,
                           .session = "one",
                           .hubs = hub,
                           .hubs_count = hub != NULL ? 1 : 0,
                           .deadline_ms = DEADLINE_MS};
  cr_assert_eq (troupe_node_call (node, &call, &options, &error), TROUPE_OK, "%s", error.why);
  const json_t *reply = stage_outcome (stage, call);
  cr_assert_not_null (reply, "%s", troupe_placeholder_error (call)->why);
  cr_expect_str_eq (json_string_value (json_object_get (reply, "content")), expected);
  troupe_placeholder_destroy (&call);
}

#define EXPECT_SAID(stage, process, regex) STAGE_UNTIL (stage, process_said (process, regex))

static void
observe_live (unsigned brokers)
{
  stage_t stage;
  stage_open (&stage, brokers, "");
  process_t *a = listener (&stage, "a"), *b = listener (&stage, "b");
  troupe_node_t *left = stage_node (&stage, "1"), *right = stage_node (&stage, brokers > 1 ? "2" : "1");
  troupe_hub_t *hub = open_hub (left, "welcome");
  EXPECT_SAID (&stage, a, "^observed welcome\n$");
  EXPECT_SAID (&stage, b, "^observed welcome\n$");
  broadcast (hub, "one");
  broadcast (hub, "two");
  EXPECT_SAID (&stage, a, "^observed one\nobserved two\n$");
  EXPECT_SAID (&stage, b, "^observed one\nobserved two\n$");
  expect_memory (&stage, right, "agent/a", troupe_hub_id (hub), "welcome one two");
  EXPECT_SAID (&stage, b, "^observed welcome one two\n$");
  expect_memory (&stage, right, "agent/b", NULL, "welcome one two welcome one two");
  cr_expect_str_eq (process_output (a), "observed welcome\nobserved one\nobserved two\n");
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, happens_without_a_call)
{
  observe_live (1);
}

Test (observing, happens_whichever_broker_is_told)
{
  observe_live (2);
}

Test (observing, is_stored_once_and_in_order_when_the_process_is_killed_in_the_middle)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *a = listener (&stage, "a"), *b = listener (&stage, "b");
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, "welcome");
  EXPECT_SAID (&stage, a, "observed welcome\n");
  broadcast (hub, "one");
  broadcast (hub, "hold");
  EXPECT_SAID (&stage, a, "holds\n");
  broadcast (hub, "two");
  stage_kill (&a);
  stage_kill (&b);
  b = listener (&stage, "b");
  a = listener (&stage, "a");
  EXPECT_SAID (&stage, a, "observed two\n");
  EXPECT_SAID (&stage, b, "observed two\n");
  broadcast (hub, "three");
  EXPECT_SAID (&stage, a, "observed three\n");
  EXPECT_SAID (&stage, b, "observed three\n");
  expect_memory (&stage, node, "agent/a", NULL, "welcome one hold two three");
  expect_memory (&stage, node, "agent/b", NULL, "welcome one hold two three");
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, goes_on_when_a_broker_is_killed)
{
  enum { MESSAGES = 60 };
  stage_t stage;
  char text[16], all[8 * MESSAGES] = "";
  stage_open (&stage, 2, "");
  process_t *a = listener (&stage, "a"), *b = listener (&stage, "b");
  troupe_node_t *node = stage_node (&stage, "12");
  STAGE_UNTIL (&stage, troupe_node_brokers_up (node) == 2);
  troupe_hub_t *hub = open_hub (node, NULL);
  for (int i = 0; i < MESSAGES; i++) {
    snprintf (text, sizeof text, "m%d", i);
    snprintf (all + strlen (all), sizeof all - strlen (all), "%s%s", i > 0 ? " " : "", text);
    broadcast (hub, text);
    if (i == MESSAGES / 3) {
      EXPECT_SAID (&stage, a, "observed m5\n");
      stage_kill (&stage.brokers[0]);
    }
  }
  EXPECT_SAID (&stage, a, "observed m59\n");
  EXPECT_SAID (&stage, b, "observed m59\n");
  expect_memory (&stage, node, "agent/a", NULL, all);
  expect_memory (&stage, node, "agent/b", NULL, all);
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, is_tried_again_when_it_failed)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *a = listener (&stage, "a");
  listener (&stage, "b");
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, "welcome");
  EXPECT_SAID (&stage, a, "observed welcome\n");
  broadcast (hub, "refuse");
  EXPECT_SAID (&stage, a, "^observed refuse\nobserved refuse\n$");
  broadcast (hub, "one");
  EXPECT_SAID (&stage, a, "^observed one\n$");
  expect_memory (&stage, node, "agent/a", NULL, "welcome refuse one");
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, waits_for_an_agent_that_comes_later)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *a = listener (&stage, "a");
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, "welcome");
  broadcast (hub, "one");
  EXPECT_SAID (&stage, a, "observed welcome\nobserved one\n$");
  process_t *b = listener (&stage, "b");
  EXPECT_SAID (&stage, b, "observed welcome\nobserved one\n$");
  troupe_hub_close (&hub);
  stage_close (&stage);
}

// -- By subscription -------------------------------------------------------------------------------------------------

enum { MANY = 300 };

static void
broadcast_many (stage_t *stage, troupe_hub_t *hub, unsigned from, unsigned count)
{
  char text[16];
  for (unsigned i = from; i < from + count; i++) {
    snprintf (text, sizeof text, "m%u", i);
    broadcast (hub, text);
    if (i % 20 == 0) // some one by one, some in a burst
      stage_turn (stage);
  }
}

// All of them, once and in order, the first of them being `from`. (What came before that is read away.)
static void
expect_many (stage_t *stage, process_t *process, unsigned from, unsigned count)
{
  char last[32];
  snprintf (last, sizeof last, "observed m%u\n", from + count - 1);
  EXPECT_SAID (stage, process, last);
  const char *at = strstr (process_output (process), "observed m");
  for (unsigned i = 0; i < from + count; i++) {
    int size = snprintf (last, sizeof last, "observed m%u\n", i);
    cr_assert (at != NULL && strncmp (at, last, (size_t)size) == 0, "not m%u: %.30s", i, at != NULL ? at : "");
    at += size;
  }
}

// How many messages it has heard by subscription, and how many it has read from the log.
static void
count_heard (stage_t *stage, process_t *process, unsigned *published, unsigned *logged)
{
  process_signal (process, SIGUSR1);
  EXPECT_SAID (stage, process, "heard [0-9]+ \\+ [0-9]+\n");
  const char *line = process_output (process), *next;
  while ((next = strstr (line + 1, "heard ")) != NULL)
    line = next;
  cr_assert_eq (sscanf (line, "heard %u + %u", published, logged), 2, "%s", line);
}

static void
hear_many (unsigned brokers)
{
  stage_t stage;
  unsigned published, logged;
  stage_open (&stage, brokers, "");
  process_t *listeners[] = {listener (&stage, "a"), listener (&stage, "b")};
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, "welcome");
  for (unsigned i = 0; i < 2; i++)
    EXPECT_SAID (&stage, listeners[i], "observed welcome\n");
  broadcast_many (&stage, hub, 0, MANY);
  for (unsigned i = 0; i < 2; i++) {
    expect_many (&stage, listeners[i], 0, MANY);
    count_heard (&stage, listeners[i], &published, &logged);
    cr_expect_eq (published + logged, MANY + 1);
    cr_expect_gt (published, 0, "none came by subscription"); // how many depends on who is late, on a busy machine
  }
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, comes_by_subscription)
{
  hear_many (1);
}

Test (observing, comes_by_subscription_to_any_broker)
{
  hear_many (2);
}

// What it missed it reads from the log; nobody waits for it. It may observe again what it had observed when it froze,
// for that was not stored; so what counts is what it remembers.
Test (observing, goes_on_when_a_listener_is_frozen_which_then_catches_up)
{
  stage_t stage;
  char all[8 * (MANY + 20)] = "";
  stage_open (&stage, 1, "");
  process_t *a = listener (&stage, "a"), *b = listener (&stage, "b");
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, NULL);
  broadcast_many (&stage, hub, 0, 10);
  expect_many (&stage, a, 0, 10);
  expect_many (&stage, b, 0, 10);
  process_signal (b, SIGSTOP);
  broadcast_many (&stage, hub, 10, MANY);
  expect_many (&stage, a, 10, MANY);
  process_signal (b, SIGCONT);
  broadcast_many (&stage, hub, 10 + MANY, 10);
  expect_many (&stage, a, 10 + MANY, 10);
  EXPECT_SAID (&stage, b, "observed m319\n");
  for (unsigned i = 0; i < MANY + 20; i++)
    snprintf (all + strlen (all), sizeof all - strlen (all), "%sm%u", i > 0 ? " " : "", i);
  expect_memory (&stage, node, "agent/b", NULL, all);
  troupe_hub_close (&hub);
  stage_close (&stage);
}

Test (observing, needs_no_subscription)
{
  stage_t stage;
  unsigned published, logged;
  stage_open (&stage, 1, "");
  cr_assert_eq (unlink ("b1-pub.ipc"), 0);
  process_t *a = listener (&stage, "a");
  listener (&stage, "b");
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_hub_t *hub = open_hub (node, NULL);
  broadcast_many (&stage, hub, 0, MANY);
  expect_many (&stage, a, 0, MANY);
  count_heard (&stage, a, &published, &logged);
  cr_expect_eq (published, 0);
  cr_expect_eq (logged, MANY);
  troupe_hub_close (&hub);
  stage_close (&stage);
}

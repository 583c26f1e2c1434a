// SPDX-License-Identifier: Apache-2.0
//
// Memory: per session, on any instance, and through the end of any process.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (sessions, .init = place_enter, .fini = place_leave);

Test (sessions, do_not_mix)
{
  process_t *up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: Hello$");
  mesh_expect_reply ("alice", "two", "Good day", "^turn 1: Good day$");
  mesh_expect_reply ("alice", "one", "Again", "^turn 2: Again$");
  mesh_expect_reply ("alice", "two", "Again", "^turn 2: Again$");
  mesh_down (&up);
}

Test (sessions, go_on_where_a_killed_agent_stopped)
{
  process_t *up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  pid_t first = mesh_process ("agent", "alice");
  kill (first, SIGKILL);
  mesh_expect_reply ("alice", "one", "Still there?", "^turn 2: ");
  cr_assert_neq (mesh_process ("agent", "alice"), first);
  mesh_down (&up);
}

Test (sessions, go_on_after_the_whole_mesh_was_killed)
{
  process_t *up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  process_signal (up, SIGKILL);
  cr_assert_eq (process_wait (up), 128 + SIGKILL);
  process_destroy (&up);
  place_await_empty ();
  up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Still there?", "^turn 2: ");
  mesh_down (&up);
}

Test (sessions, go_on_after_the_mesh_was_stopped)
{
  process_t *up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
  up = mesh_up (mesh_plain);
  mesh_expect_reply ("alice", "one", "Still there?", "^turn 2: ");
  mesh_down (&up);
}

Test (sessions, are_served_by_any_of_several_instances)
{
  process_t *up = mesh_up ("models:\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "agents:\n"
                           "  alice: { model: talker, instances: 2 }\n");
  pid_t pids[2];
  cr_assert_eq (place_find ("troupe-agent", "alice", pids, 2), 2);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  // Whichever of them had it: one at a time is stopped for good, the other one goes on.
  kill (pids[0], SIGKILL);
  mesh_expect_reply ("alice", "one", "Still there?", "^turn 2: ");
  kill (pids[1], SIGKILL);
  mesh_expect_reply ("alice", "one", "And now?", "^turn 3: ");
  mesh_down (&up);
}

Test (sessions, hear_a_repeated_message_once)
{
  static const char message[] = "{\"id\": \"01900000-0000-7000-8000-000000000001\", \"name\": \"bob\", \"content\": \"Hello\"}";
  process_t *up = mesh_up (mesh_plain);
  int status;
  for (int i = 0; i < 2; i++) {
    json_t *reply = mesh_call ("agent/alice", message, "one", &status, NULL);
    cr_assert_eq (status, 0);
    json_decref (reply);
  }
  mesh_expect_reply ("alice", "one", "Now", "^turn 2: Now$");
  mesh_down (&up);
}

Test (sessions, remember_nothing_of_a_call_that_failed)
{
  process_t *up = mesh_up (mesh_plain);
  int status;
  char *errors;
  json_t *reply = mesh_call ("agent/alice", "\"fail\"", "one", &status, &errors);
  cr_assert_null (reply);
  cr_assert_not_null (strstr (errors, "agent/alice, model/talker"), "%s", errors);
  free (errors);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: Hello$");
  mesh_down (&up);
}

Test (sessions, remember_long_conversations)
{
  process_t *up = mesh_up (mesh_plain);
  json_t *messages = json_array ();
  for (int i = 0; i < 200; i++)
    json_array_append_new (messages, json_pack ("{s:s, s:s}", "name", "bob", "content", "one more"));
  char *input = json_dumps (messages, 0);
  int status;
  for (int i = 1; i <= 3; i++) {
    json_t *reply = mesh_call ("agent/alice", input, "one", &status, NULL);
    char expected[32];
    snprintf (expected, sizeof expected, "turn %d: one more", 200 * i);
    cr_assert_eq (status, 0);
    cr_assert_str_eq (json_string_value (json_object_get (reply, "content")), expected);
    json_decref (reply);
  }
  json_decref (messages);
  free (input);
  mesh_down (&up);
}

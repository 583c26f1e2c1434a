// SPDX-License-Identifier: Apache-2.0
//
// `troupe call`: what comes back for good calls and for bad ones, and with which exit status.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (calls, .init = place_enter, .fini = place_leave);

// The call must fail with this status and say something that matches.
static void
expect_failure (const char *service, const char *input, int expected, const char *regex)
{
  int status;
  char *errors;
  json_t *value = mesh_call (service, input, NULL, &status, &errors);
  cr_assert_eq (status, expected, "%s %s: status %d: %s", service, input, status, errors);
  cr_assert (text_matches (errors, regex), "%s is not in: %s", regex, errors);
  json_decref (value);
  free (errors);
}

Test (calls, print_the_value_and_nothing_else)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"Hello\"");
  process_expect_exit (call, 0);
  cr_assert_str_eq (process_errors (call), "");
  json_t *reply = json_loads (process_output (call), 0, NULL);
  cr_assert_str_eq (json_string_value (json_object_get (reply, "content")), "turn 1: Hello");
  cr_assert_eq (json_object_size (reply), 7);
  json_decref (reply);
  process_destroy (&call);
  mesh_down (&up);
}

Test (calls, to_an_unknown_service_fail_at_once_and_name_the_nearest)
{
  process_t *up = mesh_up (mesh_plain);
  expect_failure ("agent/alcie", "\"Hello\"", 4, "unknown_service.*agent/alice");
  expect_failure ("agent/", "\"Hello\"", 2, "bad_argument");
  mesh_down (&up);
}

Test (calls, with_a_wrong_input_fail_and_say_what_is_wrong)
{
  process_t *up = mesh_up (mesh_plain);
  expect_failure ("agent/alice", "17", 1, "bad_message");
  expect_failure ("agent/alice", "{\"content\": 17}", 1, "bad_message");
  expect_failure ("model/talker", "{\"messages\": 17}", 1, "bad_message");
  expect_failure ("agent/alice", "Hello", 2, "bad_argument");
  mesh_down (&up);
}

// large.json: a text of that many x.
static void
write_large (size_t size)
{
  char *text = malloc (size + 3);
  cr_assert_not_null (text);
  memset (text, 'x', size + 2);
  text[0] = text[size + 1] = '"';
  text[size + 2] = 0;
  place_write ("large.json", text);
  free (text);
}

Test (calls, that_are_too_large_fail_and_others_go_on)
{
  process_t *up = mesh_up (mesh_plain);
  write_large (20 * 1000 * 1000);
  expect_failure ("agent/alice", "@large.json", 1, "too_large");
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (calls, large_but_allowed_come_through)
{
  process_t *up = mesh_up (mesh_plain);
  write_large (4 * 1000 * 1000);
  int status;
  json_t *reply = mesh_call ("agent/alice", "@large.json", NULL, &status, NULL);
  cr_assert_eq (status, 0);
  cr_assert_str_eq (json_string_value (json_object_get (reply, "content")), "turn 1: many x");
  json_decref (reply);
  mesh_down (&up);
}

Test (calls, past_their_deadline_fail)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"late\"", "--deadline", "200ms");
  process_expect_exit (call, 6);
  cr_assert (text_matches (process_errors (call), "deadline"), "%s", process_errors (call));
  process_destroy (&call);
  mesh_down (&up);
}

Test (calls, are_cancelled_by_control_c)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"slow\"", "--stream", "-s", "one");
  process_expect (call, "\"part\"");
  process_signal (call, SIGINT);
  process_expect_exit (call, 7);
  process_destroy (&call);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (calls, wait_for_a_service_if_told_to)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/bob", "\"Hello\"", "--wait");
  place_write ("bob.yaml", "models:\n  talker: { type: rehearsal }\nagents:\n  bob: { model: talker }\n");
  process_t *bob = process_run ("troupe-agent", "-f", "bob.yaml", "--name", "bob");
  process_expect (call, "turn 1: Hello");
  process_expect_exit (call, 0);
  process_destroy (&call);
  process_signal (bob, SIGTERM);
  process_expect_exit (bob, 0);
  process_destroy (&bob);
  mesh_down (&up);
}

Test (calls, to_an_agent_whose_model_is_missing_fail)
{
  process_t *up = mesh_up ("agents:\n  alice: { model: nobody }\n");
  expect_failure ("agent/alice", "\"Hello\"", 4, "agent/alice, model/nobody");
  mesh_down (&up);
}

Test (calls, to_an_agent_whose_model_server_is_down_fail)
{
  char yaml[512];
  snprintf (yaml, sizeof yaml,
            "models:\n  gpt: { type: openai_chat, base_url: \"http://127.0.0.1:%d/v1\", retries: 1 }\n"
            "agents:\n  alice: { model: gpt }\n",
            place_free_port ());
  process_t *up = mesh_up (yaml);
  expect_failure ("agent/alice", "\"Hello\"", 5, "agent/alice, model/gpt.*model_unreachable");
  mesh_down (&up);
}

Test (calls, a_broker_that_hangs_is_not_taken_for_a_mesh_that_is_not_there)
{
  process_t *up = mesh_up ("models:\n  talker: { type: rehearsal }\n");
  pid_t broker = mesh_process ("broker", "broker-1");
  kill (broker, SIGSTOP);
  process_t *process = process_run ("troupe", "call", "model/talker", "\"Hi\"");
  process_close_input (process);
  process_expect_exit (process, 5);
  cr_assert_not_null (strstr (process_errors (process), "doesn't answer"), "%s", process_errors (process));
  cr_assert_null (strstr (process_errors (process), "troupe up"), "%s", process_errors (process));
  kill (broker, SIGCONT);
  process_destroy (&process);
  mesh_down (&up);
}

Test (calls, a_broker_of_another_mesh_is_not_used)
{
  process_t *up = mesh_up ("models:\n  talker: { type: rehearsal }\n");
  place_write ("other.yaml", "mesh: other\n"
                             "brokers: [{ name: broker-1, endpoint: \"ipc://.troupe/troupe/broker-1.ipc\" }]\n");
  process_t *process = process_run ("troupe", "call", "model/talker", "\"Hi\"", "-f", "other.yaml");
  process_close_input (process);
  process_expect_exit (process, 3);
  cr_assert (text_matches (process_errors (process), "is of the mesh troupe"), "%s", process_errors (process));
  process_destroy (&process);
  mesh_down (&up);
}

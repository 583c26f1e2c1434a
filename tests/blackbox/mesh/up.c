// SPDX-License-Identifier: Apache-2.0
//
// `troupe up`, and the verbs that look at what it runs.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

TestSuite (up, .init = place_enter, .fini = place_leave);

Test (up, runs_everything_and_control_c_ends_it)
{
  process_t *up = mesh_up (mesh_plain);
  pid_t pid;
  mesh_process ("broker", "broker-1");
  mesh_process ("model", "talker");
  mesh_process ("agent", "alice");
  cr_assert_eq (place_find ("redis-server", NULL, &pid, 1), 1);
  mesh_down (&up);
}

Test (up, tells_people_on_a_terminal)
{
  place_write ("troupe.yaml", mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  process_t *up = process_run_terminal ("troupe", "up");
  process_expect (up, "mesh troupe is ready");
  process_send (up, "\x03");
  process_expect (up, "has stopped");
  process_expect_exit (up, 0);
  process_destroy (&up);
}

Test (up, its_state_is_private)
{
  process_t *up = mesh_up (mesh_plain);
  struct stat status;
  cr_assert_eq (stat (".troupe/troupe", &status), 0);
  cr_assert_eq (status.st_mode & 077, 0);
  mesh_down (&up);
}

Test (up, killed_it_leaves_nothing)
{
  process_t *up = mesh_up (mesh_plain);
  process_signal (up, SIGKILL);
  cr_assert_eq (process_wait (up), 128 + SIGKILL);
  process_destroy (&up);
  place_await_empty ();
}

Test (up, a_second_one_of_the_same_mesh_is_refused)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *second = process_run ("troupe", "up");
  process_expect_exit (second, 1);
  cr_assert (text_matches (process_errors (second), "runs already|is running"), "%s", process_errors (second));
  process_destroy (&second);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (up, two_meshes_run_side_by_side)
{
  process_t *up = mesh_up (mesh_plain);
  place_write ("other.yaml", "mesh: other\nmodels:\n  talker: { type: rehearsal, rules: rules.yaml }\n");
  process_t *other = process_run ("troupe", "up", "--json", "-f", "other.yaml");
  process_expect (other, "\"event\": *\"ready\"");
  process_signal (other, SIGTERM);
  process_expect_exit (other, 0);
  process_destroy (&other);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (up, lets_running_calls_end)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"slow\"", "--stream");
  process_expect (call, "\"part\"");
  process_signal (up, SIGINT);
  process_expect (call, "\"value\".*slow");
  process_expect_exit (call, 0);
  process_destroy (&call);
  process_expect_exit (up, 0);
  process_destroy (&up);
}

Test (up, does_not_wait_for_calls_when_asked_twice)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"slow\"", "--stream");
  process_expect (call, "\"part\"");
  process_t *late = process_run ("troupe", "call", "agent/alice", "\"late\"");
  process_signal (up, SIGINT);
  process_expect (up, "\"event\": *\"stopping\"");
  process_signal (up, SIGINT);
  process_expect_exit (up, 0);
  process_destroy (&up);
  process_destroy (&call);
  process_destroy (&late);
  place_expect_empty ();
}

Test (up, starts_again_what_dies)
{
  process_t *up = mesh_up (mesh_plain);
  pid_t first = mesh_process ("model", "talker");
  kill (first, SIGKILL);
  process_expect (up, "\"service\": *\"model/talker\".*\"state\": *\"failed\"");
  process_expect (up, "\"service\": *\"model/talker\".*\"state\": *\"ready\"");
  cr_assert_neq (mesh_process ("model", "talker"), first);
  mesh_down (&up);
}

Test (up, a_port_in_use_is_an_error)
{
  char yaml[256];
  int port = place_free_port ();
  snprintf (yaml, sizeof yaml,
            "brokers:\n  - { name: b, endpoint: \"tcp://127.0.0.1:%d\", insecure: true }\nmodels:\n  m: { type: rehearsal }\n", port);
  process_t *up = mesh_up (yaml);
  snprintf (yaml, sizeof yaml, "mesh: other\nbrokers:\n  - { name: b, endpoint: \"tcp://127.0.0.1:%d\", insecure: true }\n", port);
  place_write ("other.yaml", yaml);
  process_t *other = process_run ("troupe", "up", "-f", "other.yaml");
  int status = process_wait (other);
  cr_assert (status == 1 || status == 3, "status %d", status);
  cr_assert (text_matches (process_errors (other), "address_in_use"), "%s", process_errors (other));
  process_destroy (&other);
  mesh_down (&up);
}

Test (up, tcp_needs_keys)
{
  place_write ("troupe.yaml", "brokers:\n  - { name: b, endpoint: \"tcp://0.0.0.0:5555\" }\n");
  process_t *up = process_run ("troupe", "up");
  process_expect_exit (up, 3);
  cr_assert_not_null (strstr (process_errors (up), "tcp needs keys"), "%s", process_errors (up));
  process_destroy (&up);
}

Test (up, a_missing_redis_is_an_error)
{
  place_write ("troupe.yaml", "store: { program: /nowhere/redis-server }\n");
  process_t *up = process_run ("troupe", "up");
  cr_assert_neq (process_wait (up), 0);
  cr_assert_not_null (strstr (process_errors (up), "redis"), "%s", process_errors (up));
  process_destroy (&up);
}

static json_t *
find_service (json_t *report, const char *name)
{
  size_t i;
  json_t *service;
  json_array_foreach (json_object_get (report, "services"), i, service)
    if (strcmp (json_string_value (json_object_get (service, "name")), name) == 0)
      return service;
  return NULL;
}

Test (up, is_not_ready_before_a_redis_elsewhere_is_reached)
{
  char yaml[256], port[16];
  snprintf (port, sizeof port, "%d", place_free_port ());
  snprintf (yaml, sizeof yaml, "store: { url: 'redis://127.0.0.1:%s' }\n%s", port, mesh_plain);
  place_write ("troupe.yaml", yaml);
  place_write ("rules.yaml", mesh_rules);
  process_t *up = process_run ("troupe", "up", "--json");
  process_expect_error (up, "\"warning\".*store not connected.*Connection refused");
  cr_assert_not (text_matches (process_output (up), "\"event\": *\"ready\""), "%s", process_output (up));
  process_t *redis = process_run ("/usr/bin/env", "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "");
  process_expect (up, "\"event\": *\"ready\"");
  mesh_expect_reply ("alice", NULL, "Hello", "^turn 1: Hello$");
  process_signal (up, SIGINT);
  process_expect_exit (up, 0);
  process_destroy (&up);
  process_destroy (&redis);
}

Test (up, ps_shows_brokers_services_and_instances)
{
  process_t *up = mesh_up (mesh_plain);
  json_t *reports = mesh_report ();
  cr_assert_eq (json_array_size (reports), 1);
  json_t *report = json_array_get (reports, 0);
  cr_assert (json_is_true (json_object_get (report, "up")));
  cr_assert_str_eq (json_string_value (json_object_get (report, "broker")), "broker-1");
  cr_assert_str_eq (json_string_value (json_object_get (report, "store")), "up");
  cr_assert_eq (json_integer_value (json_object_get (report, "pid")), mesh_process ("broker", "broker-1"));
  json_t *alice = find_service (report, "agent/alice");
  cr_assert_not_null (alice);
  cr_assert (json_is_true (json_object_get (alice, "actor")));
  json_t *instance = json_array_get (json_object_get (alice, "instances"), 0);
  cr_assert_eq (json_integer_value (json_object_get (instance, "pid")), mesh_process ("agent", "alice"));
  cr_assert_eq (json_integer_value (json_object_get (instance, "credit")), 256);
  cr_assert_eq (json_integer_value (json_object_get (instance, "running")), 0);
  json_t *model = find_service (report, "model/talker");
  cr_assert_not_null (model);
  cr_assert_not (json_is_true (json_object_get (model, "actor")));
  json_decref (reports);
  mesh_down (&up);
}

Test (up, doctor_finds_nothing_wrong_with_a_mesh_that_runs)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *doctor = process_run ("troupe", "doctor", "--json");
  process_close_input (doctor);
  int status = process_wait (doctor);
  cr_assert_eq (status, 0, "%s%s", process_output (doctor), process_errors (doctor));
  json_t *checks = json_loads (process_output (doctor), 0, NULL);
  cr_assert (json_is_array (checks) && json_array_size (checks) > 3, "%s", process_output (doctor));
  json_decref (checks);
  process_destroy (&doctor);
  mesh_down (&up);
}

Test (up, doctor_finds_rules_that_can_not_be_played)
{
  place_write ("troupe.yaml", "models:\n  played: { type: rehearsal, rules: rules.yaml }\n");
  place_write ("rules.yaml", "rules:\n  - lst: x\n    say: y\n");
  process_t *doctor = process_run ("troupe", "doctor");
  process_close_input (doctor);
  process_expect_exit (doctor, 1);
  cr_assert (text_matches (process_output (doctor), "played: .*rules.yaml:2:5: .*lst"), "%s", process_output (doctor));
  process_destroy (&doctor);
}

Test (up, doctor_finds_a_model_server_that_is_down)
{
  char yaml[256];
  snprintf (yaml, sizeof yaml, "models:\n  gpt: { type: openai_chat, base_url: \"http://127.0.0.1:%d/v1\" }\n",
            place_free_port ());
  place_write ("troupe.yaml", yaml);
  process_t *doctor = process_run ("troupe", "doctor");
  process_close_input (doctor);
  process_expect_exit (doctor, 1);
  cr_assert (text_matches (process_output (doctor), "gpt"), "%s", process_output (doctor));
  process_destroy (&doctor);
}

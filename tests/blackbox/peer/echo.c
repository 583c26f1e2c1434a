// SPDX-License-Identifier: Apache-2.0
//
// The protocol reference's own program, docs/reference/echo.py, in a real mesh: a peer that shares no code with us, in
// another language with another binding. What it does by the page must be enough to serve, and to come back after
// everything that the page says may happen to it.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (echo, .init = place_enter, .fini = place_leave);

// A lease that is short enough to wait for it.
static const char yaml[] = "limits: { heartbeat: 100ms, lease: 500ms }\n";

// Debian's own Python, which its packages are for: another one may stand first in PATH.
static process_t *
echo_start (void)
{
  const char *python = getenv ("PYTHON");
  return process_run (python ? python : "/usr/bin/python3", TROUPE_SOURCE_DIR "/docs/reference/echo.py",
                      "ipc://.troupe/troupe/broker-1.ipc");
}

static void
echo_stop (process_t **echo_p)
{
  process_signal (*echo_p, SIGINT);
  process_expect_exit (*echo_p, 0);
  cr_assert_str_eq (process_errors (*echo_p), "");
  process_destroy (echo_p);
}

// Calls it, waiting for it to be there, and asserts that it says the same.
static void
expect_echo (const char *input)
{
  process_t *call = process_run ("troupe", "call", "tool/echo", input, "--wait", "--deadline", "20s");
  process_close_input (call);
  process_expect_exit (call, 0);
  json_t *said = json_loads (input, JSON_DECODE_ANY, NULL), *heard;
  heard = json_loads (process_output (call), JSON_DECODE_ANY, NULL);
  cr_assert (json_equal (said, heard), "%s got %s", input, process_output (call));
  json_decref (said);
  json_decref (heard);
  process_destroy (&call);
}

// What the broker says of its only service: an instance by this program with this pid.
static void
expect_listed (const process_t *echo)
{
  json_t *reports = mesh_report ();
  const json_t *service = json_array_get (json_object_get (json_array_get (reports, 0), "services"), 0);
  const json_t *instance = json_array_get (json_object_get (service, "instances"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (service, "name")), "tool/echo");
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (service, "info"), "description")),
                    "Says what you say.");
  cr_assert_str_eq (json_string_value (json_object_get (instance, "program")), "echo");
  cr_assert_eq (json_integer_value (json_object_get (instance, "pid")), process_pid (echo));
  json_decref (reports);
}

// The table for people: its pid, and no host, since it told none.
static void
expect_shown (const process_t *echo)
{
  char regex[64];
  snprintf (regex, sizeof regex, "tool/echo +%d +0/16 ", (int) process_pid (echo));
  process_t *ps = process_run ("troupe", "ps");
  process_close_input (ps);
  process_expect_exit (ps, 0);
  cr_assert (text_matches (process_output (ps), regex), "%s", process_output (ps));
  process_destroy (&ps);
}

Test (echo, serves_values_of_all_kinds)
{
  process_t *up = mesh_up (yaml), *echo = echo_start ();
  expect_echo ("\"hello\"");
  expect_echo ("{\"a\": [1, -2, 2.5, null, true, \"\\u00e4\\u4e2d\"], \"b\": {}, \"c\": 9223372036854775807}");
  expect_listed (echo);
  expect_shown (echo);
  echo_stop (&echo);
  mesh_down (&up);
}

Test (echo, streams_to_who_reads_along)
{
  process_t *up = mesh_up (yaml), *echo = echo_start ();
  process_t *call = process_run ("troupe", "call", "tool/echo", "\"one two\"", "--wait", "--stream");
  process_expect (call, "^\\{\"part\": *\\{\"text\": *\"one \"\\}.*\n.*\"part\".*\"two \".*\n.*\"value\": *\"one two\"");
  process_expect_exit (call, 0);
  process_destroy (&call);
  echo_stop (&echo);
  mesh_down (&up);
}

Test (echo, goes_on_with_a_broker_that_was_killed_and_restarted)
{
  process_t *up = mesh_up (yaml), *echo = echo_start ();
  expect_echo ("\"before\"");
  pid_t broker = mesh_process ("broker", "broker-1");
  kill (broker, SIGKILL);
  place_await_exit (broker);
  expect_echo ("\"after\"");
  echo_stop (&echo);
  mesh_down (&up);
}

Test (echo, comes_back_after_it_was_taken_for_dead)
{
  process_t *up = mesh_up (yaml), *echo = echo_start ();
  expect_echo ("\"before\"");
  process_signal (echo, SIGSTOP);
  process_expect_error (up, "peer lost.*silent");
  process_signal (echo, SIGCONT);
  expect_echo ("\"after\"");
  echo_stop (&echo);
  mesh_down (&up);
}

// What an offer with inputs brings, as the page says it.
Test (echo, puts_inputs_in_their_places)
{
  static const char program[] =
    "import sys; sys.path.insert (0, sys.argv[1])\n"
    "import echo, msgpack\n"
    "body = msgpack.packb ({'text': [{'$input': 1}, {'$input': 0}]}) + msgpack.packb ('a') + msgpack.packb ({'b': 1})\n"
    "print (echo.said ({echo.SIZES: [2, 4]}, body), echo.said ({}, msgpack.packb ({'$input': 0})))\n";
  const char *python = getenv ("PYTHON");
  process_t *process = process_run (python ? python : "/usr/bin/python3", "-c", program, TROUPE_SOURCE_DIR "/docs/reference");
  process_close_input (process);
  process_expect_exit (process, 0);
  cr_assert_str_eq (process_output (process), "{'text': [{'b': 1}, 'a']} {'$input': 0}\n");
  process_destroy (&process);
}

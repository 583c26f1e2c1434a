// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench calls` and `troupe bench hub`: what they tell, and that they leave nothing, however they end.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>

TestSuite (bench, .init = place_enter, .fini = place_leave);

static void
expect_nothing_left (void)
{
  glob_t found = {0};
  place_await_empty ();
  cr_assert_eq (glob ("troupe-bench-*", 0, NULL, &found), GLOB_NOMATCH, "%s is left", found.gl_pathv[0]);
  globfree (&found);
}

// It measures for seconds; on a busy machine for longer than tests wait for anything else.
static void
expect_done (process_t *process)
{
  cr_assert_eq (process_wait_for (process, 6 * DEADLINE_MS), 0, "%s", process_errors (process));
}

static const json_t *
series_of (const json_t *report, const char *what, int in_flight)
{
  size_t i;
  json_t *series;
  json_array_foreach (json_object_get (report, "series"), i, series) {
    if (strcmp (json_string_value (json_object_get (series, "what")), what) == 0 &&
        json_integer_value (json_object_get (series, "in_flight")) == in_flight)
      return series;
  }
  cr_assert_fail ("no series %s with %d in flight", what, in_flight);
  return NULL;
}

static double
median (const json_t *series, const char *name)
{
  return json_number_value (json_object_get (json_object_get (series, name), "median"));
}

Test (bench, measures_each_side_by_side)
{
  process_t *process =
    process_run ("troupe", "bench", "calls", "--count", "40", "--rounds", "2", "--json", "--directory", ".");
  expect_done (process);
  json_t *report = json_loads (process_output (process), 0, NULL);
  cr_assert_not_null (report, "%s", process_output (process));
  static const char *const whats[] = {"libzmq", "functions", "durable"};
  for (size_t i = 0; i < sizeof whats / sizeof *whats; i++)
    for (int in_flight = 1; in_flight <= 100; in_flight += 99) {
      const json_t *series = series_of (report, whats[i], in_flight);
      cr_assert_gt (median (series, "calls_per_second"), 0, "%s", whats[i]);
      cr_assert_gt (median (series, "p50_us"), 0, "%s", whats[i]);
      cr_assert_geq (median (series, "p99_us"), median (series, "p50_us"), "%s", whats[i]);
    }
  // Each durable call is an accept and a settle.
  cr_assert_geq (median (series_of (report, "durable", 100), "stored_per_call"), 2);
  cr_assert_eq (median (series_of (report, "libzmq", 100), "stored_per_call"), 0);
  json_decref (report);
  process_destroy (&process);
  expect_nothing_left ();
}

Test (bench, leaves_nothing_when_it_is_interrupted)
{
  process_t *process = process_run ("troupe", "bench", "calls", "--seconds", "20", "--directory", ".");
  pid_t pid;
  while (place_find ("troupe", "raw-client", &pid, 1) == 0)
    ;
  process_signal (process, SIGINT);
  process_expect_exit (process, 7);
  process_destroy (&process);
  expect_nothing_left ();
}

Test (bench, leaves_no_process_when_it_is_killed)
{
  process_t *process = process_run ("troupe", "bench", "calls", "--seconds", "20", "--directory", ".");
  pid_t pid;
  while (place_find ("troupe", "raw-client", &pid, 1) == 0)
    ;
  process_signal (process, SIGKILL);
  process_expect_exit (process, 128 + SIGKILL);
  process_destroy (&process);
  place_await_empty ();
}

Test (bench, a_process_of_it_that_dies_ends_it)
{
  process_t *process = process_run ("troupe", "bench", "calls", "--seconds", "20", "--directory", ".");
  pid_t pid;
  while (place_find ("troupe", "raw-worker", &pid, 1) == 0 || place_find ("troupe", "raw-client", NULL, 0) == 0)
    ;
  cr_assert_eq (kill (pid, SIGKILL), 0);
  process_expect_exit (process, 5);
  process_destroy (&process);
  expect_nothing_left ();
}

// It fails by itself when a message was lost, came twice, or out of its order.
Test (bench, measures_hubs_side_by_side)
{
  process_t *process = process_run ("troupe", "bench", "hub", "--messages", "60", "--subscribers", "1,3", "--rounds",
                                    "2", "--json", "--directory", ".");
  expect_done (process);
  json_t *report = json_loads (process_output (process), 0, NULL), *series;
  cr_assert_not_null (report, "%s", process_output (process));
  size_t i, hubs = 0, paced = 0;
  json_array_foreach (json_object_get (report, "series"), i, series) {
    double hearers = json_number_value (json_object_get (series, "hearers"));
    cr_expect_gt (median (series, "broadcasts_per_second"), 0);
    if (hearers > 0)
      cr_expect_float_eq (median (series, "received_per_second"), median (series, "broadcasts_per_second") * hearers,
                          0.1);
    if (strcmp (json_string_value (json_object_get (series, "what")), "hub") != 0)
      continue;
    const json_t *cpu = json_object_get (series, "cpu_us");
    static const char *const roles[] = {"speaker", "broker", "redis", "hearers"};
    for (size_t j = 0; j < sizeof roles / sizeof *roles; j++)
      cr_expect_gt (json_number_value (json_object_get (cpu, roles[j])), 0, "%s", roles[j]);
    hubs++;
    cr_expect_gt (median (series, "to_libzmq"), 0);
    paced += median (series, "p50_us") > 0;
  }
  cr_expect_eq (hubs, 6, "1, 3 and the paced 8, each with both ways of appendfsync");
  cr_expect_eq (paced, 2);
  json_decref (report);
  process_destroy (&process);
  expect_nothing_left ();
}

Test (bench, tells_of_hubs_in_a_table)
{
  process_t *process =
    process_run ("troupe", "bench", "hub", "--messages", "20", "--subscribers", "2", "--directory", ".");
  expect_done (process);
  const char *text = process_output (process);
  cr_expect_not_null (strstr (text, "Every process received every message once, in order."), "%s", text);
  cr_expect_not_null (strstr (text, "a  libzmq alone"), "%s", text);
  cr_expect_not_null (strstr (text, "c  hub, everysec"), "%s", text);
  process_destroy (&process);
  expect_nothing_left ();
}

Test (bench, a_hearer_that_dies_ends_it)
{
  process_t *process =
    process_run ("troupe", "bench", "hub", "--messages", "4000", "--rounds", "20", "--directory", ".");
  pid_t pid;
  while (place_find ("troupe", "hearer", &pid, 1) == 0)
    ;
  cr_assert_eq (kill (pid, SIGKILL), 0);
  process_expect_exit (process, 5);
  process_destroy (&process);
  expect_nothing_left ();
}

Test (bench, repair_is_measured_beside_a_parser)
{
  process_t *process = process_run ("troupe", "bench", "repair", "--rounds", "1", "--json");
  expect_done (process);
  json_t *report = json_loads (process_output (process), 0, NULL), *row;
  cr_assert_not_null (report, "%s", process_output (process));
  size_t i, rows = 0;
  json_array_foreach (json_object_get (report, "mb_per_second"), i, row) {
    cr_assert_gt (median (row, "jansson"), 0);
    cr_assert_gt (median (row, "wrong_to_jansson"), 0);
    rows++;
  }
  cr_assert_eq (rows, 3);
  cr_assert_geq (json_array_size (json_object_get (report, "repeated")), 30);
  json_array_foreach (json_object_get (report, "repeated"), i, row)
    cr_assert_lt (json_number_value (json_object_get (row, "growth")), 3);
  json_decref (report);
  process_destroy (&process);
  process = process_run ("troupe", "bench", "repair", "--rounds", "1");
  expect_done (process);
  cr_assert (strstr (process_output (process), "linear time is x 2, quadratic x 4"));
  process_destroy (&process);
}

Test (bench, wrong_numbers_are_refused)
{
  process_t *process = process_run ("troupe", "bench", "calls", "--rounds", "0");
  process_expect_exit (process, 2);
  process_destroy (&process);
  process = process_run ("troupe", "bench", "cals");
  process_expect_exit (process, 2);
  process_destroy (&process);
  process = process_run ("troupe", "bench", "hub", "--subscribers", "1,,8");
  process_expect_exit (process, 2);
  process_destroy (&process);
  process = process_run ("troupe", "bench", "hub", "--messages", "100001");
  process_expect_exit (process, 2);
  process_destroy (&process);
}

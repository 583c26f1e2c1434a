// SPDX-License-Identifier: Apache-2.0
//
// What a benchmark's figures are made of: durations in buckets, and the phases of a client's load.
#include "cli/bench_histogram.h"
#include "cli/bench_load.h"

#include <criterion/criterion.h>
#include <math.h>

static void
expect_near (double got, double wanted)
{
  cr_assert (fabs (got - wanted) <= 0.016 * wanted, "%g for %g", got, wanted);
}

Test (bench_histogram, every_duration_is_told_within_its_bucket)
{
  static const int64_t durations[] = {1, 63, 64, 65, 127, 1000, 123456, 999999999, INT64_C (600) * 1000000000};
  for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
    bench_histogram_t histogram = {0};
    bench_histogram_add (&histogram, durations[i]);
    expect_near (bench_histogram_quantile (&histogram, 0.5), (double)durations[i]);
  }
}

Test (bench_histogram, what_is_out_of_range_is_counted)
{
  bench_histogram_t histogram = {0};
  cr_assert_eq (bench_histogram_quantile (&histogram, 0.5), 0);
  bench_histogram_add (&histogram, -5);
  cr_assert_eq (bench_histogram_quantile (&histogram, 1), 0);
  bench_histogram_add (&histogram, INT64_MAX);
  cr_assert_gt (bench_histogram_quantile (&histogram, 1), 1e12);
}

Test (bench_histogram, percentiles_of_two_processes_are_those_of_all_calls)
{
  bench_histogram_t one = {0}, two = {0};
  for (int64_t us = 1; us <= 900; us++)
    bench_histogram_add (us % 2 ? &one : &two, us * 1000);
  for (int64_t us = 901; us <= 1000; us++)
    bench_histogram_add (&two, us * 1000);
  json_t *list = bench_histogram_to_json (&two);
  bench_histogram_add_json (&one, list);
  json_decref (list);
  expect_near (bench_histogram_quantile (&one, 0.5), 500e3);
  expect_near (bench_histogram_quantile (&one, 0.99), 990e3);
}

Test (bench_histogram, nonsense_is_passed_over)
{
  bench_histogram_t histogram = {0};
  json_t *list = json_pack ("[[i, i], [i, i], [s, i], i, [i]]", -1, 5, 1 << 30, 5, "x", 1, 7, 3);
  bench_histogram_add_json (&histogram, list);
  bench_histogram_add_json (&histogram, NULL);
  json_decref (list);
  cr_assert_leq (bench_histogram_quantile (&histogram, 1), 0);
}

// A load of `in_flight` and `count` calls, warm and told to go.
static void
open_running (bench_load_t *load, int in_flight, int count)
{
  json_t *parameters = json_pack ("{s:i, s:i, s:i, s:i, s:i}", "in_flight", in_flight, "count", count, "ms", 60000,
                                  "sessions", 2, "first_session", 1);
  cr_assert_eq (bench_load_init (load, parameters, NULL), TROUPE_OK);
  json_decref (parameters);
  load->phase = BENCH_STANDING;
  bench_load_go (load);
}

Test (bench_load, makes_as_many_calls_as_it_is_told)
{
  bench_load_t load;
  open_running (&load, 3, 5);
  for (uint64_t slot = 0; slot < 3; slot++)
    cr_assert (bench_load_begin (&load, slot));
  cr_assert (bench_load_next (&load, 0));
  cr_assert (bench_load_next (&load, 1));
  cr_assert_not (bench_load_next (&load, 0), "five have begun");
  cr_assert_not (bench_load_idle (&load));
  cr_assert_not (bench_load_next (&load, 1));
  cr_assert_not (bench_load_next (&load, 2));
  cr_assert (bench_load_idle (&load));
  cr_assert_eq (load.inside, 5);
  bench_load_free (&load);
}

Test (bench_load, nothing_begins_before_the_word)
{
  bench_load_t load;
  open_running (&load, 1, 1);
  load.phase = BENCH_STANDING;
  cr_assert_not (bench_load_begin (&load, 0));
  bench_load_free (&load);
}

Test (bench_load, sessions_take_turns)
{
  bench_load_t load;
  char first[BENCH_SESSION_MAX], second[BENCH_SESSION_MAX], third[BENCH_SESSION_MAX];
  open_running (&load, 1, 1);
  bench_load_session (&load, first);
  bench_load_session (&load, second);
  bench_load_session (&load, third);
  cr_assert_str_eq (first, "bench-1");
  cr_assert_str_neq (first, second);
  cr_assert_str_eq (first, third);
  bench_load_free (&load);
}

Test (bench_load, wrong_parameters_are_refused)
{
  bench_load_t load;
  json_t *parameters = json_pack ("{s:i}", "in_flight", 1);
  cr_assert_eq (bench_load_init (&load, parameters, NULL), TROUPE_BAD_ARGUMENT);
  json_decref (parameters);
  parameters =
    json_pack ("{s:i, s:i, s:i, s:i, s:i}", "in_flight", 0, "count", 1, "ms", 1, "sessions", 1, "first_session", 0);
  cr_assert_eq (bench_load_init (&load, parameters, NULL), TROUPE_BAD_ARGUMENT);
  json_decref (parameters);
}

// SPDX-License-Identifier: Apache-2.0
//
// The text that Prometheus reads.

#include "troupe/metric.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const troupe_metric_t calls = {
  "troupe_calls_total", TROUPE_METRIC_COUNTER, "Calls that were \\ taken,\nand kept.", {NULL}};
static const troupe_metric_t length = {"troupe_queue_length", TROUPE_METRIC_GAUGE, "How long.", {"queue", "kind"}};
static const troupe_metric_t cpu = {"process_cpu_seconds_total", TROUPE_METRIC_COUNTER, "Time.", {NULL}};

static void
expect (const troupe_metrics_t *metrics, const char *expected)
{
  const char *text;
  size_t size;
  cr_assert_eq (troupe_metrics_text (metrics, &text, &size), TROUPE_OK);
  cr_expect_str_eq (text, expected);
  cr_expect_eq (size, strlen (expected));
}

Test (metric, nothing_is_an_empty_text)
{
  troupe_metrics_t *metrics;
  cr_assert_eq (troupe_metrics_new (&metrics), TROUPE_OK);
  expect (metrics, "");
  troupe_metrics_destroy (&metrics);
  troupe_metrics_destroy (&metrics);
}

Test (metric, explains_itself_before_its_samples)
{
  troupe_metrics_t *metrics;
  cr_assert_eq (troupe_metrics_new (&metrics), TROUPE_OK);
  troupe_metrics_add (metrics, &calls, UINT64_MAX);
  troupe_metrics_add_labelled (metrics, &length, "in\"box", NULL, 1);
  troupe_metrics_add_labelled (metrics, &length, "a\\b\nc", "x", 2);
  troupe_metrics_add_labelled (metrics, &length, NULL, "y", 3);
  troupe_metrics_add (metrics, &length, 4);
  troupe_metrics_add_real (metrics, &cpu, 1.5);
  expect (metrics, "# HELP troupe_calls_total Calls that were \\\\ taken,\\nand kept.\n"
                   "# TYPE troupe_calls_total counter\n"
                   "troupe_calls_total 18446744073709551615\n"
                   "# HELP troupe_queue_length How long.\n"
                   "# TYPE troupe_queue_length gauge\n"
                   "troupe_queue_length{queue=\"in\\\"box\"} 1\n"
                   "troupe_queue_length{queue=\"a\\\\b\\nc\",kind=\"x\"} 2\n"
                   "troupe_queue_length{kind=\"y\"} 3\n"
                   "troupe_queue_length 4\n"
                   "# HELP process_cpu_seconds_total Time.\n"
                   "# TYPE process_cpu_seconds_total counter\n"
                   "process_cpu_seconds_total 1.500\n");
  troupe_metrics_destroy (&metrics);
}

Test (metric, a_metric_that_comes_again_later_does_not_spoil_the_page)
{
  troupe_metrics_t *metrics;
  cr_assert_eq (troupe_metrics_new (&metrics), TROUPE_OK);
  troupe_metrics_add_labelled (metrics, &length, "a", NULL, 1);
  troupe_metrics_add_real (metrics, &cpu, 2);
  troupe_metrics_add_labelled (metrics, &length, "b", NULL, 1);
  expect (metrics, "# HELP troupe_queue_length How long.\n"
                   "# TYPE troupe_queue_length gauge\n"
                   "troupe_queue_length{queue=\"a\"} 1\n"
                   "# HELP process_cpu_seconds_total Time.\n"
                   "# TYPE process_cpu_seconds_total counter\n"
                   "process_cpu_seconds_total 2.000\n");
  troupe_metrics_destroy (&metrics);
}

Test (metric, a_long_page_is_whole)
{
  enum { SAMPLES = 20000 };
  troupe_metrics_t *metrics;
  const char *text;
  size_t size, lines = 0;
  char last[64];
  cr_assert_eq (troupe_metrics_new (&metrics), TROUPE_OK);
  for (unsigned i = 0; i < SAMPLES; i++)
    troupe_metrics_add_labelled (metrics, &length, "a", NULL, i);
  cr_assert_eq (troupe_metrics_text (metrics, &text, &size), TROUPE_OK);
  for (const char *at = text; (at = strchr (at, '\n')) != NULL; at++)
    lines++;
  cr_expect_eq (lines, SAMPLES + 2);
  snprintf (last, sizeof last, "troupe_queue_length{queue=\"a\"} %d\n", SAMPLES - 1);
  cr_expect_str_eq (text + size - strlen (last), last);
  troupe_metrics_destroy (&metrics);
}

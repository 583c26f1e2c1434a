// SPDX-License-Identifier: Apache-2.0
//
// The brokers' counters (bench_chaos_counts.h). One that has become less is that of a new life.
#include "cli/bench_chaos_counts.h"

#include "cli/bench_chaos_parts.h"

enum { ASK_MS = 500, ANSWER_MS = 2000 };

static const char *const names[CHAOS_COUNTS] = {"calls_repeated", "settles_refused", "attempts_lost",
                                                "calls_taken_over", "calls_recovered"};

troupe_err_t
chaos_counts_open (chaos_counts_t *self, troupe_loop_t *loop, troupe_error_t *error)
{
  *self = (chaos_counts_t){0};
  json_t *list = chaos_brokers (0);
  const char *brokers[CHAOS_BROKERS + 1] = {NULL};
  for (size_t i = 0; i < CHAOS_BROKERS && list; i++)
    brokers[i] = json_string_value (json_array_get (list, i));
  troupe_err_t err =
    brokers[0]
      ? troupe_node_new (&self->node, loop, &(troupe_node_options_t){.name = "chaos-counts", .brokers = brokers}, error)
      : troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  json_decref (list);
  return err;
}

void
chaos_counts_close (chaos_counts_t *self)
{
  troupe_node_destroy (&self->node);
}

static void
on_report (void *context, const json_t *reports)
{
  chaos_counts_t *self = context;
  size_t i;
  json_t *report;
  self->asking = false;
  json_array_foreach (reports, i, report) {
    const json_t *counters = json_object_get (report, "counters");
    for (unsigned j = 0; counters && i < CHAOS_BROKERS && j < CHAOS_COUNTS; j++) {
      uint64_t now = (uint64_t)json_integer_value (json_object_get (counters, names[j]));
      self->sums[j] += now >= self->last[i][j] ? now - self->last[i][j] : now;
      self->last[i][j] = now;
    }
  }
}

void
chaos_counts_look (chaos_counts_t *self, int64_t now)
{
  if (self->asking || now < self->due)
    return;
  self->due = now + ASK_MS;
  self->asking = troupe_node_report (self->node, ANSWER_MS, on_report, self) == TROUPE_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// A tally as metrics. Models are named by whoever counts, and a script may name any, so only the first ones are given:
// what reads metrics keeps each series for long.

#include "troupe/tally.h"

enum { MODELS_MAX = 64 };

static const struct {
  troupe_metric_t metric;
  const char *key;
} rows[] = {
#define TALLY_METRIC(constant, name, unit, shown, label, key, sentence)                                                \
  {{"troupe_agent_" name "_total", TROUPE_METRIC_COUNTER, sentence, {"model", label}}, key},
#include "parse/tally.def"
#undef TALLY_METRIC
};

static void
write_row (const json_t *models, size_t row, troupe_metrics_t *metrics)
{
  const char *model, *kind;
  json_t *counts, *count;
  size_t number = 0;
  json_object_foreach ((json_t *)(uintptr_t)models, model, counts) {
    json_t *value = json_object_get (counts, rows[row].key);
    if (number++ == MODELS_MAX)
      return;
    if (!rows[row].metric.labels[1])
      troupe_metrics_add_labelled (metrics, &rows[row].metric, model, NULL, (uint64_t)json_integer_value (value));
    else
      json_object_foreach (value, kind, count) {
        troupe_metrics_add_labelled (metrics, &rows[row].metric, model, kind, (uint64_t)json_integer_value (count));
      }
  }
}

void
troupe_tally_write_metrics (const troupe_tally_t *self, troupe_metrics_t *metrics)
{
  for (size_t i = 0; self && i < sizeof rows / sizeof *rows; i++)
    write_row (troupe_tally_json (self), i, metrics);
}

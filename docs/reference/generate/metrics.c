// SPDX-License-Identifier: Apache-2.0
//
// The tables of metrics, from those that the programs expand.

#include "generate/reference.h"

typedef struct {
  const char *name, *kind, *unit, *labels, *sentence;
} row_t;

static void
print_rows (FILE *out, const row_t *rows, size_t count)
{
  fputs ("\n| metric | kind | unit | labels | meaning |\n|---|---|---|---|---|\n", out);
  for (size_t i = 0; i < count; i++)
    fprintf (out, "| `%s` | %s | %s | %s | %s |\n", rows[i].name, rows[i].kind, rows[i].unit, rows[i].labels,
             rows[i].sentence);
  fputc ('\n', out);
}

void
reference_print_process_metrics (FILE *out)
{
  enum { COUNTER, GAUGE };
  static const char *const kinds[] = {"counter", "gauge"};
  static const struct {
    int kind;
    const char *name, *unit, *label, *sentence;
  } table[] = {
#define HEALTH_METRIC(constant, name, kind, unit, label, sentence) {kind, name, unit, label, sentence},
#include "health/process.def"
#undef HEALTH_METRIC
  };
  row_t rows[sizeof table / sizeof *table];
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    rows[i] = (row_t){table[i].name, kinds[table[i].kind], table[i].unit, table[i].label != NULL ? table[i].label : "",
                      table[i].sentence};
  print_rows (out, rows, sizeof rows / sizeof *rows);
}

void
reference_print_broker_metrics (FILE *out)
{
  static const row_t rows[] = {
#define BROKER_COUNTER(constant, name, unit, sentence) {"troupe_broker_" name "_total", "counter", unit, "", sentence},
#include "broker/counter.def"
#undef BROKER_COUNTER
#define BROKER_GAUGE(constant, name, unit, sentence) {"troupe_broker_" name, "gauge", unit, "", sentence},
#include "broker/gauge.def"
#undef BROKER_GAUGE
  };
  print_rows (out, rows, sizeof rows / sizeof *rows);
}

void
reference_print_node_metrics (FILE *out)
{
  static const row_t rows[] = {
#define NODE_COUNTER(constant, name, unit, sentence) {"troupe_node_" name "_total", "counter", unit, "", sentence},
#include "node/counters.def"
#undef NODE_COUNTER
#define NODE_GAUGE(constant, name, unit, sentence) {"troupe_node_" name, "gauge", unit, "", sentence},
#include "node/gauges.def"
#undef NODE_GAUGE
  };
  print_rows (out, rows, sizeof rows / sizeof *rows);
}

void
reference_print_model_metrics (FILE *out)
{
  static const row_t rows[] = {
#define MODEL_COUNTER(constant, name, unit, sentence) {"troupe_model_" name "_total", "counter", unit, "", sentence},
#include "model/metrics.def"
#undef MODEL_COUNTER
    {"troupe_model_failures_total", "counter", "asks", "code", "Asks that failed, by the error's code (errors.md)."},
    {"troupe_model_circuit_open", "gauge", "", "",
     "1 while its server is left alone because it failed again and again, else 0."},
  };
  print_rows (out, rows, sizeof rows / sizeof *rows);
}

void
reference_print_agent_metrics (FILE *out)
{
  static const row_t rows[] = {
#define TALLY_METRIC(constant, name, unit, shown, label, key, sentence)                                                \
  {"troupe_agent_" name "_total", "counter", unit, shown, sentence},
#include "parse/tally.def"
#undef TALLY_METRIC
  };
  print_rows (out, rows, sizeof rows / sizeof *rows);
}

void
reference_print_queues (FILE *out)
{
  static const struct {
    const char *of, *name, *unit, *sentence;
  } rows[] = {
#define BROKER_QUEUE(constant, name, unit, sentence) {"broker", name, unit, sentence},
#include "broker/queue.def"
#undef BROKER_QUEUE
#define NODE_QUEUE(constant, name, unit, sentence) {"node", name, unit, sentence},
#include "node/queues.def"
#undef NODE_QUEUE
  };
  fputs ("\n| of | `queue` | unit | what it holds, and what happens when it is full |\n|---|---|---|---|\n", out);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    fprintf (out, "| %s | `%s` | %s | %s |\n", rows[i].of, rows[i].name, rows[i].unit, rows[i].sentence);
  fputc ('\n', out);
}

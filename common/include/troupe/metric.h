// SPDX-License-Identifier: Apache-2.0
//
// Metrics: numbers that a program tells about itself, as the text that Prometheus reads (its exposition format, version
// 0.0.4). What each number is stands in a table, so it explains itself on /metrics and in docs/reference/metrics.md:
//
//   static const troupe_metric_t accepted = {"troupe_broker_calls_accepted_total", TROUPE_METRIC_COUNTER,
//                                            "Calls that were stored.", {NULL}};
//   troupe_metrics_add (metrics, &accepted, 12);
//
//   # HELP troupe_broker_calls_accepted_total Calls that were stored.
//   # TYPE troupe_broker_calls_accepted_total counter
//   troupe_broker_calls_accepted_total 12
//
// The samples of one metric are added one after the other; its help is written before the first. A metric that was
// written before and comes again is left out, and so is everything once memory ran out: troupe_metrics_text then says
// no_memory. Labels must take few values (names of the configuration, kinds of a table), never ids or texts of users.
//
// Thread rule: one thread at a time.
#ifndef TROUPE_METRIC_H
#define TROUPE_METRIC_H

#include "troupe/error.h"

#include <stddef.h>
#include <stdint.h>

enum { TROUPE_METRIC_LABELS = 2 };

typedef enum {
  TROUPE_METRIC_COUNTER, // grows from 0 when the program starts; its name ends with _total
  TROUPE_METRIC_GAUGE,   // goes up and down
} troupe_metric_kind_t;

typedef struct {
  const char *name;
  troupe_metric_kind_t kind;
  const char *sentence;
  const char *labels[TROUPE_METRIC_LABELS]; // their names; NULL: none (more)
} troupe_metric_t;

typedef struct troupe_metrics troupe_metrics_t;

// no_memory.
troupe_err_t troupe_metrics_new (troupe_metrics_t **out);
void troupe_metrics_destroy (troupe_metrics_t **self_p);

void troupe_metrics_add (troupe_metrics_t *self, const troupe_metric_t *metric, uint64_t value);
// With the values of its labels, NULL: no value (the label is left out).
void troupe_metrics_add_labelled (troupe_metrics_t *self, const troupe_metric_t *metric, const char *label,
                                  const char *second, uint64_t value);
// The same with a fraction: seconds.
void troupe_metrics_add_real (troupe_metrics_t *self, const troupe_metric_t *metric, double value);

// The whole text, borrowed. no_memory: something is missing.
troupe_err_t troupe_metrics_text (const troupe_metrics_t *self, const char **text, size_t *size);

#endif

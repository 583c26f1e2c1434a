// SPDX-License-Identifier: Apache-2.0
//
// A histogram of durations: 1.6 % exact from nanoseconds to minutes, of one size, so that those of many processes are
// added to each other and a percentile is one of all their calls.
#ifndef CLI_BENCH_HISTOGRAM_H
#define CLI_BENCH_HISTOGRAM_H

#include <jansson.h>
#include <stdint.h>

enum {
  BENCH_STEPS = 64,   // buckets for each doubling
  BENCH_OCTAVES = 36, // up to 2^41 ns, 36 minutes; what is longer counts as that
  BENCH_BUCKETS = BENCH_STEPS * BENCH_OCTAVES
};

typedef struct {
  uint64_t counts[BENCH_BUCKETS];
} bench_histogram_t;

void bench_histogram_add (bench_histogram_t *self, int64_t ns);
// The duration in nanoseconds that `part` (0 to 1) of all don't exceed; 0 when there are none.
double bench_histogram_quantile (const bench_histogram_t *self, double part);

// As JSON, a list of [bucket, count] of those that aren't empty: a new list, NULL when out of memory.
json_t *bench_histogram_to_json (const bench_histogram_t *self);
// Adds such a list; what is no bucket is passed over.
void bench_histogram_add_json (bench_histogram_t *self, const json_t *list);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench calls`: which measurements, in which order, and all that came of them.
#ifndef CLI_BENCH_CALLS_H
#define CLI_BENCH_CALLS_H

#include "cli/bench_cell.h"

enum { BENCH_ROUNDS_MAX = 100, BENCH_SERIES_MAX = 64 };

// The same measurement, repeated.
typedef struct {
  bench_cell_t cell;
  const char *grows; // what grows with the series that follow: "clients" ...; NULL: one of those side by side
  bench_sample_t samples[BENCH_ROUNDS_MAX];
  unsigned count;
  char missing[256]; // why there are no samples
} bench_series_t;

typedef struct {
  bench_span_t span;
  unsigned rounds;
  bool sweep;
  const char *unsafe; // the kind of files under Redis, if syncing them means nothing
  bench_series_t series[BENCH_SERIES_MAX];
  size_t count;
} bench_calls_t;

// `span`, `rounds` and `sweep` are set, all else zero. Measures below the directory `parent`; afterwards nothing is
// left.
troupe_err_t bench_calls_run (bench_calls_t *self, const char *parent, troupe_error_t *error);
// The series side by side of this kind; NULL: there is none.
const bench_series_t *bench_calls_find (const bench_calls_t *self, bench_kind_t kind, bench_fsync_t fsync,
                                        unsigned in_flight);

// For people, on standard output; and as JSON, a new object, NULL when out of memory.
void bench_report_print (const bench_calls_t *self);
json_t *bench_report_json (const bench_calls_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench soak`: a mesh under an even load for a long time, and whether anything grows: memory and open files of
// each process, Redis's memory, keys, streams and logs; and what is left in Redis when all calls are over.
#ifndef CLI_BENCH_SOAK_H
#define CLI_BENCH_SOAK_H

#include "cli/bench_chaos_stage.h"

enum {
  BENCH_SOAK_SECONDS = 120,
  SOAK_PROCESSES = CHAOS_PARTS + CHAOS_CALLERS_MAX,
  SOAK_STORE = 5, // series of Redis
  SOAK_SERIES_MAX = 2 * SOAK_PROCESSES + SOAK_STORE,
  SOAK_SAMPLES_MAX = 1000
};

typedef struct {
  char name[40];
  double values[SOAK_SAMPLES_MAX];
  double slack, part; // it may grow by so much, or by this part of it
  double early, late; // means: of the half behind the warm-up, and of the rest
  bool grows;
} soak_series_t;

typedef struct {
  int64_t ms;

  soak_series_t series[SOAK_SERIES_MAX];
  unsigned series_count, samples;
  uint64_t calls;    // that were made, with messages
  int64_t left;      // keys that stay behind, though nothing needs them
  char example[128]; // one of them
} bench_soak_t;

// `ms` is set, all else zero. As bench_chaos_run; whether anything grew is for bench_soak_broken. service_died: a call
// failed.
troupe_err_t bench_soak_run (bench_soak_t *self, const char *parent, troupe_error_t *error);
bool bench_soak_broken (const bench_soak_t *self);

void bench_soak_print (const bench_soak_t *self);
json_t *bench_soak_json (const bench_soak_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench laggard`: 50 processes hear a hub, one of them is frozen. Do the others notice? Does it catch up?
#ifndef CLI_BENCH_LAGGARD_H
#define CLI_BENCH_LAGGARD_H

#include "troupe/error.h"

#include <stdbool.h>

enum { LAGGARD_HEARERS = 50, LAGGARD_MESSAGES = 240, LAGGARD_PAUSE_MS = 50 };

// Of the messages before, and of those while it was frozen.
typedef struct {
  double p50_ms, p99_ms; // from said to heard, by all but that one
  double memory;         // the most that a broker had for itself, KiB
} laggard_half_t;

typedef struct {
  laggard_half_t before, frozen;
  double frozen_ms, caught_up_ms; // for how long; from then on until it had heard all
  unsigned missing;               // processes that did not hear each message once, in order
} bench_laggard_t;

// `self` is zero. Runs below the directory `parent`; afterwards nothing is left. Whether it went well is for
// bench_laggard_broken.
troupe_err_t bench_laggard_run (bench_laggard_t *self, const char *parent, troupe_error_t *error);
bool bench_laggard_broken (const bench_laggard_t *self);

void bench_laggard_print (const bench_laggard_t *self);
json_t *bench_laggard_json (const bench_laggard_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench repair`: how many bytes of replies are read a second, side by side with jansson, which only parses:
// JSON as it should be, the same with something wrong everywhere, and replies that are made to cost much. Of those the
// size is doubled step by step: time that more than doubles with it would be a way to hold a process.
#ifndef CLI_BENCH_REPAIR_H
#define CLI_BENCH_REPAIR_H

#include "troupe/error.h"

#include <jansson.h>

enum {
  BENCH_REPAIR_ROUNDS_MAX = 100,
  BENCH_REPAIR_PLAIN = 3,      // sizes of a reply
  BENCH_REPAIR_KINDS = 3,      // ways to read each
  BENCH_REPAIR_HOSTILE = 32,   // at most
  BENCH_REPAIR_STEPS = 5,      // sizes, each twice the one before
  BENCH_REPAIR_FIRST = 1 << 16 // bytes, of the first step
};

typedef struct {
  unsigned rounds;
  struct {
    size_t bytes;                                              // of the JSON as it should be
    double speed[BENCH_REPAIR_KINDS][BENCH_REPAIR_ROUNDS_MAX]; // MB/s: jansson, repair, repair of what is wrong
  } plain[BENCH_REPAIR_PLAIN];
  struct {
    const char *piece;                  // that is repeated
    double seconds[BENCH_REPAIR_STEPS]; // the fastest of the rounds
  } hostile[BENCH_REPAIR_HOSTILE];
  size_t hostile_count;
} bench_repair_t;

// `rounds` is set, all else zero. service_failed: time grows faster than the size.
troupe_err_t bench_repair_run (bench_repair_t *self, troupe_error_t *error);

// For people, on standard output; and as JSON, a new object, NULL when out of memory.
void bench_repair_print (const bench_repair_t *self);
json_t *bench_repair_json (const bench_repair_t *self);

#endif

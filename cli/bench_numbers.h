// SPDX-License-Identifier: Apache-2.0
//
// The messages of `troupe bench hub`: texts of BENCH_BODY bytes, numbered from 1, each with the time at which it was
// said. A hearer takes each that it gets and so sees that all came, once and in their order. Those with the number 0
// are said before the measurement: who gets one is connected.
//
// Times are of CLOCK_MONOTONIC, which all processes of a machine share.
#ifndef CLI_BENCH_NUMBERS_H
#define CLI_BENCH_NUMBERS_H

#include "cli/bench_load.h"

typedef struct {
  uint64_t count;    // the last number
  uint64_t received; // how many have come, of whatever number but 0
  uint64_t wrong;    // of them: not the one behind the last
  uint64_t next;
  int64_t last;   // when the last number came
  json_t *waits;  // microseconds from said to received, of each, when that is asked for; else NULL
  bool connected; // a 0 has come
} bench_numbers_t;

// From the role's parameters "count" and "waits". bad_argument, no_memory.
troupe_err_t bench_numbers_init (bench_numbers_t *self, const json_t *parameters, troupe_error_t *error);
void bench_numbers_free (bench_numbers_t *self);
// Takes one, and says on standard output when the first 0 has come, and what was seen when the last number has.
void bench_numbers_take (bench_numbers_t *self, const char *text, size_t size);

// The text with this number, said now, terminated.
void bench_numbers_write (char text[BENCH_BODY + 1], uint64_t number);
int64_t bench_numbers_now (void); // nanoseconds
// Says when the first one was said and when the last one was away, or stored.
void bench_numbers_tell (int64_t start, int64_t last);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Which part is harmed next, how, and for how long: all of it from the seed, so that the same seed harms the same parts
// at the same times again (what the operating system makes of it differs).
#ifndef CLI_BENCH_CHAOS_FAULT_H
#define CLI_BENCH_CHAOS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t state;
  int64_t longest_ms; // of a freeze
} chaos_chance_t;

typedef struct {
  int64_t after_ms; // the one before
  unsigned part;    // of `parts`
  bool freeze;      // else it is killed
  int64_t ms;       // until it is brought back
  bool alone;       // nothing else is harmed then, nor shortly before and after: to see what this one does
} chaos_fault_t;

chaos_fault_t chaos_fault_next (chaos_chance_t *self, unsigned parts);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What the brokers count, summed up over their lives: asked of them twice a second, so that what one counted in its
// last half second before it was killed is missing.
#ifndef CLI_BENCH_CHAOS_COUNTS_H
#define CLI_BENCH_CHAOS_COUNTS_H

#include "cli/bench_chaos_cast.h"
#include "troupe/node.h"

typedef enum {
  CHAOS_REPEATED, // calls that came again and were known
  CHAOS_FENCED,   // outcomes of attempts that were over
  CHAOS_LOST,     // attempts whose worker was lost
  CHAOS_TAKEN,    // calls taken over from another broker
  CHAOS_RECOVERED,
  CHAOS_COUNTS
} chaos_count_t;

typedef struct {
  troupe_node_t *node;
  bool asking;
  int64_t due;
  uint64_t sums[CHAOS_COUNTS];
  uint64_t last[CHAOS_BROKERS][CHAOS_COUNTS]; // of the life that a broker is in
} chaos_counts_t;

troupe_err_t chaos_counts_open (chaos_counts_t *self, troupe_loop_t *loop, troupe_error_t *error);
void chaos_counts_close (chaos_counts_t *self);
// To be called often.
void chaos_counts_look (chaos_counts_t *self, int64_t now);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// How long callers stood still, and which fault it was: the times between two answers that a caller got. One that is
// longer than usual counts for a fault if no other fault was there then or shortly before.
#ifndef CLI_BENCH_CHAOS_STALL_H
#define CLI_BENCH_CHAOS_STALL_H

#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_parts.h"

enum { CHAOS_FAULTS_KEPT = 64 };

typedef struct {
  chaos_kind_t kind;
  bool freeze;
  const chaos_part_t *part;
  int64_t start, end; // end 0: it goes on
} chaos_span_t;

typedef struct {
  unsigned count; // of faults
  unsigned alone; // of times that callers stood still for one of them alone
  int64_t worst;  // the longest such time, ms
} chaos_stalls_of_t;

typedef struct {
  chaos_span_t spans[CHAOS_FAULTS_KEPT]; // a ring
  unsigned spans_count;                  // ever
  uint64_t settled[CHAOS_CALLERS_MAX], all;
  int64_t since[CHAOS_CALLERS_MAX], all_since;
  int64_t longest, quiet;               // of all callers together; of one, while nothing was harmed. ms
  chaos_stalls_of_t of[CHAOS_KINDS][2]; // [freeze]
} chaos_stalls_t;

void chaos_stalls_begin (chaos_stalls_t *self, int64_t now);
void chaos_stalls_fault (chaos_stalls_t *self, const chaos_part_t *part, bool freeze, int64_t now);
// To be called often: sees which parts are well again, and who has gone on.
void chaos_stalls_look (chaos_stalls_t *self, const chaos_board_t *board, int64_t now);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench chaos` and `troupe bench soak` run on: a directory, the parts of a mesh, and callers.
#ifndef CLI_BENCH_CHAOS_STAGE_H
#define CLI_BENCH_CHAOS_STAGE_H

#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_parts.h"
#include "cli/bench_chaos_store.h"
#include "cli/bench_field.h"

typedef struct {
  uint64_t calls, messages; // on the board, of all callers together
  int64_t ms;               // over which they are spread; 0: as fast as they go
  bool endless;             // they go on after that, at the same pace, and nothing is remembered
  const char *fsync, *retention;
} chaos_play_t;

typedef struct {
  bench_field_t field;
  chaos_parts_t parts;
  chaos_board_t board;
  chaos_store_t store;
  bench_member_t callers[CHAOS_CALLERS_MAX];
  unsigned callers_count;
} chaos_stage_t;

// Starts everything, and returns when the callers stand ready. chaos_stage_close is due whatever comes of it.
troupe_err_t chaos_stage_open (chaos_stage_t *self, const chaos_play_t *play, const char *parent,
                               troupe_error_t *error);
void chaos_stage_close (chaos_stage_t *self);
// Gives the callers the word.
troupe_err_t chaos_stage_go (chaos_stage_t *self, troupe_error_t *error);
// A turn of the loop, some milliseconds; parts are healed. cancelled: interrupted. service_died: a caller has ended.
troupe_err_t chaos_stage_turn (chaos_stage_t *self, troupe_error_t *error);
// Whether every caller has said that it is done.
bool chaos_stage_done (const chaos_stage_t *self);

#endif

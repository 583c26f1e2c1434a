// SPDX-License-Identifier: Apache-2.0
//
// A caller of `troupe bench chaos` and `troupe bench soak`, for its own files only: bench_chaos_caller.c, what becomes
// of a number, and bench_chaos_speaker.c, what is said in hubs.
#ifndef CLI_BENCH_CHAOS_CALLER_H
#define CLI_BENCH_CHAOS_CALLER_H

#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_cast.h"
#include "cli/bench_end.h"
#include "troupe/hub.h"

typedef struct chaos_caller chaos_caller_t;

typedef struct {
  chaos_caller_t *caller;
  chaos_entry_t *entry;
  uint64_t number; // 0: free
  int64_t due;     // when it is made anew, if nothing is under way
  troupe_placeholder_t *placeholder;
} chaos_slot_t;

struct chaos_caller {
  bench_end_t end;
  chaos_board_t board;
  unsigned index;
  bool speaks, endless, running, told;
  uint64_t count, begun, ended;
  uint64_t ms; // over which the numbers are spread; 0: as fast as it goes
  int64_t start;
  chaos_slot_t slots[CHAOS_IN_FLIGHT];
  troupe_hub_t *hubs[CHAOS_HUBS]; // the first speaker's
  troupe_id_t ids[CHAOS_HUBS];
  troupe_placeholder_t *opened[CHAOS_HUBS];
  unsigned opened_count;
  troupe_error_t *error;
};

// The caller can't go on.
void chaos_caller_fail (chaos_caller_t *self, const troupe_error_t *error);
// Makes the call of a slot; `input` is given up.
troupe_err_t chaos_caller_call (chaos_slot_t *slot, troupe_call_t *call, json_t *input, troupe_error_t *error);
// {"c": caller, "n": number}
json_t *chaos_caller_numbered (const chaos_slot_t *slot);

// Makes the message of a slot: into one hub after the other.
troupe_err_t chaos_speaker_make (chaos_slot_t *slot, troupe_error_t *error);
// Takes the hubs that another speaker has opened, or opens them, and says so once they are there.
troupe_err_t chaos_speaker_open (chaos_caller_t *self, const json_t *parameters, troupe_error_t *error);
void chaos_speaker_close (chaos_caller_t *self);

#endif

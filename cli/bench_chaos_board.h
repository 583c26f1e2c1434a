// SPDX-License-Identifier: Apache-2.0
//
// The board of `troupe bench chaos`: one file that all of its processes map, with an entry for each numbered call and
// message. Callers write what they made and what they were told; workers write what they ran. A process that is killed
// leaves what it has written, so the checker sees it all.
//
// Callers are numbered from 0, what each makes from 1.
#ifndef CLI_BENCH_CHAOS_BOARD_H
#define CLI_BENCH_CHAOS_BOARD_H

#include "troupe/error.h"

#include <stdatomic.h>
#include <stdint.h>

enum {
  CHAOS_CALLERS_MAX = 16,
  CHAOS_NUMBERS_MAX = 100 * 1000 * 1000 // of one caller: 4 GB of a board
};

// What a caller was told of a number, the last thing.
typedef enum {
  CHAOS_NOTHING,
  CHAOS_MADE,      // sent, perhaps
  CHAOS_STORED,    // accepted
  CHAOS_VALUE,     // settled with a value
  CHAOS_CANCELLED, // settled as cancelled
  CHAOS_FAILED,    // accepted, and settled as an error
  CHAOS_MAYBE      // an error, and whether it had been accepted isn't known
} chaos_told_t;

typedef struct {
  _Atomic uint32_t runs; // attempts that a worker began
  _Atomic uint32_t pays; // how often its nested call was run
  _Atomic uint64_t paid; // what the nested call gave to the first attempt that got it; 0: to none yet
  uint64_t value;        // what the caller was told
  uint32_t refused;      // how often it was refused, and made anew
  uint16_t code;         // of the last error
  uint8_t told;          // a chaos_told_t
  bool cancels;          // the caller asked for its cancellation
  bool once;             // the caller asked for one attempt at most
  bool again;            // told of an outcome more than once
} chaos_entry_t;

typedef struct {
  unsigned callers;
  uint64_t counts[CHAOS_CALLERS_MAX];          // entries of each
  _Atomic uint64_t begun[CHAOS_CALLERS_MAX];   // made so far
  _Atomic uint64_t settled[CHAOS_CALLERS_MAX]; // ended so far
  _Atomic uint64_t reused, contradicted;       // outcomes of nested calls that a later attempt got again; other ones
} chaos_head_t;

typedef struct {
  chaos_head_t *head; // NULL: not open
  chaos_entry_t *entries;
  uint64_t starts[CHAOS_CALLERS_MAX];
  size_t size;
} chaos_board_t;

// A new file for so many entries of each caller; or one that is there. io, too_large.
troupe_err_t chaos_board_make (chaos_board_t *self, const char *path, const uint64_t *counts, unsigned callers,
                               troupe_error_t *error);
troupe_err_t chaos_board_open (chaos_board_t *self, const char *path, troupe_error_t *error);
void chaos_board_close (chaos_board_t *self);

// The entry of a number; those beyond the last one begin again with the first. NULL: no such caller, or number 0.
chaos_entry_t *chaos_board_entry (const chaos_board_t *self, uint64_t caller, uint64_t number);

#endif

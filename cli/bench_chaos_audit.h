// SPDX-License-Identifier: Apache-2.0
//
// The checker: what callers were told, next to what Redis holds when all is over, and to what workers did.
#ifndef CLI_BENCH_CHAOS_AUDIT_H
#define CLI_BENCH_CHAOS_AUDIT_H

#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_store.h"

enum { CHAOS_CODES_MAX = 64 };

// Figures of calls and messages together, unless it says otherwise. A promise is broken when one of the last nine
// isn't 0.
typedef struct {
  uint64_t made, accepted, settled;
  uint64_t values, cancelled, maybe;
  uint64_t refused;                  // times
  uint64_t reruns;                   // attempts beyond the first of a call
  uint64_t payments, payments_again; // nested calls that ran, and how often one ran again
  uint64_t reused;                   // outcomes that a later attempt got out of the journal
  uint64_t given_up;                 // calls that may be attempted once only, and failed because that one was lost
  uint64_t heard;                    // messages in the memories of all members
  uint64_t failures[CHAOS_CODES_MAX], maybes[CHAOS_CODES_MAX]; // by the error's code

  uint64_t lost;         // accepted, and without an outcome; or with one that isn't remembered
  uint64_t failed;       // settled as an error
  uint64_t twice;        // told of two outcomes, or of one that another attempt remembered
  uint64_t repeated;     // more than once in one memory
  uint64_t invented;     // remembered, though refused, cancelled or never made
  uint64_t disordered;   // calls of one caller behind later ones of the same
  uint64_t differing;    // places at which two members heard different messages
  uint64_t overrun;      // attempted more than once, though the caller asked for once
  uint64_t contradicted; // nested calls that gave one attempt this and another one that
} chaos_figures_t;

// Waits until the members of hubs have heard all that was said, and reads everything. store_unavailable, no_memory.
troupe_err_t chaos_audit (chaos_figures_t *out, const chaos_board_t *board, chaos_store_t *store,
                          troupe_error_t *error);
// Whether a promise is broken.
bool chaos_audit_broken (const chaos_figures_t *figures);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Headers to test with, made from the tables of protocol.def: with any fields, at their limits or beyond. Raw headers
// are packed by msgpack-c, which knows nothing of ours, so that a mistake in encoder and decoder alike shows.
#ifndef WIRE_SAMPLE_H
#define WIRE_SAMPLE_H

#include "wire/protocol.h"

#include <msgpack.h>

typedef enum {
  SAMPLE_LEAST, // the smallest that its type allows
  SAMPLE_MOST,  // at its limit
  SAMPLE_BELOW, // one less than the smallest; for types that have no less: as SAMPLE_WRONG
  SAMPLE_ABOVE, // one more than its limit
  SAMPLE_WRONG  // of another type
} sample_t;

// Fills `fields` (TROUPE_F bits) of a header with least or most.
void sample_header (troupe_header_t *out, unsigned command, uint64_t fields, sample_t sample);
// Packs such a header; field `special` (0: none) as `spoiled` says.
void sample_pack (msgpack_sbuffer *out, unsigned command, uint64_t fields, sample_t sample, unsigned special,
                  sample_t spoiled);
// A number that depends on `state` alone.
uint64_t sample_random (uint64_t *state);
// TROUPE_SEED, or one of the clock's.
uint64_t sample_seed (void);

#endif

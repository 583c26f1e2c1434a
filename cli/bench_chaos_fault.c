// SPDX-License-Identifier: Apache-2.0
//
// The faults of `troupe bench chaos` (bench_chaos_fault.h). Freezes are short as a rule and long now and then: the
// short ones end before anybody has noticed, those of about a lease while the others take over, the long ones when all
// is done.
#include "cli/bench_chaos_fault.h"

enum {
  PAUSE_LEAST_MS = 500,
  PAUSE_MOST_MS = 4000,
  FREEZE_LEAST_MS = 1000,
  DOWN_MOST_MS = 2000,
  ALONE_EVERY = 4 // faults: one that is the only one for a while
};

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
static uint64_t
draw (chaos_chance_t *self)
{
  uint64_t z = self->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double
fraction (chaos_chance_t *self)
{
  return (double)(draw (self) >> 11) / 9007199254740992.0;
}

chaos_fault_t
chaos_fault_next (chaos_chance_t *self, unsigned parts)
{
  chaos_fault_t fault = {.part = (unsigned)(draw (self) % parts)};
  fault.after_ms = PAUSE_LEAST_MS + (int64_t)(fraction (self) * (PAUSE_MOST_MS - PAUSE_LEAST_MS));
  fault.freeze = draw (self) % 2 == 0;
  fault.alone = draw (self) % ALONE_EVERY == 0;
  double length = fraction (self);
  fault.ms = fault.freeze
               ? FREEZE_LEAST_MS + (int64_t)(length * length * length * (double)(self->longest_ms - FREEZE_LEAST_MS))
               : (int64_t)(length * DOWN_MOST_MS) + 1;
  return fault;
}

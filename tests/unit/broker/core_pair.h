// SPDX-License-Identifier: Apache-2.0
//
// Two brokers with one store, on stages of their own, for tests. Each has the same caller and the same instance, which
// serves agent/alice (an actor) and tool/echo.
#ifndef UNIT_BROKER_CORE_PAIR_H
#define UNIT_BROKER_CORE_PAIR_H

#include "core_rig.h"

enum { TERM = 2500 }; // of a broker's lease

extern stage_t *first, *second;

void core_pair_open (void);
// Also after a test has ended one of them.
void core_pair_close (void);
// The peers come to another broker.
void core_pair_join (stage_t *broker);

// Time passes for a broker, and its peers stay.
void core_pair_live (stage_t *broker, int64_t ms);
// Of session "s". The store has answered when these return.
void core_pair_call (stage_t *broker, unsigned number, const char *service);
void core_pair_settle (stage_t *broker, unsigned number, unsigned attempt);
// The attempt of the oldest offer to the instance, taken; 0: none.
uint64_t core_pair_offered (stage_t *broker);

#endif

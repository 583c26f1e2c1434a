// SPDX-License-Identifier: Apache-2.0
//
// What the store has lost, and this broker knows of.
#ifndef BROKER_LOSSES_H
#define BROKER_LOSSES_H

#include "broker/state.h"

// The store is there again, with another history (ledger.h, "Generations").
void losses_store_changed (broker_core_t *core, uint64_t generation);
// It has seen the call in the store; since when its history has changed, that is no longer certain.
void losses_seen (const broker_core_t *core, call_t *call);
// Whether the call was there before the store's history changed.
bool losses_explain (const broker_core_t *core, const call_t *call);
// The call was stored, and the store doesn't have it any more: whoever waits is told, and who runs it is stopped.
void losses_end (broker_core_t *core, call_t *call);
// The store has an earlier attempt of the call than this broker (0: its turn has not come). The next one begins, under a
// number that none of them had.
void losses_roll_back (broker_core_t *core, call_t *call, uint32_t attempt);

void losses_on_time (broker_core_t *core);
int64_t losses_due (const broker_core_t *core);

#endif

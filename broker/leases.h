// SPDX-License-Identifier: Apache-2.0
//
// This broker's lease, and those of the others: whose calls are taken over.
#ifndef BROKER_LEASES_H
#define BROKER_LEASES_H

#include "broker/state.h"

// The store is there: renews the lease first of all, and gives the others time to do the same.
void leases_on_up (broker_core_t *core);
void leases_on_time (broker_core_t *core);
int64_t leases_due (const broker_core_t *core);
void leases_result (broker_core_t *core, const ledger_result_t *result);
// A request for a slot of core->lapsed has ended; `done`: nothing of that broker's is left in the slot.
void leases_slot_taken (broker_core_t *core, unsigned slot, bool done);

// A peer has lost its connection to the broker of that name.
void leases_suspect (broker_core_t *core, troupe_text_t name);

#endif

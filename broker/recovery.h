// SPDX-License-Identifier: Apache-2.0
//
// What is done for whole slots: sweeping deadlines, and taking up this broker's open calls again.
#ifndef BROKER_RECOVERY_H
#define BROKER_RECOVERY_H

#include "broker/state.h"

// The first time that the store is there: reads every slot.
void recovery_on_up (broker_core_t *core);
// Sweeps the next slot, and reads slots again whose turn has come.
void recovery_on_time (broker_core_t *core);
int64_t recovery_due (const broker_core_t *core);
// Reads the session's slot, because of a call whose turn has come and whose input isn't here.
void recovery_read_slot (broker_core_t *core, const char *session);
// This broker's lease had run out: reads every slot, and gives up what is held and not found there.
void recovery_doubt (broker_core_t *core);
// Takes a slot of core->lapsed over.
void recovery_take_over (broker_core_t *core, unsigned slot);
void recovery_result (broker_core_t *core, const ledger_result_t *result);
// A call that the store has just made, and that is this broker's to offer.
void recovery_begin (broker_core_t *core, const ledger_call_t *stored);
// The next call of a mailbox: settle's, or a notice's.
void recovery_next (broker_core_t *core, const ledger_call_t *next);

#endif

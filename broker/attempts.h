// SPDX-License-Identifier: Apache-2.0
//
// Running a stored call: its turn, its attempts, what they stream.
#ifndef BROKER_ATTEMPTS_H
#define BROKER_ATTEMPTS_H

#include "broker/state.h"

// What the ledger says of a call whose turn has come.
attempt_t attempts_of_result (const broker_core_t *core, const ledger_result_t *result);
attempt_t attempts_of_call (const broker_core_t *core, const ledger_call_t *call);
// Its turn has come, and the attempt has not been offered to anybody.
void attempts_begin (broker_core_t *core, call_t *call, const attempt_t *attempt);
// Its turn has come, and an earlier life of this broker may have offered the attempt: waits for whoever runs it to come
// back, and begins the next one when none does.
void attempts_resume (broker_core_t *core, call_t *call, const attempt_t *attempt);
// This broker took the call over, and the attempt has not been offered to anybody; the one before it may be running.
void attempts_take_over (broker_core_t *core, call_t *call, const attempt_t *attempt);
// Another broker offers the call now: stops what runs here, and asks how it stands.
void attempts_give_up (broker_core_t *core, call_t *call);
// It is nobody's here any more.
void attempts_stop (broker_core_t *core, call_t *call);
// Begins the next attempt: what runs here now can't settle it.
void attempts_begin_next (broker_core_t *core, call_t *call);
// The instance of `peer` that ran it, or was to be offered it, was lost. `how`: it may have died; NULL: it left.
void attempts_lost (broker_core_t *core, call_t *call, const peer_t *peer, const char *how);
// What the ledger is to know of a death under the call, when the next attempt is asked for; false: there was none.
bool attempts_fill_death (const broker_core_t *core, const call_t *call, ledger_death_t *death);
// The first second is over: what nobody runs is retried.
void attempts_settled_in (broker_core_t *core);
// This peer runs that attempt of the call: it was offered to it here, or it speaks of an orphan.
bool attempts_runs (broker_core_t *core, call_t *call, const peer_t *peer, uint64_t attempt);
void attempts_on_part (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void attempts_result (broker_core_t *core, call_t *call, const ledger_result_t *result);

#endif

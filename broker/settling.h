// SPDX-License-Identifier: Apache-2.0
//
// Taking outcomes to the ledger, and what comes of it.
#ifndef BROKER_SETTLING_H
#define BROKER_SETTLING_H

#include "broker/state.h"

void settling_on_settle (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Answers one that can't be taken.
void settling_refuse (broker_core_t *core, peer_t *peer, const troupe_header_t *header, const troupe_error_t *error);
void settling_result (broker_core_t *core, call_t *call, const ledger_result_t *result);
// Its outcome holds: tells everyone, and forgets the call.
void settling_done (broker_core_t *core, call_t *call);
// Fill `error` and return its code: another attempt owns the call; there is no such call.
troupe_err_t settling_stale (troupe_error_t *error);
troupe_err_t settling_unknown (troupe_error_t *error);

#endif

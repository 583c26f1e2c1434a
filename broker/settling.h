// SPDX-License-Identifier: Apache-2.0
//
// How calls end: by their instance, their caller, their deadline, or because too many instances died under them.
#ifndef BROKER_SETTLING_H
#define BROKER_SETTLING_H

#include "broker/state.h"

void settling_on_settle (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void settling_on_cancel (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Its deadline has passed.
void settling_expire (broker_core_t *core, call_t *call);
// Ends it by an error of the broker's own: CANCELLED, DEADLINE, or ERROR for `attempt`. Nothing happens when it has an
// outcome already.
void settling_end (broker_core_t *core, call_t *call, troupe_status_t status, uint32_t attempt,
                   const troupe_error_t *error);
// It has settled: tells everyone and forgets it.
void settling_finish (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value);
// The store doesn't know it (any more): tells everyone and forgets it.
void settling_vanished (broker_core_t *core, call_t *call);
void settling_clear_outcome (call_t *call);

void settling_result (broker_core_t *core, call_t *call, const ledger_result_t *result);

#endif

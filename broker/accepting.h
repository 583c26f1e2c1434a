// SPDX-License-Identifier: Apache-2.0
//
// From CALL until the call is stored.
#ifndef BROKER_ACCEPTING_H
#define BROKER_ACCEPTING_H

#include "broker/state.h"

void accepting_on_call (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Held calls of a service that has an instance now: stores them.
void accepting_service_appeared (broker_core_t *core, service_t *service);
// The first second is over: refuses held calls that only waited for instances to come back.
void accepting_settled_in (broker_core_t *core);
// The ledger knows, or doesn't know, a call that is held.
void accepting_held_unknown (broker_core_t *core, call_t *call);
void accepting_held_known (broker_core_t *core, call_t *call);
// One that may be held, or being stored, is in the store as this broker's.
void accepting_found (broker_core_t *core, call_t *call);
// The same for one that is in doubt.
void accepting_doubt_unknown (broker_core_t *core, call_t *call);
void accepting_doubt_known (broker_core_t *core, call_t *call);
void accepting_result (broker_core_t *core, call_t *call, const ledger_result_t *result);

#endif

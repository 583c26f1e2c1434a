// SPDX-License-Identifier: Apache-2.0
//
// Reading along of a call: here, or of one that another broker offers.
#ifndef BROKER_STREAMING_H
#define BROKER_STREAMING_H

#include "broker/state.h"

// Somebody here reads along.
bool streaming_wanted (const call_t *call);
// The instance that runs it here shall send parts from now on.
void streaming_begin (broker_core_t *core, const call_t *call);
// The ledger says that another broker offers it: asks whoever may be running it, if it is connected, for the parts.
void streaming_ask (broker_core_t *core, call_t *call, const ledger_result_t *result);
// Whether this peer may send parts of that attempt of a call that doesn't run here.
bool streaming_takes (const broker_core_t *core, const call_t *call, const peer_t *peer, uint64_t attempt);

#endif

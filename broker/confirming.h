// SPDX-License-Identifier: Apache-2.0
//
// Instances hear that what they settled is stored.
#ifndef BROKER_CONFIRMING_H
#define BROKER_CONFIRMING_H

#include "broker/state.h"

// Tells the instance that its outcome was stored; of an observe call in a busy hub perhaps a little later,
// unless the instance is about to leave.
void confirming_tell (broker_core_t *core, call_t *call);
// Tells a peer what it has not been told yet. (answer.c does it before anything else is sent to the peer.)
void confirming_tell_left (broker_core_t *core, peer_t *peer);
void confirming_on_time (broker_core_t *core);
int64_t confirming_due (const broker_core_t *core);

#endif

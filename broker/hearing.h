// SPDX-License-Identifier: Apache-2.0
//
// Whose key may listen to what is published of a hub.
#ifndef BROKER_HEARING_H
#define BROKER_HEARING_H

#include "broker/state.h"

// The peer has been offered a call of an actor that is in the hub.
void hearing_offered (broker_core_t *core, peer_t *peer, const troupe_id_t *hub);
// Whether a peer of that identity has.
bool hearing_allows (const broker_core_t *core, const troupe_identity_t *identity, const troupe_id_t *hub);
// The peer ends.
void hearing_forget (broker_core_t *core, peer_t *peer);

#endif

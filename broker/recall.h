// SPDX-License-Identifier: Apache-2.0
//
// Reading an actor's memory, and what it has to hear, for the instance that runs its call.
#ifndef BROKER_RECALL_H
#define BROKER_RECALL_H

#include "broker/inquiry.h"

// RECALL, HEAR.
void recall_on_recall (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Tells who asked. False: that was all.
bool recall_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Reading an actor's memory, and what it has to hear, for the instance that runs its call.
#ifndef BROKER_RECALL_H
#define BROKER_RECALL_H

#include "broker/state.h"

void recall_on_recall (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void recall_result (broker_core_t *core, const ledger_result_t *result);
// When the core ends.
void recall_clear (broker_core_t *core);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Which instance gets a call whose turn has come.
#ifndef BROKER_PLACEMENT_H
#define BROKER_PLACEMENT_H

#include "broker/state.h"

// The call's turn has come: it is offered, or queues for credit; `front`: it had been offered before.
void placement_queue (broker_core_t *core, call_t *call, bool front);
// Takes a queued call out.
void placement_withdraw (call_t *call);
// Offers what is queued as long as there is credit.
void placement_dispatch (broker_core_t *core, service_t *service);

#endif

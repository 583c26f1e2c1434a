// SPDX-License-Identifier: Apache-2.0
//
// Which instance gets a call whose turn has come.
#ifndef BROKER_PLACEMENT_H
#define BROKER_PLACEMENT_H

#include "broker/state.h"

// The call's turn has come: it is offered, or queues for credit; `front`: it had been offered before.
void placement_queue (broker_core_t *core, call_t *call, bool front);
// Its instance was lost before it was offered to that.
void placement_lost (broker_core_t *core, call_t *call);
// Takes a placed call out.
void placement_leave (broker_core_t *core, call_t *call);
// A placed call: asks for what is missing, or offers it.
void placement_continue (broker_core_t *core, call_t *call);
// The ledger's answer about the owner, or with the inputs' values.
void placement_result (broker_core_t *core, call_t *call, const ledger_result_t *result);
// How many calls wait for credit, as the protocol's QUEUE.
uint64_t placement_queue_of (const service_t *service);
// Tells an instance.
void placement_report (broker_core_t *core, instance_t *instance);
// A waiter has said that it runs the call: if that is queued, it goes there.
void placement_runs_on (broker_core_t *core, call_t *call);
// Takes a queued call out.
void placement_withdraw (call_t *call);
// Offers what is queued as long as there is credit.
void placement_dispatch (broker_core_t *core, service_t *service);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Requests to the ledger for calls: one at a time for each, made again when the store lost them.
#ifndef BROKER_ASKING_H
#define BROKER_ASKING_H

#include "broker/state.h"

// Asks for what the call needs next, unless something is being asked already:
// its outcome stored > its input accepted > how it stands > its next attempt > what it is to be offered
// with.
void asking_continue (broker_core_t *core, call_t *call);
// Asks that, of a call for which nothing is being asked.
void asking_for (broker_core_t *core, call_t *call, ledger_op_t op);
// Forgets the request that is under way; its result will be ignored.
void asking_abandon (broker_core_t *core, call_t *call);
// Makes the request again when the store is back, or after a while.
void asking_again (broker_core_t *core, call_t *call, const ledger_result_t *result);
// The request that is under way waits for the store.
bool asking_waits (const call_t *call);

void asking_on_result (broker_core_t *core, const ledger_result_t *result);
// The store is there, and knows this broker.
void asking_on_up (broker_core_t *core);
void asking_on_time (broker_core_t *core);
// Counts and makes a request that is no call's.
void asking_request (broker_core_t *core, const ledger_request_t *request);

// What a token stands for.
typedef enum {
  ASKING_CALL,
  ASKING_SLOT,
  ASKING_LEASE,
  ASKING_ROUSE,
  ASKING_INQUIRY
} asking_kind_t;
enum { ASKING_KIND_BITS = 3 }; // the kind's place in a token
uint64_t asking_token (broker_core_t *core, asking_kind_t kind);

#endif

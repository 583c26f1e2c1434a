// SPDX-License-Identifier: Apache-2.0
//
// Members of hubs hear what is said without being called: the store is asked to make observe calls for them.
#ifndef BROKER_ROUSING_H
#define BROKER_ROUSING_H

#include "broker/state.h"

// Asks for the hubs that a result names.
void rousing_wanted (broker_core_t *core, const ledger_result_t *result);
void rousing_result (broker_core_t *core, const ledger_result_t *result);
void rousing_on_time (broker_core_t *core);
int64_t rousing_due (const broker_core_t *core);
void rousing_clear (broker_core_t *core);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Members of hubs hear what is said without being called: the store is asked to make observe calls for them.
#ifndef BROKER_ROUSING_H
#define BROKER_ROUSING_H

#include "broker/state.h"

// Asks for the hubs that a result names.
void rousing_wanted (broker_core_t *core, const ledger_result_t *result);
// What is about to be asked of the store may be heard in this hub.
void rousing_ahead (broker_core_t *core, const char *session, const troupe_id_t *hub);
// An observe call for what was said in this hub has settled.
void rousing_heard (broker_core_t *core, const troupe_id_t *hub);
void rousing_result (broker_core_t *core, const ledger_result_t *result);
void rousing_on_time (broker_core_t *core);
// Until when nobody is roused to hear the hub, since it is busy: until its rest is over; or, when that is over, and the
// store has been asked who is to hear, for `asked_ms`, since that is not known. 0: it isn't busy.
int64_t rousing_rests_until (const broker_core_t *core, const troupe_id_t *hub, int64_t asked_ms);
int64_t rousing_due (const broker_core_t *core);
void rousing_clear (broker_core_t *core);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Sessions: that one ends.
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "broker/inquiry.h"

// Of END: tells who asked. True: the store has ended a part of it, or looked for a part of its calls.
bool sessions_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result);
// END: ends it; with the volatile flag, only those of its calls that the store doesn't know.
void sessions_on_end (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);

#endif

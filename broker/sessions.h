// SPDX-License-Identifier: Apache-2.0
//
// Sessions: which there are, and that one ends.
#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "broker/state.h"

// SESSIONS, END.
void sessions_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void sessions_result (broker_core_t *core, const ledger_result_t *result);
void sessions_clear (broker_core_t *core);

#endif

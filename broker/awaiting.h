// SPDX-License-Identifier: Apache-2.0
//
// Those who wait for a call to settle.
#ifndef BROKER_AWAITING_H
#define BROKER_AWAITING_H

#include "broker/state.h"

void awaiting_on_await (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// The peer waits for the call from now on, if it didn't yet. `of`: CALL or AWAIT. overloaded, no_memory.
troupe_err_t awaiting_join (broker_core_t *core, call_t *call, peer_t *peer, troupe_command_t of, bool stream,
                            troupe_error_t *error);
// A waiter goes, and takes the call with it when it was there for its waiters only.
void awaiting_leave (broker_core_t *core, waiter_t *waiter);
// The same for the peer's wait for that call, if there is one.
void awaiting_quit (broker_core_t *core, call_t *call, const peer_t *peer);
// Forgets them all.
void awaiting_clear (call_t *call);
// Tells those who called, and don't know it yet, that the call is stored.
void awaiting_tell_accepted (broker_core_t *core, call_t *call);
// Tells all how it ended; and, those who called, first that it was stored.
void awaiting_tell_settled (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value);
// Tells all that what they asked for was refused.
void awaiting_tell_refused (broker_core_t *core, call_t *call, const troupe_error_t *error);
// Tells those who called, and don't know that it is stored, that they were refused (`error` NULL: nothing), and forgets
// them, unless they await it as well.
void awaiting_refuse_untold (broker_core_t *core, call_t *call, const troupe_error_t *error);
// Of the waiter to be checked next; zero: none.
troupe_id_t awaiting_unchecked (const call_t *call);
// Sends a part to all who read along.
void awaiting_send_part (broker_core_t *core, const call_t *call, const troupe_header_t *header, troupe_buffer_t *body);

void awaiting_result (broker_core_t *core, call_t *call, const ledger_result_t *result);

#endif

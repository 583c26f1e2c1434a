// SPDX-License-Identifier: Apache-2.0
//
// Volatile calls: of which nothing is stored.
#ifndef BROKER_UNSTORED_H
#define BROKER_UNSTORED_H

#include "broker/state.h"

// Whether a volatile call may be taken as it is: not of an actor, and without inputs. bad_argument.
troupe_err_t unstored_check (const broker_core_t *core, const troupe_header_t *header, troupe_error_t *error);
// From now on it is a volatile one.
void unstored_prepare (broker_core_t *core, call_t *call);
// Nobody waits for it any more: it ends soon, unless its caller comes back. And it has.
void unstored_left (broker_core_t *core, call_t *call);
void unstored_joined (broker_core_t *core, call_t *call);
// Cancels those of a session; how many there were.
size_t unstored_end_session (broker_core_t *core, const char *session);
// Does what the call needs next, in the place of asking_continue.
void unstored_continue (broker_core_t *core, call_t *call);
// A SETTLE of it is refused, and won't come again: when it is that of the attempt that runs, the error is its outcome.
void unstored_settle_refused (broker_core_t *core, const peer_t *peer, const troupe_header_t *header,
                              const troupe_error_t *error);
// Tells callers whose calls take long that they are here; and when that is due.
void unstored_on_time (broker_core_t *core);
int64_t unstored_due (const broker_core_t *core);

#endif

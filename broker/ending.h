// SPDX-License-Identifier: Apache-2.0
//
// How calls end otherwise than by their instance, and telling how they ended.
#ifndef BROKER_ENDING_H
#define BROKER_ENDING_H

#include "broker/state.h"

void ending_on_cancel (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Its deadline has passed.
void ending_expire (broker_core_t *core, call_t *call);
// Ends it by an error of the broker's own: CANCELLED, DEADLINE, or ERROR for `attempt`. Nothing happens when it has an
// outcome already.
void ending_begin (broker_core_t *core, call_t *call, troupe_status_t status, uint32_t attempt,
                   const troupe_error_t *error);
// It has settled: tells everyone and forgets it. An instance that brought another outcome is refused.
void ending_finish (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value);

// It will settle: nobody shall be offered it any more.
void ending_stop_offering (broker_core_t *core, call_t *call);
// Tells the instance that runs it to stop.
void ending_stop_instance (broker_core_t *core, const call_t *call);
// Tells the instance that brought the outcome that it wasn't taken, and forgets the outcome.
void ending_refuse_outcome (broker_core_t *core, call_t *call, const troupe_error_t *error);
void ending_clear_outcome (broker_core_t *core, call_t *call);

#endif

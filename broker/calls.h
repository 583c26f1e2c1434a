// SPDX-License-Identifier: Apache-2.0
//
// The life of a call, from CALL until it is stored. How it is run is in attempts.h, how it ends in settling.h, who waits
// for it in awaiting.h, what is asked of the ledger for it in asking.h.
//
//   CALL -> HELD (unknown service) -> ACCEPTING -> STORED -> QUEUED -> RUNNING -> settled: gone
//                                                    ^         ^         |
//                                       (mailbox: its turn)    +- RETRYING (instance lost)
#ifndef BROKER_CALLS_H
#define BROKER_CALLS_H

#include "broker/state.h"

call_t *calls_find (const broker_core_t *core, const troupe_id_t *id);
// A new call that has nothing but its id and session, in phase STORED. NULL: `error` says overloaded or no_memory.
// `limited`: counts against limits.open_calls.
call_t *calls_new (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, bool limited,
                   troupe_error_t *error);
// What an offer needs besides: service, input, path, trace.
typedef struct {
  troupe_text_t service;
  troupe_buffer_t *body;
  const troupe_id_t *path;
  uint32_t path_count;
  troupe_text_t trace; // data NULL: none
} call_content_t;
// Makes it whole. On failure (bad_argument, overloaded, no_memory) it is as before.
troupe_err_t calls_fill (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error);
// Forgets it, also that a request for it is under way. Its waiters are not told.
void calls_destroy (broker_core_t *core, call_t *call);
// Forgets it if nothing needs it any more.
void calls_drop_unneeded (broker_core_t *core, call_t *call);

void calls_on_call (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);

// Held calls of a service that has an instance now: accepts them.
void calls_service_appeared (broker_core_t *core, service_t *service);
// The first second is over: refuses held calls that only waited for instances to come back.
void calls_settled_in (broker_core_t *core);
// Its deadline, from now; 0: none has started.
void calls_set_deadline (broker_core_t *core, call_t *call, int64_t remaining);
// Ends a call that isn't stored: those who called are refused.
void calls_refuse (broker_core_t *core, call_t *call, const troupe_error_t *error);

void calls_accept_result (broker_core_t *core, call_t *call, const ledger_result_t *result);
// The ledger knows or doesn't know a call that is held: goes on with it.
void calls_held_unknown (broker_core_t *core, call_t *call);
void calls_held_known (broker_core_t *core, call_t *call);

#endif

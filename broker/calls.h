// SPDX-License-Identifier: Apache-2.0
//
// Calls: making, finding and forgetting them. How one is stored is in accepting.h, how it is run in attempts.h, how it
// ends in settling.h and ending.h, who waits for it in awaiting.h, what is asked of the ledger for it in asking.h.
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
// One that calls_find doesn't find, to settle something for somebody (settling.c).
call_t *calls_new_detached (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, troupe_error_t *error);
// What an offer needs besides: service, input, path, trace.
typedef struct {
  troupe_text_t service;
  troupe_buffer_t *body;
  const troupe_id_t *path;
  uint32_t path_count;
  const troupe_id_t *inputs;
  uint32_t inputs_count;
  const troupe_id_t *hubs;
  uint32_t hubs_count;
  troupe_id_t fan;
  troupe_text_t trace; // data NULL: none
  bool brief; // it won't be held for long: its body may stay where it was received
} call_content_t;
// Makes it whole. On failure (bad_argument, overloaded, no_memory, and those of hubs_prepare) it is as before.
troupe_err_t calls_fill (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error);
// Forgets it, also that a request for it is under way. Its waiters are not told.
void calls_destroy (broker_core_t *core, call_t *call);
// Forgets it if nothing needs it any more.
void calls_drop_unneeded (broker_core_t *core, call_t *call);

// Its deadline, from now; 0: none has started.
void calls_set_deadline (broker_core_t *core, call_t *call, int64_t remaining);
// Ends a call that isn't stored, or isn't known: all who wait for it are refused.
void calls_refuse (broker_core_t *core, call_t *call, const troupe_error_t *error);
// Ends one that this broker has not stored: those who called are refused. Who only awaits it knows of it from
// elsewhere, as a rule that it was stored: for them the store is asked. `error` NULL: nobody knows what became of it,
// so callers hear nothing.
void calls_refuse_callers (broker_core_t *core, call_t *call, const troupe_error_t *error);
// limits.* `what` is full, at `limit`; `error` may be NULL.
troupe_err_t calls_overloaded (broker_core_t *core, troupe_error_t *error, broker_queue_t queue, const char *what,
                               size_t limit);

#endif

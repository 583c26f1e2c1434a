// SPDX-License-Identifier: Apache-2.0
//
// What leaves the core: messages to peers, refusals, errors as bodies, events, notes.
#ifndef BROKER_ANSWER_H
#define BROKER_ANSWER_H

#include "broker/state.h"

// To a peer that is there; nothing happens when it isn't.
void answer_send (broker_core_t *core, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body);
// REFUSED, repeating what `about` (may be NULL) has of call, service, request and attempt, which is
// PARENT for a nested call. Also to strangers.
void answer_refuse (broker_core_t *core, broker_connection_t to, unsigned of, const troupe_header_t *about,
                    const troupe_error_t *error);
// REFUSED of what a waiter asked for.
void answer_refuse_waiter (broker_core_t *core, const waiter_t *waiter, const troupe_error_t *error);
// The error as a body: a reference of the caller's, never NULL. Without memory it has the code alone.
troupe_buffer_t *answer_error_body (broker_core_t *core, const troupe_error_t *error);
// "joined", "left" or "lost", of a service's instance.
void answer_publish (broker_core_t *core, const service_t *service, const peer_t *peer, const char *event);
void answer_note (broker_core_t *core, troupe_log_level_t level, const char *event, const char *name1,
                  const char *value1, const char *name2, const char *value2);

// Counts it, and fills `error` with `no_memory`.
troupe_err_t answer_no_memory (broker_core_t *core, const char *object, troupe_error_t *error);
// Fills `error` with `store_unavailable`.
troupe_err_t answer_store_down (const broker_core_t *core, troupe_error_t *error);
// The same, after a request: LEDGER_FAILED tells why, anything else (LEDGER_LOST) that the store isn't there.
troupe_err_t answer_store_failed (const broker_core_t *core, const ledger_result_t *result, troupe_error_t *error);

// A packed JSON object or list, which is given up; NULL when there is no memory or the JSON is NULL.
troupe_buffer_t *answer_pack (json_t *json);

#endif

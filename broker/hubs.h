// SPDX-License-Identifier: Apache-2.0
//
// Operations on hubs: calls to the services hub/open, hub/add ..., which no instance serves. The ledger carries them
// out in the step that stores the call, which has settled then. Their input, a map, is read here:
//
//   hub/open       members: list of services, announcement: list of messages (may be left out), auto: bool (true)
//   hub/add        hub: id, members
//   hub/delete     hub: id, members
//   hub/broadcast  hub: id, messages
//   hub/auto       hub: id, on: bool
//   hub/close      hub: id
//   hub/renew      hub: id
//
// The value: {"hub": id, "warnings": [sentence ...] (if there are any)}.
#ifndef BROKER_HUBS_H
#define BROKER_HUBS_H

#include "broker/state.h"

enum { HUBS_LEASE_MS = 30 * 1000 }; // of a hub that no call has opened: its process renews it every 10 s

bool hubs_is_operation (troupe_text_t service);
// Reads `body`, the input of an operation, for `call`, which has its service and its path. bad_argument, bad_message,
// unknown_service (no such operation), too_large, no_memory.
troupe_err_t hubs_prepare (broker_core_t *core, call_t *call, troupe_buffer_t *body, troupe_error_t *error);
void hubs_fill_accept (const call_t *call, ledger_request_t *request);
// What an operation says: messages one after another, and their sizes; none for any other call.
const char *hubs_messages (const call_t *call, const uint32_t **sizes, uint32_t *count);
void hubs_clear (call_t *call);

#endif

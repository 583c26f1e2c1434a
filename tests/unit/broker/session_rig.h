// SPDX-License-Identifier: Apache-2.0
//
// What the tests of sessions in the ledger ask for, mostly of the session "s".
#ifndef UNIT_BROKER_SESSION_RIG_H
#define UNIT_BROKER_SESSION_RIG_H

#include "hub_rig.h"

#include "troupe/value.h"

enum { SESSION_RIG_RETENTION_MS = 60 * 1000 };

// How many keys match.
long long session_rig_keys (const rig_t *rig, const char *pattern);
// A call, which must be accepted; settled, with an entry of memory; its outcome.
troupe_id_t session_rig_accept (rig_t *rig, const char *service);
const rig_result_t *session_rig_settle (rig_t *rig, troupe_id_t call, uint32_t attempt);
const rig_result_t *session_rig_outcome (rig_t *rig, troupe_id_t call);
// One step of its end; all, which must end it, and how many they are.
const rig_result_t *session_rig_close (rig_t *rig, const char *session, uint64_t position);
int session_rig_end (rig_t *rig, const char *session);
const rig_result_t *session_rig_sweep (rig_t *rig, int64_t idle_ms);
// As if so many seconds had passed since its last call settled, of which a sweep takes notice.
void session_rig_pass_time (rig_t *rig, int seconds);
// The sessions of the slot, as far as one answer has them.
json_t *session_rig_list (rig_t *rig);
json_int_t session_rig_number (const json_t *session, const char *key);
// How many there are in a list, of which the rig keeps the beginning.
size_t session_rig_count (const rig_result_t *page);

#endif

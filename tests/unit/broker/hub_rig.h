// SPDX-License-Identifier: Apache-2.0
//
// What the tests of hubs in the ledger ask for, in session "s". What is said is a letter or two, so that what is heard
// reads as one text.
#ifndef UNIT_BROKER_HUB_RIG_H
#define UNIT_BROKER_HUB_RIG_H

#include "ledger_rig.h"

// Every request is made twice, as if the first result had been lost; the first is returned, and the second must say
// the same.
extern bool hub_rig_twice;

const rig_result_t *hub_rig_do (rig_t *rig, const ledger_request_t *request);

// An operation; `texts` are members or messages, ended by NULL, or NULL. `parent`: NULL for none, else in attempt 1.
const rig_result_t *hub_rig_op (rig_t *rig, ledger_hub_op_t op, const troupe_id_t *hub, const troupe_id_t *parent,
                                const char *const *texts);
// Opens one with members, and with a letter of announcement ("": none).
troupe_id_t hub_rig_open (rig_t *rig, const troupe_id_t *parent, const char *announcement, const char *const *members);
// The same with members that want to hear at once.
troupe_id_t hub_rig_open_live (rig_t *rig, const char *announcement, const char *const *members);
#define MEMBERS(...) ((const char *const[]){__VA_ARGS__, NULL})

// A call of `service` that names `hubs_count` hubs; `parent` as above.
ledger_request_t hub_rig_call (const char *service, const troupe_id_t *parent, const troupe_id_t *hubs,
                               uint32_t hubs_count);
// Makes it and returns its id; it must be accepted.
troupe_id_t hub_rig_say (rig_t *rig, const char *service, const troupe_id_t *parent, const troupe_id_t *hub);
// The call settles with a value, in attempt 1, having heard all.
void hub_rig_settle (rig_t *rig, troupe_id_t call, const char *value);
void hub_rig_end (rig_t *rig, troupe_id_t call, uint32_t attempt, troupe_status_t status);
// What the call has to hear; NULL: its turn has not come.
const char *hub_rig_heard (rig_t *rig, troupe_id_t call);
// The same where something was said in two hubs, which is offered as two messages.
const char *hub_rig_heard_in_hubs (rig_t *rig, troupe_id_t call);
bool hub_rig_is_ready (rig_t *rig, troupe_id_t call);

#endif

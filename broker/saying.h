// SPDX-License-Identifier: Apache-2.0
//
// What was said in hubs is published, for whoever hears it at once.
#ifndef BROKER_SAYING_H
#define BROKER_SAYING_H

#include "broker/state.h"

// Takes what the result of the call's accept or settle says to be in logs now.
void saying_result (broker_core_t *core, const call_t *call, const ledger_result_t *result);
// Publishes what is left of it, before a member of the hub is offered to hear it.
void saying_before (broker_core_t *core, const troupe_id_t *hub);
// Publishes what is due; TROUPE_LOOP_NEVER: there is nothing to publish.
void saying_on_time (broker_core_t *core);
int64_t saying_due (const broker_core_t *core);
void saying_clear (broker_core_t *core);

// The topic of a hub's entries: "hub/<id>".
enum { SAYING_TOPIC_SIZE = 4 + TROUPE_ID_TEXT_SIZE };
void saying_topic (char topic[SAYING_TOPIC_SIZE], const troupe_id_t *hub);
// Whether somebody may subscribe to this: a whole topic, and if there is a guard (identity, else NULL), only by whom it
// concerns. The one place where a subscription is allowed or refused.
bool saying_allows (const broker_core_t *core, const troupe_identity_t *identity, const void *topic, size_t size);

#endif

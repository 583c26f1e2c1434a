// SPDX-License-Identifier: Apache-2.0
//
// Events of instances that come and go.
#ifndef NODE_EVENTS_H
#define NODE_EVENTS_H

#include "node/state.h"

// Anything that a broker published.
void node_events_published (node_connection_t *from, const node_event_t *event);
void node_events_init (node_core_t *core);
void node_events_close (node_core_t *core);

#endif

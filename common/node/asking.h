// SPDX-License-Identifier: Apache-2.0
//
// What a node asks brokers about the mesh: status reports, and events of instances that come and go.
#ifndef NODE_ASKING_H
#define NODE_ASKING_H

#include "node/state.h"

void node_asking_report (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_asking_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error);
void node_asking_published (node_connection_t *from, const node_event_t *event);
// A report that was asked for before is asked of this broker too, or again.
void node_asking_welcomed (node_connection_t *connection);
void node_asking_init (node_core_t *core);
void node_asking_close (node_core_t *core);

// draining.c: looks whether all is done.
void node_drain_check (node_core_t *core);
int64_t node_drain_due (const node_core_t *core);
void node_drain_init (node_core_t *core);

#endif

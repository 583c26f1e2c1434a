// SPDX-License-Identifier: Apache-2.0
//
// What a task streams.
#ifndef NODE_PARTS_H
#define NODE_PARTS_H

#include "node/calling.h"
#include "node/serving.h"

bool node_parts_reads (const troupe_task_t *self, const node_connection_t *reader);
// Somebody at this broker reads: it gets all parts so far, and those to come.
void node_parts_read (troupe_task_t *self, node_connection_t *reader);
// The task goes on under a new attempt: all readers begin anew.
void node_parts_restart (troupe_task_t *self);
// The connection is gone.
void node_parts_lost (troupe_task_t *self, const node_connection_t *reader);
// Nothing more is streamed.
void node_parts_close (troupe_task_t *self);

#endif

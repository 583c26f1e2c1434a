// SPDX-License-Identifier: Apache-2.0
//
// What waits to be sent on one connection, in order. It is emptied when the connection is lost: whatever matters is
// sent again from the state of calls, tasks and services on the next one.
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include "node/list.h"
#include "troupe/buffer.h"
#include "troupe/wire.h"

typedef struct {
  node_list_t place;
  troupe_buffer_t *body; // NULL: empty
  size_t header_size;
  unsigned char header[];
} node_frame_t;

typedef struct {
  node_list_t frames;
  size_t count;
} node_outbox_t;

void node_outbox_init (node_outbox_t *self);
void node_outbox_clear (node_outbox_t *self);
// Takes a reference of `body` (may be NULL). internal: the header breaks a limit of the protocol; no_memory.
troupe_err_t node_outbox_put (node_outbox_t *self, const troupe_header_t *header, troupe_buffer_t *body);
// The first, NULL when empty.
const node_frame_t *node_outbox_first (const node_outbox_t *self);
// The one after `frame`, NULL when there is none.
const node_frame_t *node_outbox_after (const node_outbox_t *self, const node_frame_t *frame);
// Forgets the first.
void node_outbox_shift (node_outbox_t *self);

#endif

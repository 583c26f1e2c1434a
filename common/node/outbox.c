// SPDX-License-Identifier: Apache-2.0
//
// A connection's queue of frames. Who may fill it, and how far, is the connection's affair (connection.c): parts are
// dropped before it grows, calls wait in a list of their own, and of everything else there is at most one frame for
// each task, service or report.

#include "node/outbox.h"

#include <stdlib.h>
#include <string.h>

void
node_outbox_init (node_outbox_t *self)
{
  node_list_init (&self->frames);
  self->count = 0;
}

void
node_outbox_clear (node_outbox_t *self)
{
  while (self->count > 0)
    node_outbox_shift (self);
}

troupe_err_t
node_outbox_put (node_outbox_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (size == 0)
    return TROUPE_INTERNAL;
  node_frame_t *frame = malloc (sizeof *frame + size);
  if (frame == NULL)
    return TROUPE_NO_MEMORY;
  frame->body = troupe_buffer_ref (body);
  frame->header_size = size;
  memcpy (frame->header, bytes, size);
  node_list_init (&frame->place);
  node_list_append (&self->frames, &frame->place);
  self->count++;
  return TROUPE_OK;
}

const node_frame_t *
node_outbox_first (const node_outbox_t *self)
{
  return self->count == 0 ? NULL : NODE_OF (self->frames.next, node_frame_t, place);
}

const node_frame_t *
node_outbox_after (const node_outbox_t *self, const node_frame_t *frame)
{
  return frame->place.next == &self->frames ? NULL : NODE_OF (frame->place.next, node_frame_t, place);
}

void
node_outbox_shift (node_outbox_t *self)
{
  if (self->count == 0)
    return;
  node_frame_t *frame = NODE_OF (self->frames.next, node_frame_t, place);
  node_list_remove (&frame->place);
  troupe_buffer_unref (&frame->body);
  free (frame);
  self->count--;
}

// SPDX-License-Identifier: Apache-2.0
//
// What a task streams: to the broker that offered it and to every other one that asked, and kept as long as the task
// runs, so that each reader gets an attempt's parts from the first on, or none. A reader that came late, moved to
// another broker, or reads a new attempt that goes on in the middle would else take the rest for the whole.
//
// A part's number is its place in what was streamed since the task began, in every attempt: those that a reader has
// already it drops by that number. When more than KEPT_BYTES_MAX would have to be kept, or a part was given while
// nobody read, the beginning is lost (`cut`): who reads already reads on, but the next attempt and new readers get no
// parts. The reply has it all in any case.

#include "node/parts.h"

#include "troupe/value.h"

#include <stdlib.h>

enum {
  KEPT_BYTES_MAX = 1024 * 1024, // of one task: a quarter of a million words
  KEPT_OVERHEAD = 128,          // bytes that each kept part costs besides
};

typedef struct {
  node_list_t place; // in task->parts
  troupe_buffer_t *body;
} kept_t;

static void
drop_kept (troupe_task_t *self)
{
  while (!node_list_empty (&self->parts)) {
    kept_t *kept = NODE_OF (self->parts.next, kept_t, place);
    node_list_remove (&kept->place);
    troupe_buffer_unref (&kept->body);
    free (kept);
  }
  self->parts_bytes = 0;
}

static void
cut (troupe_task_t *self)
{
  self->parts_cut = true;
  drop_kept (self);
}

static void
keep (troupe_task_t *self, troupe_buffer_t *body)
{
  size_t bytes = troupe_buffer_size (body) + KEPT_OVERHEAD;
  if (self->parts_cut)
    return;
  kept_t *kept = self->parts_bytes + bytes > KEPT_BYTES_MAX ? NULL : malloc (sizeof *kept);
  if (kept == NULL) {
    cut (self);
    return;
  }
  kept->body = troupe_buffer_ref (body);
  node_list_init (&kept->place);
  node_list_append (&self->parts, &kept->place);
  self->parts_bytes += bytes;
}

static void
send_part (const troupe_task_t *self, node_connection_t *to, uint64_t sequence, troupe_buffer_t *body)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, &self->call);
  troupe_header_set_attempt (&header, self->attempt);
  troupe_header_set_sequence (&header, sequence);
  node_connection_send (to, &header, body);
}

static uint32_t
bit_of (const node_connection_t *connection)
{
  return UINT32_C (1) << connection->index;
}

bool
node_parts_reads (const troupe_task_t *self, const node_connection_t *reader)
{
  return (self->readers & bit_of (reader)) != 0;
}

void
node_parts_read (troupe_task_t *self, node_connection_t *reader)
{
  uint64_t sequence = 0;
  if (self->parts_cut || self->phase == NODE_TASK_ENDED)
    return;
  for (node_list_t *link = self->parts.next; link != &self->parts; link = link->next)
    send_part (self, reader, sequence++, NODE_OF (link, kept_t, place)->body);
  self->readers |= bit_of (reader);
  self->streams = true;
}

void
node_parts_restart (troupe_task_t *self)
{
  uint32_t readers = self->readers;
  self->readers = 0;
  if (self->parts_cut)
    self->streams = false;
  for (unsigned i = 0; i < self->core->connections_count; i++)
    if (readers & UINT32_C (1) << i)
      node_parts_read (self, &self->core->connections[i]);
}

void
node_parts_lost (troupe_task_t *self, const node_connection_t *reader)
{
  self->readers &= ~bit_of (reader);
}

void
node_parts_close (troupe_task_t *self)
{
  drop_kept (self);
  self->readers = 0;
}

static void
send_to_readers (troupe_task_t *self, troupe_buffer_t *body)
{
  node_core_t *core = self->core;
  bool sent = false;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *reader = &core->connections[i];
    if (!node_parts_reads (self, reader) || reader->outbox.count >= NODE_PARTS_QUEUE_MAX)
      continue;
    send_part (self, reader, self->sequence, body);
    sent = true;
  }
  if (!sent)
    node_core_count (core, NODE_COUNT_PARTS_DROPPED);
}

troupe_err_t
troupe_task_part (troupe_task_t *self, json_t *part)
{
  troupe_buffer_t *body = NULL;
  if (!self->streams || self->cancelled) {
    self->parts_cut = self->parts_cut || !self->streams;
    json_decref (part);
    return TROUPE_OK;
  }
  troupe_err_t err = part == NULL ? TROUPE_NO_MEMORY : troupe_value_pack (part, &body, NULL);
  json_decref (part);
  if (err != TROUPE_OK)
    return err;
  if (troupe_buffer_size (body) > node_size_limit (self->core))
    err = TROUPE_TOO_LARGE;
  else {
    keep (self, body);
    send_to_readers (self, body);
    self->sequence++;
    node_core_wake (self->core);
  }
  troupe_buffer_unref (&body);
  return err;
}

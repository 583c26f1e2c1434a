// SPDX-License-Identifier: Apache-2.0
//
// The order of calls. Calls are stored in the order in which they were made by one caller in one session: this node, or
// one of its tasks. They are sent in that order and pipelined, so that usually nothing is to be done. But one may be
// lost on its way (a queue was full, the connection broke in between), or be delayed at the broker (it waits for its
// service to appear), while the next one arrives. So each names as PREVIOUS the one before it, unless that is known to
// be stored, and a broker refuses it when PREVIOUS isn't stored by then.
//
// The calls of one caller in one session that are not known to be stored form a *row*. A call leaves it when it is
// stored or has ended (refused, cancelled, past its deadline); the next one's PREVIOUS is then the one before, or
// nobody. Volatile calls are in no row: nothing of them is stored.
//
// A call that is refused as out_of_order is held back until those before it have left the row; then it is sent again,
// and with it all those behind it that are held back. So when the first of a hundred is lost, the others are sent
// twice, not a hundred times. Only when the one before it was sent again in the meantime, it follows at once. While
// calls are held back the first of the row is the only one with a timer, and that is made to fire soon.

#include "node/ordering.h"

#include "node/serving.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 250 }; // after a refusal, until the call that is missing is sent again

struct node_row {
  troupe_id_t key;
  node_list_t calls;
};

// A task's calls: the task's own. Others: the first 16 bytes of the SHA-256 of the session's name, which costs less
// than to keep that name once more.
static troupe_id_t
key_of (const troupe_placeholder_t *self)
{
  unsigned char digest[crypto_hash_sha256_BYTES];
  troupe_id_t key;
  if (self->parent != NULL)
    return self->parent->call;
  crypto_hash_sha256 (digest, (const unsigned char *)self->session, strlen (self->session));
  memcpy (key.bytes, digest, sizeof key.bytes);
  return key;
}

static node_row_t *
new_row (node_core_t *core, const troupe_id_t *key)
{
  node_row_t *row = malloc (sizeof *row);
  if (row == NULL)
    return NULL;
  row->key = *key;
  node_list_init (&row->calls);
  if (node_table_put (&core->rows, &row->key, row) == TROUPE_OK)
    return row;
  free (row);
  return NULL;
}

troupe_err_t
node_ordering_enter (troupe_placeholder_t *self)
{
  if (self->flags & TROUPE_FLAG_VOLATILE)
    return TROUPE_OK;
  const troupe_id_t key = key_of (self);
  node_row_t *row = node_table_find (&self->core->rows, &key);
  if (row == NULL && (row = new_row (self->core, &key)) == NULL)
    return TROUPE_NO_MEMORY;
  self->row = row;
  node_list_append (&row->calls, &self->in_row);
  return TROUPE_OK;
}

troupe_placeholder_t *
node_ordering_previous (const troupe_placeholder_t *self)
{
  if (self->row == NULL || self->in_row.prev == &self->row->calls)
    return NULL;
  return NODE_OF (self->in_row.prev, troupe_placeholder_t, in_row);
}

static bool
held_back (node_list_t *link)
{
  return NODE_OF (link, troupe_placeholder_t, in_row)->held_back;
}

// Those from `first` on that are held back are sent again. The last one first: so each finds its place in `pending` at
// once.
static void
release (node_row_t *row, node_list_t *first)
{
  node_list_t *link = first;
  while (link != &row->calls && held_back (link))
    link = link->next;
  while (link != first) {
    link = link->prev;
    troupe_placeholder_t *self = NODE_OF (link, troupe_placeholder_t, in_row);
    self->held_back = false;
    node_calling_requeue (self);
  }
}

void
node_ordering_leave (troupe_placeholder_t *self)
{
  node_row_t *row = self->row;
  node_list_t *next = self->in_row.next;
  if (row == NULL)
    return;
  self->row = NULL;
  self->held_back = false;
  node_list_remove (&self->in_row);
  if (node_list_empty (&row->calls)) {
    node_table_remove (&self->core->rows, &row->key);
    free (row);
  } else if (row->calls.next == next) {
    release (row, next);
  }
}

// It may have been lost: it is sent again soon.
static void
hurry (troupe_placeholder_t *self)
{
  int64_t soon = self->core->now + AGAIN_MS;
  if (self->at == NULL || self->held_back || self->retry_at <= soon)
    return;
  self->retry_at = soon;
  node_placeholder_arm (self);
}

void
node_ordering_refused (troupe_placeholder_t *self)
{
  troupe_placeholder_t *previous = node_ordering_previous (self);
  node_core_count (self->core, NODE_COUNT_CALLS_HELD_BACK);
  node_calling_answered (self);
  self->retry_at = TROUPE_LOOP_NEVER;
  node_calling_unsend (self);
  if (previous == NULL || previous->sent > self->sent) {
    node_calling_requeue (self);
  } else {
    self->held_back = true;
    hurry (previous);
  }
  node_placeholder_arm (self);
}

void
node_ordering_close (node_core_t *core)
{
  for (size_t i = 0; i < core->rows.capacity; i++)
    free (core->rows.slots[i].thing);
  node_table_close (&core->rows);
}

// SPDX-License-Identifier: Apache-2.0
//
// The table of a node's calls and of its tasks.
//
// Removing closes the gap: the entries after it that probed past it move back, so lookups never wade through tombstones
// however long a node lives. Ids are mostly UUIDs of version 7, whose first half is the time, and they come from others
// too: the hash mixes both halves with a seed of this process.

#include "node/table.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

void
node_table_init (node_table_t *self, uint64_t seed)
{
  *self = (node_table_t){.seed = seed};
}

void
node_table_close (node_table_t *self)
{
  free (self->slots);
  *self = (node_table_t){.seed = self->seed};
}

// The finalizer of MurmurHash3 over both halves.
static uint64_t
mix (uint64_t x)
{
  x ^= x >> 33;
  x *= UINT64_C (0xff51afd7ed558ccd);
  x ^= x >> 33;
  x *= UINT64_C (0xc4ceb9fe1a85ec53);
  return x ^ x >> 33;
}

static size_t
home_of (const node_table_t *self, const troupe_id_t *id)
{
  uint64_t halves[2];
  memcpy (halves, id->bytes, sizeof halves);
  return (size_t)mix (mix (halves[0] ^ self->seed) ^ halves[1]) & (self->capacity - 1);
}

// The slot that holds `id`, or the free one where it would go.
static size_t
slot_of (const node_table_t *self, const troupe_id_t *id)
{
  size_t slot = home_of (self, id);
  while (self->slots[slot].id != NULL && memcmp (self->slots[slot].id->bytes, id->bytes, TROUPE_ID_SIZE) != 0)
    slot = (slot + 1) & (self->capacity - 1);
  return slot;
}

void *
node_table_find (const node_table_t *self, const troupe_id_t *id)
{
  if (self->capacity == 0)
    return NULL;
  return self->slots[slot_of (self, id)].thing;
}

static troupe_err_t
grow (node_table_t *self)
{
  node_table_t larger = *self;
  larger.capacity = self->capacity == 0 ? CAPACITY_MIN : self->capacity * 2;
  larger.slots = calloc (larger.capacity, sizeof *larger.slots);
  if (larger.slots == NULL)
    return TROUPE_NO_MEMORY;
  for (size_t i = 0; i < self->capacity; i++)
    if (self->slots[i].id != NULL)
      larger.slots[slot_of (&larger, self->slots[i].id)] = self->slots[i];
  free (self->slots);
  *self = larger;
  return TROUPE_OK;
}

troupe_err_t
node_table_put (node_table_t *self, const troupe_id_t *id, void *thing)
{
  if ((self->count + 1) * 4 > self->capacity * 3) {
    troupe_err_t err = grow (self);
    if (err != TROUPE_OK)
      return err;
  }
  self->slots[slot_of (self, id)] = (node_table_slot_t){id, thing};
  self->count++;
  return TROUPE_OK;
}

void
node_table_replace (node_table_t *self, const troupe_id_t *id, void *thing)
{
  self->slots[slot_of (self, id)] = (node_table_slot_t){id, thing};
}

void
node_table_remove (node_table_t *self, const troupe_id_t *id)
{
  if (self->capacity == 0)
    return;
  size_t gap = slot_of (self, id), mask = self->capacity - 1;
  if (self->slots[gap].id == NULL)
    return;
  for (size_t next = (gap + 1) & mask; self->slots[next].id != NULL; next = (next + 1) & mask) {
    // It may move back into the gap unless its home lies after the gap, on the way to where it is.
    size_t home = home_of (self, self->slots[next].id);
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      self->slots[gap] = self->slots[next];
      gap = next;
    }
  }
  self->slots[gap] = (node_table_slot_t){NULL, NULL};
  self->count--;
}

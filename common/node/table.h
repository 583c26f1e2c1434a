// SPDX-License-Identifier: Apache-2.0
//
// A hash table from ids to things, which own their ids: open addressing, linear probing, no tombstones.
#ifndef NODE_TABLE_H
#define NODE_TABLE_H

#include "troupe/error.h"
#include "troupe/id.h"

#include <stddef.h>

typedef struct {
  const troupe_id_t *id; // in *thing; NULL: the slot is free
  void *thing;
} node_table_slot_t;

typedef struct {
  node_table_slot_t *slots;
  size_t capacity, count; // capacity is 0 or a power of two, at most 3/4 full
  uint64_t seed;          // so that nobody can choose ids that collide
} node_table_t;

void node_table_init (node_table_t *self, uint64_t seed);
void node_table_close (node_table_t *self);
void *node_table_find (const node_table_t *self, const troupe_id_t *id);
// `id` must not be in the table, and must live in `thing` as long as it is. no_memory.
troupe_err_t node_table_put (node_table_t *self, const troupe_id_t *id, void *thing);
// Puts another thing with the same id in the place of the one that is there; `id` as for node_table_put.
void node_table_replace (node_table_t *self, const troupe_id_t *id, void *thing);
// Does nothing when it isn't there.
void node_table_remove (node_table_t *self, const troupe_id_t *id);

#endif

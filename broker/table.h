// SPDX-License-Identifier: Apache-2.0
//
// A hash table whose links lie in its members: putting something in needs no memory and can't fail. When there is no
// memory for more buckets, the chains just get longer.
//
// Keys are the members' business: a table finds the members of a hash, its user compares. Hashes of what peers choose
// (names, call ids) are keyed by a secret, so that nobody can choose names that collide.
#ifndef BROKER_TABLE_H
#define BROKER_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct table_link {
  struct table_link *next;
  uint64_t hash;
} table_link_t;

enum { TABLE_BUCKETS_FIRST = 16 };

typedef struct {
  table_link_t **buckets; // `first`, until there are more
  size_t mask, count;
  table_link_t *first[TABLE_BUCKETS_FIRST];
} table_t;

typedef struct {
  uint64_t words[2];
} table_key_t;

void table_init (table_t *self);
// Its members stay as they are.
void table_destroy (table_t *self);
void table_insert (table_t *self, table_link_t *link, uint64_t hash);
// Of a link that is in the table.
void table_remove (table_t *self, table_link_t *link);

// The first member of that hash, and the next one of the same hash; NULL: no more.
table_link_t *table_first (const table_t *self, uint64_t hash);
table_link_t *table_next (const table_link_t *link);

// SipHash-1-3 (Aumasson and Bernstein), as Rust and Python use it in their tables.
uint64_t table_hash (const table_key_t *key, const void *data, size_t size);
// Of a number that no peer chooses: the finalizer of SplitMix64.
uint64_t table_hash_number (uint64_t number);

#endif

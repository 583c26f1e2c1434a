// SPDX-License-Identifier: Apache-2.0
//
// Chained buckets, doubled when there are as many members as buckets. Chains instead of open addressing because a
// member must not move (others point to it), and because then a missing allocation costs speed only. A link keeps its
// hash, so doubling never looks at a member's key.

#include "broker/table.h"

#include <stdlib.h>
#include <string.h>

void
table_init (table_t *self)
{
  memset (self, 0, sizeof *self);
  self->buckets = self->first;
  self->mask = TABLE_BUCKETS_FIRST - 1;
}

void
table_destroy (table_t *self)
{
  if (self->buckets != self->first)
    free (self->buckets);
  table_init (self);
}

static void
put (table_link_t **buckets, size_t mask, table_link_t *link)
{
  table_link_t **bucket = &buckets[link->hash & mask];
  link->next = *bucket;
  *bucket = link;
}

static void
grow (table_t *self)
{
  size_t mask = self->mask * 2 + 1;
  table_link_t **buckets = calloc (mask + 1, sizeof (table_link_t *));
  if (buckets == NULL)
    return;
  for (size_t i = 0; i <= self->mask; i++)
    for (table_link_t *link = self->buckets[i], *next; link != NULL; link = next) {
      next = link->next;
      put (buckets, mask, link);
    }
  if (self->buckets != self->first)
    free (self->buckets);
  self->buckets = buckets;
  self->mask = mask;
}

void
table_insert (table_t *self, table_link_t *link, uint64_t hash)
{
  if (self->count > self->mask)
    grow (self);
  link->hash = hash;
  put (self->buckets, self->mask, link);
  self->count++;
}

void
table_remove (table_t *self, table_link_t *link)
{
  for (table_link_t **at = &self->buckets[link->hash & self->mask]; *at != NULL; at = &(*at)->next)
    if (*at == link) {
      *at = link->next;
      link->next = NULL;
      self->count--;
      return;
    }
}

static table_link_t *
same (table_link_t *link, uint64_t hash)
{
  while (link != NULL && link->hash != hash)
    link = link->next;
  return link;
}

table_link_t *
table_first (const table_t *self, uint64_t hash)
{
  return same (self->buckets[hash & self->mask], hash);
}

table_link_t *
table_next (const table_link_t *link)
{
  return same (link->next, link->hash);
}

static inline uint64_t
rotate (uint64_t word, unsigned bits)
{
  return word << bits | word >> (64 - bits);
}

static inline void
sip_round (uint64_t v[4])
{
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate (v[1], 13) ^ v[0];
  v[3] = rotate (v[3], 16) ^ v[2];
  v[0] = rotate (v[0], 32) + v[3];
  v[2] += v[1];
  v[1] = rotate (v[1], 17) ^ v[2];
  v[3] = rotate (v[3], 21) ^ v[0];
  v[2] = rotate (v[2], 32);
}

static inline void
sip_word (uint64_t v[4], uint64_t word)
{
  v[3] ^= word;
  sip_round (v);
  v[0] ^= word;
}

uint64_t
table_hash (const table_key_t *key, const void *data, size_t size)
{
  uint64_t v[4] = {key->words[0] ^ 0x736f6d6570736575, key->words[1] ^ 0x646f72616e646f6d,
                   key->words[0] ^ 0x6c7967656e657261, key->words[1] ^ 0x7465646279746573};
  const uint8_t *bytes = data;
  size_t rest = size & 7;
  for (const uint8_t *end = bytes + (size - rest); bytes != end; bytes += 8) {
    uint64_t word;
    memcpy (&word, bytes, sizeof word);
    sip_word (v, word);
  }
  uint64_t last = (uint64_t)size << 56;
  for (size_t i = 0; i < rest; i++)
    last |= (uint64_t)bytes[i] << (8 * i);
  sip_word (v, last);
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++)
    sip_round (v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
table_hash_number (uint64_t number)
{
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// SPDX-License-Identifier: Apache-2.0
//
// Byte-pair encoding (R. Sennrich et al., 2016), as far as counting needs it: a piece begins as its bytes; the pair of
// neighbours whose union has the lowest rank is joined, until no union has one. All tokens' bytes lie in one block,
// found through an open hash table, so that a hundred thousand tokens cost about three megabytes, and only where
// ranks are configured.

#include "model/ranks.h"
#include "config/source.h"
#include "model/split.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint32_t at, rank;
  uint16_t size; // 0: free
} slot_t;

struct ranks {
  slot_t *slots;
  size_t mask, count;
  uint8_t *block;
  size_t used;
  split_t split;
};

enum {
  NONE = UINT32_MAX,
  O200K_LEAST = 150 * 1000 // tokens: cl100k_base has 100,256 and o200k_base 199,998, and a file says nothing else
};

// FNV-1a.
static size_t
hash (const uint8_t *bytes, size_t size)
{
  uint64_t h = 0xCBF29CE484222325u;
  for (size_t i = 0; i < size; i++)
    h = (h ^ bytes[i]) * 0x100000001B3u;
  return (size_t)(h ^ h >> 32);
}

static slot_t *
find (const ranks_t *self, const uint8_t *bytes, size_t size)
{
  size_t i = hash (bytes, size) & self->mask;
  while (self->slots[i].size &&
         (self->slots[i].size != size || memcmp (self->block + self->slots[i].at, bytes, size) != 0))
    i = (i + 1) & self->mask;
  return &self->slots[i];
}

static uint32_t
rank_of (const ranks_t *self, const uint8_t *bytes, size_t size)
{
  const slot_t *slot = find (self, bytes, size);
  return slot->size ? slot->rank : (uint32_t)NONE;
}

// -- Loading ---------------------------------------------------------------------------------------------------------

static int
digit (char c)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = c ? strchr (digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

// Decodes Base64 up to a space; the size, 0 when it is none.
static size_t
decode (const char **text, uint8_t *out, size_t capacity)
{
  uint32_t bits = 0;
  unsigned count = 0;
  size_t size = 0;
  for (; digit (**text) >= 0; (*text)++) {
    bits = bits << 6 | (uint32_t)digit (**text);
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    if (size == capacity)
      return 0;
    out[size++] = (uint8_t)(bits >> count);
  }
  while (**text == '=')
    (*text)++;
  return **text == ' ' ? size : 0;
}

static bool
add_line (ranks_t *self, const char **text)
{
  char *end;
  size_t size = decode (text, self->block + self->used, UINT16_MAX);
  if (!size)
    return false;
  unsigned long rank = strtoul (*text + 1, &end, 10);
  if (end == *text + 1 || (*end != '\n' && *end != '\r' && *end != 0) || rank >= NONE)
    return false;
  *text = end;
  slot_t *slot = find (self, self->block + self->used, size);
  if (slot->size)
    return false;
  *slot = (slot_t){(uint32_t)self->used, (uint32_t)rank, (uint16_t)size};
  self->used += size;
  self->count++;
  return true;
}

static size_t
count_lines (const char *text)
{
  size_t lines = 1;
  while ((text = strchr (text, '\n')))
    text++, lines++;
  return lines;
}

static troupe_err_t
parse (ranks_t *self, const char *path, const char *text, size_t size, troupe_error_t *error)
{
  size_t lines = count_lines (text), capacity = 64, line = 0;
  while (capacity < lines * 2)
    capacity *= 2;
  self->mask = capacity - 1;
  self->slots = calloc (capacity, sizeof *self->slots);
  self->block = malloc (size + UINT16_MAX); // decoded, it is smaller; a line that is none may still be decoded a while
  if (!self->slots || !self->block)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "no memory for a file of ranks");
  for (;;) {
    while (*text == '\r' || *text == '\n')
      line += *text++ == '\n';
    if (!*text)
      break;
    if (!add_line (self, &text))
      return troupe_error_set (error, TROUPE_BAD_CONFIG, path, "give a file such as cl100k_base.tiktoken",
                               "line %zu is not a token in Base64 and its rank, or is there twice", line + 1);
  }
  if (!self->count)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, path, NULL, "a file of ranks without ranks");
  self->split = self->count < O200K_LEAST ? SPLIT_CL100K : SPLIT_O200K;
  uint8_t *fit = realloc (self->block, self->used);
  self->block = fit ? fit : self->block;
  return TROUPE_OK;
}

troupe_err_t
ranks_load (ranks_t **out, const char *path, troupe_error_t *error)
{
  char *text;
  size_t size;
  config_fault_t fault;
  *out = NULL;
  troupe_err_t code = config_source_read (&text, &size, path, RANKS_FILE_MAX, &fault);
  if (code != TROUPE_OK)
    return troupe_error_set (error, code, path, fault.hint, "the file of ranks: %s", fault.why);
  ranks_t *self = calloc (1, sizeof *self);
  code = self ? parse (self, path, text, size, error)
              : troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "no memory for a file of ranks");
  free (text);
  if (code != TROUPE_OK)
    ranks_destroy (&self);
  *out = self;
  return code;
}

void
ranks_destroy (ranks_t **self_p)
{
  ranks_t *self = *self_p;
  if (!self)
    return;
  free (self->slots);
  free (self->block);
  free (self);
  *self_p = NULL;
}

// -- Counting --------------------------------------------------------------------------------------------------------

// `starts` has where each part begins, and the end.
static size_t
merge (const ranks_t *self, const uint8_t *bytes, uint16_t *starts, size_t parts)
{
  for (;;) {
    size_t best = 0;
    uint32_t lowest = NONE;
    for (size_t i = 0; i + 1 < parts; i++) {
      uint32_t rank = rank_of (self, bytes + starts[i], starts[i + 2] - starts[i]);
      if (rank < lowest)
        lowest = rank, best = i;
    }
    if (lowest == NONE)
      return parts;
    memmove (starts + best + 1, starts + best + 2, (parts - best - 1) * sizeof *starts);
    parts--;
  }
}

static size_t
count_piece (const ranks_t *self, const char *text, size_t size)
{
  uint16_t starts[RANKS_PIECE_MAX + 1];
  if (rank_of (self, (const uint8_t *)text, size) != NONE)
    return 1;
  for (size_t i = 0; i <= size; i++)
    starts[i] = (uint16_t)i;
  return merge (self, (const uint8_t *)text, starts, size);
}

size_t
ranks_count (const ranks_t *self, const char *text, size_t size)
{
  size_t count = 0;
  for (size_t at = 0, piece; at < size; at += piece) {
    piece = split_piece (self->split, text + at, size - at);
    if (piece > RANKS_PIECE_MAX)
      piece = RANKS_PIECE_MAX;
    count += count_piece (self, text + at, piece);
  }
  return count;
}

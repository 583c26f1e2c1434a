// SPDX-License-Identifier: Apache-2.0
//
// A cursor over bytes of msgpack: one item after another, in place, without a copy or an allocation. It never reads
// beyond its end, whatever the bytes claim.
#ifndef TROUPE_WIRE_CURSOR_H
#define TROUPE_WIRE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CURSOR_NIL,
  CURSOR_BOOL,  // `number` is 0 or 1
  CURSOR_UINT,  // `number`; also one that was packed as a signed integer
  CURSOR_INT,   // `negative`
  CURSOR_FLOAT, // `real`
  CURSOR_TEXT,  // `data`, `size`; not checked to be UTF-8
  CURSOR_BIN,   // `data`, `size`
  CURSOR_EXT,   // `data`, `size`; the type is skipped
  CURSOR_LIST,  // `size` items follow
  CURSOR_MAP    // `size` pairs of items follow
} cursor_kind_t;

typedef struct {
  cursor_kind_t kind;
  uint32_t size;
  union {
    uint64_t number;
    int64_t negative;
    double real;
    const uint8_t *data;
  };
} cursor_item_t;

typedef struct {
  const uint8_t *start, *at, *end;
} cursor_t;

static inline cursor_t
cursor_over (const void *bytes, size_t size)
{
  const uint8_t *start = bytes;
  return (cursor_t){start, start, size > 0 ? start + size : start}; // NULL may come with size 0
}

// As cursor_next, for items of every form.
bool cursor_next_any (cursor_t *self, cursor_item_t *item);

// Reads the next item and moves behind it. False where there is none: the bytes end within it, or are no msgpack; the
// cursor then stays where it is. Small numbers and short texts, which a header is full of, are read here.
static inline bool
cursor_next (cursor_t *self, cursor_item_t *item)
{
  if (self->at == self->end)
    return false;
  uint8_t first = *self->at;
  if (first < 0x80) {
    item->kind = CURSOR_UINT;
    item->number = first;
    self->at++;
    return true;
  }
  size_t size = first & 0x1F;
  if ((first & 0xE0) != 0xA0 || (size_t)(self->end - self->at) <= size)
    return cursor_next_any (self, item);
  item->kind = CURSOR_TEXT;
  item->size = (uint32_t)size;
  item->data = self->at + 1;
  self->at += 1 + size;
  return true;
}
// Moves behind the next item and all that it contains; false as above.
bool cursor_skip (cursor_t *self);

static inline bool
cursor_at_end (const cursor_t *self)
{
  return self->at == self->end;
}

// How many bytes lie before the cursor, for error messages.
static inline size_t
cursor_offset (const cursor_t *self)
{
  return (size_t)(self->at - self->start);
}

#endif

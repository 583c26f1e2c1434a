// SPDX-License-Identifier: Apache-2.0
//
// The cursor: msgpack's first byte says what an item is and how many bytes of length or number follow. Both decoders,
// of headers and of values, read through it, so there is one place where bytes from outside are interpreted.

#include "wire/cursor.h"

#include <string.h>

static uint64_t
big_endian (const uint8_t *at, unsigned width)
{
  uint64_t number = 0;
  for (unsigned i = 0; i < width; i++)
    number = number << 8 | at[i];
  return number;
}

static void
take_signed (cursor_item_t *item, const uint8_t *at, unsigned width)
{
  unsigned unused = 64 - 8 * width;
  int64_t number = (int64_t)(big_endian (at, width) << unused) >> unused;
  item->kind = number < 0 ? CURSOR_INT : CURSOR_UINT;
  item->negative = number; // the same bits as `number`
}

static void
take_float (cursor_item_t *item, const uint8_t *at, unsigned width)
{
  item->kind = CURSOR_FLOAT;
  if (width == 4) {
    uint32_t bits = (uint32_t)big_endian (at, 4);
    float real;
    memcpy (&real, &bits, sizeof real);
    item->real = (double)real;
  } else {
    uint64_t bits = big_endian (at, 8);
    memcpy (&item->real, &bits, sizeof item->real);
  }
}

// The bytes of a text, bin or ext that `item->size` counts, after `at`; `extra` more precede them.
static bool
take_bytes (cursor_t *self, cursor_item_t *item, cursor_kind_t kind, const uint8_t *at, unsigned extra)
{
  if ((size_t)(self->end - at) < (size_t)item->size + extra)
    return false;
  item->kind = kind;
  item->data = at + extra;
  self->at = at + extra + item->size;
  return true;
}

// Items whose first byte holds all of their size or number.
static bool
take_fixed (cursor_t *self, cursor_item_t *item, uint8_t first)
{
  const uint8_t *at = self->at + 1;
  if (first >= 0xA0 && first < 0xC0) {
    item->size = first & 0x1F;
    return take_bytes (self, item, CURSOR_TEXT, at, 0);
  }
  if (first < 0x80) {
    item->kind = CURSOR_UINT;
    item->number = first;
  } else if (first >= 0xE0) {
    item->kind = CURSOR_INT;
    item->negative = (int8_t)first;
  } else {
    item->kind = first < 0x90 ? CURSOR_MAP : CURSOR_LIST;
    item->size = first & 0x0F;
  }
  self->at = at;
  return true;
}

// What the first bytes from 0xC0 to 0xDF begin.
typedef enum { INVALID, CONSTANT, REAL, UNSIGNED, SIGNED, BYTES, COUNT } shape_t;

static const struct {
  shape_t shape;
  cursor_kind_t kind;
  uint8_t width; // bytes of size or number that follow
  uint8_t extra; // bytes of an ext's type
  uint8_t size;  // of an ext, where no size follows
} longs[32] = {
  {CONSTANT, CURSOR_NIL},        {INVALID},
  {CONSTANT, CURSOR_BOOL},       {CONSTANT, CURSOR_BOOL},
  {BYTES, CURSOR_BIN, 1},        {BYTES, CURSOR_BIN, 2},
  {BYTES, CURSOR_BIN, 4},        {BYTES, CURSOR_EXT, 1, 1},
  {BYTES, CURSOR_EXT, 2, 1},     {BYTES, CURSOR_EXT, 4, 1},
  {REAL, CURSOR_FLOAT, 4},       {REAL, CURSOR_FLOAT, 8},
  {UNSIGNED, CURSOR_UINT, 1},    {UNSIGNED, CURSOR_UINT, 2},
  {UNSIGNED, CURSOR_UINT, 4},    {UNSIGNED, CURSOR_UINT, 8},
  {SIGNED, CURSOR_INT, 1},       {SIGNED, CURSOR_INT, 2},
  {SIGNED, CURSOR_INT, 4},       {SIGNED, CURSOR_INT, 8},
  {BYTES, CURSOR_EXT, 0, 1, 1},  {BYTES, CURSOR_EXT, 0, 1, 2},
  {BYTES, CURSOR_EXT, 0, 1, 4},  {BYTES, CURSOR_EXT, 0, 1, 8},
  {BYTES, CURSOR_EXT, 0, 1, 16}, {BYTES, CURSOR_TEXT, 1},
  {BYTES, CURSOR_TEXT, 2},       {BYTES, CURSOR_TEXT, 4},
  {COUNT, CURSOR_LIST, 2},       {COUNT, CURSOR_LIST, 4},
  {COUNT, CURSOR_MAP, 2},        {COUNT, CURSOR_MAP, 4},
};

// Items whose size or number follows the first byte.
static bool
take_long (cursor_t *self, cursor_item_t *item, uint8_t first)
{
  unsigned row = first - 0xC0, width = longs[row].width;
  const uint8_t *at = self->at + 1;
  if (longs[row].shape == INVALID || (size_t)(self->end - at) < width)
    return false;
  item->kind = longs[row].kind;
  switch (longs[row].shape) {
  case BYTES:
    item->size = width > 0 ? (uint32_t)big_endian (at, width) : longs[row].size;
    return take_bytes (self, item, longs[row].kind, at + width, longs[row].extra);
  case COUNT:
    item->size = (uint32_t)big_endian (at, width);
    break;
  case UNSIGNED:
    item->number = big_endian (at, width);
    break;
  case SIGNED:
    take_signed (item, at, width);
    break;
  case REAL:
    take_float (item, at, width);
    break;
  default: // of the constants, only true and false are two
    item->number = first & 1;
  }
  self->at = at + width;
  return true;
}

bool
cursor_next_any (cursor_t *self, cursor_item_t *item)
{
  if (self->at == self->end)
    return false;
  uint8_t first = *self->at;
  return first >= 0xC0 && first < 0xE0 ? take_long (self, item, first) : take_fixed (self, item, first);
}

bool
cursor_skip (cursor_t *self)
{
  cursor_t ahead = *self;
  // Each turn consumes a byte at least, so this ends with the bytes; a sum of 32-bit sizes can't pass 64 bits before.
  for (uint64_t rest = 1; rest > 0; rest--) {
    cursor_item_t item;
    if (!cursor_next (&ahead, &item))
      return false;
    if (item.kind == CURSOR_LIST)
      rest += item.size;
    else if (item.kind == CURSOR_MAP)
      rest += 2 * (uint64_t)item.size;
  }
  *self = ahead;
  return true;
}

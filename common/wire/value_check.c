// SPDX-License-Identifier: Apache-2.0
//
// Checking a value's bytes: one pass over all of them, without recursion or allocation, before anything is made of
// them. It bounds what unpacking can cost (five bytes of msgpack may claim 268 million items) and finds everything that
// a value may not hold but repeated keys, which can't be found without remembering keys.

#include "error/utf8.h"
#include "troupe/value.h"
#include "wire/cursor.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
  uint64_t rest; // items of it that are still to come; for a map, keys count too
  bool is_map;
} open_t;

typedef struct {
  cursor_t cursor;
  size_t items;
  unsigned depth; // how many of `open` are in use
  open_t open[TROUPE_VALUE_DEPTH_MAX];
  troupe_error_t *error;
} scan_t;

static troupe_err_t
refuse (const scan_t *self, troupe_err_t code, const char *why)
{
  return troupe_error_set (self->error, code, "value", NULL, "%s, before byte %zu", why, cursor_offset (&self->cursor));
}

static troupe_err_t
enter (scan_t *self, uint32_t count, bool is_map)
{
  if (self->depth == TROUPE_VALUE_DEPTH_MAX)
    return refuse (self, TROUPE_TOO_DEEP, "lists and maps nested more than 64 deep");
  if (count > TROUPE_VALUE_ITEMS_MAX - self->items)
    return refuse (self, TROUPE_TOO_LARGE, "more than 1,000,000 items");
  self->items += count;
  if (count > 0)
    self->open[self->depth++] = (open_t){is_map ? 2 * (uint64_t)count : count, is_map};
  return TROUPE_OK;
}

static troupe_err_t
check_item (scan_t *self, const cursor_item_t *item)
{
  switch (item->kind) {
  case CURSOR_NIL:
  case CURSOR_BOOL:
  case CURSOR_INT:
    return TROUPE_OK;
  case CURSOR_UINT:
    if (item->number > INT64_MAX)
      return refuse (self, TROUPE_BAD_MESSAGE, "an integer of more than 63 bits");
    return TROUPE_OK;
  case CURSOR_FLOAT:
    if (!isfinite (item->real))
      return refuse (self, TROUPE_BAD_MESSAGE, "a number that is infinite or none");
    return TROUPE_OK;
  case CURSOR_TEXT:
    if (!utf8_valid (item->data, item->size))
      return refuse (self, TROUPE_BAD_MESSAGE, "a text that is not UTF-8, or that holds a NUL");
    return TROUPE_OK;
  case CURSOR_BIN:
  case CURSOR_EXT:
    return refuse (self, TROUPE_BAD_MESSAGE, "binary data or an extension type");
  case CURSOR_LIST:
    return enter (self, item->size, false);
  case CURSOR_MAP:
    return enter (self, item->size, true);
  }
  return refuse (self, TROUPE_INTERNAL, "an item of no kind");
}

// Reads one item; when it is a map's turn for a key, that has to be text.
static troupe_err_t
step (scan_t *self)
{
  bool is_key = false;
  if (self->depth > 0) {
    open_t *open = &self->open[self->depth - 1];
    is_key = open->is_map && open->rest % 2 == 0;
    open->rest--;
  }
  cursor_item_t item;
  if (!cursor_next (&self->cursor, &item))
    return refuse (self, TROUPE_BAD_MESSAGE, "the bytes end within an item, or are no msgpack");
  if (is_key && item.kind != CURSOR_TEXT)
    return refuse (self, TROUPE_BAD_MESSAGE, "a map's key that is not text");
  return check_item (self, &item);
}

troupe_err_t
troupe_value_check (const void *data, size_t size, troupe_error_t *error)
{
  scan_t self; // `open` is filled as far as it is used
  self.items = 0;
  self.depth = 0;
  self.error = error;
  self.cursor = cursor_over (data, size);
  if (size > TROUPE_VALUE_SIZE_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "value", "send large things by URL",
                             "%zu bytes, more than 16 MiB", size);
  do {
    troupe_err_t err = step (&self);
    if (err != TROUPE_OK)
      return err;
    while (self.depth > 0 && self.open[self.depth - 1].rest == 0)
      self.depth--;
  } while (self.depth > 0);
  if (!cursor_at_end (&self.cursor))
    return refuse (&self, TROUPE_BAD_MESSAGE, "more bytes behind the value");
  return TROUPE_OK;
}

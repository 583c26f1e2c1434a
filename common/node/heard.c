// SPDX-License-Identifier: Apache-2.0
//
// What was heard: where each value lies, and the buffers in which they lie, many in one. Each is checked when it is
// added, so that whoever looks at one need not fear its bytes; nothing is copied.

#include "node/heard.h"

#include "troupe/value.h"
#include "wire/cursor.h"

#include <stdlib.h>

enum { ITEMS_MIN = 64, PAGES_MIN = 8 };

typedef struct {
  const uint8_t *data;
  size_t size;
} item_t;

struct troupe_heard {
  item_t *items;
  size_t count, capacity;
  troupe_buffer_t **pages; // in which they lie
  size_t pages_count, pages_capacity;
};

troupe_err_t
heard_new (troupe_heard_t **out)
{
  *out = calloc (1, sizeof **out);
  return *out != NULL ? TROUPE_OK : TROUPE_NO_MEMORY;
}

void
troupe_heard_destroy (troupe_heard_t **self_p)
{
  troupe_heard_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (size_t i = 0; i < self->pages_count; i++)
    troupe_buffer_unref (&self->pages[i]);
  free (self->pages);
  free (self->items);
  free (self);
}

// Room for one page and so many items more.
static bool
make_room (troupe_heard_t *self, size_t more)
{
  if (self->count + more > self->capacity) {
    size_t capacity = self->capacity > 0 ? self->capacity * 2 : ITEMS_MIN;
    while (capacity < self->count + more)
      capacity *= 2;
    item_t *items = realloc (self->items, capacity * sizeof *items);
    if (items == NULL)
      return false;
    self->items = items;
    self->capacity = capacity;
  }
  if (self->pages_count == self->pages_capacity) {
    size_t capacity = self->pages_capacity > 0 ? self->pages_capacity * 2 : PAGES_MIN;
    troupe_buffer_t **pages = realloc (self->pages, capacity * sizeof (troupe_buffer_t *));
    if (pages == NULL)
      return false;
    self->pages = pages;
    self->pages_capacity = capacity;
  }
  return true;
}

static void
keep (troupe_heard_t *self, troupe_buffer_t *body)
{
  if (self->pages_count == 0 || self->pages[self->pages_count - 1] != body)
    self->pages[self->pages_count++] = troupe_buffer_ref (body);
}

troupe_err_t
heard_add (troupe_heard_t *self, troupe_buffer_t *body, size_t at, size_t size, troupe_error_t *error)
{
  const uint8_t *data = (const uint8_t *)troupe_buffer_data (body) + at;
  troupe_err_t err = troupe_value_check (data, size, error);
  if (err != TROUPE_OK)
    return err;
  if (!make_room (self, 1))
    return troupe_error_set (error, TROUPE_NO_MEMORY, "hub", NULL, "out of memory");
  keep (self, body);
  self->items[self->count++] = (item_t){data, size};
  return TROUPE_OK;
}

troupe_err_t
heard_add_list (troupe_heard_t *self, troupe_buffer_t *body, troupe_error_t *error)
{
  cursor_item_t list;
  troupe_err_t err = troupe_value_check (troupe_buffer_data (body), troupe_buffer_size (body), error);
  if (err != TROUPE_OK)
    return err;
  cursor_t cursor = cursor_over (troupe_buffer_data (body), troupe_buffer_size (body));
  if (!cursor_next (&cursor, &list) || list.kind != CURSOR_LIST)
    return troupe_error_set (error, TROUPE_BAD_FRAME, "hub", NULL, "what was heard is not a list");
  if (!make_room (self, list.size))
    return troupe_error_set (error, TROUPE_NO_MEMORY, "hub", NULL, "out of memory");
  keep (self, body);
  for (uint32_t i = 0; i < list.size; i++) {
    const uint8_t *data = cursor.at;
    cursor_skip (&cursor);
    self->items[self->count++] = (item_t){data, (size_t)(cursor.at - data)};
  }
  return TROUPE_OK;
}

size_t
troupe_heard_count (const troupe_heard_t *self)
{
  return self->count;
}

const void *
troupe_heard_bytes (const troupe_heard_t *self, size_t number, size_t *size)
{
  *size = self->items[number].size;
  return self->items[number].data;
}

troupe_err_t
troupe_heard_list (const troupe_heard_t *self, json_t **out, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  json_t *list = json_array ();
  for (size_t i = 0; i < self->count && list != NULL && err == TROUPE_OK; i++) {
    json_t *value = NULL;
    err = troupe_value_unpack (self->items[i].data, self->items[i].size, &value, error);
    if (err == TROUPE_OK && json_array_append_new (list, value) != 0)
      err = troupe_error_set (error, TROUPE_NO_MEMORY, "hub", NULL, "out of memory");
  }
  if (list == NULL)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "hub", NULL, "out of memory");
  if (err != TROUPE_OK)
    json_decref (list);
  else
    *out = list;
  return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// A ring of entries in the order of their positions. Nearly all come in that order and are put at its end; with two
// brokers one may come a little late, and moves those behind it by a place. An entry lies in the body of the message
// that brought it, which is kept as long as one of its entries is.
//
// That nothing is missing is known by counting: the store says how many entries a part of the log has, and no entry is
// here twice. So a lost message needs no number of its own to be missed, also when it was the last one.

#include "node/sayings.h"

#include <stdlib.h>

struct sayings_page {
  size_t references;
  troupe_buffer_t *body;
  char speaker[]; // "": it was broadcast
};

enum { CAPACITY_MIN = 64 };

// -- Pages -----------------------------------------------------------------------------------------------------------

static sayings_page_t *
new_page (const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_text_t speaker = {"", 0};
  if (troupe_header_has (header, TROUPE_F (SERVICE)))
    speaker = header->service;
  sayings_page_t *page = malloc (sizeof *page + speaker.size + 1);
  if (page == NULL)
    return NULL;
  page->references = 1;
  page->body = troupe_buffer_keep (body);
  memcpy (page->speaker, speaker.data, speaker.size);
  page->speaker[speaker.size] = '\0';
  return page;
}

static void
drop_page (sayings_page_t *page)
{
  if (--page->references > 0)
    return;
  troupe_buffer_unref (&page->body);
  free (page);
}

// -- The ring --------------------------------------------------------------------------------------------------------

static sayings_entry_t *
entry_at (const sayings_t *self, size_t number)
{
  return &self->entries[(self->first + number) & (self->capacity - 1)];
}

// How many entries stand up to this position.
static size_t
count_to (const sayings_t *self, uint64_t position)
{
  size_t low = 0, high = self->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (entry_at (self, middle)->position <= position)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool
make_room (sayings_t *self, size_t more)
{
  size_t capacity = self->capacity > 0 ? self->capacity : CAPACITY_MIN;
  while (capacity < self->count + more)
    capacity *= 2;
  if (capacity == self->capacity)
    return true;
  sayings_entry_t *entries = malloc (capacity * sizeof *entries);
  if (entries == NULL)
    return false;
  for (size_t i = 0; i < self->count; i++)
    entries[i] = *entry_at (self, i);
  free (self->entries);
  self->entries = entries;
  self->first = 0;
  self->capacity = capacity;
  return true;
}

static void
drop_first (sayings_t *self)
{
  sayings_entry_t *entry = entry_at (self, 0);
  self->forgotten = entry->position;
  self->bytes -= entry->size;
  self->named -= entry->size == 0;
  drop_page (entry->page);
  self->first = (self->first + 1) & (self->capacity - 1);
  self->count--;
}

// There is room. False: it is here already, or its place was let go.
static bool
put (sayings_t *self, const sayings_entry_t *entry)
{
  if (entry->position <= self->forgotten)
    return false;
  size_t number = self->count;
  if (number > 0 && entry_at (self, number - 1)->position >= entry->position)
    number = count_to (self, entry->position);
  if (number > 0 && entry_at (self, number - 1)->position == entry->position)
    return false;
  for (size_t i = self->count; i > number; i--)
    *entry_at (self, i) = *entry_at (self, i - 1);
  *entry_at (self, number) = *entry;
  entry->page->references++;
  self->bytes += entry->size;
  self->named += entry->size == 0;
  self->count++;
  return true;
}

void
sayings_init (sayings_t *self)
{
  *self = (sayings_t){0};
}

void
sayings_clear (sayings_t *self)
{
  while (self->count > 0)
    drop_first (self);
  free (self->entries);
  sayings_init (self);
}

void
sayings_forget (sayings_t *self, uint64_t position)
{
  while (self->count > 0 && entry_at (self, 0)->position <= position)
    drop_first (self);
}

size_t
sayings_distrust (sayings_t *self, uint64_t position)
{
  size_t count = self->count;
  sayings_forget (self, position);
  if (self->forgotten < position)
    self->forgotten = position;
  return count - self->count;
}

// -- Taking ----------------------------------------------------------------------------------------------------------

static bool
fits (const troupe_header_t *header, troupe_buffer_t *body)
{
  uint64_t size = 0;
  for (uint32_t i = 0; i < header->sizes_count; i++)
    size += header->sizes[i];
  for (uint32_t i = 1; i < header->steps_count; i++)
    if (header->steps[i] == 0)
      return false;
  return header->steps_count == header->sizes_count && header->steps_count > 0 && size == troupe_buffer_size (body);
}

troupe_err_t
sayings_take (sayings_t *self, const troupe_header_t *header, troupe_buffer_t *body, size_t *left_out)
{
  sayings_entry_t entry = {.position = header->position};
  *left_out = 0;
  if (!fits (header, body))
    return TROUPE_BAD_FRAME;
  entry.page = make_room (self, header->steps_count) ? new_page (header, body) : NULL;
  if (entry.page == NULL)
    return TROUPE_NO_MEMORY;
  for (uint32_t i = 0; i < header->steps_count; i++) {
    entry.position += header->steps[i];
    entry.size = header->sizes[i];
    *left_out += !put (self, &entry);
    entry.at += entry.size;
  }
  drop_page (entry.page);
  while (self->count > SAYINGS_ENTRIES_MAX || self->bytes > SAYINGS_BYTES_MAX) {
    drop_first (self);
    ++*left_out;
  }
  return TROUPE_OK;
}

// -- Giving ----------------------------------------------------------------------------------------------------------

sayings_look_t
sayings_look (const sayings_t *self, uint64_t since, uint64_t position, size_t entries)
{
  size_t from = count_to (self, since), to = count_to (self, position);
  for (size_t i = from; i < to && self->named > 0; i++)
    if (entry_at (self, i)->size == 0)
      return SAYINGS_NEVER;
  if (to - from == entries)
    return SAYINGS_WHOLE;
  return since < self->forgotten || to - from > entries ? SAYINGS_NEVER : SAYINGS_MISSING;
}

troupe_err_t
sayings_read (const sayings_t *self, uint64_t since, uint64_t position, const char *service, troupe_heard_t *heard)
{
  troupe_err_t err = TROUPE_OK;
  size_t to = count_to (self, position);
  const sayings_page_t *page = NULL;
  bool own = false; // the page's speaker is the service
  for (size_t i = count_to (self, since); i < to && err == TROUPE_OK; i++) {
    const sayings_entry_t *entry = entry_at (self, i);
    if (entry->page != page) {
      page = entry->page;
      own = strcmp (page->speaker, service) == 0;
    }
    if (!own)
      err = heard_add (heard, entry->page->body, entry->at, entry->size, NULL);
  }
  return err;
}

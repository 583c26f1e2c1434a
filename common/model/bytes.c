// SPDX-License-Identifier: Apache-2.0
//
// Growing bytes. Capacity doubles, so that a reply of n bytes that comes in many pieces costs n copies at most twice.
// Whoever adds bounds the size: nothing here does.

#include "model/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 }; // a token of a model's reply fits many times

static bool
bytes_reserve (bytes_t *self, size_t size)
{
  if (size > SIZE_MAX / 2 - self->size - 1)
    return false;
  size_t wanted = self->size + size + 1, capacity = self->capacity ? self->capacity : CAPACITY_MIN;
  if (wanted <= self->capacity)
    return true;
  while (capacity < wanted)
    capacity *= 2;
  char *data = realloc (self->data, capacity);
  if (!data)
    return false;
  self->data = data;
  self->capacity = capacity;
  return true;
}

bool
bytes_add (bytes_t *self, const void *data, size_t size)
{
  if (!bytes_reserve (self, size))
    return false;
  if (size)
    memcpy (self->data + self->size, data, size);
  self->size += size;
  self->data[self->size] = 0;
  return true;
}

bool
bytes_add_text (bytes_t *self, const char *text)
{
  return bytes_add (self, text, strlen (text));
}

const char *
bytes_text (const bytes_t *self)
{
  return self->data ? self->data : "";
}

void
bytes_reset (bytes_t *self)
{
  self->size = 0;
  if (self->data)
    self->data[0] = 0;
}

void
bytes_clear (bytes_t *self)
{
  free (self->data);
  *self = (bytes_t){0};
}

// SPDX-License-Identifier: Apache-2.0
//
// Buffers: one counter, and where the bytes are. Bytes that are copied stand right behind the counter, in the same
// allocation; adopted ones stay where they are.
//
// The counter orders memory as shared pointers do: taking a reference needs no order (whoever takes one holds one),
// giving one back releases what this thread did with the bytes, and the last one acquires it before it frees.

#include "troupe/buffer.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct troupe_buffer {
  atomic_size_t references;
  void *data;
  size_t size;
  troupe_buffer_free_fn *free_fn; // NULL: `data` is `copy`
  void *hint;
  unsigned char copy[];
};

troupe_err_t
troupe_buffer_new (troupe_buffer_t **out, const void *data, size_t size)
{
  if (size > SIZE_MAX - sizeof (troupe_buffer_t))
    return TROUPE_NO_MEMORY;
  troupe_buffer_t *self = malloc (sizeof *self + size);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  atomic_init (&self->references, 1);
  self->data = self->copy;
  self->size = size;
  self->free_fn = NULL;
  self->hint = NULL;
  if (size > 0)
    memcpy (self->copy, data, size);
  *out = self;
  return TROUPE_OK;
}

troupe_err_t
troupe_buffer_adopt (troupe_buffer_t **out, void *data, size_t size, troupe_buffer_free_fn *free_fn, void *hint)
{
  troupe_buffer_t *self = malloc (sizeof *self);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  atomic_init (&self->references, 1);
  self->data = data;
  self->size = size;
  self->free_fn = free_fn;
  self->hint = hint;
  *out = self;
  return TROUPE_OK;
}

troupe_buffer_t *
troupe_buffer_ref (troupe_buffer_t *self)
{
  if (self != NULL)
    atomic_fetch_add_explicit (&self->references, 1, memory_order_relaxed);
  return self;
}

void
troupe_buffer_unref (troupe_buffer_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_buffer_t *self = *self_p;
  *self_p = NULL;
  if (atomic_fetch_sub_explicit (&self->references, 1, memory_order_acq_rel) != 1)
    return;
  if (self->free_fn != NULL)
    self->free_fn (self->data, self->hint);
  free (self);
}

const void *
troupe_buffer_data (const troupe_buffer_t *self)
{
  return self != NULL ? self->data : NULL;
}

size_t
troupe_buffer_size (const troupe_buffer_t *self)
{
  return self != NULL ? self->size : 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Buffers: one counter, and where the bytes are. Bytes that are copied stand right behind the counter, in the same
// allocation, and so does what keeps the bytes of another library; adopted ones stay where they are.
//
// The counter orders memory as shared pointers do: taking a reference needs no order (whoever takes one holds one),
// giving one back releases what this thread did with the bytes, and the last one acquires it before it frees.

#include "troupe/buffer.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  // Received messages of up to here share what they were read into (8 KiB in libzmq), larger ones have their own.
  PART_MAX = 8192
};

struct troupe_buffer {
  atomic_size_t references;
  void *data;
  size_t size;
  troupe_buffer_free_fn *free_fn; // NULL: `data` is `copy`
  void *hint;                     // `copy`: a keeper lies there
  unsigned char copy[];
};

troupe_err_t
troupe_buffer_begin (troupe_buffer_t **out, size_t capacity, void **bytes)
{
  if (capacity > SIZE_MAX - sizeof (troupe_buffer_t))
    return TROUPE_NO_MEMORY;
  troupe_buffer_t *self = malloc (sizeof *self + capacity);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  atomic_init (&self->references, 1);
  self->data = *bytes = self->copy;
  self->size = 0;
  self->free_fn = NULL;
  self->hint = NULL;
  *out = self;
  return TROUPE_OK;
}

troupe_err_t
troupe_buffer_grow (troupe_buffer_t **self_p, size_t capacity, void **bytes)
{
  if (capacity > SIZE_MAX - sizeof (troupe_buffer_t))
    return TROUPE_NO_MEMORY;
  troupe_buffer_t *self = realloc (*self_p, sizeof *self + capacity);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  self->data = *bytes = self->copy;
  *self_p = self;
  return TROUPE_OK;
}

void
troupe_buffer_finish (troupe_buffer_t *self, size_t size)
{
  self->size = size;
}

troupe_err_t
troupe_buffer_new (troupe_buffer_t **out, const void *data, size_t size)
{
  void *bytes;
  troupe_err_t err = troupe_buffer_begin (out, size, &bytes);
  if (err == TROUPE_OK && size > 0)
    memcpy (bytes, data, size);
  if (err == TROUPE_OK)
    troupe_buffer_finish (*out, size);
  return err;
}

troupe_err_t
troupe_buffer_new_kept (troupe_buffer_t **out, size_t size, troupe_buffer_free_fn *free_fn, void **keeper)
{
  troupe_err_t err = troupe_buffer_begin (out, size, keeper);
  if (err != TROUPE_OK)
    return err;
  (*out)->free_fn = free_fn;
  (*out)->hint = *keeper;
  return TROUPE_OK;
}

void
troupe_buffer_point (troupe_buffer_t *self, void *data, size_t size)
{
  self->data = data;
  self->size = size;
}

void
troupe_buffer_narrow (troupe_buffer_t *self, const void *data, size_t size)
{
  self->data = (unsigned char *)self->data + ((const unsigned char *)data - (const unsigned char *)self->data);
  self->size = size;
}

void *
troupe_buffer_keeper (const troupe_buffer_t *self, troupe_buffer_free_fn *free_fn)
{
  return self != NULL && self->free_fn == free_fn && self->hint == self->copy ? self->hint : NULL;
}

troupe_buffer_t *
troupe_buffer_keep (troupe_buffer_t *self)
{
  bool part = self != NULL && self->hint == self->copy && self->size <= PART_MAX;
  troupe_buffer_t *copy = NULL;
  if (part && troupe_buffer_new (&copy, self->data, self->size) == TROUPE_OK)
    return copy;
  return troupe_buffer_ref (self);
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

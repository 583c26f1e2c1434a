// SPDX-License-Identifier: Apache-2.0
//
// A buffer: bytes that never change, shared by counting references. A message body is one from the socket it
// came in on to the socket it leaves by, so a broker forwards it without a copy.
//
// Thread rule: references may be taken and dropped on any thread (ZeroMQ drops its own on its I/O thread).
#ifndef TROUPE_BUFFER_H
#define TROUPE_BUFFER_H

#include "troupe/error.h"

#include <stddef.h>

typedef struct troupe_buffer troupe_buffer_t;
typedef void (troupe_buffer_free_fn) (void *data, void *hint);

// A buffer that copies `size` bytes of `data` (NULL only when size is 0).
troupe_err_t troupe_buffer_new (troupe_buffer_t **out, const void *data, size_t size);
// A buffer over bytes of the caller's, which `free_fn (data, hint)` releases with the last reference, on
// whichever thread that is. On failure the bytes stay the caller's.
troupe_err_t troupe_buffer_adopt (troupe_buffer_t **out, void *data, size_t size, troupe_buffer_free_fn *free_fn,
                                  void *hint);
// One more reference; returns `self`. NULL stays NULL.
troupe_buffer_t *troupe_buffer_ref (troupe_buffer_t *self);
// Gives one reference back and sets *self_p to NULL. Does nothing for NULL or a pointer to NULL.
void troupe_buffer_unref (troupe_buffer_t **self_p);

// Of a NULL buffer: NULL and 0.
const void *troupe_buffer_data (const troupe_buffer_t *self);
size_t troupe_buffer_size (const troupe_buffer_t *self);

#endif

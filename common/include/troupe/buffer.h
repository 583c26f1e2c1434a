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
// A buffer over bytes that something of another library keeps, such as a received message: that thing, of `size` bytes,
// lies in the buffer's own memory, at *keeper. The caller makes it there before anything else, and then says by
// troupe_buffer_point where the bytes are; `free_fn (data, keeper)` ends it with the last reference.
troupe_err_t troupe_buffer_new_kept (troupe_buffer_t **out, size_t size, troupe_buffer_free_fn *free_fn, void **keeper);
void troupe_buffer_point (troupe_buffer_t *self, void *data, size_t size);
// Leaves of a buffer's bytes only these, which are some of them; before anyone else has a reference.
void troupe_buffer_narrow (troupe_buffer_t *self, const void *data, size_t size);
// The keeper, for whoever knows `free_fn`; NULL: the buffer is not of that kind.
void *troupe_buffer_keeper (const troupe_buffer_t *self, troupe_buffer_free_fn *free_fn);

// A buffer of `capacity` bytes to be filled at *bytes by its maker, before anyone else has a reference; more of them
// (the filled ones stay, *self_p and *bytes change); and how many it has in the end.
troupe_err_t troupe_buffer_begin (troupe_buffer_t **out, size_t capacity, void **bytes);
troupe_err_t troupe_buffer_grow (troupe_buffer_t **self_p, size_t capacity, void **bytes);
void troupe_buffer_finish (troupe_buffer_t *self, size_t size);

// A reference to be held for long: a copy where the buffer is a small part of larger memory that it keeps alive (as a
// received message does of what was read with it), unless there is no memory for one; `self` otherwise. NULL stays
// NULL.
troupe_buffer_t *troupe_buffer_keep (troupe_buffer_t *self);
// One more reference; returns `self`. NULL stays NULL.
troupe_buffer_t *troupe_buffer_ref (troupe_buffer_t *self);
// Gives one reference back and sets *self_p to NULL. Does nothing for NULL or a pointer to NULL.
void troupe_buffer_unref (troupe_buffer_t **self_p);

// Of a NULL buffer: NULL and 0.
const void *troupe_buffer_data (const troupe_buffer_t *self);
size_t troupe_buffer_size (const troupe_buffer_t *self);

#endif

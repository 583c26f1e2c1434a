// SPDX-License-Identifier: Apache-2.0
//
// Growing bytes: a reply as it arrives, a line of a stream, a text that is put together. Always followed by a NUL
// that isn't counted, so that text may be used as a C string. Start from zeroes.
#ifndef TROUPE_MODEL_BYTES_H
#define TROUPE_MODEL_BYTES_H

#include "troupe/error.h"

#include <stddef.h>

typedef struct {
  char *data; // NULL as long as nothing was added
  size_t size, capacity;
} bytes_t;

// False when out of memory; then nothing was added.
bool bytes_add (bytes_t *self, const void *data, size_t size);
bool bytes_add_text (bytes_t *self, const char *text);
// The text so far; "" for none.
const char *bytes_text (const bytes_t *self);
// Keeps the memory.
void bytes_reset (bytes_t *self);
void bytes_clear (bytes_t *self);

#endif

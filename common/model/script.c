// SPDX-License-Identifier: Apache-2.0
//
// Pieces are cut between characters, since each becomes a text of its own on the wire, and a half character is none.
// A word keeps the space that follows it, so that the pieces add up to the text.

#include "model/script.h"
#include "error/utf8.h"

#include <string.h>

static bool
is_space (char c)
{
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t
word_size (const char *text, size_t size)
{
  size_t n = 0;
  while (n < size && !is_space (text[n]))
    n++;
  while (n < size && is_space (text[n]))
    n++;
  return n;
}

size_t
script_piece (const script_t *self, const char *text, size_t size)
{
  if (self->words)
    return word_size (text, size);
  if (self->chunk == 0)
    return size;
  size_t used = 0;
  for (size_t i = 0; i < self->chunk && used < size; i++) {
    size_t step = utf8_size (text + used, size - used);
    used += step ? step : 1;
  }
  return used;
}

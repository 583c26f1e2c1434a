// SPDX-License-Identifier: Apache-2.0
//
// The line that has begun is kept, so it doesn't matter where the network cuts. A CR ends its line at once; the LF that
// may follow, perhaps in the next piece, is swallowed.

#include "model/lines.h"

static troupe_err_t
take (lines_t *self, lines_fn *fn, void *context, troupe_error_t *error)
{
  troupe_err_t code = fn (context, bytes_text (&self->line), self->line.size, error);
  bytes_reset (&self->line);
  return code;
}

// How many bytes lie before the next CR or LF.
static size_t
line_part (const char *bytes, size_t size)
{
  size_t n = 0;
  while (n < size && bytes[n] != '\r' && bytes[n] != '\n')
    n++;
  return n;
}

troupe_err_t
lines_feed (lines_t *self, const char *bytes, size_t size, lines_fn *fn, void *context, troupe_error_t *error)
{
  while (size) {
    if (self->after_cr && *bytes == '\n')
      bytes++, size--;
    self->after_cr = false;
    size_t part = line_part (bytes, size);
    if (self->line.size + part > LINES_MAX)
      return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL,
                               "the server streams an event of more than %d bytes", LINES_MAX);
    if (part && !bytes_add (&self->line, bytes, part))
      return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a streamed line");
    bytes += part, size -= part;
    if (!size)
      break;
    self->after_cr = *bytes == '\r';
    bytes++, size--;
    troupe_err_t code = take (self, fn, context, error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

troupe_err_t
lines_end (lines_t *self, lines_fn *fn, void *context, troupe_error_t *error)
{
  return self->line.size ? take (self, fn, context, error) : TROUPE_OK;
}

void
lines_clear (lines_t *self)
{
  bytes_clear (&self->line);
  *self = (lines_t){0};
}

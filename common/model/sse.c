// SPDX-License-Identifier: Apache-2.0
//
// The decoder of server-sent events. It keeps the data of the event that has begun (and model/lines.c the line), and
// so doesn't care where the network cuts: what it delivers is the same for every split of the same bytes, which the
// tests check at each byte.

#include "model/sse.h"

#include <string.h>

static troupe_err_t
too_long (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "the server streams an event of more than %d bytes",
                           SSE_LINE_MAX);
}

static troupe_err_t
dispatch (sse_t *self, sse_event_fn *fn, void *context, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  if (self->has_data)
    code = fn (context, self->event[0] ? self->event : "message", bytes_text (&self->data), self->data.size, error);
  bytes_reset (&self->data);
  self->event[0] = 0;
  self->has_data = false;
  return code;
}

static troupe_err_t
add_data (sse_t *self, const char *value, size_t size, troupe_error_t *error)
{
  if (self->data.size + size + 1 > SSE_LINE_MAX)
    return too_long (error);
  if ((self->has_data && !bytes_add (&self->data, "\n", 1)) || !bytes_add (&self->data, value, size))
    return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a streamed event");
  self->has_data = true;
  return TROUPE_OK;
}

static troupe_err_t
end_line (sse_t *self, const char *line, size_t size, sse_event_fn *fn, void *context, troupe_error_t *error)
{
  if (!self->started && size >= 3 && memcmp (line, "\xEF\xBB\xBF", 3) == 0)
    line += 3, size -= 3;
  self->started = true;
  if (size == 0)
    return dispatch (self, fn, context, error);
  const char *colon = memchr (line, ':', size);
  size_t name = colon ? (size_t)(colon - line) : size, skip = colon ? name + 1 : name;
  if (skip < size && line[skip] == ' ' && colon)
    skip++;
  if (name == 4 && memcmp (line, "data", 4) == 0)
    return add_data (self, line + skip, size - skip, error);
  if (name == 5 && memcmp (line, "event", 5) == 0) {
    size_t length = size - skip < SSE_NAME_MAX ? size - skip : SSE_NAME_MAX - 1;
    memcpy (self->event, line + skip, length);
    self->event[length] = 0;
  }
  return TROUPE_OK;
}

// What a line needs to know of the call that brought it.
typedef struct {
  sse_t *sse;
  sse_event_fn *fn;
  void *context;
} reading_t;

static troupe_err_t
on_line (void *context, const char *line, size_t size, troupe_error_t *error)
{
  const reading_t *reading = context;
  return end_line (reading->sse, line, size, reading->fn, reading->context, error);
}

troupe_err_t
sse_feed (sse_t *self, const char *bytes, size_t size, sse_event_fn *fn, void *context, troupe_error_t *error)
{
  reading_t reading = {self, fn, context};
  return lines_feed (&self->lines, bytes, size, on_line, &reading, error);
}

troupe_err_t
sse_end (sse_t *self, sse_event_fn *fn, void *context, troupe_error_t *error)
{
  reading_t reading = {self, fn, context};
  troupe_err_t code = lines_end (&self->lines, on_line, &reading, error);
  return code == TROUPE_OK ? dispatch (self, fn, context, error) : code;
}

void
sse_clear (sse_t *self)
{
  lines_clear (&self->lines);
  bytes_clear (&self->data);
  *self = (sse_t){0};
}

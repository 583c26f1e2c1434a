// SPDX-License-Identifier: Apache-2.0
//
// Which of the two forms it is the provider knows, so that only one of the two readers ever holds something.

#include "model/stream.h"

static troupe_err_t
take_event (void *context, const char *event, const char *data, size_t size, troupe_error_t *error)
{
  const stream_t *self = context;
  return self->model->provider->event (self->model, event, data, size, self->reply, error);
}

static troupe_err_t
take_line (void *context, const char *line, size_t size, troupe_error_t *error)
{
  return size ? take_event (context, "message", line, size, error) : TROUPE_OK;
}

troupe_err_t
stream_feed (stream_t *self, const char *bytes, size_t size, troupe_error_t *error)
{
  return self->model->provider->lines ? lines_feed (&self->lines, bytes, size, take_line, self, error)
                                      : sse_feed (&self->sse, bytes, size, take_event, self, error);
}

troupe_err_t
stream_end (stream_t *self, troupe_error_t *error)
{
  return self->model->provider->lines ? lines_end (&self->lines, take_line, self, error)
                                      : sse_end (&self->sse, take_event, self, error);
}

void
stream_clear (stream_t *self)
{
  sse_clear (&self->sse);
  lines_clear (&self->lines);
}

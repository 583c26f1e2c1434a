// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events, as the WHATWG's HTML standard parses them (section 9.2.6, "Interpreting an event stream"):
// bytes in, in any pieces; events out. Lines end in CR, LF or CR LF; comments, ids and retry times are passed over.
#ifndef TROUPE_MODEL_SSE_H
#define TROUPE_MODEL_SSE_H

#include "model/lines.h"

enum {
  SSE_LINE_MAX = LINES_MAX,
  SSE_NAME_MAX = 32 // an event's name; longer ones are cut: none that we know is
};

// One event; `data` is followed by a NUL. An error stops the decoder.
typedef troupe_err_t (sse_event_fn) (void *context, const char *event, const char *data, size_t size,
                                     troupe_error_t *error);

typedef struct {
  lines_t lines;
  bytes_t data;
  char event[SSE_NAME_MAX];
  bool has_data, started;
} sse_t; // start from zeroes

// model_failed (a line or an event larger than SSE_LINE_MAX), no_memory, or what `fn` returned.
troupe_err_t sse_feed (sse_t *self, const char *bytes, size_t size, sse_event_fn *fn, void *context,
                       troupe_error_t *error);
// The stream ended. The standard drops an event without its empty line; servers that forget the last one exist, so it
// is delivered here.
troupe_err_t sse_end (sse_t *self, sse_event_fn *fn, void *context, troupe_error_t *error);
void sse_clear (sse_t *self);

#endif

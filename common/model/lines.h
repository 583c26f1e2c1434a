// SPDX-License-Identifier: Apache-2.0
//
// Lines out of bytes that come in any pieces; lines end in CR, LF or CR LF. Under both forms of streams: events
// (model/sse.h) and a JSON text a line (NDJSON).
#ifndef TROUPE_MODEL_LINES_H
#define TROUPE_MODEL_LINES_H

#include "model/bytes.h"

enum { LINES_MAX = 1024 * 1024 }; // a line holds a token or a tool call's arguments, of a few kilobytes

// One line, followed by a NUL. An error stops the reader.
typedef troupe_err_t (lines_fn) (void *context, const char *line, size_t size, troupe_error_t *error);

typedef struct {
  bytes_t line;
  bool after_cr;
} lines_t; // start from zeroes

// model_failed (a line larger than LINES_MAX), no_memory, or what `fn` returned.
troupe_err_t lines_feed (lines_t *self, const char *bytes, size_t size, lines_fn *fn, void *context,
                         troupe_error_t *error);
// The bytes ended: what is left is a line, unless nothing is.
troupe_err_t lines_end (lines_t *self, lines_fn *fn, void *context, troupe_error_t *error);
void lines_clear (lines_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What a model's server streams, handed to the provider event by event as the bytes come: server-sent events, or for
// some a line each (provider->lines).
#ifndef TROUPE_MODEL_STREAM_H
#define TROUPE_MODEL_STREAM_H

#include "model/provider.h"
#include "model/sse.h"

typedef struct {
  const troupe_model_t *model;
  reply_t *reply; // what the events become
  sse_t sse;
  lines_t lines;
} stream_t; // start from zeroes, but for the model and the reply

// The provider's errors; no_memory; model_failed: a line is too long.
troupe_err_t stream_feed (stream_t *self, const char *bytes, size_t size, troupe_error_t *error);
// No more will come: what is left is an event, too.
troupe_err_t stream_end (stream_t *self, troupe_error_t *error);
void stream_clear (stream_t *self);

#endif

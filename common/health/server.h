// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the HTTP server on the loop.
#ifndef HEALTH_SERVER_H
#define HEALTH_SERVER_H

#include "troupe/loop.h"

#include <stdbool.h>
#include <stddef.h>

enum {
  // Open at once: a scraper and some probes need one each, for a moment.
  HEALTH_CONNECTIONS_MAX = 64,
  // In all, for a request of one line and an answer of some kilobytes.
  HEALTH_CONNECTION_MS = 10 * 1000,
};

// What is answered to a request; `text` is the server's to free from then on, NULL: there was no memory for it.
typedef struct {
  unsigned status;
  const char *type; // Content-Type
  char *text;
  size_t size;
} health_answer_t;

typedef health_answer_t (health_answer_fn) (void *context, const char *path);

typedef struct health_server health_server_t;

// Takes `listener`, also when it fails. Asks `answer` for each GET and HEAD. io, no_memory.
troupe_err_t health_server_new (health_server_t **out, troupe_loop_t *loop, int listener, health_answer_fn *answer,
                                void *context, troupe_error_t *error);
void health_server_destroy (health_server_t **self_p);

typedef struct {
  size_t connections;
  uint64_t requests, evicted, late;
} health_server_counts_t;

health_server_counts_t health_server_counts (const health_server_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// One output of a process: what came so far, and how much of it has been matched.
#ifndef TROUPE_BLACKBOX_STREAM_H
#define TROUPE_BLACKBOX_STREAM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  int fd; // -1: it has ended
  char *text; // never NULL
  size_t size, capacity;
  size_t matched;
} stream_t;

void stream_init (stream_t *self, int fd);
void stream_close (stream_t *self);
// Reads what is there, or notices the end. Call it when the fd is readable.
void stream_read (stream_t *self);
// Whether what came since the last match matches; then that is matched, too.
bool stream_match (stream_t *self, const char *regex);

#endif

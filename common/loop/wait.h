// SPDX-License-Identifier: Apache-2.0
//
// A loop's sources, and the wait until one of them is ready.
#ifndef TROUPE_LOOP_WAIT_H
#define TROUPE_LOOP_WAIT_H

#include "troupe/loop.h"

#include <stddef.h>

typedef struct {
  troupe_loop_ready_fn *ready; // NULL: removed
  void *context;
  void *socket; // NULL: a file descriptor
  int fd;       // of a socket: ZMQ_FD
  short events;
  bool receiver; // a socket that nobody uses but its function
  bool idle;     // a receiver that has nothing until its descriptor says so
} loop_source_t;

// What is polled; all arrays have `capacity` elements.
typedef struct {
  struct pollfd *items;
  short *events;   // what was found, as ZeroMQ names it; 0: nothing
  size_t *sources; // the source of each
  size_t count, capacity;
} loop_wait_t;

void loop_wait_free (loop_wait_t *self);
// Takes over which sources are to be polled: those that watch something. False: out of memory.
bool loop_wait_set (loop_wait_t *self, const loop_source_t *sources, size_t count);
// Waits until one is ready, `ms` milliseconds at most (-1: no bound), and fills `events`. Returns how many are, -1: an
// errno. `sources` are those that were set.
int loop_wait_for (loop_wait_t *self, loop_source_t *sources, int ms);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A listening socket that takes no more connections while the process has few descriptors left.
#ifndef BROKER_DOOR_H
#define BROKER_DOOR_H

#include "troupe/error.h"
#include "troupe/loop.h"

typedef struct {
  troupe_loop_t *loop;
  void *socket, *monitor;
  const char *endpoint;
  int listener;     // its descriptor; -1: not bound yet
  bool closed;
  bool counted;     // that it is closed was seen by whoever counts that
  int64_t again_at; // closed: when it is tried next
} door_t;

// Before `socket` is bound. `endpoint` says, once it is, where; both live longer than the door.
troupe_err_t door_watch (door_t *self, void *zmq, void *socket, const char *endpoint, troupe_error_t *error);
// Begins to look after it.
troupe_err_t door_join (door_t *self, troupe_loop_t *loop, troupe_error_t *error);
// Opens it again when it is time. Returns when it wants to be called next: TROUPE_LOOP_NEVER as long as it is open.
int64_t door_continue (door_t *self, int64_t now);
// Before its socket is closed. Nothing happens to one that was never watched.
void door_destroy (door_t *self);

#endif

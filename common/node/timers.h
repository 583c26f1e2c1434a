// SPDX-License-Identifier: Apache-2.0
//
// Timers that lie in the things they belong to. Room is reserved when a thing is made, so that setting its timer never
// fails.
#ifndef NODE_TIMERS_H
#define NODE_TIMERS_H

#include "troupe/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct node_timer node_timer_t;
typedef void (node_timer_fn) (node_timer_t *timer);

struct node_timer {
  int64_t due;
  size_t slot; // in the heap, from 1; 0: not set
  node_timer_fn *fire;
};

typedef struct {
  node_timer_t **heap; // [1] is due first
  size_t count, capacity, reserved;
} node_timers_t;

void node_timers_close (node_timers_t *self);
// Room for one timer more, which node_timers_release gives back. no_memory.
troupe_err_t node_timers_reserve (node_timers_t *self);
// Stops the timer and gives its room back.
void node_timers_release (node_timers_t *self, node_timer_t *timer);
// Sets or moves the timer: `fire` is called once when `due` has come.
void node_timers_set (node_timers_t *self, node_timer_t *timer, int64_t due);
void node_timers_stop (node_timers_t *self, node_timer_t *timer);
// When the first is due; TROUPE_LOOP_NEVER: none is set.
int64_t node_timers_due (const node_timers_t *self);
// Fires what is due at `now`; what is set meanwhile for `now` or before fires the next time.
void node_timers_run (node_timers_t *self, int64_t now);

#endif

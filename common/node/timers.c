// SPDX-License-Identifier: Apache-2.0
//
// A binary heap of pointers to timers; each knows its slot, so that it can be moved or stopped in O(log n). A hundred
// thousand calls with a deadline each, most of which never come due, is the load that this is for.

#include "node/timers.h"

#include "troupe/loop.h"

#include <stdlib.h>

void
node_timers_close (node_timers_t *self)
{
  free (self->heap);
  *self = (node_timers_t){0};
}

troupe_err_t
node_timers_reserve (node_timers_t *self)
{
  if (self->reserved + 2 > self->capacity) {
    size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
    node_timer_t **heap = realloc (self->heap, capacity * sizeof (node_timer_t *));
    if (heap == NULL)
      return TROUPE_NO_MEMORY;
    self->heap = heap;
    self->capacity = capacity;
  }
  self->reserved++;
  return TROUPE_OK;
}

void
node_timers_release (node_timers_t *self, node_timer_t *timer)
{
  node_timers_stop (self, timer);
  self->reserved--;
}

static void
put (node_timers_t *self, size_t slot, node_timer_t *timer)
{
  self->heap[slot] = timer;
  timer->slot = slot;
}

static void
rise (node_timers_t *self, size_t slot)
{
  node_timer_t *timer = self->heap[slot];
  for (; slot > 1 && self->heap[slot / 2]->due > timer->due; slot /= 2)
    put (self, slot, self->heap[slot / 2]);
  put (self, slot, timer);
}

static void
sink (node_timers_t *self, size_t slot)
{
  node_timer_t *timer = self->heap[slot];
  for (size_t child; (child = slot * 2) <= self->count; slot = child) {
    if (child < self->count && self->heap[child + 1]->due < self->heap[child]->due)
      child++;
    if (self->heap[child]->due >= timer->due)
      break;
    put (self, slot, self->heap[child]);
  }
  put (self, slot, timer);
}

void
node_timers_set (node_timers_t *self, node_timer_t *timer, int64_t due)
{
  if (timer->slot == 0)
    put (self, ++self->count, timer);
  timer->due = due;
  rise (self, timer->slot);
  sink (self, timer->slot);
}

void
node_timers_stop (node_timers_t *self, node_timer_t *timer)
{
  size_t slot = timer->slot;
  if (slot == 0)
    return;
  timer->slot = 0;
  node_timer_t *last = self->heap[self->count--];
  if (last == timer)
    return;
  put (self, slot, last);
  rise (self, slot);
  sink (self, last->slot);
}

int64_t
node_timers_due (const node_timers_t *self)
{
  return self->count == 0 ? TROUPE_LOOP_NEVER : self->heap[1]->due;
}

void
node_timers_run (node_timers_t *self, int64_t now)
{
  for (size_t most = self->count; most > 0 && self->count > 0 && self->heap[1]->due <= now; most--) {
    node_timer_t *timer = self->heap[1];
    node_timers_stop (self, timer);
    timer->fire (timer);
  }
}

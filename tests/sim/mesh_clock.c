// SPDX-License-Identifier: Apache-2.0
//
// A binary heap by (time, order). Deferring keeps the order: what a frozen process finds when it goes on, it finds in
// the order in which it came, and before what comes now.

#include "sim/mesh_clock.h"

#include <stdlib.h>

void
mesh_clock_init (mesh_clock_t *self, uint64_t seed)
{
  *self = (mesh_clock_t){.random = seed * UINT64_C (0x9e3779b97f4a7c15) + 1};
}

void
mesh_clock_close (mesh_clock_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->events[i].release != NULL)
      self->events[i].release (self->events[i].thing);
  free (self->events);
  *self = (mesh_clock_t){0};
}

static bool
before (const mesh_event_t *a, const mesh_event_t *b)
{
  return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void
put (mesh_clock_t *self, const mesh_event_t *event)
{
  if (self->count == self->capacity) {
    self->capacity = self->capacity * 2 + 64;
    self->events = realloc (self->events, self->capacity * sizeof *self->events);
    if (self->events == NULL)
      abort ();
  }
  size_t at = self->count++;
  for (; at > 0 && before (event, &self->events[(at - 1) / 2]); at = (at - 1) / 2)
    self->events[at] = self->events[(at - 1) / 2];
  self->events[at] = *event;
}

static mesh_event_t
take_first (mesh_clock_t *self)
{
  mesh_event_t first = self->events[0], last = self->events[--self->count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < self->count; at = child) {
    if (child + 1 < self->count && before (&self->events[child + 1], &self->events[child]))
      child++;
    if (!before (&self->events[child], &last))
      break;
    self->events[at] = self->events[child];
  }
  self->events[at] = last;
  return first;
}

void
mesh_clock_at (mesh_clock_t *self, int64_t at, mesh_event_fn *happen, void *thing, mesh_release_fn *release)
{
  mesh_event_t event = {at > self->now ? at : self->now, ++self->order, happen, release, thing};
  put (self, &event);
}

void
mesh_clock_defer (mesh_clock_t *self, int64_t until)
{
  mesh_event_t event = self->current;
  event.at = until > self->now ? until : self->now;
  put (self, &event);
}

bool
mesh_clock_step (mesh_clock_t *self, mesh_t *mesh, int64_t end)
{
  if (self->count == 0 || self->events[0].at > end) {
    self->now = end;
    return false;
  }
  self->current = take_first (self);
  self->now = self->current.at;
  self->current.happen (mesh, self->current.thing);
  return true;
}

// SplitMix64.
uint64_t
mesh_dice (mesh_clock_t *self, uint64_t sides)
{
  uint64_t z = self->random += UINT64_C (0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return (z ^ (z >> 31)) % sides;
}

bool
mesh_chance (mesh_clock_t *self, unsigned of_1000)
{
  return mesh_dice (self, 1000) < of_1000;
}

int64_t
mesh_between (mesh_clock_t *self, int64_t least, int64_t most)
{
  uint64_t range = (uint64_t)(most - least) + 1;
  return least + (int64_t)(mesh_dice (self, range) * mesh_dice (self, range) / range);
}

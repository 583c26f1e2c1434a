// SPDX-License-Identifier: Apache-2.0
//
// Virtual time and chance: what shall happen when, and dice. What is due at the same moment happens in the order in
// which it was asked for, so a seed alone decides a whole run.
#ifndef SIM_MESH_CLOCK_H
#define SIM_MESH_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mesh mesh_t;
// `thing` is as it was given to mesh_clock_at.
typedef void (mesh_event_fn) (mesh_t *mesh, void *thing);
typedef void (mesh_release_fn) (void *thing);

typedef struct {
  int64_t at; // microseconds
  uint64_t order;
  mesh_event_fn *happen;
  mesh_release_fn *release; // of a thing whose time never comes; NULL: nothing is to be released
  void *thing;
} mesh_event_t;

typedef struct {
  int64_t now; // microseconds
  uint64_t order, random;
  mesh_event_t *events; // a heap
  size_t count, capacity;
  mesh_event_t current;
} mesh_clock_t;

void mesh_clock_init (mesh_clock_t *self, uint64_t seed);
void mesh_clock_close (mesh_clock_t *self);
void mesh_clock_at (mesh_clock_t *self, int64_t at, mesh_event_fn *happen, void *thing, mesh_release_fn *release);
// While something happens: it shall happen later instead, and still before everything that was asked for after it.
void mesh_clock_defer (mesh_clock_t *self, int64_t until);
// Lets happen what comes first, if that is not after `end`; false: nothing did.
bool mesh_clock_step (mesh_clock_t *self, mesh_t *mesh, int64_t end);

// 0 to sides - 1.
uint64_t mesh_dice (mesh_clock_t *self, uint64_t sides);
bool mesh_chance (mesh_clock_t *self, unsigned of_1000);
// A time in microseconds from the range, the short ones more often.
int64_t mesh_between (mesh_clock_t *self, int64_t least, int64_t most);

#endif

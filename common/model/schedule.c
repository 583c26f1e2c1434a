// SPDX-License-Identifier: Apache-2.0
//
// A binary heap whose entries know their place, so that a due time changes in O(log n): a pause, a silence that is
// not one after all, a chunk that was played. Only adding may need memory, so an answer that runs can always be
// moved.

#include "model/schedule.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 }; // the default concurrency of a model

static void
put (schedule_t *self, size_t slot, troupe_answer_t *answer)
{
  self->slots[slot] = answer;
  answer->slot = slot;
}

static void
rise (schedule_t *self, size_t slot)
{
  troupe_answer_t *answer = self->slots[slot];
  for (; slot > 1 && self->slots[slot / 2]->due > answer->due; slot /= 2)
    put (self, slot, self->slots[slot / 2]);
  put (self, slot, answer);
}

static void
sink (schedule_t *self, size_t slot)
{
  troupe_answer_t *answer = self->slots[slot];
  for (size_t child; (child = 2 * slot) <= self->count; slot = child) {
    if (child < self->count && self->slots[child + 1]->due < self->slots[child]->due)
      child++;
    if (self->slots[child]->due >= answer->due)
      break;
    put (self, slot, self->slots[child]);
  }
  put (self, slot, answer);
}

bool
schedule_add (schedule_t *self, troupe_answer_t *answer, int64_t due)
{
  if (self->count + 1 >= self->capacity) {
    size_t capacity = self->capacity ? self->capacity * 2 : CAPACITY_MIN;
    troupe_answer_t **slots = realloc (self->slots, capacity * sizeof *slots);
    if (!slots)
      return false;
    self->slots = slots;
    self->capacity = capacity;
  }
  answer->due = due;
  put (self, ++self->count, answer);
  rise (self, self->count);
  return true;
}

void
schedule_move (schedule_t *self, troupe_answer_t *answer, int64_t due)
{
  answer->due = due;
  rise (self, answer->slot);
  sink (self, answer->slot);
}

void
schedule_remove (schedule_t *self, troupe_answer_t *answer)
{
  size_t slot = answer->slot;
  if (slot == 0)
    return;
  troupe_answer_t *last = self->slots[self->count--];
  answer->slot = 0;
  if (last == answer)
    return;
  put (self, slot, last);
  rise (self, slot);
  sink (self, last->slot);
}

troupe_answer_t *
schedule_first (const schedule_t *self)
{
  return self->count ? self->slots[1] : NULL;
}

void
schedule_clear (schedule_t *self)
{
  free (self->slots);
  *self = (schedule_t){0};
}

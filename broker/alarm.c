// SPDX-License-Identifier: Apache-2.0
//
// A heap in an array. Each alarm knows its place, so that the deadline of a call that settles (nearly all do long
// before it) is taken out in logarithmic time instead of lying there until it passes.

#include "broker/alarm.h"

#include <stdlib.h>

void
alarms_init (alarms_t *self)
{
  *self = (alarms_t){0};
}

void
alarms_destroy (alarms_t *self)
{
  free (self->heap);
  alarms_init (self);
}

troupe_err_t
alarms_reserve (alarms_t *self, size_t count)
{
  if (count < self->capacity)
    return TROUPE_OK;
  size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
  while (capacity <= count)
    capacity *= 2;
  alarm_t **heap = realloc (self->heap, capacity * sizeof (alarm_t *));
  if (heap == NULL)
    return TROUPE_NO_MEMORY;
  self->heap = heap;
  self->capacity = capacity;
  return TROUPE_OK;
}

static void
put (alarms_t *self, size_t place, alarm_t *alarm)
{
  self->heap[place] = alarm;
  alarm->place = place;
}

static void
rise (alarms_t *self, alarm_t *alarm, size_t place)
{
  for (; place > 1 && self->heap[place / 2]->at > alarm->at; place /= 2)
    put (self, place, self->heap[place / 2]);
  put (self, place, alarm);
}

static void
sink (alarms_t *self, alarm_t *alarm, size_t place)
{
  for (size_t child = place * 2; child <= self->count; place = child, child *= 2) {
    if (child < self->count && self->heap[child + 1]->at < self->heap[child]->at)
      child++;
    if (self->heap[child]->at >= alarm->at)
      break;
    put (self, place, self->heap[child]);
  }
  put (self, place, alarm);
}

void
alarms_set (alarms_t *self, alarm_t *alarm, int64_t at)
{
  alarms_clear (self, alarm);
  alarm->at = at;
  self->count++;
  rise (self, alarm, self->count);
}

void
alarms_clear (alarms_t *self, alarm_t *alarm)
{
  size_t place = alarm->place;
  if (place == 0)
    return;
  alarm->place = 0;
  alarm_t *last = self->heap[self->count--];
  if (last == alarm)
    return;
  if (place > 1 && self->heap[place / 2]->at > last->at)
    rise (self, last, place);
  else
    sink (self, last, place);
}

alarm_t *
alarms_first (const alarms_t *self)
{
  return self->count == 0 ? NULL : self->heap[1];
}

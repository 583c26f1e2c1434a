// SPDX-License-Identifier: Apache-2.0
//
// Times at which something is due, earliest first: a binary heap of alarms that lie in what they belong to. Room is
// reserved when an alarm's owner is made, so that setting one can't fail.
#ifndef BROKER_ALARM_H
#define BROKER_ALARM_H

#include "troupe/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t at;
  size_t place; // in the heap, from 1; 0: not set
} alarm_t;

typedef struct {
  alarm_t **heap; // heap[1] is the earliest
  size_t count, capacity;
} alarms_t;

void alarms_init (alarms_t *self);
void alarms_destroy (alarms_t *self);
// Makes room for `count` alarms in all. no_memory.
troupe_err_t alarms_reserve (alarms_t *self, size_t count);
// Sets an alarm, or moves it. There must be room.
void alarms_set (alarms_t *self, alarm_t *alarm, int64_t at);
// Of an alarm that isn't set: nothing happens.
void alarms_clear (alarms_t *self, alarm_t *alarm);
// The earliest; NULL: none.
alarm_t *alarms_first (const alarms_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Which answer is due next: a binary heap of all answers that the engine runs. Each is in it once.
#ifndef TROUPE_MODEL_SCHEDULE_H
#define TROUPE_MODEL_SCHEDULE_H

#include "model/answer.h"

typedef struct {
  troupe_answer_t **slots; // from 1
  size_t count, capacity;
} schedule_t; // start from zeroes

// False when out of memory.
bool schedule_add (schedule_t *self, troupe_answer_t *answer, int64_t due);
void schedule_move (schedule_t *self, troupe_answer_t *answer, int64_t due);
void schedule_remove (schedule_t *self, troupe_answer_t *answer);
// The one that is due first; NULL when empty.
troupe_answer_t *schedule_first (const schedule_t *self);
void schedule_clear (schedule_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// How answers proceed, on the engine's thread: attempts, pauses, scripts, ends.
#ifndef TROUPE_MODEL_RUN_H
#define TROUPE_MODEL_RUN_H

#include "model/schedule.h"

typedef struct run {
  troupe_engine_t *engine;
  schedule_t schedule;
  uint64_t random;
} run_t;

void run_init (run_t *self, troupe_engine_t *engine);
// Breaks off whatever runs.
void run_clear (run_t *self);

void run_begin (run_t *self, troupe_answer_t *answer, int64_t now);
// Forgets an answer that nobody waits for; nothing if it has ended.
void run_drop (run_t *self, troupe_answer_t *answer);
// Does what is due.
void run_due (run_t *self, int64_t now);
// Deals with the transfers that ended.
void run_transfers (run_t *self, CURLM *multi);
// Whether something runs.
bool run_any (const run_t *self);
// When something is due next.
int64_t run_next (const run_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Where the loop's thread and the engine's hand answers to each other: two queues under one mutex, and how each wakes
// the other. The inbox holds answers to begin, to go on with or to drop, the outbox those with news or an end. Both are
// lists through the answers themselves, each of which is in a queue at most once, so handing over needs no memory and
// can't fail. A queue holds a reference of what is in it.
#ifndef TROUPE_MODEL_HANDOVER_H
#define TROUPE_MODEL_HANDOVER_H

#include "model/answer.h"
#include "model/multi.h"

#include <pthread.h>

typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t wake; // of the engine's thread, as long as there is no multi
  troupe_answer_t *inbox, **inbox_end, *outbox, **outbox_end;
  multi_t *multi; // made by the engine's thread; others only wake it
  bool stop;      // the engine's thread is to end
  int wake_fd;    // the loop's: readable while the outbox holds something
} handover_t;

// io: no eventfd; handover_clear is due all the same.
troupe_err_t handover_init (handover_t *self, troupe_error_t *error);
// When both threads are done with it.
void handover_clear (handover_t *self);

void handover_lock (handover_t *self);
void handover_unlock (handover_t *self);

// Under the mutex. What is pushed out is neither pushed again nor when it was dropped.
void handover_push_in (handover_t *self, troupe_answer_t *answer);
void handover_push_out (handover_t *self, troupe_answer_t *answer);
// Under the mutex. The next one, with the queue's reference; NULL: none.
troupe_answer_t *handover_pop_in (handover_t *self);
troupe_answer_t *handover_pop_out (handover_t *self);

// Wakes the loop; the loop's answer to it.
void handover_ring (const handover_t *self);
void handover_heard (const handover_t *self);
// Lets the engine's thread end.
void handover_stop (handover_t *self);
// The engine's thread, without a multi: waits for something in the inbox.
void handover_wait (handover_t *self, int64_t timeout_ms);

#endif

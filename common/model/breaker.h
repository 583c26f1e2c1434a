// SPDX-License-Identifier: Apache-2.0
//
// A circuit breaker: after several failures in a row a server is left alone for a while, so that asks fail at once
// instead of one after the other waiting for the same timeout, and the server can recover (M. Nygard, "Release It!",
// 2007). Then one ask tries; if it succeeds all may go again. A pure state machine.
#ifndef TROUPE_MODEL_BREAKER_H
#define TROUPE_MODEL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
  BREAKER_FAILURES = 5,          // in a row; fewer are hiccups, which retries are for
  BREAKER_FIRST_MS = 5 * 1000,   // a server that restarts is back by then
  BREAKER_LONGEST_MS = 60 * 1000 // an outage is noticed to be over within this
};

typedef struct {
  unsigned failures; // in a row
  int64_t until;     // while open: when one may try
  int64_t pause;     // the last one; 0: it is closed
  bool trying;       // one does
} breaker_t;         // start from zeroes

// Whether an attempt may be made now; if so and the breaker is open, it is the one that tries. Else *wait is how long
// to wait.
bool breaker_allows (breaker_t *self, int64_t now, int64_t *wait);
// The server answered, be it with a refusal. True: the breaker was open, and is closed now.
bool breaker_success (breaker_t *self);
// It didn't answer, or failed. True: the breaker opens, or stays open longer.
// `tried`: this was the attempt that tried.
bool breaker_failure (breaker_t *self, bool tried, int64_t now);
// The attempt that tried was given up before it ended.
void breaker_abandon (breaker_t *self);

#endif

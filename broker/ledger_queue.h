// SPDX-License-Identifier: Apache-2.0
//
// The requests that have no result yet, in the order they were made: results are handed over in that order.
#ifndef BROKER_LEDGER_QUEUE_H
#define BROKER_LEDGER_QUEUE_H

#include "broker/ledger.h"

typedef struct {
  ledger_op_t op;
  uint32_t slot;
  uint64_t token;
  uint64_t of;              // takeover: which broker's calls
  bool sent;                // Redis will answer; otherwise:
  ledger_outcome_t outcome; // what came of it
  const char *why;          // a constant text
  bool full;                // too many were there
} ledger_pending_t;

typedef struct {
  ledger_pending_t *items; // a ring of `capacity`, a power of two
  size_t first, count, capacity;
} ledger_queue_t;

// Makes room for `count` more; false when out of memory.
bool ledger_queue_reserve (ledger_queue_t *self, size_t count);
// There must be room.
void ledger_queue_push (ledger_queue_t *self, const ledger_pending_t *item);
// NULL: empty. Valid until the next push.
const ledger_pending_t *ledger_queue_head (const ledger_queue_t *self);
void ledger_queue_pop (ledger_queue_t *self);

#endif

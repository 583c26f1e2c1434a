// SPDX-License-Identifier: Apache-2.0
//
// Bringing a session's memory: reads what a history lacks of it from the store.
#ifndef TROUPE_AGENT_RECALL_H
#define TROUPE_AGENT_RECALL_H

#include "agent/history.h"
#include "troupe/node.h"

enum {
  // Entries a request: messages of dialogues are about 1 KB, so that an answer is about 256 KB. The broker may send
  // fewer, when they are large.
  RECALL_CHUNK = 256
};

// Once: `error` is NULL when the history covers the memory as of the task's offer.
typedef void (recall_done_fn) (void *context, const troupe_error_t *error);

typedef struct {
  troupe_task_t *task;
  history_t *history; // borrowed
  bool overlaps;      // the next entries begin with one that the history covers already
  recall_done_fn *done;
  void *context;
} recall_t;

// `done` may be called before this returns. Nothing is called after the task has ended.
void recall_begin (recall_t *self, troupe_task_t *task, history_t *history, recall_done_fn *done, void *context);

#endif

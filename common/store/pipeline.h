// SPDX-License-Identifier: Apache-2.0
//
// What a connection holds between a command and its reply: the bytes that aren't written yet, and who waits for the
// replies, in order.
#ifndef STORE_PIPELINE_H
#define STORE_PIPELINE_H

#include "troupe/store.h"

#include <sys/types.h>

typedef struct {
  troupe_store_reply_fn *reply;
  void *context;
} store_waiter_t;

typedef struct {
  char *bytes; // [written, filled) wait to be written
  size_t written, filled, capacity;
  store_waiter_t *waiters; // a ring of `slots`, a power of two
  size_t first, count, slots;
} store_pipeline_t;

// Adds a command and its waiter: both or, on failure, neither. overloaded, no_memory.
troupe_err_t store_pipeline_push (store_pipeline_t *self, int argc, const char *const *argv, const size_t *sizes,
                                  store_waiter_t waiter);
// Takes the oldest waiter; false: there is none.
bool store_pipeline_pop (store_pipeline_t *self, store_waiter_t *out);

// Writes what it can to `fd`. False: the connection is broken (errno).
bool store_pipeline_write (store_pipeline_t *self, int fd);
bool store_pipeline_written (const store_pipeline_t *self);
// Throws the unwritten bytes away; the waiters stay.
void store_pipeline_forget (store_pipeline_t *self);
void store_pipeline_clear (store_pipeline_t *self);

#endif

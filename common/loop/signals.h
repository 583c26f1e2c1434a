// SPDX-License-Identifier: Apache-2.0
//
// Signals as something to read: a signalfd over the set that the program asked for.
#ifndef LOOP_SIGNALS_H
#define LOOP_SIGNALS_H

#include "troupe/loop.h"

typedef struct {
  int fd; // -1: none asked for
  troupe_loop_signal_fn *fn;
  void *context;
} loop_signals_t;

// Blocks the signals for this thread and those it starts, and opens the signalfd. bad_argument, io.
troupe_err_t loop_signals_open (loop_signals_t *self, const int *signals, size_t count, troupe_loop_signal_fn *fn,
                                void *context);
// The signals stay blocked: one that comes while the program ends must not kill it half way.
void loop_signals_close (loop_signals_t *self);
// Calls the function for each signal that has come.
void loop_signals_read (loop_signals_t *self);

#endif

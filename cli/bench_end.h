// SPDX-License-Identifier: Apache-2.0
//
// One end of a measurement in the mesh: a process with a node (troupe/node.h).
#ifndef CLI_BENCH_END_H
#define CLI_BENCH_END_H

#include "cli/bench_role.h"
#include "troupe/node.h"

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  bench_role_ear_t ear;
} bench_end_t;

// After a failure it must be closed all the same. The errors of the loop and of troupe_node_new.
troupe_err_t bench_end_open (bench_end_t *self, const json_t *parameters, const char *name, bench_role_word_fn *word,
                             void *context, troupe_error_t *error);
void bench_end_close (bench_end_t *self);

#endif

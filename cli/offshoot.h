// SPDX-License-Identifier: Apache-2.0
//
// Agents that a workflow has moved out (`:to_dist ()`): a `troupe-agent` for each, which gets its settings on standard
// input, is started again when it dies, and ends with the workflow.
#ifndef CLI_OFFSHOOT_H
#define CLI_OFFSHOOT_H

#include "cli/mesh.h"
#include "cli/supervisor.h"

typedef struct offshoot offshoot_t;

// From the loop: one can't be started, for a reason that won't pass.
typedef void (offshoots_failed_fn) (void *context, const troupe_error_t *error);

typedef struct {
  const mesh_t *mesh;
  const char *session;
  offshoot_t *list;
  offshoots_failed_fn *failed;
  void *context;
} offshoots_t;

// Starts agent/<name>#<session>; `settings` is borrowed. conflict (one of this name is there), io, no_memory.
troupe_err_t offshoots_add (offshoots_t *self, const char *name, const json_t *settings, troupe_error_t *error);
// After SIGCHLD.
void offshoots_reap (offshoots_t *self);
// For the loop's prepare: when to be called again.
int64_t offshoots_prepare (offshoots_t *self, int64_t now);
// Ends them and waits for that.
void offshoots_stop (offshoots_t *self);

#endif

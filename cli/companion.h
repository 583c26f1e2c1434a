// SPDX-License-Identifier: Apache-2.0
//
// A mesh for the duration of a command: a `troupe up` as a child, quiet, its processes' logs in <state>/<mesh>/log,
// its changes read as JSON lines from a pipe.
#ifndef CLI_COMPANION_H
#define CLI_COMPANION_H

#include "cli/mesh.h"
#include "troupe/loop.h"

// From the loop: a process failed, or is ready again; borrowed. NULL: `troupe up` itself has ended.
typedef void (companion_told_fn) (void *context, const char *label, const char *text, bool failed);

// In its environment: it says nothing of a mesh that runs already but the line {"event": "taken"}.
#define COMPANION_VARIABLE "TROUPE_COMPANION"

typedef struct {
  pid_t pid; // 0: none
  int pipe;
  char line[4096];
  size_t size;
  bool ready, failing; // failing: a failure was told, so that the recovery is too
  bool taken;          // another one runs the mesh
  json_t *late;        // until it is ready: the labels of what isn't, as the keys of a map
  troupe_loop_t *loop;
  companion_told_fn *told;
  void *context;
} companion_t;

// Starts it and waits until the mesh is ready, at most 30 s; after 5 s it says on standard error what isn't ready yet.
// On failure nothing is left; `error` is set, or, when `troupe up` ended and has said why on standard error,
// *exit_status is its exit status and the error's code OK. When another `troupe up` was faster, there is nothing to
// start, nor to end.
troupe_err_t companion_start (companion_t *self, const mesh_t *mesh, int *exit_status, troupe_error_t *error);
// From now on `told` is called.
troupe_err_t companion_watch (companion_t *self, troupe_loop_t *loop, companion_told_fn *told, void *context);
// Ends it, if there is one, and waits for that. After it no process of the mesh is left.
void companion_stop (companion_t *self);

#endif

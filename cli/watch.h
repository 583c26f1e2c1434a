// SPDX-License-Identifier: Apache-2.0
//
// Which of a plan's processes the mesh knows: asked of the brokers' reports, which list each instance with its pid, at
// once when a broker publishes that an instance came or went, and in between often while something is missing and
// every second when nothing is.
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/plan.h"
#include "cli/supervisor.h"
#include "troupe/node.h"

typedef struct {
  troupe_node_t *node;
  const plan_t *plan;
  supervisor_t *supervisor;
  bool asking;
  int64_t due;
} watch_t;

// Starts looking; `node` is connected to the mesh's brokers, all three outlive the watch.
troupe_err_t watch_init (watch_t *self, troupe_node_t *node, const plan_t *plan, supervisor_t *supervisor,
                         troupe_error_t *error);
// For the loop's prepare: asks when it is due; when to call again.
int64_t watch_prepare (watch_t *self, int64_t now);

// Whether a report lists an instance of `service` with this pid (0: any).
bool watch_lists (const json_t *report, const char *service, pid_t pid);

#endif

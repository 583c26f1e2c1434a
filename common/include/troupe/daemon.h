// SPDX-License-Identifier: Apache-2.0
//
// A daemon: what a program that serves does between its command line and its exit, the same for agents, models and
// whatever else the configuration describes by name.
//
//   troupe-agent -f troupe.yaml --name alice [--broker ENDPOINT]...
//
// It reads the configuration (every error is printed at once), opens the log, connects to the mesh's brokers, starts
// what the configuration says under that name, and runs until SIGTERM or SIGINT. Then it drains: it takes no more
// calls, ends those that run, and exits with 0. A second signal ends it at once. Otherwise the exit status is the
// error's. With `health.listen` (or --health) it has a health endpoint (troupe/health.h), and with --probe it asks that
// of the process that runs there.
//
//   static const troupe_daemon_t daemon = {
//     .program = "troupe-agent", .kind = "agent", .section = "agents", .summary = "serves an agent of the configuration",
//     .start = start, .stop = stop };
//   int main (int argc, char **argv) { return troupe_daemon_main (&daemon, argc, argv); }
#ifndef TROUPE_DAEMON_H
#define TROUPE_DAEMON_H

#include "troupe/config.h"
#include "troupe/health.h"
#include "troupe/node.h"

typedef struct {
  const char *program; // "troupe-agent"
  const char *summary; // what it does, half a sentence, for its help
  const char *kind;    // "agent": it serves agent/<name>
  const char *section; // "agents": where the configuration describes it
  // Starts serving; `settings` is the section's part for `name`, borrowed for the program's life.
  troupe_err_t (*start) (void **out, troupe_node_t *node, const troupe_config_t *config, const char *name,
                         const json_t *settings, troupe_error_t *error);
  void (*stop) (void **self_p); // before the node is destroyed; not called when start failed
  // For the health endpoint, beside what the node tells of itself; each may be NULL.
  troupe_err_t (*ready) (void *self, troupe_error_t *error);
  void (*metrics) (void *self, troupe_metrics_t *metrics);
} troupe_daemon_t;

// Runs the program; returns its exit status. Once a process.
int troupe_daemon_main (const troupe_daemon_t *self, int argc, char **argv);

#endif

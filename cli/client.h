// SPDX-License-Identifier: Apache-2.0
//
// A command's own connection to a mesh: a loop and a node that serves nothing.
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/mesh.h"
#include "troupe/node.h"

enum {
  CLIENT_CONNECT_MS = 2000, // a broker on this machine answers within a few ms, one across the world within a second
  CLIENT_START_MS = 30000,  // as long as a mesh that is starting here may take
  CLIENT_ALONE_MS = 10000   // so long all brokers may be gone during a call: a restart takes two seconds
};

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  troupe_credentials_t *credentials;
  int64_t alone_since; // no broker is up since then; 0: one is
} client_t;

typedef struct {
  troupe_loop_signal_fn *fn; // SIGINT, SIGTERM and SIGHUP, and SIGCHLD when `children`; NULL: as usual
  void *context;
  bool children;
} client_signals_t;

// Makes both; connects in the background. On failure everything is closed.
troupe_err_t client_open (client_t *self, const mesh_t *mesh, const char *name, const client_signals_t *signals,
                          troupe_error_t *error);
void client_close (client_t *self);
// Runs the loop until a broker has welcomed us. unavailable, version_mismatch: none did within CLIENT_CONNECT_MS, or
// CLIENT_START_MS when the mesh is starting; `error` says how to start it. cancelled: a signal stopped the loop.
troupe_err_t client_connect (client_t *self, const mesh_t *mesh, troupe_error_t *error);
// Whether all brokers have been gone for CLIENT_ALONE_MS; for the loop's prepare, which passes its time.
bool client_lonely (client_t *self, int64_t now);

// What the brokers report, a new list; NULL when out of memory. Runs the loop, at most `timeout_ms`.
json_t *client_report (client_t *self, int64_t timeout_ms);
// Whether a broker of such a list is up.
bool client_any_up (const json_t *reports);
// Whether this broker answers, and refuses to report: `error` tells why. (One that doesn't answer refuses nothing.)
bool client_refuses (const json_t *report, troupe_error_t *error);
// Whether no broker of such a list is up, and one refuses.
bool client_refused (const json_t *reports, troupe_error_t *error);

// "90s", "500ms", "2m", "1h" as milliseconds; a bare number counts seconds. bad_argument outside 1 ms to 30 days.
troupe_err_t client_parse_deadline (int64_t *out, const char *text, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Which mesh a command means, and what is known of it. In this order: --broker, -f FILE, $TROUPE_CONFIG,
// ./troupe.yaml, the only mesh that runs under ./.troupe (each running mesh has .troupe/<mesh>/mesh.json).
#ifndef CLI_MESH_H
#define CLI_MESH_H

#include "troupe/config.h"
#include "troupe/option.h"

enum { MESH_BROKERS_MAX = 16 }; // as a node

typedef struct {
  troupe_config_t *config; // NULL: only its brokers are known
  char *file;              // the configuration's path, NULL: unknown
  char *name;              // NULL: unknown
  char *directory;         // its state, <state>/<mesh>; NULL: unknown
  char *brokers[MESH_BROKERS_MAX + 1];
  json_t *agents; // the names of its agents, in the file's order; empty: unknown
} mesh_t;

// The mesh that the options "file" and "broker" (both in the verb's table) and the surroundings tell. On failure the
// error has been printed.
troupe_err_t mesh_find (mesh_t *out, const troupe_args_t *args);
// The same for what needs the whole configuration, its secrets too: the verb's table has "file" only.
troupe_err_t mesh_load (mesh_t *out, const troupe_args_t *args);
void mesh_close (mesh_t *self);
// The file that -f, $TROUPE_CONFIG or the current directory names; NULL: none. Borrowed.
const char *mesh_named_file (const troupe_args_t *args);

// Whether it runs here, by `troupe up`.
bool mesh_running (const mesh_t *self);
// Whether its brokers are on sockets that only this machine reaches. A mesh that others reach is theirs as well: it
// isn't started by the way.
bool mesh_is_local (const mesh_t *self);
// Whether it runs here, and was never ready yet.
bool mesh_starting (const mesh_t *self);
// mesh.json, for commands that are given nothing else, and those that come while it starts.
troupe_err_t mesh_announce (const mesh_t *self, bool ready, troupe_error_t *error);
void mesh_retract (const mesh_t *self);

// "<directory>/name" in a new string that the caller frees; NULL when out of memory.
char *mesh_path (const mesh_t *self, const char *name);
// The -f that a user must type to mean this mesh: " -f x.yaml", or "".
const char *mesh_file_hint (const mesh_t *self, char *text, size_t size);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Runs workflows under `troupe run`. Their checks stand in Lua; what comes out of them is what a user sees.
#ifndef TROUPE_BLACKBOX_FLOW_H
#define TROUPE_BLACKBOX_FLOW_H

#include "blackbox/harness/mesh.h"

// alice and bob, with the rules of mesh.h; "dict" answers with an object.
extern const char flow_mesh[];
// An agent in a file, counter.lua: "<name> <how often> (<memory's size>): <what it heard in hubs>".
extern const char flow_counter[];

// Runs `troupe up` with flow_mesh, and writes counter.lua.
process_t *flow_up (void);
// Writes the script and begins to run it.
process_t *flow_start (const char *script);
// It must end with this status.
void flow_end (process_t **run_p, int status);
// Runs it to its end, which must be a good one; what it printed, a new string.
char *flow_run (const char *script);
// The same, in a mesh that begins and ends with it.
void flow_check (const char *script);

#endif

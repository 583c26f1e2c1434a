// SPDX-License-Identifier: Apache-2.0
//
// A mesh that runs, and this process as a part of it: it serves agents of its own types, calls, and opens hubs.
#ifndef BLACKBOX_LIBRARY_STAND_H
#define BLACKBOX_LIBRARY_STAND_H

#include "blackbox/harness/mesh.h"
#include "troupe/agent.h"
#include "troupe/hub.h"

typedef struct {
  process_t *up;
  troupe_loop_t *loop;
  troupe_node_t *node;
} stand_t;

// Runs the mesh `yaml`, on one broker, and joins it.
void stand_open (stand_t *self, const char *yaml);
// With a new node, once the old one is destroyed.
void stand_join (stand_t *self);
// Whatever it serves must have been destroyed.
void stand_close (stand_t *self);

troupe_agent_t *stand_serve (stand_t *self, const char *name, const troupe_agent_type_t *type);
// A call with this input (JSON) in the session "s", said in `hub` if that isn't NULL.
troupe_placeholder_t *stand_call (stand_t *self, const char *service, const char *input, const troupe_hub_t *hub);
// Waits for its outcome and destroys it: the value, the caller's, or NULL with the error.
json_t *stand_outcome (troupe_placeholder_t *placeholder, troupe_error_t *error);
// It must be a message with this content.
void stand_expect (troupe_placeholder_t *placeholder, const char *content);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What `troupe up` tells: a line for each change, for people on standard error or as JSON on standard output.
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "cli/mesh.h"
#include "cli/plan.h"
#include "cli/supervisor.h"

typedef struct {
  bool json;
  bool colour;
  const char *log_directory; // where the processes' logs are; NULL: on standard error
} status_t;

// One process: "● agent/alice  ready (pid 123)".
void status_unit (const status_t *self, const plan_item_t *item, const supervisor_unit_t *unit);
// The whole mesh: "mesh demo is ready: …".
void status_complete (const status_t *self, const mesh_t *mesh, const plan_t *plan, int64_t took_ms);
// Another `troupe up` runs the mesh: for a companion, whose user needn't know.
void status_taken (const status_t *self, const mesh_t *mesh);
void status_stopping (const status_t *self, const mesh_t *mesh);
void status_finished (const status_t *self, const mesh_t *mesh);

#endif

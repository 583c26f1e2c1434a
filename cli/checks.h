// SPDX-License-Identifier: Apache-2.0
//
// What `troupe doctor` checks, by subject. Each function adds its findings: what was looked at, whether it is fine,
// what was seen, and what to do when it isn't.
#ifndef CLI_CHECKS_H
#define CLI_CHECKS_H

#include "cli/mesh.h"

typedef struct {
  json_t *list; // of {"check", "ok", "text", "next"}
  bool failed;
} checks_t;

// `next` is printed only when not `ok`.
void checks_add (checks_t *self, const char *check, bool ok, const char *next, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));

// The programs and the clock; then what needs the configuration: Redis, the state directory, sockets and ports.
void checks_programs (checks_t *self);
void checks_clock (checks_t *self);
void checks_redis (checks_t *self, const mesh_t *mesh);
void checks_state (checks_t *self, const mesh_t *mesh);
void checks_endpoints (checks_t *self, const mesh_t *mesh);
// The keys of brokers on tcp, and one's own.
void checks_keys (checks_t *self, const mesh_t *mesh);
// The brokers and the store of a mesh that runs.
void checks_mesh (checks_t *self, const mesh_t *mesh);
// Each model: whether its server answers and takes the key, or its rules can be played.
void checks_models (checks_t *self, const mesh_t *mesh);

#endif

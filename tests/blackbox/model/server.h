// SPDX-License-Identifier: Apache-2.0
//
// The independent model server (aimock, of npm), with the replies of fixtures.json. scripts install it by `npm ci` in
// this folder.
#ifndef TROUPE_BLACKBOX_MODEL_SERVER_H
#define TROUPE_BLACKBOX_MODEL_SERVER_H

#include "blackbox/harness/process.h"
#include "unit/model/stand.h"

typedef struct {
  process_t *process;
  int port;
} server_t;

// `keys`: those that it takes (comma-separated); NULL: any, or none.
void server_start (server_t *self, const char *keys);
// others.py: what aimock doesn't have.
void server_start_others (server_t *self);
void server_stop (server_t *self);

// A model of that server; `more` is added to its configuration: ", \"retries\": 0".
void server_model (const server_t *self, stand_t *stand, const char *more);
// A model of that type; `path` is what its base_url ends with.
void server_model_of (const server_t *self, stand_t *stand, const char *type, const char *path, const char *more);
// How many requests of which the last message holds `text` the server has got.
unsigned server_requests (const server_t *self, const char *text);

#endif

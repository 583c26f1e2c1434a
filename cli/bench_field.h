// SPDX-License-Identifier: Apache-2.0
//
// What a benchmark runs on: a temporary directory, in it a mesh for each way of Redis's fsync, with workers, and
// libzmq's proxy with its worker. A mesh is a `troupe up` as a child (companion.h), as a user runs it; everything else
// is of the crew. All of it is gone after bench_field_close, and when this process dies all but the directory.
#ifndef CLI_BENCH_FIELD_H
#define CLI_BENCH_FIELD_H

#include "cli/bench_crew.h"
#include "cli/companion.h"

// Where the proxy listens.
#define BENCH_RAW_FRONT "ipc://raw-front.ipc"
#define BENCH_RAW_BACK "ipc://raw-back.ipc"

typedef enum { BENCH_ALWAYS, BENCH_EVERYSEC, BENCH_FSYNCS } bench_fsync_t; // Redis's appendfsync

enum {
  BENCH_WORKERS_MAX = 8,
  BENCH_BROKERS_MAX = 3,
  BENCH_RETENTION_MS = 5000, // of results: shorter than a run, so that forgetting them is measured as well
  BENCH_READY_MS = 30 * 1000
};

typedef struct {
  mesh_t mesh;
  companion_t companion;
  unsigned brokers; // that run
  bench_member_t workers[BENCH_WORKERS_MAX];
  unsigned workers_count, workers_brokers; // how many there are, and at how many brokers
} bench_mesh_t;

typedef struct {
  bench_crew_t crew;
  char directory[256]; // "": none yet
  int origin;          // where we were before: a descriptor; -1: we are there
  bench_mesh_t meshes[BENCH_FSYNCS];
  bench_member_t proxy, raw_worker;
} bench_field_t;

// Takes the signals and makes the directory below `parent`, which becomes the current one. bench_field_close is due
// whatever comes of it.
troupe_err_t bench_field_open (bench_field_t *self, const char *parent, troupe_error_t *error);
void bench_field_close (bench_field_t *self);
// Starts the proxy and its worker.
troupe_err_t bench_field_raw (bench_field_t *self, troupe_error_t *error);
// Starts a mesh of so many brokers, or ends it.
troupe_err_t bench_field_mesh (bench_field_t *self, bench_fsync_t fsync, unsigned brokers, troupe_error_t *error);
void bench_field_end_mesh (bench_field_t *self, bench_fsync_t fsync);
// Sees to it that a mesh has so many workers, registered with the first `brokers` brokers.
troupe_err_t bench_field_workers (bench_field_t *self, bench_fsync_t fsync, unsigned workers, unsigned brokers,
                                  troupe_error_t *error);

const char *bench_fsync_name (bench_fsync_t fsync);
// The endpoints of a mesh's first `count` brokers, beginning with number `first`: a new list, NULL: out of memory.
json_t *bench_field_brokers (bench_fsync_t fsync, unsigned count, unsigned first);
// Redis's url, for a role.
const char *bench_field_store (bench_fsync_t fsync);
// What files the directory lies on, if syncing them means nothing: "tmpfs"; else NULL.
const char *bench_field_unsafe (void);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// One measurement: so many clients make calls of one kind, for a time or a number of calls, and what came of it.
#ifndef CLI_BENCH_CELL_H
#define CLI_BENCH_CELL_H

#include "cli/bench_field.h"

typedef enum { BENCH_RAW, BENCH_VOLATILE, BENCH_FUNCTIONS, BENCH_DURABLE, BENCH_KINDS } bench_kind_t;

enum { BENCH_CLIENTS_MAX = 64 };

typedef struct {
  bench_kind_t kind;
  bench_fsync_t fsync; // of the mesh, or of the Redis; of no meaning for raw
  bool actor;          // calls go to an actor a session; otherwise to a stateless service
  unsigned in_flight;  // of each client
  unsigned clients, workers, brokers;
  unsigned sessions; // of all clients
} bench_cell_t;

// How long.
typedef struct {
  int64_t ms;
  int64_t count; // calls of each client; 0: `ms` counts
} bench_span_t;

typedef enum { BENCH_CPU_CLIENT, BENCH_CPU_BROKER, BENCH_CPU_WORKER, BENCH_CPU_REDIS, BENCH_CPUS } bench_cpu_t;

typedef struct {
  double rate;               // calls a second
  double p50_us, p99_us;     // of a call, in microseconds
  double stored;             // requests to Redis's Functions for each call
  double cpu_us[BENCH_CPUS]; // processor time for each call, by who used it; of raw, the broker is the proxy
} bench_sample_t;

// The field must have what the cell needs, but for the workers. service_failed: volatile calls were stored.
troupe_err_t bench_cell_run (bench_field_t *field, const bench_cell_t *cell, const bench_span_t *span,
                             bench_sample_t *out, troupe_error_t *error);

#endif

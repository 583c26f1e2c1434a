// SPDX-License-Identifier: Apache-2.0
//
// What the processes of a measurement have used so far: read before and after it, the difference is what it cost.
#ifndef CLI_BENCH_METER_H
#define CLI_BENCH_METER_H

#include "cli/bench_cell.h"

typedef struct {
  double cpu_us[BENCH_CPUS]; // microseconds of processor time; the clients tell theirs themselves
  double functions;          // calls of Redis's Functions
} bench_meters_t;

// What can't be read counts as 0.
void bench_meters_read (bench_meters_t *out, const bench_field_t *field, const bench_cell_t *cell);

// Adds what a mesh's brokers and Redis have used.
void bench_meters_mesh (bench_meters_t *out, const bench_mesh_t *mesh);
// Microseconds of processor time of one process; 0: there is none.
double bench_meter_process (pid_t pid);

#endif

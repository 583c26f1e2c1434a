// SPDX-License-Identifier: Apache-2.0
//
// Work that needs no order, spread over processes of the same program: a run that crashes takes only its own process
// along, and which one it was is told. Numbers are given out in order, so that everything before the least one that
// was stopped at has been done, whatever the number of processes.
//
//   shared_t *shared = pool_memory (sizeof *shared);
//   bool sound = pool_run (jobs, 1, 2000, work, shared);
#ifndef SIM_POOL_H
#define SIM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POOL_JOBS_MAX = 64 };

// Does the work of one number, in the process `job` (from 0); false: no greater number is begun any more.
typedef bool (pool_fn) (void *shared, unsigned job, uint64_t number);

// Zeroed memory that all processes share; it stays until the program ends. Aborts when there is none.
void *pool_memory (size_t size);
// As many as there are processors.
unsigned pool_jobs (void);
// `jobs` 1: in this process. False: a process died; it says on stdout at which number.
bool pool_run (unsigned jobs, uint64_t first, uint64_t count, pool_fn *work, void *shared);

#endif

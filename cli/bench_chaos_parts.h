// SPDX-License-Identifier: Apache-2.0
//
// The parts of a mesh that chaos harms: Redis, brokers and workers, each a process of ours that is killed, frozen, and
// brought back. Nobody else starts or stops them. One that ends by itself has crashed.
#ifndef CLI_BENCH_CHAOS_PARTS_H
#define CLI_BENCH_CHAOS_PARTS_H

#include "cli/bench_chaos_cast.h"
#include "cli/plan.h"

#include <stdint.h>
#include <sys/types.h>

typedef enum { CHAOS_REDIS, CHAOS_BROKER, CHAOS_WORKER, CHAOS_KINDS } chaos_kind_t;

enum { CHAOS_PARTS = 1 + CHAOS_BROKERS + CHAOS_WORKERS };

typedef struct {
  chaos_kind_t kind;
  char name[16];
  const char *arguments[8]; // constants, or texts of `own`
  char *own[2];
  pid_t pid; // 0: it doesn't run
  bool frozen;
  int64_t heal; // when it is brought back; 0: nothing is wrong with it
} chaos_part_t;

typedef struct {
  chaos_part_t at[CHAOS_PARTS];
  troupe_config_t *config;
  int store_input;
  unsigned crashed;
  char last[64]; // which one crashed last, and how
} chaos_parts_t;

// Writes the mesh's configuration into the current directory and makes what is needed to start. chaos_parts_close is
// due whatever comes of it. `forgets`: the workers remember nothing.
troupe_err_t chaos_parts_open (chaos_parts_t *self, const char *fsync, const char *retention, bool forgets,
                               troupe_error_t *error);
// Kills all that run.
void chaos_parts_close (chaos_parts_t *self);
troupe_err_t chaos_parts_start (chaos_parts_t *self, chaos_part_t *part, troupe_error_t *error);

// SIGKILL, and it is gone; SIGSTOP. It stays so until `heal`.
void chaos_parts_kill (chaos_part_t *part, int64_t heal);
void chaos_parts_freeze (chaos_part_t *part, int64_t heal);
// Brings back those whose time has come by `now`, and notices those that have crashed (and starts them again).
troupe_err_t chaos_parts_heal (chaos_parts_t *self, int64_t now, troupe_error_t *error);
// How many are harmed.
unsigned chaos_parts_harmed (const chaos_parts_t *self);

// KiB that a process has for itself: without what it shares, such as the board, which is touched page by page. 0:
// unknown.
double chaos_memory_of (pid_t pid);

// "redis", "broker", "worker".
const char *chaos_kind_name (chaos_kind_t kind);
// The brokers' endpoints, beginning with number `first`: a new list, NULL: out of memory.
json_t *chaos_brokers (unsigned first);

#endif

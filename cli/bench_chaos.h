// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench chaos`: numbered calls and messages, while the parts of the mesh are killed and frozen; and whether
// every promise held.
#ifndef CLI_BENCH_CHAOS_H
#define CLI_BENCH_CHAOS_H

#include "cli/bench_chaos_audit.h"
#include "cli/bench_chaos_counts.h"
#include "cli/bench_chaos_fault.h"
#include "cli/bench_chaos_parts.h"
#include "cli/bench_chaos_stall.h"
#include "cli/bench_field.h"

enum {
  BENCH_CHAOS_CALLS = 10000,
  BENCH_CHAOS_MESSAGES = 1000,
  BENCH_CHAOS_SECONDS_MAX = 7 * 24 * 3600,
  BENCH_CHAOS_FREEZE_MS = 30 * 1000
};

typedef struct {
  uint64_t calls, messages; // of all callers together
  int64_t ms;               // over which they are spread; 0: as fast as they go
  uint64_t seed;
  int64_t freeze_ms; // the longest
  int harm;          // the only kind of parts that is harmed, a chaos_kind_t; CHAOS_KINDS: all
  bool everysec, no_faults, keep;
  bool quiet; // says nothing of single faults

  chaos_figures_t figures;
  chaos_stalls_t stalls;
  uint64_t counts[CHAOS_COUNTS];
  unsigned crashed;
  int64_t took_ms, faulty_ms; // all of it; until the last answer
  bool stuck;                 // nothing moved any more
  char kept[256];             // the directory, if it is there still
} bench_chaos_t;

// All but the results are set. Runs below the directory `parent`; afterwards nothing is left, unless it is to be kept.
// An error only when it could not be run: whether the promises held is for bench_chaos_broken.
troupe_err_t bench_chaos_run (bench_chaos_t *self, const char *parent, troupe_error_t *error);
bool bench_chaos_broken (const bench_chaos_t *self);

// For people, on standard output; and as JSON, a new object, NULL when out of memory.
void bench_chaos_print (const bench_chaos_t *self);
json_t *bench_chaos_json (const bench_chaos_t *self);

#endif

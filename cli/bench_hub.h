// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench hub`: how many broadcasts of a hub arrive a second, in 1, 8 or 50 processes that hear them at once,
// side by side with libzmq's XSUB/XPUB proxy of the same shape and with the log's Function alone; and how long it takes
// until the last of 8 has heard what was said. That all messages came, once and in their order, is seen by each hearer:
// if they didn't, that ends the benchmark.
#ifndef CLI_BENCH_HUB_H
#define CLI_BENCH_HUB_H

#include "cli/bench_cell.h"

typedef enum { BENCH_HUB_RAW, BENCH_HUB_FUNCTIONS, BENCH_HUB_MESH, BENCH_HUB_KINDS } bench_hub_kind_t;

enum {
  BENCH_HUB_ROUNDS_MAX = 20,
  BENCH_HUB_HEARERS_MAX = 200,
  BENCH_HUB_SIZES_MAX = 8,
  BENCH_HUB_SERIES_MAX = 4 * BENCH_HUB_SIZES_MAX,
  BENCH_HUB_MESSAGES_MAX = 100 * 1000,
  BENCH_HUB_WINDOW = 100,   // broadcasts under way at once
  BENCH_HUB_RAW_FACTOR = 4, // so many more messages through the proxy, or it would be over at once
  BENCH_HUB_PACED = 100,    // messages, one after another ...
  BENCH_HUB_PAUSE_MS = 20,  // ... so far apart, that each is heard before the next
  BENCH_HUB_PACED_HEARERS = 8
};

typedef struct {
  double said;     // broadcasts a second until the last process had received the last one; of the Function: stored
  double received; // by all processes together
  double p50_us;   // from said to received by the last process; 0: not paced
  // Microseconds of processor time for each broadcast: the speaker's (BENCH_CPU_CLIENT), the broker's or the proxy's,
  // the hearers' together (BENCH_CPU_WORKER), Redis's.
  double cpu_us[BENCH_CPUS];
} bench_hub_sample_t;

typedef struct {
  bench_hub_kind_t kind;
  bench_fsync_t fsync; // of no meaning for raw
  unsigned hearers;    // 0: of the Function
  bool paced;
  bench_hub_sample_t samples[BENCH_HUB_ROUNDS_MAX];
  unsigned count;
} bench_hub_series_t;

typedef struct {
  unsigned rounds, messages;
  unsigned sizes[BENCH_HUB_SIZES_MAX]; // how many hearers
  size_t sizes_count;
  const char *unsafe; // the kind of files under Redis, if syncing them means nothing
  bench_hub_series_t series[BENCH_HUB_SERIES_MAX];
  size_t count;
} bench_hub_t;

// `rounds`, `messages` and `sizes` are set, all else zero. Measures below the directory `parent`; afterwards nothing is
// left. service_failed: a message was lost, came twice, or out of its order.
troupe_err_t bench_hub_run (bench_hub_t *self, const char *parent, troupe_error_t *error);

// For people, on standard output; and as JSON, a new object, NULL when out of memory.
void bench_hub_print (const bench_hub_t *self);
json_t *bench_hub_json (const bench_hub_t *self);

#endif

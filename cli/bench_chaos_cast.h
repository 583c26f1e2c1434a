// SPDX-License-Identifier: Apache-2.0
//
// Who is who in `troupe bench chaos` and `troupe bench soak`: the names that its processes share.
#ifndef CLI_BENCH_CHAOS_CAST_H
#define CLI_BENCH_CHAOS_CAST_H

#include "troupe/error.h"

#define CHAOS_BOARD "board" // the file
#define CHAOS_AGENT "agent/chaos"
#define CHAOS_TOOL "tool/chaos-pay"
#define CHAOS_HEARER "agent/chaos-hearer-" // and a number from 1
#define CHAOS_SESSION "chaos-"             // and a number from 0, of calls
#define CHAOS_HUB_SESSION "chaos-hub-"     // and a number from 0, of a hub

enum {
  CHAOS_BROKERS = 2,
  CHAOS_WORKERS = 3,
  CHAOS_CLIENTS = 4,
  CHAOS_SPEAKERS = 3,
  CHAOS_HEARERS = 3, // members of each hub
  CHAOS_HUBS = 2,
  CHAOS_SESSIONS = 100,
  CHAOS_IN_FLIGHT = 50,     // of each caller
  CHAOS_PAYS_EVERY = 4,     // numbers that are paid for by a nested call
  CHAOS_ONCE_EVERY = 31,    // that may be attempted once only
  CHAOS_CANCELS_EVERY = 97, // that are cancelled right after they were made
  CHAOS_SPEAKS_EVERY = 8,   // messages that a member says as its reply; the others are broadcast
  CHAOS_NAME_MAX = 64
};

// The callers' process: `parameters` are borrowed.
troupe_err_t bench_chaos_worker (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_chaos_caller (const json_t *parameters, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A role of `troupe bench` that speaks with Redis as a broker does: its loop, the word that begins it, and a ledger.
#ifndef CLI_BENCH_LEDGER_H
#define CLI_BENCH_LEDGER_H

#include "cli/bench_role.h"

#include "broker/ledger.h"

enum { BENCH_LEDGER_DEADLINE_MS = 10 * 60 * 1000, BENCH_LEDGER_MAILBOX = 1000 }; // as the configuration's defaults

typedef struct {
  bench_role_ear_t ear;
  troupe_loop_t *loop;
  ledger_t *ledger;
  int64_t retention_ms;
} bench_ledger_t;

typedef struct {
  bench_role_word_fn *word;
  ledger_result_fn *result;
  ledger_notice_fn *notice;
  void *context;
} bench_ledger_outlet_t;

// Opened by the parameters "store" and "retention_ms"; `self` is zeroed before, and closed whatever came of it.
troupe_err_t bench_ledger_open (bench_ledger_t *self, const json_t *parameters, const bench_ledger_outlet_t *outlet,
                                troupe_error_t *error);
void bench_ledger_close (bench_ledger_t *self);

#endif

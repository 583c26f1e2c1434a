// SPDX-License-Identifier: Apache-2.0
//
// The processes of a benchmark: `troupe bench-role ROLE PARAMETERS`, started by `troupe bench` only (bench_crew.h). The
// parameters are a JSON object. A role says {"ready": true} on standard output once it works, a client after "go" on
// its standard input what it saw (bench_load.h); when its standard input ends, so does the role.
#ifndef CLI_BENCH_ROLE_H
#define CLI_BENCH_ROLE_H

#include "cli/bench_load.h"
#include "troupe/loop.h"

#define BENCH_SERVICE "tool/bench" // what the workers serve
#define BENCH_ACTOR "agent/bench"

int bench_role (int argc, char **argv);

// The roles; each runs until it is told to end. `parameters` are borrowed.
troupe_err_t bench_raw_proxy (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_raw_worker (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_raw_client (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_functions (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_worker (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_client (const json_t *parameters, troupe_error_t *error);
// Of `troupe bench hub` (bench_numbers.h).
troupe_err_t bench_raw_hub (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_raw_speaker (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_raw_hearer (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_hub_functions (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_speaker (const json_t *parameters, troupe_error_t *error);
troupe_err_t bench_hearer (const json_t *parameters, troupe_error_t *error);

// Says that the role works.
void bench_role_ready (void);
// Waits for a word on standard input; false: it has ended.
bool bench_role_wait (void);
// The same on a loop: `word (context)` for each word; the end stops the loop.
typedef void (bench_role_word_fn) (void *context);
typedef struct {
  troupe_loop_t *loop;
  bench_role_word_fn *word;
  void *context;
} bench_role_ear_t;
troupe_err_t bench_role_listen (bench_role_ear_t *self);
// A text of the parameters, borrowed; bad_argument: there is none.
troupe_err_t bench_role_text (const char **out, const json_t *parameters, const char *name, troupe_error_t *error);
// Their list "brokers" as the endpoints that a node takes: at most `capacity` - 1, borrowed, NULL-terminated.
troupe_err_t bench_role_brokers (const char **out, size_t capacity, const json_t *parameters, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The verbs of `troupe`, one file each; commands.c has their tables. Each returns an exit status (troupe/error.def).
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "troupe/option.h"

int up_run (const troupe_args_t *args);
int run_run (const troupe_args_t *args);
int chat_run (const troupe_args_t *args);
int call_run (const troupe_args_t *args);
int ps_run (const troupe_args_t *args);
int dead_run (const troupe_args_t *args);
int session_run (const troupe_args_t *args);
int probe_run (const troupe_args_t *args);
int doctor_run (const troupe_args_t *args);
int config_run (const troupe_args_t *args);
int keygen_run (const troupe_args_t *args);
int new_run (const troupe_args_t *args);
int model_run (const troupe_args_t *args);
int repair_run (const troupe_args_t *args);
int parse_run (const troupe_args_t *args);
int bench_run (const troupe_args_t *args);

#endif

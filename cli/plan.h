// SPDX-License-Identifier: Apache-2.0
//
// What a mesh consists of: one item for each process that `troupe up` runs, from the configuration.
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "troupe/config.h"

// Also the stage in which it is stopped, the highest first.
typedef enum { PLAN_STORE, PLAN_BROKER, PLAN_MODEL, PLAN_AGENT } plan_kind_t;

enum { PLAN_ARGUMENTS_MAX = 8 };

typedef struct {
  plan_kind_t kind;
  size_t broker; // for a broker: its number in `brokers`
  char *service; // "agent/alice"; "redis", "broker-1" for those that aren't services
  char *label;   // for people: "agent/alice", or "agent/alice 2 of 3"
  char *log;     // its log file's name: "agent-alice-2.log"
  char *token;   // for its environment: TROUPE_TOKEN=<label>:<token>; NULL: it needs none
  char *arguments[PLAN_ARGUMENTS_MAX + 1];
} plan_item_t;

typedef struct {
  plan_item_t *items;
  size_t count;
} plan_t;

// no_memory; bad_config when it is more than SUPERVISOR_UNITS_MAX processes.
troupe_err_t plan_make (plan_t *out, const troupe_config_t *config, troupe_error_t *error);
void plan_free (plan_t *self);

// Gives each service a token of its own, and makes the brokers' list of them, with one for this machine's user, as a
// descriptor of a memory file. io, no_memory.
troupe_err_t plan_tokens (int *out, plan_t *self, troupe_error_t *error);

// The private redis-server's configuration for its standard input, as a descriptor that is to be rewound before each
// start. The directory <directory>/redis is made.
troupe_err_t plan_store_input (int *out, const troupe_config_t *config, const char *directory, troupe_error_t *error);

#endif

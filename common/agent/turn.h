// SPDX-License-Identifier: Apache-2.0
//
// Turns, and the agent as they see it.
#ifndef TROUPE_AGENT_TURN_H
#define TROUPE_AGENT_TURN_H

#include "agent/cache.h"
#include "agent/recall.h"
#include "troupe/agent.h"

struct troupe_agent {
  troupe_node_t *node;
  const troupe_agent_type_t *type;
  void *state;      // the type's
  char *name;       // "alice"
  char *service;    // "agent/alice"
  json_t *info;
  cache_t *memories;
  troupe_turn_t *turns; // those that run, a list
};

struct troupe_turn {
  troupe_turn_t *next, **link; // in the agent's list
  troupe_agent_t *agent;
  troupe_task_t *task;
  history_t *history;
  json_t *input;    // a list of messages that the history doesn't know
  recall_t recall;
  bool handed;      // the type has it
  // The question that is open.
  troupe_placeholder_t *asked;
  troupe_answered_fn *answered;
  void *answered_context;
  unsigned asked_attempt; // the attempt that parts came from last; 0: none came
};

// Serves one task of the agent's; `context` is the agent.
void turn_serve (void *context, troupe_task_t *task);
// Fails every turn that runs as cancelled.
void turn_cancel_all (troupe_agent_t *agent);

#endif

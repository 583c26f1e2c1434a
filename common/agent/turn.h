// SPDX-License-Identifier: Apache-2.0
//
// Turns, and the agent as they see it.
#ifndef TROUPE_AGENT_TURN_H
#define TROUPE_AGENT_TURN_H

#include "agent/cache.h"
#include "agent/news.h"
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
  bool forgets;         // messages, when a turn ends
  troupe_turn_t *turns; // those that run, a list
};

struct troupe_turn {
  troupe_turn_t *next, **link; // in the agent's list
  troupe_agent_t *agent;
  troupe_task_t *task;
  history_t *history;
  json_t *input;    // a list of messages that the history doesn't know
  troupe_news_t *news; // what its type observes
  json_t *added, *added_ids; // messages that it remembers besides input and reply; NULL: none
  json_t *view;              // the history's messages and the added ones; NULL: the history's
  json_t *state;    // that it has set; NULL: none
  json_t *url;      // of its reply; NULL: none
  json_t *as;       // what it remembers as its reply's content; NULL: that
  recall_t recall;
  bool handed;      // the type has it
  // The question that is open.
  troupe_placeholder_t *asked;
  troupe_answered_fn *answered;
  void *answered_context;
  unsigned asked_attempt; // the attempt that parts came from last; 0: none came
  json_t *asked_input;    // of a question that others may be asked instead; NULL: of none
  json_t *instead;        // the names of those models
  size_t instead_next;    // which of them is asked next
  bool asked_stream;
};

// Asks the model `service`, and when that can't answer the models named in `instead` (a list or NULL), as
// troupe_turn_ask does. Who answered is the message's name.
troupe_err_t turn_ask_one_of (troupe_turn_t *self, const char *service, const json_t *instead, const json_t *input,
                              bool stream, troupe_answered_fn *answered, void *context, troupe_error_t *error);

// Serves one task of the agent's; `context` is the agent.
void turn_serve (void *context, troupe_task_t *task);
// Fails every turn that runs as cancelled.
void turn_cancel_all (troupe_agent_t *agent);

#endif

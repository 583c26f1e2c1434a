// SPDX-License-Identifier: Apache-2.0
//
// What a node asks brokers about the mesh: each for a status report, or one for all (questions.c).
#ifndef NODE_ASKING_H
#define NODE_ASKING_H

#include "node/state.h"

typedef struct node_report node_report_t;

struct node_report {
  node_list_t place; // in core->reports
  node_core_t *core;
  uint32_t request;
  troupe_reported_fn *reported;
  void *context;
  node_timer_t timer;
  node_ready_t ready;
  bool done;
  bool waiting[NODE_BROKERS_MAX];
  json_t *answers[NODE_BROKERS_MAX]; // NULL: it isn't asked
  // What is asked.
  troupe_command_t command;
  troupe_id_t call, again;
  uint64_t position;
  unsigned first; // END: the broker that ends it in the store; others have only volatile calls of it
  char session[NODE_SESSION_MAX + 1];
};

// A question that nobody has been asked yet; a status report, unless its maker says otherwise. It ends by itself.
// overloaded, no_memory.
troupe_err_t node_asking_new (node_report_t **out, node_core_t *core, int64_t until, troupe_reported_fn *reported,
                              void *context);
// When the time is up that begins now.
int64_t node_asking_until (const node_core_t *core, int64_t now, int64_t timeout_ms);
// Asks a broker, for whose answer it waits.
void node_asking_send (node_connection_t *to, const node_report_t *self);
// A broker's answer, which is taken, or why there is none.
void node_asking_put (node_report_t *self, const node_connection_t *from, json_t *answer, const troupe_error_t *error);
// Ends it when it waits for nobody any more.
void node_asking_finish (node_report_t *self);

void node_asking_report (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_asking_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error);
// A report that was asked for before is asked of this broker too, or again.
void node_asking_welcomed (node_connection_t *connection);
void node_asking_init (node_core_t *core);
void node_asking_close (node_core_t *core);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The core's state, for the files that make up the core. A picture of what hangs together:
//
//   core --- connections[] (one a broker): outbox, registrations, the calls that it has
//        --- calls  (table by id) --- placeholder: in `pending`, or in the list of the connection that has it
//        --- tasks  (table by id) --- task: speaks through the connection that offered it
//        --- services[]
//        --- timers   what is due when
//        --- ready    whose functions of the user's are due
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include "node/connection.h"
#include "node/core.h"
#include "node/table.h"
#include "node/timers.h"
#include "troupe/message.h"

enum {
  NODE_CALLS_MAX = 100 * 1000, // open calls of a node; a promise of node.h
  NODE_EVENTS_MAX = 10 * 1000, // unread: a mesh that starts, told twice
  NODE_PARTS_QUEUE_MAX = 1000, // frames on a connection beyond which parts are dropped: nobody reads so far behind
  NODE_LEASE_MS = 2500,        // before a broker told its lease: that of its default configuration
  NODE_SESSION_MAX = 128,      // the protocol's limit of SESSION
};

typedef struct node_service node_service_t;
typedef struct node_ready node_ready_t;
typedef struct node_hub node_hub_t;
typedef void (node_deliver_fn) (node_core_t *core, node_ready_t *ready);

// A thing for which functions of the user's are due. `deliver` calls one of them; before that it puts the thing into
// the queue again if there are more, because that function may destroy the thing.
struct node_ready {
  node_list_t place;
  node_deliver_fn *deliver;
};

struct node_core {
  node_core_options_t options;
  char mesh[TROUPE_NAME_MAX + 1]; // "": any
  char instance[TROUPE_NAME_MAX + 1 + TROUPE_ID_TEXT_SIZE];
  int64_t now;    // of the last event or verb
  int64_t ticked; // of the last event, to notice that this process itself slept
  uint64_t counters[NODE_COUNTERS];

  node_connection_t connections[NODE_BROKERS_MAX];
  unsigned connections_count, up_count;
  int64_t down_since; // when no broker was up any more, or the start

  node_timers_t timers;
  node_list_t ready;

  // calling.c
  node_table_t calls;
  size_t open_calls;
  uint64_t order;             // of the next call
  node_table_t rows;          // ordering.c
  node_list_t pending;        // calls that no connection has, in order
  node_list_t doomed;         // calls that end, because their inputs were refused
  node_connection_t *current; // where calls go
  uint64_t sends;             // of calls, by all connections
  size_t unanswered;          // calls sent without an answer yet
  int64_t give_up_at;         // when to look for calls that waited too long for a broker

  // serving.c, task.c
  node_service_t **services;
  unsigned services_count;
  node_table_t tasks;
  node_list_t all_tasks;
  bool tasks_unasked;          // losing.c: some are to be asked for again
  size_t running;              // tasks that the user has not ended
  troupe_buffer_t *last_words; // the error `no_memory`, packed when there still was some

  // listening.c
  node_table_t hubs;                // that are subscribed to
  node_list_t hubs_used, hubs_left; // these; and those that are to be unsubscribed from
  uint32_t topics_changed;          // a bit for each broker: subscriptions are to be changed there
  size_t said_bytes;                // of what was published and is kept

  // draining.c
  bool draining, left;
  troupe_drained_fn *drained;
  void *drained_context;
  node_ready_t drained_ready;

  // asking.c
  node_list_t reports;
  unsigned reports_count;
  uint32_t request; // the last number used, of reports and recalls

  // events.c
  troupe_event_fn *event;
  void *event_context;
  node_list_t events;
  unsigned events_count;
  node_ready_t events_ready;
};

// Queues a thing whose function is due; one that is queued already stays where it is.
void node_core_ready (node_core_t *self, node_ready_t *ready);
// Tells the driver that a verb queued something.
void node_core_wake (node_core_t *self);
void node_core_count (node_core_t *self, node_counter_t counter);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What the edge holds, for its files: edge.c (what comes in), edge_send.c (what goes out) and edge_open.c (making and
// ending).
#ifndef BROKER_EDGE_STATE_H
#define BROKER_EDGE_STATE_H

#include "broker/door.h"
#include "broker/edge.h"
#include "broker/guard.h"
#include "broker/unread.h"

#include "troupe/run.h"
#include "troupe/socket.h"

enum {
  EDGE_ENDPOINT_SIZE = 256 + 1, // as the protocol's field
  EDGE_ROUTE_SIZE = 5,          // of a routing id that ROUTER gave
  EDGE_LEAVING_MAX = 256,       // enough that waking libzmq's thread costs little for each
};

// What leaves before the next wait: a message, or a run of them.
typedef struct {
  broker_connection_t connection;
  uint8_t commands[TROUPE_RUN_MAX];
  unsigned count; // of them: it is as many messages
  troupe_socket_message_t message;
} leaving_t;

typedef struct {
  broker_connection_t connection;
  troupe_command_t command;
  bool full;
} unsent_t;

struct broker_edge {
  troupe_loop_t *loop;
  broker_core_t *core;
  ledger_t *ledger;
  void *zmq, *router, *publisher;
  guard_t *guard; // NULL: nobody is asked who he is
  bool router_guarded, publisher_guarded;
  int64_t rebind_at; // when the publisher, whose connections were ended, is bound again; TROUPE_LOOP_NEVER: it is bound
  char bound[EDGE_ENDPOINT_SIZE]; // where it was
  int claims[2];
  door_t doors[2];
  char endpoint[EDGE_ENDPOINT_SIZE], publish[EDGE_ENDPOINT_SIZE];
  broker_connection_t sender; // whose messages are being taken; 0: somebody's who named himself
  bool sender_more;           // some of them are left
  leaving_t *leaving;         // EDGE_LEAVING_MAX
  size_t leaving_count;       // without the next one, which `run` becomes if there is something in it
  troupe_run_t run;
  troupe_socket_message_t published[2]; // in turn: the one that is begun, and the next
  unsigned begun;                       // which
  bool publishing;                      // there is one, that leaves with what follows it
  unread_t *unread; // what waits for connections
  unsent_t *unsent;
  size_t unsent_count, unsent_capacity;
  int64_t named_at;
  void (*ready) (void *context);
  void *context;
  bool stopping;
  int64_t stop_at;
  void (*stopped) (void *context);
  void *stopped_context;
};

// The core's outlet; `context` is the edge.
void edge_send (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body);
void edge_publish (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body, bool more);
void edge_request (void *context, const ledger_request_t *request);
void edge_note (void *context, const broker_note_t *note);
// The ledger's news.
void edge_on_result (void *context, const ledger_result_t *result);
void edge_on_notice (void *context, const ledger_notice_t *notice);
// The loop's turns.
void edge_on_router (void *context, short events);
void edge_on_publisher (void *context, short events);
int64_t edge_prepare (void *context, int64_t now);
// The guard's news: that user may not come any more; a connection was turned away.
void edge_on_lost (void *context, const char *user);
void edge_on_refused (void *context);
// Sends what the core has given to be sent.
void edge_send_gathered (broker_edge_t *self);
// The same, and tells the core what could not be.
void edge_flush (broker_edge_t *self, int64_t now);

#endif

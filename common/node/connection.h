// SPDX-License-Identifier: Apache-2.0
//
// A node's connection to one broker.
//
//              open_at has come               WELCOME
//   WAITING ---------------------> GREETING ----------> UP
//      ^       (new socket, HELLO)    | ^ |              |
//      |                  no answer   | |  \-- RESET ----+   (HELLO again on the same socket)
//      +------------------------------+ +----------------+
//      +---- silent for a lease, disconnected, BYE ------+
#ifndef NODE_CONNECTION_H
#define NODE_CONNECTION_H

#include "node/core.h"

typedef enum {
  NODE_CONNECTION_WAITING,  // no socket, until `open_at`
  NODE_CONNECTION_GREETING, // HELLO is on its way
  NODE_CONNECTION_UP,       // welcomed
  NODE_CONNECTION_LEFT      // we said BYE
} node_connection_state_t;

typedef enum {
  NODE_UNREGISTERED, // nothing was asked for
  NODE_REGISTERING,  // REGISTER is on its way
  NODE_REGISTERED,
  NODE_NOT_REGISTERED, // the broker refused
  NODE_UNREGISTERING,  // UNREGISTER is on its way
} node_registration_state_t;

// How a service stands at a broker.
typedef struct {
  node_registration_state_t state;
  unsigned credit;  // what the broker was told last
  unsigned share;   // what it is to have
  unsigned running; // tasks that it offered and takes for running
  unsigned queue;   // calls that wait there for credit, as it said at `reported_at`
  int64_t asked_at, reported_at;
  bool stale; // the service describes itself otherwise since the broker was told
} node_registration_t;

typedef struct node_connection {
  node_core_t *core;
  unsigned index;
  char *endpoint;
  node_connection_state_t state;
  unsigned generation;
  int64_t open_at, greeted_at, heard_at, beat_at;
  int64_t lost_at;      // when it was up last; INT64_MIN: it wasn't yet, or the broker said that it lives
  int64_t delay_ms;     // before the next try
  int64_t unwell_until; // its store was away: until then others are preferred
  bool broken;          // a frame could not be queued: start over
  bool reached;         // the transport is there: something took the connection
  bool silent;          // the last attempt ended without a word from what took it

  // Of the last WELCOME.
  char name[129], publish[257];
  int64_t heartbeat_ms, lease_ms;
  size_t limit;
  unsigned minor; // version of the protocol that it speaks

  troupe_error_t refusal; // why the broker doesn't take us; code OK: it didn't say
  bool told;              // that it can't be reached was logged
  node_outbox_t outbox;
  node_list_t calls;                  // placeholders that it has
  node_registration_t *registrations; // one a service of the core
} node_connection_t;

troupe_err_t node_connection_init (node_connection_t *self, node_core_t *core, unsigned index, const char *endpoint,
                                   int64_t now);
void node_connection_close (node_connection_t *self);
// It was up: tells the other brokers that it is lost, now and for a lease.
void node_connection_tell_lost (node_connection_t *self);
void node_connection_receive (node_connection_t *self, const node_event_t *event);
// Something takes the connection, and says nothing.
bool node_connection_hangs (const node_connection_t *self);
// Says hello on the socket at hand; gives it up and tries again after `delay_ms`.
void node_connection_greet (node_connection_t *self);
void node_connection_start_over (node_connection_t *self, const char *why, int64_t delay_ms);
// The broker doesn't take our key or token. A key may be given back: it is tried again soon.
void node_connection_turned_away (node_connection_t *self, const troupe_error_t *error);
// The transport broke or could not be made.
void node_connection_break (node_connection_t *self, const char *why);
void node_connection_tick (node_connection_t *self);
int64_t node_connection_due (const node_connection_t *self);
void node_connection_leave (node_connection_t *self);

static inline bool
node_connection_up (const node_connection_t *self)
{
  return self != NULL && self->state == NODE_CONNECTION_UP;
}

// Queues a frame; if that fails, the connection starts over at the next tick, which sends everything that matters
// again.
void node_connection_send (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body);

#endif

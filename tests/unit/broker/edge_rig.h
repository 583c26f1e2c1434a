// SPDX-License-Identifier: Apache-2.0
//
// The whole broker, over real sockets and a real Redis. Its peers are plain DEALER sockets on the same loop.
#ifndef UNIT_BROKER_EDGE_RIG_H
#define UNIT_BROKER_EDGE_RIG_H

#include "broker/edge.h"
#include "fixture/redis.h"

#include "troupe/run.h"
#include "troupe/socket.h"

typedef struct {
  redis_server_t redis;
  troupe_loop_t *loop;
  void *zmq;
  broker_edge_t *edge;
  bool ready, stopped;
  char endpoint[128], publish[128];
} edge_rig_t;

extern edge_rig_t edge_rig; // the test's own
extern broker_limits_t edge_rig_limits; // of brokers that are made from now on

// Of a suite: a Redis, and "broker-1", which is ready.
void edge_rig_open (void);
void edge_rig_close (void);
// A broker at edge_rig.endpoint, which isn't ready yet.
troupe_err_t edge_rig_new (broker_edge_t **out, const char *name, troupe_error_t *error);
// "broker-1", once more, until it is ready.
void edge_rig_start (void);
// Turns the loop until it is true.
void edge_rig_wait (const bool *condition);

// A peer, and the last message that it received.
typedef struct {
  void *socket;
  zmq_msg_t frames[2];
  size_t count;
  bool more;
  troupe_run_reader_t run; // what is left of a frame of whole messages
  unsigned place;          // of the last message in it, from 1
  troupe_header_t header;
  troupe_text_t body;
} edge_peer_t;

edge_peer_t edge_peer_connect (const char *endpoint, int type);
// Connected under a routing id of its own; NULL: ZeroMQ's choice.
edge_peer_t edge_peer_connect_as (const char *endpoint, int type, const char *routing_id);
// Connected, and welcome.
edge_peer_t edge_peer_join (const char *name);
// The same, of a minor version of the protocol.
edge_peer_t edge_peer_join_of (const char *name, unsigned minor);
// Without a word.
void edge_peer_leave (edge_peer_t *self);
void edge_peer_say_hello (edge_peer_t *self, const char *name);
void edge_peer_say_hello_of (edge_peer_t *self, const char *name, unsigned minor);
void edge_peer_send (edge_peer_t *self, const troupe_header_t *header, const void *body, size_t size);
// Waits for the next message of that command; others are passed over.
void edge_peer_receive (edge_peer_t *self, troupe_command_t command);
bool edge_peer_body_is (const edge_peer_t *self, const void *bytes, size_t size);
troupe_err_t edge_peer_error (const edge_peer_t *self); // in the body

// What peers usually say, in session "s".
void edge_peer_serve (edge_peer_t *self, const char *service, bool actor);
void edge_peer_call (edge_peer_t *self, const troupe_id_t *id, const char *service, const void *body, size_t size);
void edge_peer_settle (edge_peer_t *self, const troupe_id_t *id, uint64_t attempt, const void *body, size_t size);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The edge of a node: the sockets of its connections, driven by the core.
#ifndef NODE_EDGE_H
#define NODE_EDGE_H

#include "node/core.h"

typedef struct troupe_node node_edge_t;

typedef struct {
  node_edge_t *edge;
  unsigned broker;
  unsigned thread; // of those of ZeroMQ's that move its bytes
  unsigned generation; // of the core's wish that `dealer` fulfils
  unsigned subscribed; // the same, when `subscriber` was made
  void *dealer, *monitor, *subscriber;
  bool events; // `subscriber` is subscribed to those of the mesh
  char published[257]; // what `subscriber` is connected to
} node_channel_t;

struct troupe_node {
  troupe_loop_t *loop;
  const troupe_credentials_t *credentials; // NULL: no key
  node_core_t *core;
  void *zmq;
  bool preparing; // what verbs queue now leaves in this turn anyway
  unsigned channels_count;
  node_channel_t channels[NODE_BROKERS_MAX];
};

// Makes the sockets of all connections, so that an endpoint that can't be is known at once. bad_argument, io,
// no_memory.
troupe_err_t node_edge_open (node_edge_t *self, const char *const *brokers, troupe_error_t *error);
// Sends what can be sent, and closes everything.
void node_edge_close (node_edge_t *self);

#endif

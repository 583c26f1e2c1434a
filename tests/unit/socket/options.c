// SPDX-License-Identifier: Apache-2.0
//
// Options of which it wouldn't show for long that they are missing; socket.c says what for they are.

#include "troupe/socket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static int
option_of (int type, int option)
{
  void *context = zmq_ctx_new (), *socket = NULL;
  int value = -1;
  size_t size = sizeof value;
  cr_assert (eq (int, troupe_socket_new (&socket, context, type, NULL), TROUPE_OK));
  cr_assert (eq (int, zmq_getsockopt (socket, option, &value, &size), 0));
  troupe_socket_close (&socket, false);
  zmq_ctx_term (context);
  return value;
}

// A router has many peers.
Test (options, a_router_reads_less_ahead_than_others)
{
  cr_assert (eq (int, option_of (ZMQ_ROUTER, ZMQ_RCVHWM), 1000));
  cr_assert (eq (int, option_of (ZMQ_DEALER, ZMQ_RCVHWM), 10000));
}

// libzmq's pings would end a process that doesn't read when its peer goes.
Test (options, tcp_probes_connections_and_zeromq_does_not)
{
  static const int types[] = {ZMQ_ROUTER, ZMQ_XPUB, ZMQ_DEALER, ZMQ_SUB};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    cr_assert (eq (int, option_of (types[i], ZMQ_HEARTBEAT_IVL), 0));
    cr_assert (eq (int, option_of (types[i], ZMQ_TCP_KEEPALIVE), 1));
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// The one constructor of sockets, with the options that every socket of Troupe has, and what is done with whole
// sockets: bind, connect, watch, close.
//
// Every option either bounds something that ZeroMQ leaves unbounded (memory, waiting, half-open connections), or makes
// a silent loss an error. They are set before bind and connect, after which most have no effect. If an option can't be
// set, this libzmq isn't the one that we were built for: the socket is not given out.

#include "troupe/socket.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
  // How long close() lets what was sent leave: a bye and the last replies, on a host that answers at all.
  LINGER_MS = 300,
  // The largest frame taken. Bodies are limited to 16 MiB; up to here a larger one still gets an answer that says so,
  // beyond it the connection is dropped.
  FRAME_MAX = 64 * 1024 * 1024,
  // What comes in at a publisher are subscriptions: a topic each, of which libzmq makes a tree with a node for each
  // byte (32 MiB of memory for 1 MiB of topic). CURVE's handshake must fit, whose largest command has 257 bytes and
  // what the peer says of itself.
  SUBSCRIPTION_MAX = 512,
  // A connection that hasn't finished ZeroMQ's greeting by then is none of ours.
  HANDSHAKE_MS = 5000,
  // From a restart that nobody notices to a load that nobody notices.
  RECONNECT_MS = 20,
  RECONNECT_MAX_MS = 1000,
  // Messages queued for a peer before sends fail with EAGAIN: a burst, not a backlog.
  QUEUE_MAX = 10000,
  // Read from a peer and not handled yet, before a ROUTER reads no more from it: enough for libzmq's thread to have the
  // next ones ready while the loop works. There are many peers, and each may send large ones.
  INCOMING_MAX = 1000,
  // Of a publisher's for a subscriber that doesn't read, and as many again at the subscriber, before it loses them. They
  // have up to 256 KiB each, but only where they are many milliseconds apart; else a few.
  PUBLISHED_MAX = 200,
  // Seconds between TCP's own probes, and how many may fail: they end half-open connections (cable pulled, host gone),
  // which our leases don't see at the side that only listens. Not ZeroMQ's pings (ZMQ_HEARTBEAT_IVL): libzmq 4.3.4 ends
  // the process when one is due on a connection that broke while its queue was full (zmq_assert (!_io_error)), and takes a
  // peer whose queue is full for dead because it doesn't read the answers.
  PROBE_S = 5,
  PROBES_MAX = 2,
  // Until a TCP connection is ended whose peer takes nothing of what was sent: it may hold much memory here, and a
  // process that only stood still connects again.
  UNTAKEN_MS = 30000,
  // Pending connections at a listener: all services of a mesh come back at once when a broker restarts.
  BACKLOG = 1024,
};

typedef struct {
  int type; // the type of socket that it is for; -1: all
  int option;
  int value;
} setting_t;

static const setting_t settings[] = {
  {-1, ZMQ_LINGER, LINGER_MS},
  {-1, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
  {-1, ZMQ_RECONNECT_IVL, RECONNECT_MS},
  {-1, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
  {-1, ZMQ_SNDHWM, QUEUE_MAX},
  {-1, ZMQ_RCVHWM, QUEUE_MAX},
  {ZMQ_ROUTER, ZMQ_RCVHWM, INCOMING_MAX},
  {ZMQ_XPUB, ZMQ_SNDHWM, PUBLISHED_MAX},
  {ZMQ_SUB, ZMQ_RCVHWM, PUBLISHED_MAX},
  {-1, ZMQ_TCP_KEEPALIVE, 1},
  {-1, ZMQ_TCP_KEEPALIVE_IDLE, PROBE_S},
  {-1, ZMQ_TCP_KEEPALIVE_INTVL, PROBE_S},
  {-1, ZMQ_TCP_KEEPALIVE_CNT, PROBES_MAX},
  {-1, ZMQ_BACKLOG, BACKLOG},
  {ZMQ_ROUTER, ZMQ_TCP_MAXRT, UNTAKEN_MS},
  {ZMQ_XPUB, ZMQ_TCP_MAXRT, UNTAKEN_MS},
  // Messages queue from connect on, so that hello can be sent right away.
  {-1, ZMQ_IMMEDIATE, 0},
  // What can't be routed is an error (EHOSTUNREACH), not a silent drop.
  {ZMQ_ROUTER, ZMQ_ROUTER_MANDATORY, 1},
};

static troupe_err_t
set_options (void *socket, int type, troupe_error_t *error)
{
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const setting_t *setting = &settings[i];
    if (setting->type != -1 && setting->type != type)
      continue;
    if (zmq_setsockopt (socket, setting->option, &setting->value, sizeof setting->value) != 0)
      return troupe_error_set (error, TROUPE_IO, "ZeroMQ socket", "install libzmq 4.3.4 or later",
                               "option %d can't be set: %s", setting->option, zmq_strerror (errno));
  }
  int64_t frame_max = type == ZMQ_XPUB ? SUBSCRIPTION_MAX : FRAME_MAX;
  if (zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0)
    return troupe_error_set (error, TROUPE_IO, "ZeroMQ socket", NULL, "ZMQ_MAXMSGSIZE can't be set: %s",
                             zmq_strerror (errno));
  return TROUPE_OK;
}

troupe_err_t
troupe_socket_new (void **out, void *zmq_context, int type, troupe_error_t *error)
{
  void *socket = zmq_socket (zmq_context, type);
  if (socket == NULL) {
    if (errno == ENOMEM)
      return troupe_error_set (error, TROUPE_NO_MEMORY, "ZeroMQ socket", NULL, "out of memory");
    return troupe_error_set (error, TROUPE_IO, "ZeroMQ socket", "raise the limit of open files (ulimit -n)",
                             "no socket can be made: %s", zmq_strerror (errno));
  }
  troupe_err_t err = set_options (socket, type, error);
  if (err != TROUPE_OK)
    troupe_socket_close (&socket, false);
  else
    *out = socket;
  return err;
}

static troupe_err_t
bind_or_connect_failed (const char *verb, const char *endpoint, int number, troupe_error_t *error)
{
  switch (number) {
  case EADDRINUSE:
    return troupe_error_set (error, TROUPE_ADDRESS_IN_USE, endpoint,
                             "stop the other process or choose another endpoint", "another process listens here");
  case EACCES:
  case EPERM:
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint, "choose a port from 1024 on, or a writable directory",
                             "can't %s: %s", verb, zmq_strerror (number));
  case EINVAL:
  case EPROTONOSUPPORT:
  case ENOCOMPATPROTO:
  case ENODEV:
  case EADDRNOTAVAIL:
  case ENAMETOOLONG:
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, endpoint,
                             "write tcp://host:port, or ipc://path with a path of at most 107 bytes", "can't %s: %s",
                             verb, zmq_strerror (number));
  case ENOMEM:
    return troupe_error_set (error, TROUPE_NO_MEMORY, endpoint, NULL, "out of memory");
  default:
    return troupe_error_set (error, TROUPE_IO, endpoint, NULL, "can't %s: %s", verb, zmq_strerror (number));
  }
}

troupe_err_t
troupe_socket_bind (void *socket, const char *endpoint, troupe_error_t *error)
{
  if (zmq_bind (socket, endpoint) == 0)
    return TROUPE_OK;
  return bind_or_connect_failed ("listen", endpoint, errno, error);
}

bool
troupe_socket_asks_for_name (const char *endpoint)
{
  static const char tcp[] = "tcp://";
  if (strncmp (endpoint, tcp, strlen (tcp)) != 0)
    return false;
  const char *host = endpoint + strlen (tcp);
  size_t size = strcspn (host, ":");
  return *host != '[' && strspn (host, "0123456789.") < size;
}

void
troupe_socket_set_thread (void *socket, unsigned thread)
{
  uint64_t mask = UINT64_C (1) << thread;
  zmq_setsockopt (socket, ZMQ_AFFINITY, &mask, sizeof mask); // fails only for a socket that is none
}

troupe_err_t
troupe_socket_connect (void *socket, const char *endpoint, troupe_error_t *error)
{
  if (zmq_connect (socket, endpoint) == 0)
    return TROUPE_OK;
  return bind_or_connect_failed ("connect", endpoint, errno, error);
}

troupe_err_t
troupe_socket_endpoint (void *socket, char *endpoint, size_t size)
{
  if (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0)
    return TROUPE_OK;
  return errno == EINVAL ? TROUPE_TOO_LARGE : TROUPE_IO;
}

void
troupe_socket_close (void **socket_p, bool flush)
{
  if (*socket_p == NULL)
    return;
  int none = 0;
  // Fails only for what is no socket: a caller's bug that zmq_close answers the same way.
  if (!flush)
    zmq_setsockopt (*socket_p, ZMQ_LINGER, &none, sizeof none);
  zmq_close (*socket_p);
  *socket_p = NULL;
}

// -- Monitors --------------------------------------------------------------------------------------------------------

troupe_err_t
troupe_socket_monitor (void **out, void *zmq_context, void *socket, int events, troupe_error_t *error)
{
  static atomic_ulong serial;
  char endpoint[64];
  snprintf (endpoint, sizeof endpoint, "inproc://monitor-%lu", atomic_fetch_add (&serial, 1));
  if (zmq_socket_monitor (socket, endpoint, events) != 0)
    return troupe_error_set (error, TROUPE_IO, "ZeroMQ monitor", "raise the limit of open files (ulimit -n)",
                             "can't be started: %s", zmq_strerror (errno));
  void *monitor = NULL;
  troupe_err_t err = troupe_socket_new (&monitor, zmq_context, ZMQ_PAIR, error);
  if (err == TROUPE_OK)
    err = troupe_socket_connect (monitor, endpoint, error);
  if (err == TROUPE_OK) {
    *out = monitor;
    return TROUPE_OK;
  }
  troupe_socket_close (&monitor, false);
  zmq_socket_monitor (socket, NULL, 0);
  return err;
}

int
troupe_socket_monitor_next (void *monitor, int *value)
{
  // Two frames: 16 bits of event and 32 of value, and the endpoint.
  zmq_msg_t frames[2];
  size_t count;
  uint16_t event = 0;
  if (troupe_socket_receive (monitor, frames, 2, &count) != 0)
    return 0;
  if (zmq_msg_size (&frames[0]) >= sizeof event)
    memcpy (&event, zmq_msg_data (&frames[0]), sizeof event);
  if (value != NULL && zmq_msg_size (&frames[0]) >= sizeof event + sizeof *value)
    memcpy (value, (const char *)zmq_msg_data (&frames[0]) + sizeof event, sizeof *value);
  troupe_socket_close_frames (frames, 2, count);
  return event;
}

// libzmq's I/O thread tells events by a send that waits, also for a receiver that has gone: for ever. So first it is
// made to tell no more, while there is a receiver; and the queue is emptied, because it stops only between two events.
void
troupe_socket_unmonitor (void **monitor_p, void *socket)
{
  if (*monitor_p == NULL)
    return;
  while (troupe_socket_monitor_next (*monitor_p, NULL) != 0)
    ;
  zmq_socket_monitor (socket, NULL, 0);
  troupe_socket_close (monitor_p, false);
}

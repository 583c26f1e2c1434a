// SPDX-License-Identifier: Apache-2.0
//
// ZeroMQ sockets as Troupe uses them: made with the same options everywhere, and moving frames without copying bodies.
//
// A message is a few frames: [routing id, only at a ROUTER,] header, body; or, after the routing id, any number of
// frames that each are a whole message of Troupe's (troupe_header_join), or a run of some ("troupe/run.h"). A published
// one has its topic first.
//
// Thread rule: a socket belongs to one thread at a time.
#ifndef TROUPE_SOCKET_H
#define TROUPE_SOCKET_H

#include "troupe/buffer.h"

#include <zmq.h>

// A socket of `type` (ZMQ_DEALER, ZMQ_ROUTER, ZMQ_XPUB, ZMQ_SUB ...) with our options; socket.c says which and why.
// io (out of sockets or descriptors), no_memory.
troupe_err_t troupe_socket_new (void **out, void *zmq_context, int type, troupe_error_t *error);
// address_in_use, bad_argument (not an endpoint of a transport that this host has), permission, io.
troupe_err_t troupe_socket_bind (void *socket, const char *endpoint, troupe_error_t *error);
troupe_err_t troupe_socket_connect (void *socket, const char *endpoint, troupe_error_t *error);
// Whether connecting to it asks for the address of a name. libzmq asks again before each try, on the I/O thread, and
// while nobody answers, which may be many seconds, nothing else on that thread moves.
bool troupe_socket_asks_for_name (const char *endpoint);
// Before connecting: which of the context's I/O threads, counted from 0, serves this socket.
void troupe_socket_set_thread (void *socket, unsigned thread);
// Where a bound socket listens, with the port that a "*" became. `size` is that of `endpoint`.
troupe_err_t troupe_socket_endpoint (void *socket, char *endpoint, size_t size);
// Closes and sets *socket_p to NULL. What was sent and hasn't left is delivered in the background for a moment when
// `flush` is set, dropped otherwise. Does nothing for a pointer to NULL.
void troupe_socket_close (void **socket_p, bool flush);

// Watches what happens to a socket's connections: *out is a socket to receive from (see zmq_socket_monitor);
// `events` of ZMQ_EVENT_DISCONNECTED and so on. End it by troupe_socket_unmonitor before `socket` is closed.
troupe_err_t troupe_socket_monitor (void **out, void *zmq_context, void *socket, int events, troupe_error_t *error);
// The next event, 0 when there is none now. *value, unless NULL, is what comes with it: a descriptor, an errno.
int troupe_socket_monitor_next (void *monitor, int *value);
// Stops watching `socket`, closes the monitor and sets *monitor_p to NULL. Does nothing for a pointer to NULL.
void troupe_socket_unmonitor (void **monitor_p, void *socket);

// Sends one message without waiting: [`route` (NULL: none),] header, `body` (NULL: an empty frame); the body's bytes
// are shared, not copied. Returns 0, or the errno: EAGAIN (the queue is full), EHOSTUNREACH (a ROUTER that doesn't know
// the route), ENOMEM; then nothing was sent.
int troupe_socket_send (void *socket, const void *route, size_t route_size, const void *header, size_t header_size,
                        troupe_buffer_t *body);

// The same in two steps: what can fail for want of memory, now; the sending, later. A message must not be moved in
// memory between the two.
typedef struct {
  zmq_msg_t frames[3];
  size_t count;
} troupe_socket_message_t;

// Returns 0 or ENOMEM; then there is nothing to send or to close.
int troupe_socket_prepare (troupe_socket_message_t *out, const void *route, size_t route_size, const void *header,
                           size_t header_size, troupe_buffer_t *body);
// The same of a message, or a run, that is one frame, [and `route`]; its bytes are copied.
int troupe_socket_prepare_whole (troupe_socket_message_t *out, const void *route, size_t route_size, const void *frame,
                                 size_t size);
// The same of a frame whose bytes are shared, not copied.
int troupe_socket_prepare_shared (troupe_socket_message_t *out, const void *route, size_t route_size,
                                  troupe_buffer_t *frame);
// Sends the message and ends it, whatever it returns: as troupe_socket_send. With `more`, the next one that is sent
// continues it, as frames of one message for libzmq: that one can't be refused any more, and must follow.
int troupe_socket_send_prepared (void *socket, troupe_socket_message_t *message, bool more);
// Ends a message that isn't sent.
void troupe_socket_drop_prepared (troupe_socket_message_t *message);

// Receives one message without waiting: its frames into `frames`, which the caller closes by
// troupe_socket_close_frames; those beyond `capacity` are dropped, but counted in *count. Returns 0 or the errno:
// EAGAIN when there is none.
int troupe_socket_receive (void *socket, zmq_msg_t *frames, size_t capacity, size_t *count);
// Receives one frame, that the caller closes: 0 or the errno.
int troupe_socket_receive_frame (void *socket, zmq_msg_t *frame);
// Receives what is one message of Troupe's: as troupe_socket_receive, but at most two frames, or the one that is a
// whole message, or a run; *more: another message follows, in which case the next call can't give EAGAIN. A frame that
// lacks the one with its body stands alone.
int troupe_socket_receive_message (void *socket, zmq_msg_t frames[2], size_t *count, bool *more);
void troupe_socket_close_frames (zmq_msg_t *frames, size_t capacity, size_t count);
// A received frame as a buffer, without a copy; the frame is empty afterwards. A small one keeps alive what was read
// from the connection with it: who holds it for long takes a troupe_buffer_keep. no_memory.
troupe_err_t troupe_socket_body (troupe_buffer_t **out, zmq_msg_t *frame);
// The same of some of a frame's bytes, which is as it was afterwards: one message of a run.
troupe_err_t troupe_socket_part (troupe_buffer_t **out, zmq_msg_t *frame, const void *data, size_t size);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What libzmq alone can do here: a client's DEALER, a proxy of a ROUTER and a DEALER, a worker's DEALER that sends back
// what it gets, over ipc, in three processes. A message is one frame of BENCH_BODY bytes, which begins with the number
// of its slot; there is no header, no call, nothing kept. All three wait in libzmq itself, without a loop of ours, and
// every socket has the options that all of ours have.
#include "cli/bench_role.h"
#include "troupe/socket.h"

#include <errno.h>
#include <string.h>

typedef struct {
  void *zmq, *front, *back;
} raw_t;

static troupe_err_t
open_socket (raw_t *self, void **socket, int type, const char *endpoint, bool bind, troupe_error_t *error)
{
  if (!self->zmq && !(self->zmq = zmq_ctx_new ()))
    return troupe_error_set (error, TROUPE_IO, "ZeroMQ", NULL, "no context: %s", zmq_strerror (errno));
  troupe_err_t err = troupe_socket_new (socket, self->zmq, type, error);
  if (err != TROUPE_OK)
    return err;
  return bind ? troupe_socket_bind (*socket, endpoint, error) : troupe_socket_connect (*socket, endpoint, error);
}

static void
close_all (raw_t *self)
{
  troupe_socket_close (&self->front, false);
  troupe_socket_close (&self->back, false);
  if (self->zmq)
    zmq_ctx_term (self->zmq);
}

static troupe_err_t
socket_failed (const char *what, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_IO, what, NULL, "%s", zmq_strerror (errno));
}

// It has no pipe to read: the process that measures ends it by a signal, or dies and with it this one.
troupe_err_t
bench_raw_proxy (const json_t *parameters, troupe_error_t *error)
{
  raw_t self = {0};
  const char *front, *back;
  troupe_err_t err = bench_role_text (&front, parameters, "front", error);
  if (err == TROUPE_OK)
    err = bench_role_text (&back, parameters, "back", error);
  if (err == TROUPE_OK)
    err = open_socket (&self, &self.front, ZMQ_ROUTER, front, true, error);
  if (err == TROUPE_OK)
    err = open_socket (&self, &self.back, ZMQ_DEALER, back, true, error);
  if (err == TROUPE_OK) {
    bench_role_ready ();
    zmq_proxy (self.front, self.back, NULL); // until the process is ended
    err = socket_failed ("zmq_proxy", error);
  }
  close_all (&self);
  return err;
}

static troupe_err_t
send_back (void *socket)
{
  zmq_msg_t frame;
  zmq_msg_init (&frame);
  while (zmq_msg_recv (&frame, socket, 0) >= 0)
    if (zmq_msg_send (&frame, socket, zmq_msg_more (&frame) ? ZMQ_SNDMORE : 0) < 0)
      break;
  zmq_msg_close (&frame);
  return TROUPE_IO;
}

troupe_err_t
bench_raw_worker (const json_t *parameters, troupe_error_t *error)
{
  raw_t self = {0};
  const char *back;
  troupe_err_t err = bench_role_text (&back, parameters, "back", error);
  if (err == TROUPE_OK)
    err = open_socket (&self, &self.back, ZMQ_DEALER, back, false, error);
  if (err == TROUPE_OK) {
    bench_role_ready ();
    send_back (self.back); // until the process is ended
    err = socket_failed ("raw worker", error);
  }
  close_all (&self);
  return err;
}

// -- The client --------------------------------------------------------------------------------------------------------

static bool
send_slot (void *socket, uint64_t slot)
{
  char body[BENCH_BODY];
  memcpy (body, bench_load_text (), BENCH_TEXT);
  memcpy (body, &slot, sizeof slot);
  return zmq_send (socket, body, sizeof body, 0) >= 0;
}

// One phase: everything in flight, and what follows, until the load is idle.
static bool
run_phase (bench_load_t *load, void *socket)
{
  for (uint64_t slot = 0; slot < load->in_flight; slot++)
    if (bench_load_begin (load, slot) && !send_slot (socket, slot))
      return false;
  while (!bench_load_idle (load)) {
    char body[BENCH_BODY];
    uint64_t slot;
    if (zmq_recv (socket, body, sizeof body, 0) != BENCH_BODY)
      return false;
    memcpy (&slot, body, sizeof slot);
    if (bench_load_next (load, slot) && !send_slot (socket, slot))
      return false;
  }
  bench_load_tell (load);
  return true;
}

troupe_err_t
bench_raw_client (const json_t *parameters, troupe_error_t *error)
{
  raw_t self = {0};
  bench_load_t load;
  const char *front;
  troupe_err_t err = bench_load_init (&load, parameters, error);
  if (err == TROUPE_OK)
    err = bench_role_text (&front, parameters, "front", error);
  if (err == TROUPE_OK)
    err = open_socket (&self, &self.front, ZMQ_DEALER, front, false, error);
  if (err == TROUPE_OK && !run_phase (&load, self.front))
    err = socket_failed ("raw client", error);
  if (err == TROUPE_OK && bench_role_wait ()) {
    bench_load_go (&load);
    if (!run_phase (&load, self.front))
      err = socket_failed ("raw client", error);
    else
      bench_role_wait (); // until the process that measures has all it wants
  }
  close_all (&self);
  bench_load_free (&load);
  return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// What libzmq alone can do for `troupe bench hub`: a PUB, a proxy of an XSUB and an XPUB, and SUBs, over ipc, each a
// process. A message is one frame; nothing is stored or answered, so the speaker sends as fast as it can. Nothing may
// be lost all the same: no socket has a high-water mark.
//
// All three wait in libzmq, without a loop of ours; the process that measures ends them by a signal.
#include "cli/bench_numbers.h"
#include "cli/bench_role.h"
#include "troupe/socket.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { PROBE_MS = 5 };

typedef struct {
  void *zmq, *front, *back;
} raw_hub_t;

static troupe_err_t
open_socket (raw_hub_t *self, void **socket, int type, const char *endpoint, bool bind, troupe_error_t *error)
{
  const int unlimited = 0;
  if (!self->zmq && !(self->zmq = zmq_ctx_new ()))
    return troupe_error_set (error, TROUPE_IO, "ZeroMQ", NULL, "no context: %s", zmq_strerror (errno));
  troupe_err_t err = troupe_socket_new (socket, self->zmq, type, error);
  if (err != TROUPE_OK)
    return err;
  if (zmq_setsockopt (*socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) != 0 ||
      zmq_setsockopt (*socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) != 0 ||
      (type == ZMQ_SUB && zmq_setsockopt (*socket, ZMQ_SUBSCRIBE, "", 0) != 0))
    return troupe_error_set (error, TROUPE_IO, endpoint, NULL, "%s", zmq_strerror (errno));
  return bind ? troupe_socket_bind (*socket, endpoint, error) : troupe_socket_connect (*socket, endpoint, error);
}

static void
close_all (raw_hub_t *self)
{
  troupe_socket_close (&self->front, false);
  troupe_socket_close (&self->back, false);
  if (self->zmq)
    zmq_ctx_term (self->zmq);
}

static troupe_err_t
open_named (raw_hub_t *self, void **socket, int type, const json_t *parameters, const char *name, bool bind,
            troupe_error_t *error)
{
  const char *endpoint;
  troupe_err_t err = bench_role_text (&endpoint, parameters, name, error);
  return err == TROUPE_OK ? open_socket (self, socket, type, endpoint, bind, error) : err;
}

troupe_err_t
bench_raw_hub (const json_t *parameters, troupe_error_t *error)
{
  raw_hub_t self = {0};
  troupe_err_t err = open_named (&self, &self.front, ZMQ_XSUB, parameters, "front", true, error);
  if (err == TROUPE_OK)
    err = open_named (&self, &self.back, ZMQ_XPUB, parameters, "back", true, error);
  if (err == TROUPE_OK) {
    bench_role_ready ();
    zmq_proxy (self.front, self.back, NULL); // until the process is ended
    err = troupe_error_set (error, TROUPE_IO, "zmq_proxy", NULL, "%s", zmq_strerror (errno));
  }
  close_all (&self);
  return err;
}

troupe_err_t
bench_raw_hearer (const json_t *parameters, troupe_error_t *error)
{
  raw_hub_t self = {0};
  bench_numbers_t numbers;
  char text[BENCH_BODY + 1];
  int size = 0;
  troupe_err_t err = bench_numbers_init (&numbers, parameters, error);
  if (err == TROUPE_OK)
    err = open_named (&self, &self.back, ZMQ_SUB, parameters, "back", false, error);
  if (err == TROUPE_OK) {
    bench_role_ready ();
    while ((size = zmq_recv (self.back, text, BENCH_BODY, 0)) >= 0) { // until the process is ended
      text[size < BENCH_BODY ? size : BENCH_BODY] = '\0';
      bench_numbers_take (&numbers, text, (size_t)size);
    }
    err = troupe_error_set (error, TROUPE_IO, "raw hearer", NULL, "%s", zmq_strerror (errno));
  }
  close_all (&self);
  bench_numbers_free (&numbers);
  return err;
}

// -- The speaker ------------------------------------------------------------------------------------------------------

static bool
send_number (void *socket, uint64_t number)
{
  char text[BENCH_BODY + 1];
  bench_numbers_write (text, number);
  return zmq_send (socket, text, BENCH_BODY, 0) >= 0;
}

// A subscription arrives some time, so that probes are sent until the word is given.
static bool
probe (void *socket)
{
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  do
    if (!send_number (socket, 0))
      return false;
  while (poll (&input, 1, PROBE_MS) == 0);
  return true;
}

static bool
send_all (void *socket, const json_t *parameters)
{
  json_int_t count = json_integer_value (json_object_get (parameters, "count"));
  json_int_t pause_ms = json_integer_value (json_object_get (parameters, "pause_ms"));
  int64_t start = bench_numbers_now ();
  for (json_int_t i = 1; i <= count; i++) {
    if (!send_number (socket, (uint64_t)i))
      return false;
    if (pause_ms > 0)
      poll (NULL, 0, (int)pause_ms);
  }
  bench_numbers_tell (start, bench_numbers_now ());
  return true;
}

troupe_err_t
bench_raw_speaker (const json_t *parameters, troupe_error_t *error)
{
  raw_hub_t self = {0};
  troupe_err_t err = open_named (&self, &self.front, ZMQ_PUB, parameters, "front", false, error);
  if (err == TROUPE_OK) {
    bench_role_ready ();
    bool sent = probe (self.front);
    if (sent && bench_role_wait ()) {
      sent = send_all (self.front, parameters);
      while (sent && bench_role_wait ()) // until the process that measures has all it wants
        ;
    }
    if (!sent)
      err = troupe_error_set (error, TROUPE_IO, "raw speaker", NULL, "%s", zmq_strerror (errno));
  }
  close_all (&self);
  return err;
}

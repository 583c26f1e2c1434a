// SPDX-License-Identifier: Apache-2.0
//
// Bytes that aren't our protocol, on a broker's port and from a broker's port: a clear refusal, and everybody else's
// calls go on.

#include "blackbox/harness/mesh.h"
#include "troupe/socket.h"
#include "troupe/value.h"
#include "troupe/wire.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite (bytes, .init = place_enter, .fini = place_leave);

enum { REFUSALS_MAX = 10 }; // of one connection; then the broker is silent

static int port;
static char endpoint[64];

static process_t *
mesh_on_tcp (void)
{
  char yaml[512];
  port = place_free_port ();
  snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
  snprintf (yaml, sizeof yaml, "brokers:\n  - { name: b, endpoint: \"%s\", insecure: true }\n%s", endpoint, mesh_plain);
  return mesh_up (yaml);
}

// -- A peer that speaks ZeroMQ ----------------------------------------------------------------------------------------

typedef struct {
  void *context, *socket;
} peer_t;

static peer_t
peer_open (int type)
{
  peer_t self = { .context = zmq_ctx_new () };
  troupe_error_t error;
  cr_assert_eq (troupe_socket_new (&self.socket, self.context, type, &error), TROUPE_OK, "%s", error.why);
  return self;
}

static void
peer_close (peer_t *self)
{
  troupe_socket_close (&self->socket, false);
  zmq_ctx_term (self->context);
}

static void
send_frame (const peer_t *peer, const void *bytes, size_t size, bool more)
{
  cr_assert_eq (zmq_send (peer->socket, bytes, size, more ? ZMQ_SNDMORE : 0), (int) size);
}

// The broker's next answer that is no heartbeat: a REFUSED, whose error is returned; or none within `timeout_ms`.
static bool
refused (const peer_t *peer, troupe_error_t *error, int timeout_ms)
{
  for (;;) {
    zmq_pollitem_t item = { .socket = peer->socket, .events = ZMQ_POLLIN };
    if (zmq_poll (&item, 1, timeout_ms) <= 0)
      return false;
    zmq_msg_t frames[3];
    size_t count;
    cr_assert_eq (troupe_socket_receive (peer->socket, frames, 3, &count), 0);
    troupe_header_t header;
    cr_assert_eq (troupe_header_decode (&header, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), NULL), TROUPE_OK);
    bool found = header.command == TROUPE_CMD_REFUSED;
    if (found) {
      json_t *body;
      cr_assert_eq (count, 2); // as peers of every version read it
      cr_assert_eq (troupe_value_unpack (zmq_msg_data (&frames[1]), zmq_msg_size (&frames[1]), &body, NULL), TROUPE_OK);
      troupe_error_of_json (error, body);
      json_decref (body);
    }
    troupe_socket_close_frames (frames, 3, count);
    if (found)
      return true;
  }
}

static size_t
encode_hello (uint8_t *bytes, size_t capacity, int version)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("stranger-1"));
  size_t size = troupe_header_encode (&header, bytes, capacity);
  cr_assert_gt (size, 2);
  cr_assert_eq (bytes[1], TROUPE_PROTOCOL_VERSION); // [version, command, {...}]
  bytes[1] = (uint8_t) version;
  return size;
}

// -- Towards a broker -------------------------------------------------------------------------------------------------

Test (bytes, that_are_not_even_zeromq_change_nothing)
{
  process_t *up = mesh_on_tcp ();
  unsigned state = 1;
  for (int round = 0; round < 50; round++) {
    char bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = (char) ((state = state * 1103515245 + 12345) >> 16);
    if (round % 3 == 1)
      memcpy (bytes, "GET / HTTP/1.1\r\n", 16);
    if (round % 3 == 2)
      memcpy (bytes, "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16); // a ZMTP greeting that goes wrong after it
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
    cr_assert_gt (send (fd, bytes, sizeof bytes, MSG_NOSIGNAL), 0);
    close (fd);
  }
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (bytes, that_are_no_frame_of_ours_are_refused_a_few_times)
{
  process_t *up = mesh_on_tcp ();
  peer_t peer = peer_open (ZMQ_DEALER);
  cr_assert_eq (troupe_socket_connect (peer.socket, endpoint, NULL), TROUPE_OK);
  troupe_error_t error;
  for (int i = 0; i < REFUSALS_MAX; i++) {
    send_frame (&peer, "garbage", 7, true);
    send_frame (&peer, "", 0, false);
    cr_assert (refused (&peer, &error, DEADLINE_MS), "no answer to offence %d", i + 1);
    cr_assert_eq (error.code, TROUPE_BAD_FRAME, "%s", troupe_err_name (error.code));
  }
  // The next ones are not answered; that the broker has read them is known once it has answered another's call.
  for (int i = 0; i < 100; i++) {
    send_frame (&peer, "garbage", 7, true);
    send_frame (&peer, "", 0, false);
  }
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  cr_assert_not (refused (&peer, &error, 0));
  peer_close (&peer);
  mesh_down (&up);
}

Test (bytes, in_any_number_of_frames_do_no_harm)
{
  process_t *up = mesh_on_tcp ();
  for (int count = 1; count <= 8; count++) {
    peer_t peer = peer_open (ZMQ_DEALER);
    cr_assert_eq (troupe_socket_connect (peer.socket, endpoint, NULL), TROUPE_OK);
    for (int i = 1; i <= count; i++)
      send_frame (&peer, "\x93\x02\x01\x80", i == 1 ? 4 : 0, i < count);
    troupe_error_t error;
    cr_assert (refused (&peer, &error, DEADLINE_MS), "no answer to %d frames", count);
    peer_close (&peer);
  }
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (bytes, that_claim_more_than_they_hold_do_no_harm)
{
  static const char *const bodies[] = { "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff" };
  process_t *up = mesh_on_tcp ();
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    peer_t peer = peer_open (ZMQ_DEALER);
    uint8_t hello[TROUPE_HEADER_SIZE_MAX];
    size_t size = encode_hello (hello, sizeof hello, TROUPE_PROTOCOL_VERSION);
    cr_assert_eq (troupe_socket_connect (peer.socket, endpoint, NULL), TROUPE_OK);
    send_frame (&peer, hello, size, true);
    send_frame (&peer, bodies[i], 5, false);
    peer_close (&peer);
  }
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (bytes, of_another_version_are_refused_with_both_versions)
{
  process_t *up = mesh_on_tcp ();
  peer_t peer = peer_open (ZMQ_DEALER);
  uint8_t hello[TROUPE_HEADER_SIZE_MAX];
  size_t size = encode_hello (hello, sizeof hello, 42);
  cr_assert_eq (troupe_socket_connect (peer.socket, endpoint, NULL), TROUPE_OK);
  send_frame (&peer, hello, size, true);
  send_frame (&peer, "", 0, false);
  troupe_error_t error;
  cr_assert (refused (&peer, &error, DEADLINE_MS));
  cr_assert_eq (error.code, TROUPE_VERSION_MISMATCH);
  cr_assert (text_matches (error.why, "42") && text_matches (error.why, "\\b2\\b"), "%s", error.why);
  peer_close (&peer);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

// -- From a broker ----------------------------------------------------------------------------------------------------

// Answers one HELLO on a ROUTER by these bytes.
static void
answer_hello (const peer_t *peer, const void *bytes, size_t size)
{
  zmq_pollitem_t item = { .socket = peer->socket, .events = ZMQ_POLLIN };
  cr_assert_gt (zmq_poll (&item, 1, DEADLINE_MS), 0);
  zmq_msg_t frames[3];
  size_t count;
  cr_assert_eq (troupe_socket_receive (peer->socket, frames, 3, &count), 0);
  cr_assert_eq (count, 3);
  cr_assert_eq (troupe_socket_send (peer->socket, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), bytes, size, NULL), 0);
  troupe_socket_close_frames (frames, 3, count);
}

static process_t *
call_to (const peer_t *peer)
{
  snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", place_free_port ());
  cr_assert_eq (troupe_socket_bind (peer->socket, endpoint, NULL), TROUPE_OK);
  return process_run ("troupe", "call", "agent/alice", "\"Hello\"", "--broker", endpoint);
}

Test (bytes, of_a_broker_of_another_version_are_a_clear_error)
{
  peer_t peer = peer_open (ZMQ_ROUTER);
  process_t *call = call_to (&peer);
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  answer_hello (&peer, bytes, encode_hello (bytes, sizeof bytes, 42));
  process_expect_exit (call, 8);
  cr_assert (text_matches (process_errors (call), "version_mismatch"), "%s", process_errors (call));
  process_destroy (&call);
  peer_close (&peer);
}

Test (bytes, of_something_that_is_no_broker_are_a_clear_error)
{
  peer_t peer = peer_open (ZMQ_ROUTER);
  process_t *call = call_to (&peer);
  answer_hello (&peer, "garbage", 7);
  int status = process_wait (call);
  cr_assert (status == 5 || status == 8, "status %d: %s", status, process_errors (call));
  cr_assert_neq (process_errors (call)[0], 0);
  process_destroy (&call);
  peer_close (&peer);
}

// SPDX-License-Identifier: Apache-2.0

#include "troupe/socket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 5000 };

typedef struct {
  void *context, *router, *dealer, *monitor;
  char folder[32], endpoint[64];
} pair_t;

static void
open_pair (pair_t *self)
{
  troupe_error_t error = {0};
  strcpy (self->folder, "/tmp/troupe-XXXXXX");
  cr_assert_not_null (mkdtemp (self->folder));
  snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/s", self->folder);
  self->context = zmq_ctx_new ();
  cr_assert (eq (int, troupe_socket_new (&self->router, self->context, ZMQ_ROUTER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (self->router, self->endpoint, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_new (&self->dealer, self->context, ZMQ_DEALER, &error), TROUPE_OK));
  cr_assert (eq (int,
                 troupe_socket_monitor (&self->monitor, self->context, self->dealer, ZMQ_EVENT_DISCONNECTED, &error),
                 TROUPE_OK));
  cr_assert (eq (int, troupe_socket_connect (self->dealer, self->endpoint, &error), TROUPE_OK));
}

static void
close_pair (pair_t *self)
{
  char path[64];
  troupe_socket_unmonitor (&self->monitor, self->dealer);
  troupe_socket_close (&self->dealer, false);
  troupe_socket_close (&self->router, false);
  zmq_ctx_term (self->context);
  snprintf (path, sizeof path, "%s/s", self->folder);
  unlink (path);
  rmdir (self->folder);
}

static void
wait_for (void *socket)
{
  zmq_pollitem_t item = {socket, -1, ZMQ_POLLIN, 0};
  cr_assert (eq (int, zmq_poll (&item, 1, WAIT_MS), 1));
}

static void
go_there_and_back (size_t size)
{
  pair_t pair = {0};
  open_pair (&pair);
  char *bytes = calloc (1, size + 1);
  troupe_buffer_t *body = NULL, *received = NULL, *echoed = NULL;
  cr_assert (eq (int, troupe_buffer_new (&body, bytes, size), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_send (pair.dealer, NULL, 0, "head", 4, body), 0));
  troupe_buffer_unref (&body);

  zmq_msg_t frames[3];
  size_t count = 0;
  wait_for (pair.router);
  cr_assert (eq (int, troupe_socket_receive (pair.router, frames, 3, &count), 0));
  cr_assert (eq (sz, count, 3));
  cr_assert (eq (sz, zmq_msg_size (&frames[1]), 4));
  cr_assert (eq (int, troupe_socket_body (&received, &frames[2]), TROUPE_OK));
  cr_assert (eq (sz, troupe_buffer_size (received), size));
  cr_assert (eq (
    int, troupe_socket_send (pair.router, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), "back", 4, received),
    0));
  troupe_socket_close_frames (frames, 3, count);
  troupe_buffer_unref (&received);

  wait_for (pair.dealer);
  cr_assert (eq (int, troupe_socket_receive (pair.dealer, frames, 3, &count), 0));
  cr_assert (eq (sz, count, 2));
  cr_assert (eq (int, memcmp (zmq_msg_data (&frames[0]), "back", 4), 0));
  cr_assert (eq (int, troupe_socket_body (&echoed, &frames[1]), TROUPE_OK));
  cr_assert (eq (sz, troupe_buffer_size (echoed), size));
  if (size > 0)
    cr_assert (eq (int, memcmp (troupe_buffer_data (echoed), bytes, size), 0));
  troupe_socket_close_frames (frames, 3, count);
  cr_assert (eq (int, troupe_socket_receive (pair.dealer, frames, 3, &count), EAGAIN));
  troupe_buffer_unref (&echoed);
  free (bytes);
  close_pair (&pair);
}

Test (socket, an_empty_body_travels)
{
  go_there_and_back (0);
}

Test (socket, a_small_body_travels)
{
  go_there_and_back (100);
}

Test (socket, a_large_body_travels)
{
  go_there_and_back (3 * 1000 * 1000);
}

// What was received goes on as it is, and may be kept after what it came with is gone.
Test (socket, a_received_body_is_sent_on_and_kept)
{
  pair_t pair;
  zmq_msg_t frames[3];
  size_t count;
  enum { SIZE = 256 };
  char bytes[SIZE];
  troupe_buffer_t *body = NULL, *kept, *back = NULL;
  open_pair (&pair);
  memset (bytes, 'x', SIZE);
  cr_assert (eq (int, troupe_buffer_new (&body, bytes, SIZE), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_send (pair.dealer, NULL, 0, "there", 5, body), 0));
  troupe_buffer_unref (&body);
  wait_for (pair.router);
  cr_assert (eq (int, troupe_socket_receive (pair.router, frames, 3, &count), 0));
  cr_assert (eq (int, troupe_socket_body (&body, &frames[2]), TROUPE_OK));
  troupe_socket_message_t twice[2];
  for (int i = 0; i < 2; i++)
    cr_assert (
      eq (int, troupe_socket_prepare (&twice[i], zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), "back", 4, body),
          0));
  kept = troupe_buffer_keep (body);
  cr_assert (ne (ptr, kept, body));
  troupe_buffer_unref (&body);
  troupe_socket_close_frames (frames, 3, count);
  cr_assert (eq (int, troupe_socket_send_prepared (pair.router, &twice[0], false), 0));
  troupe_socket_drop_prepared (&twice[1]);
  wait_for (pair.dealer);
  cr_assert (eq (int, troupe_socket_receive (pair.dealer, frames, 3, &count), 0));
  cr_assert (eq (sz, count, 2));
  cr_assert (eq (int, troupe_socket_body (&back, &frames[1]), TROUPE_OK));
  cr_assert (eq (int, memcmp (troupe_buffer_data (back), bytes, SIZE), 0));
  cr_assert (eq (int, memcmp (troupe_buffer_data (kept), bytes, SIZE), 0));
  troupe_buffer_unref (&back);
  troupe_buffer_unref (&kept);
  troupe_socket_close_frames (frames, 3, count);
  close_pair (&pair);
}

Test (socket, surplus_frames_are_dropped_and_counted)
{
  pair_t pair = {0};
  open_pair (&pair);
  for (int i = 0; i < 5; i++)
    cr_assert (eq (int, zmq_send (pair.dealer, "x", 1, i < 4 ? ZMQ_SNDMORE : 0), 1));
  zmq_msg_t frames[3];
  size_t count = 0;
  wait_for (pair.router);
  cr_assert (eq (int, troupe_socket_receive (pair.router, frames, 3, &count), 0));
  cr_assert (eq (sz, count, 6));
  troupe_socket_close_frames (frames, 3, count);
  cr_assert (eq (int, troupe_socket_receive (pair.router, frames, 3, &count), EAGAIN));
  close_pair (&pair);
}

Test (socket, an_unknown_route_is_an_error)
{
  pair_t pair = {0};
  open_pair (&pair);
  cr_assert (eq (int, troupe_socket_send (pair.router, "none!", 5, "head", 4, NULL), EHOSTUNREACH));
  close_pair (&pair);
}

Test (socket, the_monitor_tells_of_a_disconnect)
{
  pair_t pair = {0};
  open_pair (&pair);
  cr_assert (eq (int, troupe_socket_send (pair.dealer, NULL, 0, "head", 4, NULL), 0));
  wait_for (pair.router); // connected
  cr_assert (eq (int, troupe_socket_monitor_next (pair.monitor, NULL), 0));
  troupe_socket_close (&pair.router, false);
  wait_for (pair.monitor);
  cr_assert (eq (int, troupe_socket_monitor_next (pair.monitor, NULL), ZMQ_EVENT_DISCONNECTED));
  close_pair (&pair);
}

static void
expect_message (void *socket, size_t frames_count, const char *first, bool last)
{
  zmq_msg_t frames[2];
  size_t count;
  bool more;
  cr_assert (eq (int, troupe_socket_receive_message (socket, frames, &count, &more), 0));
  cr_assert (eq (sz, count, frames_count), "%s", first);
  cr_assert (eq (sz, zmq_msg_size (&frames[0]), strlen (first)), "%s", first);
  cr_assert (eq (int, memcmp (zmq_msg_data (&frames[0]), first, strlen (first)), 0), "%s", first);
  cr_assert (eq (int, more, !last), "%s", first);
  troupe_socket_close_frames (frames, 2, count);
}

// Whole messages, which begin with a list of four, and a run, in one of ZeroMQ's; behind them one of two frames, and
// one that lacks its second.
Test (socket, messages_go_in_one_and_come_one_by_one)
{
  static const char *const whole[] = {"\x94 one", "\xC4\x02\x94 a run", "\x94 three"};
  pair_t pair;
  zmq_msg_t route;
  troupe_socket_message_t message;
  open_pair (&pair);
  for (int i = 0; i < 3; i++) {
    cr_assert (eq (int, troupe_socket_prepare_whole (&message, NULL, 0, whole[i], strlen (whole[i])), 0));
    cr_assert (eq (int, troupe_socket_send_prepared (pair.dealer, &message, true), 0));
  }
  cr_assert (eq (int, troupe_socket_prepare (&message, NULL, 0, "\x93 head", 6, NULL), 0));
  cr_assert (eq (int, troupe_socket_send_prepared (pair.dealer, &message, true), 0));
  cr_assert (eq (int, troupe_socket_prepare_whole (&message, NULL, 0, "\x93 alone", 7), 0));
  cr_assert (eq (int, troupe_socket_send_prepared (pair.dealer, &message, false), 0));

  wait_for (pair.router);
  cr_assert (eq (int, troupe_socket_receive_frame (pair.router, &route), 0));
  zmq_msg_close (&route);
  for (int i = 0; i < 3; i++)
    expect_message (pair.router, 1, whole[i], false);
  expect_message (pair.router, 2, "\x93 head", false);
  expect_message (pair.router, 1, "\x93 alone", true);
  cr_assert (eq (int, troupe_socket_receive_frame (pair.router, &route), EAGAIN));
  close_pair (&pair);
}

// A part of a received message goes on as that part.
Test (socket, a_narrowed_body_is_sent_on)
{
  enum { SIZE = 1000, FROM = 10 };
  pair_t pair;
  zmq_msg_t frames[3];
  size_t count;
  char bytes[SIZE];
  troupe_buffer_t *body = NULL;
  open_pair (&pair);
  for (int i = 0; i < SIZE; i++)
    bytes[i] = (char)i;
  cr_assert (ge (int, zmq_send (pair.dealer, bytes, SIZE, 0), 0));
  wait_for (pair.router);
  cr_assert (eq (int, troupe_socket_receive (pair.router, frames, 3, &count), 0));
  cr_assert (eq (int, troupe_socket_body (&body, &frames[1]), TROUPE_OK));
  troupe_buffer_narrow (body, (const char *)troupe_buffer_data (body) + FROM, SIZE - FROM);
  cr_assert (
    eq (int, troupe_socket_send (pair.router, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), "back", 4, body),
        0));
  troupe_socket_close_frames (frames, 3, count);
  troupe_buffer_unref (&body);
  wait_for (pair.dealer);
  cr_assert (eq (int, troupe_socket_receive (pair.dealer, frames, 3, &count), 0));
  cr_assert (eq (sz, zmq_msg_size (&frames[1]), SIZE - FROM));
  cr_assert (eq (int, memcmp (zmq_msg_data (&frames[1]), bytes + FROM, SIZE - FROM), 0));
  troupe_socket_close_frames (frames, 3, count);
  close_pair (&pair);
}

Test (socket, bind_says_what_is_wrong)
{
  troupe_error_t error = {0};
  void *context = zmq_ctx_new (), *first = NULL, *second = NULL;
  char endpoint[128];
  cr_assert (eq (int, troupe_socket_new (&first, context, ZMQ_ROUTER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_new (&second, context, ZMQ_ROUTER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (first, "tcp://127.0.0.1:*", &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_endpoint (first, endpoint, sizeof endpoint), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (second, endpoint, &error), TROUPE_ADDRESS_IN_USE));
  cr_assert (eq (str, error.object, endpoint));
  cr_assert (eq (int, troupe_socket_bind (second, "nonsense", &error), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, troupe_socket_connect (second, "tcp://", &error), TROUPE_BAD_ARGUMENT));
  troupe_socket_close (&first, false);
  troupe_socket_close (&second, false);
  zmq_ctx_term (context);
}

// -- A peer that ends while its connection lingers -------------------------------------------------------------------

static const char big_header[4096];

// A listener that says ZeroMQ's greeting and READY, and then never reads.
static int
accept_mute (int listener)
{
  static const uint8_t greeting[64] = {0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
  // a command of 28 bytes: its name, one property with a value of 4 bytes' size
  static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";
  int fd = accept (listener, NULL, NULL);
  cr_assert (fd >= 0);
  cr_assert (eq (long, (long)write (fd, greeting, sizeof greeting), (long)sizeof greeting));
  cr_assert (eq (long, (long)write (fd, ready, sizeof ready - 1), (long)(sizeof ready - 1)));
  return fd;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  strcpy (address.sun_path, path);
  cr_assert (eq (int, bind (fd, (struct sockaddr *)&address, sizeof address), 0));
  cr_assert (eq (int, listen (fd, 1), 0));
  return fd;
}

Test (socket, a_peer_that_ends_after_the_monitor_was_closed_stops_nobody)
{
  pair_t pair = {0};
  void *dealer = NULL, *monitor = NULL;
  char path[64], endpoint[80];
  troupe_error_t error = {0};
  open_pair (&pair); // shares the I/O thread
  snprintf (path, sizeof path, "%s/mute", pair.folder);
  snprintf (endpoint, sizeof endpoint, "ipc://%s", path);
  int listener = listen_at (path);
  cr_assert (eq (int, troupe_socket_new (&dealer, pair.context, ZMQ_DEALER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_monitor (&monitor, pair.context, dealer,
                                             ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED, &error),
                 TROUPE_OK));
  cr_assert (eq (int, troupe_socket_connect (dealer, endpoint, &error), TROUPE_OK));
  int mute = accept_mute (listener);
  wait_for (monitor);
  cr_assert (eq (int, troupe_socket_monitor_next (monitor, NULL), ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
  for (int i = 0; i < 1000; i++) // more than the system buffers
    troupe_socket_send (dealer, NULL, 0, big_header, sizeof big_header, NULL);
  troupe_socket_unmonitor (&monitor, dealer);
  troupe_socket_close (&dealer, true);
  close (mute);
  cr_assert (eq (int, troupe_socket_send (pair.dealer, NULL, 0, "head", 4, NULL), 0));
  wait_for (pair.router);
  close (listener);
  unlink (path);
  close_pair (&pair);
}

Test (socket, a_publisher_ends_the_connection_of_an_endless_topic)
{
  troupe_error_t error = {0};
  void *context = zmq_ctx_new (), *publisher = NULL, *subscriber = NULL, *monitor = NULL;
  char endpoint[128];
  static const char topic[4096] = "mesh";
  cr_assert (eq (int, troupe_socket_new (&publisher, context, ZMQ_XPUB, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (publisher, "tcp://127.0.0.1:*", &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_endpoint (publisher, endpoint, sizeof endpoint), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_new (&subscriber, context, ZMQ_SUB, &error), TROUPE_OK));
  cr_assert (
    eq (int, troupe_socket_monitor (&monitor, context, subscriber, ZMQ_EVENT_DISCONNECTED, &error), TROUPE_OK));
  cr_assert (eq (int, zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, topic, sizeof topic), 0));
  cr_assert (eq (int, troupe_socket_connect (subscriber, endpoint, &error), TROUPE_OK));
  wait_for (monitor);
  troupe_socket_unmonitor (&monitor, subscriber);
  troupe_socket_close (&subscriber, false);
  troupe_socket_close (&publisher, false);
  zmq_ctx_term (context);
}

// Of one so small that libzmq copies it, and of one that it shares.
Test (socket, a_part_of_a_frame_outlives_it)
{
  static const size_t sizes[] = {3, 20000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    troupe_buffer_t *part = NULL, *other = NULL;
    zmq_msg_t frame;
    cr_assert (eq (int, zmq_msg_init_size (&frame, sizes[i]), 0));
    char *bytes = zmq_msg_data (&frame);
    memset (bytes, 'a', sizes[i]);
    bytes[sizes[i] - 1] = 'z';
    cr_assert (eq (int, troupe_socket_part (&part, &frame, bytes + 1, sizes[i] - 1), TROUPE_OK));
    cr_assert (eq (int, troupe_socket_part (&other, &frame, bytes, 1), TROUPE_OK));
    cr_assert (eq (sz, zmq_msg_size (&frame), sizes[i]));
    zmq_msg_close (&frame);
    troupe_buffer_unref (&other);
    const char *kept = troupe_buffer_data (part);
    cr_assert (eq (sz, troupe_buffer_size (part), sizes[i] - 1));
    cr_assert (kept[0] == 'a' && kept[sizes[i] - 2] == 'z');
    troupe_buffer_unref (&part);
  }
}

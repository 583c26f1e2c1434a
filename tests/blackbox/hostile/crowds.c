// SPDX-License-Identifier: Apache-2.0
//
// Peers that take too much: ten thousand names, a thousand connections, answers that they never read, frames that never
// end. Meanwhile everybody else's calls go on, the broker stays the same process, and its memory stays bounded.

#include "blackbox/harness/mesh.h"
#include "troupe/loop.h"
#include "troupe/socket.h"
#include "troupe/value.h"
#include "troupe/wire.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  MIB = 1024 * 1024,
  SERVICES = 10 * 1000, // of one peer, of which it may have PEER_SERVICES_MAX
  PEER_SERVICES_MAX = 1000,
  CONNECTIONS = 1000,
  UNREAD = 20 * 1000, // answers
  HALVES = 100        // connections with a frame that never ends
};

static int port;
static char endpoint[64];
static pid_t broker;
static size_t before; // bytes that the broker held

// What a sanitizer keeps of freed memory is none of the broker's.
static void
keep_little (void)
{
  const char *given = getenv ("ASAN_OPTIONS");
  char options[512];
  snprintf (options, sizeof options, "%s%squarantine_size_mb=8", given ? given : "", given && *given ? ":" : "");
  setenv ("ASAN_OPTIONS", options, 1);
}

static size_t
resident (void)
{
  char path[64];
  unsigned long pages = 0;
  snprintf (path, sizeof path, "/proc/%d/statm", (int)broker);
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "the broker has ended");
  cr_assert_eq (fscanf (file, "%*s %lu", &pages), 1);
  fclose (file);
  return pages * (size_t)sysconf (_SC_PAGESIZE);
}

static process_t *
mesh_on_tcp (void)
{
  char yaml[512];
  keep_little ();
  port = place_free_port ();
  snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
  snprintf (yaml, sizeof yaml, "brokers:\n  - { name: b, endpoint: \"%s\", insecure: true }\n%s", endpoint, mesh_plain);
  process_t *up = mesh_up (yaml);
  mesh_expect_reply ("alice", "warm", "Hello", "^turn 1: ");
  broker = mesh_process ("broker", "b");
  before = resident ();
  return up;
}

// Somebody else's call goes on.
static void
expect_service (const char *session)
{
  mesh_expect_reply ("alice", session, "Hello", "^turn 1: ");
}

static void
end (process_t **up_p, size_t more)
{
  expect_service ("last");
  size_t now = resident ();
  cr_expect_eq (mesh_process ("broker", "b"), broker, "the broker is another one");
  cr_expect_lt (now, before + more, "the broker had %zu MiB, and has %zu MiB", before / MIB, now / MIB);
  mesh_down (up_p);
}

// -- Peers ----------------------------------------------------------------------------------------------------------------

static void *
open_peer (void *context, int receive_max)
{
  void *socket;
  cr_assert_eq (troupe_socket_new (&socket, context, ZMQ_DEALER, NULL), TROUPE_OK);
  if (receive_max > 0)
    cr_assert_eq (zmq_setsockopt (socket, ZMQ_RCVHWM, &receive_max, sizeof receive_max), 0);
  cr_assert_eq (troupe_socket_connect (socket, endpoint, NULL), TROUPE_OK);
  return socket;
}

// False: nothing goes out any more.
static bool
send_header (void *socket, const troupe_header_t *header, const json_t *body)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *packed = NULL;
  if (body)
    cr_assert_eq (troupe_value_pack (body, &packed, NULL), TROUPE_OK);
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLOUT};
  bool sent = zmq_poll (&item, 1, DEADLINE_MS) == 1 &&
              zmq_send (socket, bytes, size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
              zmq_send (socket, packed ? troupe_buffer_data (packed) : "", packed ? troupe_buffer_size (packed) : 0,
                        ZMQ_DONTWAIT) >= 0;
  troupe_buffer_unref (&packed);
  return sent;
}

static void
say_hello (void *socket, const char *name)
{
  troupe_header_t header;
  json_t *about = json_pack ("{s:s}", "program", "stranger");
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (name));
  cr_assert (send_header (socket, &header, about));
  json_decref (about);
}

static void
register_service (void *socket, unsigned number, const json_t *info)
{
  troupe_header_t header;
  char name[64];
  snprintf (name, sizeof name, "tool/crowd-%u", number);
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (name));
  troupe_header_set_credit (&header, 1);
  cr_assert (send_header (socket, &header, info));
}

// The next command that came, or 0 within `timeout_ms`. One ZeroMQ message may hold several: each is a frame, or two.
static unsigned
next_command (void *socket, int timeout_ms)
{
  zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
  zmq_msg_t frame;
  troupe_header_t header;
  if (zmq_poll (&item, 1, timeout_ms) <= 0)
    return 0;
  zmq_msg_init (&frame);
  cr_assert_geq (zmq_msg_recv (&frame, socket, 0), 0);
  cr_assert_eq (troupe_header_decode (&header, zmq_msg_data (&frame), zmq_msg_size (&frame), NULL), TROUPE_OK);
  if (!troupe_header_is_joined (zmq_msg_data (&frame), zmq_msg_size (&frame)) && zmq_msg_more (&frame))
    cr_assert_geq (zmq_msg_recv (&frame, socket, 0), 0); // the body
  zmq_msg_close (&frame);
  return header.command;
}

TestSuite (crowds, .init = place_enter, .fini = place_leave);

Test (crowds, of_names_of_one_peer_are_refused_beyond_its_share)
{
  process_t *up = mesh_on_tcp ();
  void *context = zmq_ctx_new (), *peer = open_peer (context, 0);
  unsigned taken = 0, refused = 0;
  json_t *info = json_pack ("{s:s}", "description", "one of many");
  say_hello (peer, "crowd-1");
  for (unsigned i = 0; i < SERVICES; i++) {
    register_service (peer, i, info);
    for (unsigned command; (command = next_command (peer, 0)) != 0;) {
      taken += command == TROUPE_CMD_REGISTERED;
      refused += command == TROUPE_CMD_REFUSED;
    }
  }
  while (taken + refused < SERVICES) {
    unsigned command = next_command (peer, DEADLINE_MS);
    cr_assert_neq (command, 0, "%u taken, %u refused, and then silence", taken, refused);
    taken += command == TROUPE_CMD_REGISTERED;
    refused += command == TROUPE_CMD_REFUSED;
  }
  cr_expect_eq (taken, PEER_SERVICES_MAX);
  expect_service ("meanwhile");
  json_decref (info);
  troupe_socket_close (&peer, false);
  zmq_ctx_term (context);
  end (&up, 64 * MIB);
}

Test (crowds, of_connections_are_served_beside_others)
{
  struct rlimit files;
  cr_assert_eq (getrlimit (RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max < 4 * CONNECTIONS ? files.rlim_max : 4 * CONNECTIONS;
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &files), 0);
  process_t *up = mesh_on_tcp ();
  void *context = zmq_ctx_new (), *peers[CONNECTIONS];
  cr_assert_eq (zmq_ctx_set (context, ZMQ_MAX_SOCKETS, CONNECTIONS + 10), 0);
  for (unsigned i = 0; i < CONNECTIONS; i++) {
    char name[32];
    snprintf (name, sizeof name, "crowd-%u", i);
    peers[i] = open_peer (context, 0);
    say_hello (peers[i], name);
    if (i == CONNECTIONS / 2)
      expect_service ("meanwhile");
  }
  for (unsigned i = 0; i < CONNECTIONS; i++)
    cr_assert_neq (next_command (peers[i], DEADLINE_MS), 0, "connection %u is not answered", i);
  expect_service ("with-all");
  for (unsigned i = 0; i < CONNECTIONS; i++)
    troupe_socket_close (&peers[i], false);
  zmq_ctx_term (context);
  end (&up, 400 * MIB); // libzmq's part: some 100 KiB for each connection
}

// Its answers pile up in its connection, which holds so many and no more; the rest is dropped.
Test (crowds, of_answers_that_nobody_reads_are_dropped)
{
  process_t *up = mesh_on_tcp ();
  void *context = zmq_ctx_new (), *peer = open_peer (context, 1);
  char *text = calloc (1, 8 * 1024);
  memset (text, 'x', 8 * 1024 - 1);
  json_t *info = json_pack ("{s:s}", "description", text);
  troupe_header_t header;
  say_hello (peer, "crowd-1");
  for (unsigned i = 0; i < 100; i++)
    register_service (peer, i, info); // so that a report is large
  unsigned sent = 0;
  for (bool goes = true; goes && sent < UNREAD; sent++) {
    troupe_header_init (&header, TROUPE_CMD_STATUS);
    troupe_header_set_request (&header, sent + 1);
    goes = send_header (peer, &header, NULL);
    if (sent == UNREAD / 2)
      expect_service ("meanwhile");
  }
  expect_service ("afterwards");
  troupe_socket_close (&peer, false);
  zmq_ctx_term (context);
  json_decref (info);
  free (text);
  end (&up, 400 * MIB);
}

// -- Frames that never end --------------------------------------------------------------------------------------------------

// A connection that has shaken hands (ZMTP 3.1, RFC 37, NULL mechanism), and then announces a frame of that size.
static int
announce_frame (uint64_t size)
{
  static const char greeting[64] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL";
  static const char ready[] = "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06"
                              "DEALER";
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons ((uint16_t)port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  char theirs[64], frame[9 + 100] = "\x02"; // the last one, with a long size
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq (connect (fd, (struct sockaddr *)&address, sizeof address), 0);
  cr_assert_eq (send (fd, greeting, sizeof greeting, MSG_NOSIGNAL), (ssize_t)sizeof greeting);
  for (size_t got = 0; got < sizeof theirs;) {
    ssize_t came = recv (fd, theirs + got, sizeof theirs - got, 0);
    cr_assert_gt (came, 0);
    got += (size_t)came;
  }
  for (int i = 0; i < 8; i++)
    frame[1 + i] = (char)(size >> 8 * (7 - i));
  cr_assert_eq (send (fd, ready, 2 + (size_t)ready[1], MSG_NOSIGNAL), 2 + (ssize_t)ready[1]);
  cr_assert_eq (send (fd, frame, sizeof frame, MSG_NOSIGNAL), (ssize_t)sizeof frame);
  return fd;
}

Test (crowds, of_frames_that_never_end_take_no_memory)
{
  process_t *up = mesh_on_tcp ();
  int fds[HALVES];
  for (unsigned i = 0; i < HALVES; i++)
    fds[i] = announce_frame (i % 2 ? 15 * MIB : UINT64_C (1) << 40); // as large as may be, and far larger
  expect_service ("meanwhile");
  size_t held = resident ();
  cr_expect_lt (held, before + 200 * MIB, "%zu MiB, and before %zu MiB", held / MIB, before / MIB);
  for (unsigned i = 0; i < HALVES; i++)
    close (fds[i]);
  end (&up, 200 * MIB);
}

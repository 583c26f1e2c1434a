// SPDX-License-Identifier: Apache-2.0
//
// Connections that mean harm: those that take other connections' routing ids, and more of them than there may be.

#include "blackbox/harness/mesh.h"
#include "troupe/keys.h"
#include "troupe/loop.h"
#include "troupe/socket.h"
#include "troupe/wire.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite (connections, .init = place_enter, .fini = place_leave);

static const char endpoint[] = "ipc://b.ipc";

static process_t *
mesh_on_ipc (void)
{
  char yaml[512];
  snprintf (yaml, sizeof yaml, "brokers:\n  - { name: b, endpoint: \"%s\" }\n%s", endpoint, mesh_plain);
  return mesh_up (yaml);
}

// -- Routing ids ------------------------------------------------------------------------------------------------------

// The ids that libzmq gives the connections of a process's first ROUTER when nobody seeds rand ().
enum { TAKEN = 64, FIRST_OF_UNSEEDED = 0x6b8b4567 };

static void
take_id (void *socket, uint32_t number)
{
  uint8_t id[5] = { 0, (uint8_t) (number >> 24), (uint8_t) (number >> 16), (uint8_t) (number >> 8), (uint8_t) number };
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("thief"));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  cr_assert_eq (zmq_setsockopt (socket, ZMQ_ROUTING_ID, id, sizeof id), 0);
  cr_assert_eq (troupe_credentials_apply (NULL, socket, endpoint, endpoint, NULL), TROUPE_OK); // this user's token
  cr_assert_eq (troupe_socket_connect (socket, endpoint, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_send (socket, NULL, 0, bytes, size, NULL), 0);
  zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
  cr_assert_eq (zmq_poll (&item, 1, DEADLINE_MS), 1, "no answer");
}

Test (connections, that_take_the_routing_ids_of_those_to_come_do_not_end_a_broker)
{
  process_t *up = mesh_on_ipc ();
  pid_t broker = mesh_process ("broker", "b");
  void *context = zmq_ctx_new (), *sockets[TAKEN] = { NULL };
  for (uint32_t i = 0; i < TAKEN; i++) {
    cr_assert_eq (troupe_socket_new (&sockets[i], context, ZMQ_DEALER, NULL), TROUPE_OK);
    take_id (sockets[i], FIRST_OF_UNSEEDED + i);
  }
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  cr_assert_eq (mesh_process ("broker", "b"), broker, "the broker is another one");
  for (uint32_t i = 0; i < TAKEN; i++)
    troupe_socket_close (&sockets[i], false);
  zmq_ctx_term (context);
  mesh_down (&up);
}

// -- Too many ---------------------------------------------------------------------------------------------------------

enum { FILES = 400, BURST = 20 };

static size_t
count_files (pid_t pid)
{
  char path[64];
  size_t count = 0;
  snprintf (path, sizeof path, "/proc/%d/fd", (int) pid);
  DIR *folder = opendir (path);
  cr_assert_not_null (folder, "the broker has ended");
  while (readdir (folder))
    count++;
  closedir (folder);
  return count;
}

// The descriptor of a connection that says nothing, or -1 when nobody listens.
static int
connect_mute (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "b.ipc" };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_geq (fd, 0);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  cr_assert (errno == ENOENT || errno == ECONNREFUSED, "%s", strerror (errno));
  close (fd);
  return -1;
}

// Connects until nobody listens any more. A few at a time, each time until they were accepted: with so few descriptors
// the reserve is small.
static size_t
connect_many (pid_t broker, int fds[FILES])
{
  size_t count = 0;
  for (;;) {
    size_t before = count_files (broker);
    for (int i = 0; i < BURST; i++) {
      cr_assert_lt (count, FILES, "the broker takes as many as it has descriptors");
      int fd = connect_mute ();
      if (fd < 0)
        return count;
      fds[count++] = fd;
    }
    for (int64_t end = troupe_loop_now () + DEADLINE_MS; count_files (broker) < before + BURST;)
      cr_assert_lt (troupe_loop_now (), end, "connections are not accepted");
  }
}

static json_int_t
doors_closed (void)
{
  json_t *reports = mesh_report ();
  const json_t *counters = json_object_get (json_array_get (reports, 0), "counters");
  json_int_t count = json_integer_value (json_object_get (counters, "doors_closed"));
  json_decref (reports);
  return count;
}

Test (connections, beyond_the_limit_of_open_files_are_refused_until_others_end)
{
  process_t *up = mesh_on_ipc ();
  pid_t broker = mesh_process ("broker", "b");
  struct rlimit limit = { FILES, FILES };
  cr_assert_eq (prlimit (broker, RLIMIT_NOFILE, &limit, NULL), 0);
  int fds[FILES];
  size_t count = connect_many (broker, fds);
  cr_expect_geq (count, FILES / 4);
  for (size_t i = 0; i < count; i++)
    close (fds[i]);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  cr_assert_eq (mesh_process ("broker", "b"), broker, "the broker is another one");
  cr_expect_geq (doors_closed (), 1);
  mesh_down (&up);
}

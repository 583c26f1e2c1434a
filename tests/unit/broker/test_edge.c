// SPDX-License-Identifier: Apache-2.0
//
// The whole broker, over real sockets and a real Redis. Peers are plain DEALER sockets on the same loop.

#include "broker/edge.h"
#include "fixture/redis.h"

#include "troupe/socket.h"
#include "troupe/value.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct {
  redis_server_t redis;
  troupe_loop_t *loop;
  void *zmq;
  broker_edge_t *edge;
  bool ready, stopped;
  char endpoint[128], publish[128];
} rig_t;

// A peer, and the last message that it received.
typedef struct {
  rig_t *rig;
  void *socket;
  zmq_msg_t frames[2];
  size_t count;
  bool more;
  troupe_header_t header;
  troupe_text_t body;
} peer_t;

static const broker_limits_t limits = {.message = 16 * 1024 * 1024,
                                       .open_calls = 1000,
                                       .open_bytes = 256 * 1024 * 1024,
                                       .mailbox = 100,
                                       .attempts = 3,
                                       .deadline = 600000,
                                       .retention = 60000,
                                       .heartbeat = 100,
                                       .lease = 60000}; // a loaded machine is no dead peer

static rig_t rig;

static void
on_ready (void *context)
{
  ((rig_t *)context)->ready = true;
}

static void
on_stopped (void *context)
{
  ((rig_t *)context)->stopped = true;
}

static troupe_err_t
open_edge (broker_edge_t **out, const char *name, troupe_error_t *error)
{
  broker_edge_options_t options = {.name = name,
                                   .endpoint = rig.endpoint,
                                   .publish = rig.publish,
                                   .store = rig.redis.url,
                                   .limits = limits,
                                   .ready = on_ready,
                                   .context = &rig};
  return broker_edge_new (out, rig.loop, &options, error);
}

static void
wait_for (const bool *condition)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (!*condition && troupe_loop_now () < until)
    cr_assert_eq (troupe_loop_turn (rig.loop, 100), TROUPE_OK);
  cr_assert (*condition);
}

static void
open (void)
{
  redis_start (&rig.redis, NULL);
  cr_assert_eq (troupe_loop_new (&rig.loop), TROUPE_OK);
  rig.zmq = zmq_ctx_new ();
  snprintf (rig.endpoint, sizeof rig.endpoint, "ipc://%s/state/mesh/b.ipc", rig.redis.folder);
  snprintf (rig.publish, sizeof rig.publish, "ipc://%s/state/mesh/b-pub.ipc", rig.redis.folder);
  troupe_error_t error;
  cr_assert_eq (open_edge (&rig.edge, "broker-1", &error), TROUPE_OK, "%s", error.why);
  wait_for (&rig.ready);
}

static void
close_rig (void)
{
  broker_edge_destroy (&rig.edge);
  zmq_ctx_term (rig.zmq);
  troupe_loop_destroy (&rig.loop);
  redis_stop (&rig.redis);
}

TestSuite (edge, .init = open, .fini = close_rig, .timeout = 120);

static void
on_readable (void *context, short events)
{
  (void)context;
  (void)events;
}

static peer_t
connect_to (const char *endpoint, int type)
{
  peer_t peer = {.rig = &rig};
  troupe_error_t error;
  cr_assert_eq (troupe_socket_new (&peer.socket, rig.zmq, type, &error), TROUPE_OK);
  cr_assert_eq (troupe_socket_connect (peer.socket, endpoint, &error), TROUPE_OK);
  cr_assert_eq (troupe_loop_add_socket (rig.loop, peer.socket, on_readable, NULL), TROUPE_OK);
  return peer;
}

static void
drop_message (peer_t *peer)
{
  troupe_socket_close_frames (peer->frames, 2, peer->count);
  peer->count = 0;
}

static void
disconnect (peer_t *peer)
{
  drop_message (peer);
  troupe_loop_remove_socket (rig.loop, peer->socket);
  troupe_socket_close (&peer->socket, false);
}

static void
send_message (peer_t *peer, const troupe_header_t *header, const void *body, size_t size)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t header_size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_neq (header_size, 0);
  troupe_buffer_t *buffer = NULL;
  cr_assert_eq (troupe_buffer_new (&buffer, body, size), TROUPE_OK);
  cr_assert_eq (troupe_socket_send (peer->socket, NULL, 0, bytes, header_size, buffer), 0);
  troupe_buffer_unref (&buffer);
}

// Waits for the next message of that command; others are passed over.
static void
receive (peer_t *peer, troupe_command_t command)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (troupe_loop_now () < until) {
    drop_message (peer);
    int failed = troupe_socket_receive_message (peer->socket, peer->frames, &peer->count, &peer->more);
    if (failed == EAGAIN) {
      cr_assert_eq (troupe_loop_turn (rig.loop, 100), TROUPE_OK);
      continue;
    }
    cr_assert_eq (
      troupe_header_decode (&peer->header, zmq_msg_data (&peer->frames[0]), zmq_msg_size (&peer->frames[0]), NULL),
      TROUPE_OK);
    cr_assert_eq (peer->count, peer->header.joined ? 1 : 2);
    peer->body = peer->header.joined
                   ? peer->header.body
                   : (troupe_text_t){zmq_msg_data (&peer->frames[1]), zmq_msg_size (&peer->frames[1])};
    if (peer->header.command == command)
      return;
  }
  cr_assert_fail ("no %s", troupe_command_name (command));
}

static bool
body_is (const peer_t *peer, const void *bytes, size_t size)
{
  return peer->body.size == size && memcmp (peer->body.data, bytes, size) == 0;
}

static troupe_err_t
error_of (peer_t *peer)
{
  json_t *json = NULL;
  troupe_error_t error = {0};
  troupe_value_unpack (peer->body.data, peer->body.size, &json, NULL);
  troupe_error_of_json (&error, json);
  json_decref (json);
  return error.code;
}

static peer_t
join (const char *name)
{
  peer_t peer = connect_to (rig.endpoint, ZMQ_DEALER);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (name));
  send_message (&peer, &header, NULL, 0);
  receive (&peer, TROUPE_CMD_WELCOME);
  return peer;
}

static void
serve (peer_t *peer, const char *service, bool actor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_credit (&header, 8);
  if (actor)
    troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR);
  send_message (peer, &header, NULL, 0);
  receive (peer, TROUPE_CMD_REGISTERED);
}

static void
call (peer_t *peer, const troupe_id_t *id, const char *service, const void *body, size_t size)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  send_message (peer, &header, body, size);
}

static void
settle (peer_t *peer, const troupe_id_t *id, uint64_t attempt, const void *body, size_t size)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  send_message (peer, &header, body, size);
}

Test (edge, register_call_settle)
{
  peer_t caller = join ("caller"), instance = join ("instance");
  serve (&instance, "tool/echo", false);
  static const size_t sizes[] = {0, 1, 512, 513, 1000 * 1000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = sizes[i];
    char *bytes = malloc (size + 1);
    memset (bytes, 'x', size + 1);
    troupe_id_t id = troupe_id_new ();
    call (&caller, &id, "tool/echo", bytes, size);
    receive (&caller, TROUPE_CMD_ACCEPTED);
    receive (&instance, TROUPE_CMD_OFFER);
    cr_expect (troupe_id_equal (&instance.header.call, &id));
    cr_expect (body_is (&instance, bytes, size), "%zu", size);
    memset (bytes, 'y', size);
    settle (&instance, &id, 1, bytes, size);
    receive (&instance, TROUPE_CMD_CONFIRMED);
    receive (&caller, TROUPE_CMD_SETTLED);
    cr_expect_eq (caller.header.status, TROUPE_STATUS_VALUE);
    cr_expect (body_is (&caller, bytes, size), "%zu", size);
    free (bytes);
  }
  disconnect (&caller);
  disconnect (&instance);
}

Test (edge, a_killed_peer_is_noticed_and_its_work_goes_on_elsewhere)
{
  peer_t caller = join ("caller"), first = join ("first");
  serve (&first, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  call (&caller, &id, "agent/alice", "input", 5);
  receive (&first, TROUPE_CMD_OFFER);
  disconnect (&first); // without a word; the lease is a minute
  peer_t second = join ("second");
  serve (&second, "agent/alice", true);
  receive (&second, TROUPE_CMD_OFFER);
  cr_expect_eq (second.header.attempt, 2);
  cr_expect (body_is (&second, "input", 5));
  settle (&second, &id, 2, "value", 5);
  receive (&caller, TROUPE_CMD_SETTLED);
  disconnect (&caller);
  disconnect (&second);
}

// Volatile calls in one ZeroMQ message; a header without its body may be behind them.
static void
call_together (peer_t *peer, const troupe_id_t *ids, size_t count, bool spoilt)
{
  for (size_t i = 0; i < count; i++) {
    uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_CALL);
    troupe_header_set_call (&header, &ids[i]);
    troupe_header_set_service (&header, troupe_text ("tool/echo"));
    troupe_header_set_session (&header, troupe_text ("s"));
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
    size_t size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
    size = troupe_header_join (bytes, size, "input", 5);
    cr_assert_geq (zmq_send (peer->socket, bytes, size, i + 1 < count || spoilt ? ZMQ_SNDMORE : 0), 0);
  }
  static const uint8_t alone[] = {0x93, TROUPE_PROTOCOL_VERSION, TROUPE_CMD_HEARTBEAT, 0x80};
  if (spoilt)
    cr_assert_geq (zmq_send (peer->socket, alone, sizeof alone, 0), 0);
}

static void
make_ids (troupe_id_t *ids, size_t count)
{
  for (size_t i = 0; i < count; i++)
    ids[i] = troupe_id_new ();
}

Test (edge, messages_come_and_go_in_one)
{
  enum { CALLS = 8 };
  peer_t caller = join ("caller"), instance = join ("instance");
  troupe_id_t ids[CALLS];
  serve (&instance, "tool/echo", false);
  make_ids (ids, CALLS);
  call_together (&caller, ids, CALLS, true);
  receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&caller), TROUPE_BAD_FRAME);
  bool together = false;
  for (size_t i = 0; i < CALLS; i++) {
    receive (&instance, TROUPE_CMD_OFFER);
    cr_expect (troupe_id_equal (&instance.header.call, &ids[i]));
    cr_expect (body_is (&instance, "input", 5));
    together = together || instance.more;
  }
  cr_expect (together);
  disconnect (&caller);
  disconnect (&instance);
}

// What can't be sent together goes on elsewhere, all of it.
Test (edge, offers_to_a_killed_peer_go_elsewhere)
{
  enum { CALLS = 3 };
  peer_t caller = join ("caller"), first = join ("first"), second = join ("second");
  troupe_id_t ids[CALLS];
  serve (&first, "tool/echo", false);
  make_ids (ids, CALLS);
  disconnect (&first); // without a word; the broker doesn't know yet
  call_together (&caller, ids, CALLS, false);
  serve (&second, "tool/echo", false);
  for (size_t i = 0; i < CALLS; i++) {
    receive (&second, TROUPE_CMD_OFFER);
    settle (&second, &second.header.call, second.header.attempt, "value", 5);
  }
  for (size_t i = 0; i < CALLS; i++)
    receive (&caller, TROUPE_CMD_SETTLED);
  disconnect (&caller);
  disconnect (&second);
}

Test (edge, redis_is_killed_and_comes_back)
{
  redis_stop (&rig.redis); // this test's keeps what it stores
  broker_edge_destroy (&rig.edge);
  static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
  redis_start (&rig.redis, durable);
  snprintf (rig.endpoint, sizeof rig.endpoint, "ipc://%s/b.ipc", rig.redis.folder);
  snprintf (rig.publish, sizeof rig.publish, "ipc://%s/b-pub.ipc", rig.redis.folder);
  rig.ready = false;
  cr_assert_eq (open_edge (&rig.edge, "broker-1", NULL), TROUPE_OK);
  wait_for (&rig.ready);
  peer_t caller = join ("caller"), instance = join ("instance");
  serve (&instance, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  call (&caller, &id, "agent/alice", "input", 5);
  receive (&caller, TROUPE_CMD_ACCEPTED);
  receive (&instance, TROUPE_CMD_OFFER);
  redis_kill (&rig.redis);
  settle (&instance, &id, 1, "value", 5);
  redis_launch (&rig.redis, durable);
  receive (&instance, TROUPE_CMD_CONFIRMED);
  receive (&caller, TROUPE_CMD_SETTLED);
  cr_expect (body_is (&caller, "value", 5));
  disconnect (&caller);
  disconnect (&instance);
}

Test (edge, a_restarted_broker_takes_its_work_up)
{
  peer_t caller = join ("caller"), instance = join ("instance");
  serve (&instance, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  call (&caller, &id, "agent/alice", "input", 5);
  receive (&instance, TROUPE_CMD_OFFER);
  broker_edge_destroy (&rig.edge); // as killed: nobody is told
  disconnect (&caller);
  disconnect (&instance);
  rig.ready = false;
  cr_assert_eq (open_edge (&rig.edge, "broker-1", NULL), TROUPE_OK);
  wait_for (&rig.ready);
  instance = join ("instance");
  serve (&instance, "agent/alice", true);
  settle (&instance, &id, 1, "value", 5);
  receive (&instance, TROUPE_CMD_CONFIRMED);
  caller = join ("caller");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  send_message (&caller, &header, NULL, 0);
  receive (&caller, TROUPE_CMD_SETTLED);
  cr_expect (body_is (&caller, "value", 5));
  disconnect (&caller);
  disconnect (&instance);
}

Test (edge, what_is_wrong_is_refused_and_harms_nobody)
{
  peer_t caller = join ("caller"), hostile = connect_to (rig.endpoint, ZMQ_DEALER);
  zmq_send (hostile.socket, "\xff\xff", 2, ZMQ_DONTWAIT); // one frame
  receive (&hostile, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&hostile), TROUPE_BAD_FRAME);
  for (int i = 0; i < 3; i++)
    zmq_send (hostile.socket, "x", 1, ZMQ_DONTWAIT | (i < 2 ? ZMQ_SNDMORE : 0));
  receive (&hostile, TROUPE_CMD_REFUSED); // two frames
  receive (&hostile, TROUPE_CMD_REFUSED); // and one that lacks its body's
  static const uint8_t later[] = {0x93, TROUPE_PROTOCOL_VERSION + 1, TROUPE_CMD_HELLO, 0x80};
  zmq_send (hostile.socket, later, sizeof later, ZMQ_DONTWAIT | ZMQ_SNDMORE);
  zmq_send (hostile.socket, "", 0, ZMQ_DONTWAIT);
  receive (&hostile, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&hostile), TROUPE_VERSION_MISMATCH);
  cr_expect_eq (hostile.header.of, TROUPE_CMD_HELLO);

  troupe_id_t id = troupe_id_new ();
  call (&caller, &id, "tool/none", "input", 5);
  receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&caller), TROUPE_UNKNOWN_SERVICE);
  size_t size = 17 * 1024 * 1024;
  char *large = calloc (1, size);
  call (&caller, &id, "tool/none", large, size);
  receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&caller), TROUPE_TOO_LARGE);
  free (large);
  call (&hostile, &id, "tool/none", "x", 1); // without hello
  receive (&hostile, TROUPE_CMD_RESET);
  disconnect (&caller);
  disconnect (&hostile);
}

Test (edge, a_peer_that_names_itself_is_told_not_to)
{
  peer_t named = {.rig = &rig};
  cr_assert_eq (troupe_socket_new (&named.socket, rig.zmq, ZMQ_DEALER, NULL), TROUPE_OK);
  zmq_setsockopt (named.socket, ZMQ_ROUTING_ID, "alice", 5);
  cr_assert_eq (troupe_socket_connect (named.socket, rig.endpoint, NULL), TROUPE_OK);
  cr_assert_eq (troupe_loop_add_socket (rig.loop, named.socket, on_readable, NULL), TROUPE_OK);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("alice"));
  send_message (&named, &header, NULL, 0);
  receive (&named, TROUPE_CMD_REFUSED);
  cr_expect_eq (error_of (&named), TROUPE_BAD_FRAME);
  disconnect (&named);
}

Test (edge, events_are_published)
{
  peer_t subscriber = connect_to (rig.publish, ZMQ_SUB);
  zmq_setsockopt (subscriber.socket, ZMQ_SUBSCRIBE, "mesh", 4);
  zmq_msg_t frames[3];
  size_t count = 0;
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  // A subscription takes its time to arrive: instances come until one is heard of.
  for (int i = 0; count == 0 && troupe_loop_now () < until; i++) {
    char name[32];
    snprintf (name, sizeof name, "instance-%d", i);
    peer_t instance = join (name);
    serve (&instance, "tool/echo", false);
    troupe_socket_receive (subscriber.socket, frames, 3, &count);
    disconnect (&instance);
  }
  cr_assert_eq (count, 3);
  cr_expect_eq (memcmp (zmq_msg_data (&frames[0]), "mesh", 4), 0);
  troupe_header_t header;
  cr_assert_eq (troupe_header_decode (&header, zmq_msg_data (&frames[1]), zmq_msg_size (&frames[1]), NULL), TROUPE_OK);
  cr_expect_eq (header.command, TROUPE_CMD_EVENT);
  troupe_socket_close_frames (frames, 3, count);
  disconnect (&subscriber);
}

Test (edge, an_address_in_use_is_not_taken_away)
{
  broker_edge_t *second = NULL;
  troupe_error_t error = {0};
  cr_expect_eq (open_edge (&second, "broker-2", &error), TROUPE_ADDRESS_IN_USE);
  cr_expect (strstr (error.object, "ipc://") != NULL && error.next[0] != '\0');
  cr_expect_null (second);
  peer_t caller = join ("caller"); // and the first still listens
  disconnect (&caller);

  char endpoint[64];
  void *tcp;
  cr_assert_eq (troupe_socket_new (&tcp, rig.zmq, ZMQ_ROUTER, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_bind (tcp, "tcp://127.0.0.1:*", NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_endpoint (tcp, endpoint, sizeof endpoint), TROUPE_OK);
  broker_edge_options_t options = {
    .name = "broker-2", .endpoint = endpoint, .publish = "tcp://127.0.0.1:*", .store = rig.redis.url, .insecure = true, .limits = limits};
  cr_expect_eq (broker_edge_new (&second, rig.loop, &options, &error), TROUPE_ADDRESS_IN_USE);
  troupe_socket_close (&tcp, false);
}

Test (edge, it_can_listen_elsewhere_than_where_others_reach_it)
{
  broker_edge_t *edge = NULL;
  broker_edge_options_t options = {.name = "broker-2",
                                   .endpoint = "tcp://localhost:*",
                                   .publish = "tcp://localhost:*",
                                   .bind = "127.0.0.1",
                                   .store = rig.redis.url,
                                   .insecure = true,
                                   .limits = limits};
  cr_assert_eq (broker_edge_new (&edge, rig.loop, &options, NULL), TROUPE_OK);
  unsigned port = 0, publish = 0;
  cr_assert_eq (sscanf (broker_edge_endpoint (edge), "tcp://localhost:%u", &port), 1);
  cr_assert_eq (sscanf (broker_edge_publish (edge), "tcp://localhost:%u", &publish), 1);
  cr_expect (port != 0 && publish != 0 && port != publish);
  broker_edge_destroy (&edge);
  options.bind = "127.0.0.1.5";
  troupe_error_t error = {0};
  cr_expect_neq (broker_edge_new (&edge, rig.loop, &options, &error), TROUPE_OK);
  cr_expect_str_eq (error.object, "tcp://127.0.0.1.5:*");
}

Test (edge, the_socket_of_a_dead_broker_is_taken_over)
{
  broker_edge_destroy (&rig.edge);
  const char *path = rig.endpoint + strlen ("ipc://");
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  cr_assert_eq (bind (fd, (struct sockaddr *)&address, sizeof address), 0);
  close (fd); // the file stays, and nobody listens
  struct stat about;
  cr_expect_eq (stat (path, &about), 0);
  troupe_error_t error = {0};
  cr_assert_eq (open_edge (&rig.edge, "broker-1", &error), TROUPE_OK, "%s", error.why);
  peer_t caller = join ("caller");
  disconnect (&caller);
  char folder[128];
  snprintf (folder, sizeof folder, "%s/state", rig.redis.folder);
  cr_expect_eq (stat (folder, &about), 0);
  cr_expect_eq (about.st_mode & 0777, 0700);
}

Test (edge, on_stop_peers_hear_bye)
{
  peer_t caller = join ("caller");
  broker_edge_stop (rig.edge, on_stopped, &rig);
  receive (&caller, TROUPE_CMD_BYE);
  wait_for (&rig.stopped);
  disconnect (&caller);
}

// SPDX-License-Identifier: Apache-2.0
//
// A node over real sockets. The test is the broker: a ROUTER and an XPUB on ipc in a folder of its own, turned by hand
// between turns of the node's loop.

#include "rig.h"

#include "troupe/log.h"
#include "troupe/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 10 * 1000 };

typedef struct {
  char folder[32], endpoint[64], publish[64];
  void *zmq, *router, *xpub;
  troupe_loop_t *loop;
  troupe_node_t *node;
  probe_t probe;
  // The message that was read last.
  unsigned char route[32], bytes[TROUPE_FRAME_SIZE_MAX];
  size_t route_size;
  troupe_header_t header;
  troupe_buffer_t *body;
  bool more; // messages of what was received last are left
} stage_t;

static void
open_broker (stage_t *self)
{
  troupe_error_t error = {0};
  cr_assert (eq (int, troupe_socket_new (&self->router, self->zmq, ZMQ_ROUTER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (self->router, self->endpoint, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_new (&self->xpub, self->zmq, ZMQ_XPUB, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (self->xpub, self->publish, &error), TROUPE_OK));
}

static void
close_broker (stage_t *self)
{
  troupe_socket_close (&self->router, false);
  troupe_socket_close (&self->xpub, false);
}

static void
open_stage (stage_t *self)
{
  troupe_error_t error = {0};
  troupe_log_init (&(troupe_log_options_t){.program = "unit-node", .level = TROUPE_LOG_OFF});
  *self = (stage_t){.folder = "/tmp/troupe-XXXXXX"};
  cr_assert_not_null (mkdtemp (self->folder));
  snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/b", self->folder);
  snprintf (self->publish, sizeof self->publish, "ipc://%s/p", self->folder);
  self->zmq = zmq_ctx_new ();
  open_broker (self);
  const char *brokers[] = {self->endpoint, NULL};
  cr_assert (eq (int, troupe_loop_new (&self->loop), TROUPE_OK));
  troupe_node_options_t options = {.name = "test", .brokers = brokers};
  cr_assert (eq (int, troupe_node_new (&self->node, self->loop, &options, &error), TROUPE_OK));
}

static void
close_stage (stage_t *self)
{
  char path[80];
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  troupe_buffer_unref (&self->body);
  json_decref (self->probe.last);
  close_broker (self);
  zmq_ctx_term (self->zmq);
  for (const char *name = "bp"; *name != '\0'; name++) {
    snprintf (path, sizeof path, "%s/%c", self->folder, *name);
    unlink (path);
  }
  rmdir (self->folder);
}

static void
turn (stage_t *self)
{
  cr_assert (eq (int, troupe_loop_turn (self->loop, 5), TROUPE_OK));
}

// Whose message, or messages, come next; false: none yet.
static bool
take_route (stage_t *self)
{
  zmq_msg_t route;
  if (troupe_socket_receive_frame (self->router, &route) != 0)
    return false;
  self->more = zmq_msg_more (&route);
  self->route_size = zmq_msg_size (&route);
  memcpy (self->route, zmq_msg_data (&route), self->route_size);
  zmq_msg_close (&route);
  return self->more;
}

// The next message but heartbeats, which must be of `command`.
static void
expect (stage_t *self, troupe_command_t command)
{
  zmq_msg_t frames[2];
  size_t count = 0;
  troupe_error_t error = {0};
  int64_t end = troupe_loop_now () + PATIENCE_MS;
  for (;;) {
    cr_assert (lt (long, troupe_loop_now (), end));
    if (!self->more && !take_route (self)) {
      turn (self);
      continue;
    }
    cr_assert (eq (int, troupe_socket_receive_message (self->router, frames, &count, &self->more), 0));
    size_t size = zmq_msg_size (&frames[0]);
    memcpy (self->bytes, zmq_msg_data (&frames[0]), size);
    cr_assert (eq (int, troupe_header_decode (&self->header, self->bytes, size, &error), TROUPE_OK));
    troupe_buffer_unref (&self->body);
    cr_assert (eq (int, self->header.joined, count == 1));
    if (self->header.joined)
      cr_assert (eq (int, troupe_buffer_new (&self->body, self->header.body.data, self->header.body.size), TROUPE_OK));
    else
      cr_assert (eq (int, troupe_socket_body (&self->body, &frames[1]), TROUPE_OK));
    troupe_socket_close_frames (frames, 2, count);
    if (self->header.command == TROUPE_CMD_HEARTBEAT && command != TROUPE_CMD_HEARTBEAT)
      continue;
    cr_assert_str_eq (troupe_command_name (self->header.command), troupe_command_name (command));
    return;
  }
}

static void
say (stage_t *self, void *socket, const troupe_header_t *header, json_t *json)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body = NULL;
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (json != NULL)
    cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
  const void *route = socket == self->xpub ? (const void *)"mesh" : self->route;
  size_t route_size = socket == self->xpub ? 4 : self->route_size;
  int failed;
  while ((failed = troupe_socket_send (socket, route, route_size, bytes, size, body)) == EAGAIN)
    turn (self);
  cr_assert (eq (int, failed, 0));
  troupe_buffer_unref (&body);
  json_decref (json);
}

static void
welcome (stage_t *self)
{
  troupe_header_t header;
  expect (self, TROUPE_CMD_HELLO);
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text ("broker-1"));
  troupe_header_set_heartbeat (&header, 50);
  troupe_header_set_lease (&header, 5000);
  troupe_header_set_limit (&header, 16 * 1024 * 1024);
  troupe_header_set_endpoint (&header, troupe_text (self->publish));
  say (self, self->router, &header, NULL);
}

static void
wait_up (stage_t *self, unsigned up)
{
  int64_t end = troupe_loop_now () + PATIENCE_MS;
  while (troupe_node_brokers_up (self->node) != up) {
    cr_assert (lt (long, troupe_loop_now (), end));
    turn (self);
  }
}

static void
wait_for (stage_t *self, const unsigned *counter, unsigned value)
{
  int64_t end = troupe_loop_now () + PATIENCE_MS;
  while (*counter < value) {
    cr_assert (lt (long, troupe_loop_now (), end));
    turn (self);
  }
}

static troupe_placeholder_t *
call (stage_t *self, const char *service, const char *input)
{
  troupe_placeholder_t *placeholder = NULL;
  json_t *json = json_string (input);
  troupe_call_t made = {.service = service, .input = json, .settled = probe_settled, .context = &self->probe};
  cr_assert (eq (int, troupe_node_call (self->node, &placeholder, &made, NULL), TROUPE_OK));
  json_decref (json);
  return placeholder;
}

static void
settle (stage_t *self, const troupe_id_t *id, json_t *value)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, id);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  say (self, self->router, &header, value);
}

Test (edge, a_call_and_a_task)
{
  stage_t stage;
  troupe_header_t header;
  open_stage (&stage);
  troupe_service_t service = {.name = "tool/echo", .credit = 4, .serve = probe_serve, .context = &stage.probe};
  cr_assert (eq (int, troupe_node_serve (stage.node, &service, NULL), TROUPE_OK));
  welcome (&stage);
  expect (&stage, TROUPE_CMD_REGISTER);
  troupe_placeholder_t *placeholder = call (&stage, "tool/echo", "hello");
  expect (&stage, TROUPE_CMD_CALL);

  troupe_id_t id = stage.header.call;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  troupe_header_set_session (&header, stage.header.session);
  troupe_header_set_attempt (&header, 1);
  say (&stage, stage.router, &header, json_string ("hello"));
  wait_for (&stage, &stage.probe.served, 1);
  troupe_task_reply (&stage.probe.task, json_incref ((json_t *)(uintptr_t)troupe_task_input (stage.probe.task)));
  expect (&stage, TROUPE_CMD_SETTLE);
  json_t *value = NULL;
  cr_assert (eq (int,
                 troupe_value_unpack (troupe_buffer_data (stage.body), troupe_buffer_size (stage.body), &value, NULL),
                 TROUPE_OK));
  settle (&stage, &id, value);
  cr_assert (eq (int, troupe_placeholder_wait (placeholder, PATIENCE_MS), TROUPE_OK));
  cr_assert_str_eq (json_string_value (troupe_placeholder_value (placeholder)), "hello");
  wait_for (&stage, &stage.probe.settled, 1);
  troupe_placeholder_destroy (&placeholder);
  close_stage (&stage);
}

Test (edge, a_broker_that_dies_is_noticed_at_once_and_comes_back)
{
  stage_t stage;
  open_stage (&stage);
  welcome (&stage);
  wait_up (&stage, 1);
  troupe_placeholder_t *placeholder = call (&stage, "agent/alice", "hello");
  expect (&stage, TROUPE_CMD_CALL);
  int64_t start = troupe_loop_now ();
  close_broker (&stage);
  wait_up (&stage, 0);
  cr_assert (lt (long, troupe_loop_now () - start, 2500)); // long before the lease of 5 s
  cr_assert (eq (int, troupe_placeholder_wait (placeholder, 20), TROUPE_DEADLINE));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_MAYBE));
  open_broker (&stage);
  welcome (&stage);
  expect (&stage, TROUPE_CMD_CALL);
  cr_assert (troupe_id_equal (&stage.header.call, troupe_placeholder_id (placeholder)));
  troupe_placeholder_destroy (&placeholder);
  close_stage (&stage);
}

Test (edge, it_says_bye)
{
  stage_t stage;
  open_stage (&stage);
  welcome (&stage);
  wait_up (&stage, 1);
  troupe_node_drain (stage.node, probe_drained, &stage.probe);
  wait_for (&stage, &stage.probe.drained, 1);
  expect (&stage, TROUPE_CMD_BYE);
  close_stage (&stage);

  open_stage (&stage);
  welcome (&stage);
  wait_up (&stage, 1);
  troupe_node_destroy (&stage.node);
  expect (&stage, TROUPE_CMD_BYE);
  close_stage (&stage);
}

enum { BURST = 20000 };

// More than the sockets' queues hold: nothing is lost, and the order is kept. Every other call is too large to go with
// its neighbours.
Test (edge, a_burst_waits_for_the_socket)
{
  stage_t stage;
  static char large[TROUPE_JOINED_MAX + 1];
  memset (large, 'x', sizeof large - 1);
  open_stage (&stage);
  welcome (&stage);
  wait_up (&stage, 1);
  troupe_placeholder_t **calls = calloc (BURST, sizeof (troupe_placeholder_t *));
  for (int i = 0; i < BURST; i++)
    calls[i] = call (&stage, "agent/alice", i % 2 == 0 ? "hello" : large);
  for (int i = 0; i < 50; i++)
    turn (&stage); // the broker doesn't read
  for (int i = 0; i < BURST; i++) {
    expect (&stage, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&stage.header.call, troupe_placeholder_id (calls[i])));
    settle (&stage, troupe_placeholder_id (calls[i]), json_null ());
  }
  wait_for (&stage, &stage.probe.settled, BURST);
  for (int i = 0; i < BURST; i++)
    troupe_placeholder_destroy (&calls[i]);
  free (calls);
  close_stage (&stage);
}

// A header with a body in its frame.
static zmq_msg_t
settled_frame (const troupe_id_t *id, json_t *value)
{
  unsigned char bytes[TROUPE_FRAME_SIZE_MAX];
  troupe_buffer_t *body = NULL;
  troupe_header_t header;
  zmq_msg_t frame;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, id);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  size_t size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
  cr_assert (eq (int, troupe_value_pack (value, &body, NULL), TROUPE_OK));
  json_decref (value);
  size = troupe_header_join (bytes, size, troupe_buffer_data (body), troupe_buffer_size (body));
  troupe_buffer_unref (&body);
  zmq_msg_init_size (&frame, size);
  memcpy (zmq_msg_data (&frame), bytes, size);
  return frame;
}

// What is ready together leaves together, and so it may come: here with a frame between that is none of ours.
Test (edge, messages_come_and_go_in_one)
{
  enum { CALLS = 300 };
  stage_t stage;
  troupe_placeholder_t *calls[CALLS];
  open_stage (&stage);
  welcome (&stage);
  wait_up (&stage, 1);
  for (int i = 0; i < CALLS; i++)
    calls[i] = call (&stage, "agent/alice", "hello");
  int together = 0;
  for (int i = 0; i < CALLS; i++) {
    expect (&stage, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&stage.header.call, troupe_placeholder_id (calls[i])));
    together += stage.more;
  }
  cr_assert (gt (int, together, 0));
  zmq_send (stage.router, stage.route, stage.route_size, ZMQ_SNDMORE);
  for (int i = 0; i < CALLS; i++) {
    zmq_msg_t frame = settled_frame (troupe_placeholder_id (calls[i]), json_integer (i));
    cr_assert (ge (int, zmq_msg_send (&frame, stage.router, i + 1 < CALLS ? ZMQ_SNDMORE : 0), 0));
    if (i == CALLS / 2)
      zmq_send (stage.router, "\x94", 1, ZMQ_SNDMORE);
  }
  wait_for (&stage, &stage.probe.settled, CALLS);
  for (int i = 0; i < CALLS; i++) {
    cr_assert (eq (llong, json_integer_value (troupe_placeholder_value (calls[i])), i));
    troupe_placeholder_destroy (&calls[i]);
  }
  close_stage (&stage);
}

Test (edge, events_come_by_subscription)
{
  stage_t stage;
  troupe_header_t header;
  char topic[16];
  open_stage (&stage);
  cr_assert (eq (int, troupe_node_on_event (stage.node, probe_event, &stage.probe, NULL), TROUPE_OK));
  welcome (&stage);
  int64_t end = troupe_loop_now () + PATIENCE_MS;
  while (zmq_recv (stage.xpub, topic, sizeof topic, ZMQ_DONTWAIT) < 0) { // the subscription
    cr_assert (lt (long, troupe_loop_now (), end));
    turn (&stage);
  }
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  say (&stage, stage.xpub, &header, json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1"));
  wait_for (&stage, &stage.probe.events, 1);
  close_stage (&stage);
}

Test (edge, an_endpoint_that_cannot_be_is_an_error)
{
  troupe_loop_t *loop;
  troupe_node_t *node = NULL;
  troupe_error_t error = {0};
  const char *brokers[] = {"nonsense", NULL};
  troupe_node_options_t options = {.name = "test", .brokers = brokers};
  cr_assert (eq (int, troupe_loop_new (&loop), TROUPE_OK));
  cr_assert (eq (int, troupe_node_new (&node, loop, &options, &error), TROUPE_BAD_ARGUMENT));
  cr_assert_str_eq (error.object, "nonsense");
  options.name = NULL;
  cr_assert (eq (int, troupe_node_new (&node, loop, &options, &error), TROUPE_BAD_ARGUMENT));
  cr_assert_null (node);
  troupe_loop_destroy (&loop);
}

// SPDX-License-Identifier: Apache-2.0
//
// A node's edge: what goes over real sockets, and what happens when they fail.

#include "stage.h"

#include <stdlib.h>
#include <string.h>

Test (edge, a_call_and_a_task)
{
  stage_t stage;
  troupe_header_t header;
  stage_open (&stage);
  troupe_service_t service = {.name = "tool/echo", .credit = 4, .serve = probe_serve, .context = &stage.probe};
  cr_assert (eq (int, troupe_node_serve (stage.node, &service, NULL), TROUPE_OK));
  stage_welcome (&stage);
  stage_expect (&stage, TROUPE_CMD_REGISTER);
  troupe_placeholder_t *placeholder = stage_call (&stage, "tool/echo", "hello");
  stage_expect (&stage, TROUPE_CMD_CALL);

  troupe_id_t id = stage.header.call;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  troupe_header_set_session (&header, stage.header.session);
  troupe_header_set_attempt (&header, 1);
  stage_say (&stage, stage.router, &header, json_string ("hello"));
  stage_wait_for (&stage, &stage.probe.served, 1);
  troupe_task_reply (&stage.probe.task, json_incref ((json_t *)(uintptr_t)troupe_task_input (stage.probe.task)));
  stage_expect (&stage, TROUPE_CMD_SETTLE);
  json_t *value = NULL;
  cr_assert (eq (int,
                 troupe_value_unpack (troupe_buffer_data (stage.body), troupe_buffer_size (stage.body), &value, NULL),
                 TROUPE_OK));
  stage_settle (&stage, &id, value);
  cr_assert (eq (int, troupe_placeholder_wait (placeholder, STAGE_PATIENCE_MS), TROUPE_OK));
  cr_assert_str_eq (json_string_value (troupe_placeholder_value (placeholder)), "hello");
  stage_wait_for (&stage, &stage.probe.settled, 1);
  troupe_placeholder_destroy (&placeholder);
  stage_close (&stage);
}

Test (edge, a_broker_that_dies_is_noticed_at_once_and_comes_back)
{
  stage_t stage;
  stage_open (&stage);
  stage_welcome (&stage);
  stage_wait_up (&stage, 1);
  troupe_placeholder_t *placeholder = stage_call (&stage, "agent/alice", "hello");
  stage_expect (&stage, TROUPE_CMD_CALL);
  int64_t start = troupe_loop_now ();
  stage_close_broker (&stage);
  stage_wait_up (&stage, 0);
  cr_assert (lt (long, troupe_loop_now () - start, 2500)); // long before the lease of 5 s
  cr_assert (eq (int, troupe_placeholder_wait (placeholder, 20), TROUPE_DEADLINE));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_MAYBE));
  stage_open_broker (&stage);
  stage_welcome (&stage);
  stage_expect (&stage, TROUPE_CMD_CALL);
  cr_assert (troupe_id_equal (&stage.header.call, troupe_placeholder_id (placeholder)));
  troupe_placeholder_destroy (&placeholder);
  stage_close (&stage);
}

Test (edge, it_says_bye)
{
  stage_t stage;
  stage_open (&stage);
  stage_welcome (&stage);
  stage_wait_up (&stage, 1);
  troupe_node_drain (stage.node, probe_drained, &stage.probe);
  stage_wait_for (&stage, &stage.probe.drained, 1);
  stage_expect (&stage, TROUPE_CMD_BYE);
  stage_close (&stage);

  stage_open (&stage);
  stage_welcome (&stage);
  stage_wait_up (&stage, 1);
  troupe_node_destroy (&stage.node);
  stage_expect (&stage, TROUPE_CMD_BYE);
  stage_close (&stage);
}

static void
stop_run (void *context)
{
  troupe_loop_stop (context);
}

static void
drain_then (void *context, const json_t *reports)
{
  stage_t *stage = context;
  (void)reports;
  troupe_node_drain (stage->node, stop_run, stage->loop);
}

// Its end is found after the user's functions of the turn were called: the loop doesn't rest before that is told.
Test (edge, a_drain_from_within_a_function_ends_at_once, .timeout = STAGE_PATIENCE_MS / 1000)
{
  stage_t stage;
  stage_open (&stage);
  stage_close_broker (&stage);
  cr_assert (eq (int, troupe_node_report (stage.node, 20, drain_then, &stage), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_run (stage.loop), TROUPE_OK));
  stage_open_broker (&stage);
  stage_close (&stage);
}

enum { BURST = 20000 };

// More than the sockets' queues hold: nothing is lost, and the order is kept. Every other call is too large to go with
// its neighbours.
Test (edge, a_burst_waits_for_the_socket)
{
  stage_t stage;
  static char large[TROUPE_JOINED_MAX + 1];
  memset (large, 'x', sizeof large - 1);
  stage_open (&stage);
  stage_welcome (&stage);
  stage_wait_up (&stage, 1);
  troupe_placeholder_t **calls = calloc (BURST, sizeof (troupe_placeholder_t *));
  for (int i = 0; i < BURST; i++)
    calls[i] = stage_call (&stage, "agent/alice", i % 2 == 0 ? "hello" : large);
  for (int i = 0; i < 50; i++)
    stage_turn (&stage); // the broker doesn't read
  for (int i = 0; i < BURST; i++) {
    stage_expect (&stage, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&stage.header.call, troupe_placeholder_id (calls[i])));
    stage_settle (&stage, troupe_placeholder_id (calls[i]), json_null ());
  }
  stage_wait_for (&stage, &stage.probe.settled, BURST);
  for (int i = 0; i < BURST; i++)
    troupe_placeholder_destroy (&calls[i]);
  free (calls);
  stage_close (&stage);
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

enum { TOGETHER = 300 };

// Returns the most that came in one frame.
static unsigned
call_together (stage_t *self, troupe_placeholder_t *calls[TOGETHER])
{
  unsigned most = 0;
  stage_welcome (self);
  stage_wait_up (self, 1);
  for (int i = 0; i < TOGETHER; i++)
    calls[i] = stage_call (self, "agent/alice", "hello");
  for (int i = 0; i < TOGETHER; i++) {
    stage_expect (self, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&self->header.call, troupe_placeholder_id (calls[i])));
    most = self->place > most ? self->place : most;
  }
  return most;
}

static void
expect_settled (stage_t *self, troupe_placeholder_t *calls[TOGETHER])
{
  stage_wait_for (self, &self->probe.settled, TOGETHER);
  for (int i = 0; i < TOGETHER; i++) {
    cr_assert (eq (llong, json_integer_value (troupe_placeholder_value (calls[i])), i));
    troupe_placeholder_destroy (&calls[i]);
  }
}

// What is ready together leaves in runs, and so it may come: here one of them ends with what is none of ours.
Test (edge, messages_come_and_go_in_runs)
{
  stage_t stage;
  troupe_placeholder_t *calls[TOGETHER];
  stage_open (&stage);
  cr_assert (eq (uint, call_together (&stage, calls), TROUPE_RUN_MAX));
  for (int i = 0; i < TOGETHER;) {
    troupe_run_t run;
    size_t size;
    troupe_run_begin (&run);
    for (bool added = true; added && i < TOGETHER; i += added) {
      zmq_msg_t frame = settled_frame (troupe_placeholder_id (calls[i]), json_integer (i));
      added = troupe_run_add (&run, zmq_msg_data (&frame), zmq_msg_size (&frame));
      zmq_msg_close (&frame);
    }
    uint8_t bytes[sizeof run.bytes + 2];
    const void *made = troupe_run_frame (&run, &size);
    memcpy (bytes, made, size);
    memcpy (bytes + size, "\xC4\x05", 2);
    zmq_send (stage.router, stage.route, stage.route_size, ZMQ_SNDMORE);
    cr_assert (ge (int, zmq_send (stage.router, bytes, size + (i == TOGETHER ? 2 : 0), 0), 0));
  }
  expect_settled (&stage, calls);
  stage_close (&stage);
}

// A broker that has told no minor version gets a frame for each, and may send many in one message: here with a frame
// between that is none of ours.
Test (edge, an_older_broker_gets_a_frame_for_each)
{
  stage_t stage;
  troupe_placeholder_t *calls[TOGETHER];
  stage_open (&stage);
  stage.minor = 0;
  cr_assert (eq (uint, call_together (&stage, calls), 1));
  zmq_send (stage.router, stage.route, stage.route_size, ZMQ_SNDMORE);
  for (int i = 0; i < TOGETHER; i++) {
    zmq_msg_t frame = settled_frame (troupe_placeholder_id (calls[i]), json_integer (i));
    cr_assert (ge (int, zmq_msg_send (&frame, stage.router, i + 1 < TOGETHER ? ZMQ_SNDMORE : 0), 0));
    if (i == TOGETHER / 2)
      zmq_send (stage.router, "\x94", 1, ZMQ_SNDMORE);
  }
  expect_settled (&stage, calls);
  stage_close (&stage);
}

Test (edge, events_come_by_subscription)
{
  stage_t stage;
  troupe_header_t header;
  char topic[16];
  stage_open (&stage);
  cr_assert (eq (int, troupe_node_on_event (stage.node, probe_event, &stage.probe, NULL), TROUPE_OK));
  stage_welcome (&stage);
  int64_t end = troupe_loop_now () + STAGE_PATIENCE_MS;
  while (zmq_recv (stage.xpub, topic, sizeof topic, ZMQ_DONTWAIT) < 0) { // the subscription
    cr_assert (lt (long, troupe_loop_now (), end));
    stage_turn (&stage);
  }
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  stage_say (&stage, stage.xpub, &header, json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1"));
  stage_wait_for (&stage, &stage.probe.events, 1);
  stage_close (&stage);
}

// What is published together comes in one, behind its topic.
Test (edge, several_messages_are_published_as_one)
{
  enum { EVENTS = 3 };
  stage_t stage;
  troupe_header_t header;
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  char topic[16];
  stage_open (&stage);
  cr_assert (eq (int, troupe_node_on_event (stage.node, probe_event, &stage.probe, NULL), TROUPE_OK));
  stage_welcome (&stage);
  int64_t end = troupe_loop_now () + STAGE_PATIENCE_MS;
  while (zmq_recv (stage.xpub, topic, sizeof topic, ZMQ_DONTWAIT) < 0) { // the subscription
    cr_assert (lt (long, troupe_loop_now (), end));
    stage_turn (&stage);
  }
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  static const char body[] = "\x82\xa5"
                             "event\xa6joined\xa6"
                             "broker\xa8"
                             "broker-1";
  zmq_send (stage.xpub, "mesh", 4, ZMQ_SNDMORE);
  for (int i = 0; i < EVENTS; i++) {
    zmq_send (stage.xpub, bytes, size, ZMQ_SNDMORE);
    zmq_send (stage.xpub, body, sizeof body - 1, i + 1 < EVENTS ? ZMQ_SNDMORE : 0);
  }
  stage_wait_for (&stage, &stage.probe.events, EVENTS);
  stage_close (&stage);
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

// SPDX-License-Identifier: Apache-2.0
//
// Calls over real sockets: they are carried, also many in one message, and go on elsewhere when a peer dies.

#include "broker/edge_state.h"
#include "edge_rig.h"

TestSuite (edge, .init = edge_rig_open, .fini = edge_rig_close, .timeout = 120);

Test (edge, register_call_settle)
{
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  edge_peer_serve (&instance, "tool/echo", false);
  static const size_t sizes[] = {0, 1, 512, 513, 1000 * 1000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = sizes[i];
    char *bytes = malloc (size + 1);
    memset (bytes, 'x', size + 1);
    troupe_id_t id = troupe_id_new ();
    edge_peer_call (&caller, &id, "tool/echo", bytes, size);
    edge_peer_receive (&caller, TROUPE_CMD_ACCEPTED);
    edge_peer_receive (&instance, TROUPE_CMD_OFFER);
    cr_expect (troupe_id_equal (&instance.header.call, &id));
    cr_expect (edge_peer_body_is (&instance, bytes, size), "%zu", size);
    memset (bytes, 'y', size);
    edge_peer_settle (&instance, &id, 1, bytes, size);
    edge_peer_receive (&instance, TROUPE_CMD_CONFIRMED);
    edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
    cr_expect_eq (caller.header.status, TROUPE_STATUS_VALUE);
    cr_expect (edge_peer_body_is (&caller, bytes, size), "%zu", size);
    free (bytes);
  }
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

Test (edge, a_killed_peer_is_noticed_and_its_work_goes_on_elsewhere)
{
  edge_peer_t caller = edge_peer_join ("caller"), first = edge_peer_join ("first");
  edge_peer_serve (&first, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  edge_peer_call (&caller, &id, "agent/alice", "input", 5);
  edge_peer_receive (&first, TROUPE_CMD_OFFER);
  edge_peer_leave (&first); // without a word; the lease is a minute
  edge_peer_t second = edge_peer_join ("second");
  edge_peer_serve (&second, "agent/alice", true);
  edge_peer_receive (&second, TROUPE_CMD_OFFER);
  cr_expect_eq (second.header.attempt, 2);
  cr_expect (edge_peer_body_is (&second, "input", 5));
  edge_peer_settle (&second, &id, 2, "value", 5);
  edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  edge_peer_leave (&caller);
  edge_peer_leave (&second);
}

// A volatile call, as a whole message; returns its size.
static size_t
make_call (uint8_t bytes[TROUPE_FRAME_SIZE_MAX], const troupe_id_t *id)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  size_t size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
  return troupe_header_join (bytes, size, "input", 5);
}

static const uint8_t alone[] = {0x93, TROUPE_PROTOCOL_VERSION, TROUPE_CMD_HEARTBEAT, 0x80};

// Calls in one ZeroMQ message, a frame each; a header without its body is behind them.
static void
call_in_frames (edge_peer_t *peer, const troupe_id_t *ids, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
    size_t size = make_call (bytes, &ids[i]);
    cr_assert_geq (zmq_send (peer->socket, bytes, size, ZMQ_SNDMORE), 0);
  }
  cr_assert_geq (zmq_send (peer->socket, alone, sizeof alone, 0), 0);
}

// Calls in one frame; a header without its body may be behind them.
static void
call_in_run (edge_peer_t *peer, const troupe_id_t *ids, size_t count, bool spoilt)
{
  troupe_run_t run;
  troupe_run_begin (&run);
  for (size_t i = 0; i < count; i++) {
    uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
    size_t size = make_call (bytes, &ids[i]);
    cr_assert (troupe_run_add (&run, bytes, size));
  }
  if (spoilt)
    cr_assert (troupe_run_add (&run, alone, sizeof alone));
  size_t size;
  const void *frame = troupe_run_frame (&run, &size);
  cr_assert_geq (zmq_send (peer->socket, frame, size, 0), 0);
}

static void
make_ids (troupe_id_t *ids, size_t count)
{
  for (size_t i = 0; i < count; i++)
    ids[i] = troupe_id_new ();
}

// Returns the most that came in one frame.
static unsigned
expect_offers (edge_peer_t *instance, const troupe_id_t *ids, size_t count)
{
  unsigned most = 0;
  for (size_t i = 0; i < count; i++) {
    edge_peer_receive (instance, TROUPE_CMD_OFFER);
    cr_expect (troupe_id_equal (&instance->header.call, &ids[i]));
    cr_expect (edge_peer_body_is (instance, "input", 5));
    most = instance->place > most ? instance->place : most;
  }
  return most;
}

Test (edge, messages_come_and_go_in_runs)
{
  enum { CALLS = 8 };
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  troupe_id_t ids[CALLS];
  edge_peer_serve (&instance, "tool/echo", false);
  make_ids (ids, CALLS);
  call_in_run (&caller, ids, CALLS, true);
  edge_peer_receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&caller), TROUPE_BAD_FRAME);
  cr_expect_eq (expect_offers (&instance, ids, CALLS), CALLS);
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

// Who has told no minor version may send many frames in one message, and gets one in each.
Test (edge, an_older_peer_gets_a_frame_for_each)
{
  enum { CALLS = 8 };
  edge_peer_t caller = edge_peer_join_of ("caller", 0), instance = edge_peer_join_of ("instance", 0);
  troupe_id_t ids[CALLS];
  edge_peer_serve (&instance, "tool/echo", false);
  make_ids (ids, CALLS);
  call_in_frames (&caller, ids, CALLS);
  edge_peer_receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&caller), TROUPE_BAD_FRAME);
  cr_expect_eq (expect_offers (&instance, ids, CALLS), 1);
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

// What can't be sent together goes on elsewhere, all of it.
Test (edge, offers_to_a_killed_peer_go_elsewhere)
{
  enum { CALLS = 3 };
  edge_peer_t caller = edge_peer_join ("caller"), first = edge_peer_join ("first"), second = edge_peer_join ("second");
  troupe_id_t ids[CALLS];
  edge_peer_serve (&first, "tool/echo", false);
  make_ids (ids, CALLS);
  edge_peer_leave (&first); // without a word; the broker doesn't know yet
  call_in_run (&caller, ids, CALLS, false);
  edge_peer_serve (&second, "tool/echo", false);
  for (size_t i = 0; i < CALLS; i++) {
    edge_peer_receive (&second, TROUPE_CMD_OFFER);
    edge_peer_settle (&second, &second.header.call, second.header.attempt, "value", 5);
  }
  for (size_t i = 0; i < CALLS; i++)
    edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  edge_peer_leave (&caller);
  edge_peer_leave (&second);
}

Test (edge, events_are_published)
{
  edge_peer_t subscriber = edge_peer_connect (edge_rig.publish, ZMQ_SUB);
  zmq_setsockopt (subscriber.socket, ZMQ_SUBSCRIBE, "mesh", 4);
  zmq_msg_t frames[3];
  size_t count = 0;
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  // A subscription takes its time to arrive: instances come until one is heard of.
  for (int i = 0; count == 0 && troupe_loop_now () < until; i++) {
    char name[32];
    snprintf (name, sizeof name, "instance-%d", i);
    edge_peer_t instance = edge_peer_join (name);
    edge_peer_serve (&instance, "tool/echo", false);
    troupe_socket_receive (subscriber.socket, frames, 3, &count);
    edge_peer_leave (&instance);
  }
  cr_assert_eq (count, 3);
  cr_expect_eq (memcmp (zmq_msg_data (&frames[0]), "mesh", 4), 0);
  troupe_header_t header;
  cr_assert_eq (troupe_header_decode (&header, zmq_msg_data (&frames[1]), zmq_msg_size (&frames[1]), NULL), TROUPE_OK);
  cr_expect_eq (header.command, TROUPE_CMD_EVENT);
  troupe_socket_close_frames (frames, 3, count);
  edge_peer_leave (&subscriber);
}

// Several actions to publish leave as one message, behind one topic.
Test (edge, what_belongs_together_is_published_as_one)
{
  edge_peer_t subscriber = edge_peer_connect (edge_rig.publish, ZMQ_SUB), instance;
  zmq_setsockopt (subscriber.socket, ZMQ_SUBSCRIBE, "mesh", 4);
  zmq_msg_t frames[7];
  size_t count = 0;
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  for (int i = 0; count == 0 && troupe_loop_now () < until; i++) { // until the subscription is there
    char name[32];
    snprintf (name, sizeof name, "instance-%d", i);
    instance = edge_peer_join (name);
    edge_peer_serve (&instance, "tool/echo", false);
    troupe_socket_receive (subscriber.socket, frames, 3, &count);
    edge_peer_leave (&instance);
  }
  cr_assert_eq (count, 3);
  troupe_socket_close_frames (frames, 3, count);
  instance = edge_peer_join ("last");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("tool/together"));
  troupe_header_set_peer (&header, troupe_text ("peer"));
  for (int i = 0; i < 3; i++)
    edge_publish (edge_rig.edge, "mesh", &header, NULL, i < 2);
  do { // what came before
    while (troupe_socket_receive (subscriber.socket, frames, 7, &count) != 0)
      cr_assert_lt (troupe_loop_now (), until);
    if (count != 7)
      troupe_socket_close_frames (frames, 7, count);
  } while (count == 3);
  cr_assert_eq (count, 7, "a topic, and three of two frames each");
  for (int i = 0; i < 3; i++) {
    const zmq_msg_t *at = &frames[1 + 2 * i];
    cr_assert_eq (troupe_header_decode (&header, zmq_msg_data ((zmq_msg_t *)(uintptr_t)at), zmq_msg_size (at), NULL),
                  TROUPE_OK);
    cr_expect (troupe_text_equal (header.service, "tool/together"));
  }
  troupe_socket_close_frames (frames, 7, count);
  edge_peer_leave (&instance);
  edge_peer_leave (&subscriber);
}

static void
on_stopped (void *context)
{
  ((edge_rig_t *)context)->stopped = true;
}

Test (edge, on_stop_peers_hear_bye)
{
  edge_peer_t caller = edge_peer_join ("caller");
  broker_edge_stop (edge_rig.edge, on_stopped, &edge_rig);
  edge_peer_receive (&caller, TROUPE_CMD_BYE);
  edge_rig_wait (&edge_rig.stopped);
  edge_peer_leave (&caller);
}

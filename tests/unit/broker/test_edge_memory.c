// SPDX-License-Identifier: Apache-2.0
//
// A broker's edge without memory: each allocation between its sockets and its core fails once, while peers come, register,
// call, subscribe, read nothing, and go. Nobody crashes, nothing is left behind, and afterwards others are served as if
// nothing had happened. (What libzmq and hiredis allocate themselves is out of our hands: see guarantees.md.)

#include "broker/edge_state.h"
#include "broker/state.h"
#include "edge_rig.h"
#include "sim/scarcity.h"

enum {
  SMALL = 5,            // bytes of an input that travels in its header's frame
  LARGE = 100 * 1000,   // of one that is counted until it was read
  MESSAGES = 12,        // that the peers of a round send
  TURN_MS = 5,          //
  ROUND_MS = 200,       // that is waited for them when some may have been lost
  ROUNDS_MAX = 2000,    //
  ALLOCATIONS_MIN = 45, // that a round needs at least, or it doesn't do what it should: it needs 55 to 70
};

static char large[LARGE];

static void
turn (void)
{
  scarcity_enter ();
  troupe_loop_turn (edge_rig.loop, TURN_MS);
  scarcity_leave ();
}

// Until so many messages more have come than `before`; some may not, once an allocation has failed.
static void
turn_until (uint64_t before, unsigned messages)
{
  const uint64_t *in = &edge_rig.edge->core->counters[BROKER_COUNT_MESSAGES_IN];
  int64_t begun = troupe_loop_now ();
  while (*in < before + messages && (!scarcity_failed () || troupe_loop_now () < begun + ROUND_MS)) {
    cr_assert_lt (troupe_loop_now (), begun + FIXTURE_PATIENCE, "messages didn't come");
    turn ();
  }
  turn ();
}

static void
say (edge_peer_t *peer, troupe_command_t command, const troupe_id_t *call, const char *service, const void *body,
     size_t size)
{
  troupe_header_t header;
  troupe_header_init (&header, command);
  troupe_header_set_call (&header, call);
  troupe_header_set_session (&header, troupe_text ("s"));
  if (service != NULL)
    troupe_header_set_service (&header, troupe_text (service));
  if (command == TROUPE_CMD_SETTLE) {
    troupe_header_set_attempt (&header, 1);
    troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  }
  edge_peer_send (peer, &header, body, size);
}

static void
serve (edge_peer_t *peer)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/scarce"));
  troupe_header_set_credit (&header, 8);
  edge_peer_send (peer, &header, "\x80", 1);
}

// Sends all of it, in an order that makes sense, without waiting for answers.
static void
play (void)
{
  const broker_core_t *core = edge_rig.edge->core;
  uint64_t before = core->counters[BROKER_COUNT_MESSAGES_IN];
  troupe_id_t ids[3] = {troupe_id_new (), troupe_id_new (), troupe_id_new ()};
  edge_peer_t caller = edge_peer_connect (edge_rig.endpoint, ZMQ_DEALER);
  edge_peer_t instance = edge_peer_connect (edge_rig.endpoint, ZMQ_DEALER);
  edge_peer_t listener = edge_peer_connect (edge_rig.publish, ZMQ_SUB);
  zmq_setsockopt (listener.socket, ZMQ_SUBSCRIBE, "mesh", 4);
  edge_peer_say_hello (&caller, "scarce-1");
  edge_peer_say_hello (&instance, "scarce-2");
  serve (&instance);
  turn_until (before, 3);
  for (unsigned i = 0; i < 3; i++)
    say (&caller, TROUPE_CMD_CALL, &ids[i], "tool/scarce", large, i == 0 ? LARGE : SMALL);
  turn_until (before, 6);
  for (unsigned i = 0; i < 3; i++)
    say (&instance, TROUPE_CMD_SETTLE, &ids[i], NULL, large, i == 1 ? LARGE : SMALL);
  say (&caller, TROUPE_CMD_AWAIT, &ids[0], NULL, NULL, 0);
  say (&caller, TROUPE_CMD_CANCEL, &ids[2], NULL, NULL, 0);
  turn_until (before, MESSAGES - 1);
  edge_peer_leave (&caller); // and all that was sent to it
  edge_peer_leave (&listener);
  edge_peer_leave (&instance);
  turn ();
}

// Its store may have been lost, too; a connection that isn't known to be gone may be offered the call first.
static void
expect_service (void)
{
  const broker_core_t *core = edge_rig.edge->core;
  for (int64_t end = troupe_loop_now () + FIXTURE_PATIENCE; !core->up || !core->leased || !core->settled_in; turn ())
    cr_assert_lt (troupe_loop_now (), end, "its store is not there again");
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  troupe_id_t id = troupe_id_new ();
  edge_peer_serve (&instance, "tool/echo", false);
  edge_peer_call (&caller, &id, "tool/echo", large, LARGE);
  edge_peer_receive (&instance, TROUPE_CMD_OFFER);
  cr_assert (troupe_id_equal (&instance.header.call, &id));
  edge_peer_settle (&instance, &id, instance.header.attempt, large, LARGE);
  edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  cr_assert (troupe_id_equal (&caller.header.call, &id));
  cr_assert (edge_peer_body_is (&caller, large, LARGE));
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

static void *
take (size_t size)
{
  return malloc (size); // which is wrapped
}

// How many allocations a round has. Rounds differ by what comes together, so the end is two that need no more.
static unsigned
play_all (void (*scene) (void))
{
  unsigned round = 1, whole = 0;
  json_set_alloc_funcs (take, free);
  for (; whole < 2 && round < ROUNDS_MAX; round++) {
    scarcity_fail (round);
    scene ();
    whole = scarcity_failed () ? 0 : whole + 1;
    scarcity_fail (0);
    expect_service ();
  }
  json_set_alloc_funcs (malloc, free);
  cr_assert_lt (round, ROUNDS_MAX);
  return round;
}

TestSuite (edge_memory, .init = edge_rig_open, .fini = edge_rig_close, .timeout = 300);

Test (edge_memory, messages_come_and_go)
{
  memset (large, 'x', sizeof large);
  unsigned rounds = play_all (play);
  cr_assert_geq (rounds, ALLOCATIONS_MIN, "%u", rounds);
}

// It isn't made, and says so, or it is there.
static void
open_another (void)
{
  broker_edge_t *edge = NULL;
  troupe_error_t error = {0};
  char endpoint[sizeof edge_rig.endpoint], publish[sizeof edge_rig.publish];
  memcpy (endpoint, edge_rig.endpoint, sizeof endpoint);
  memcpy (publish, edge_rig.publish, sizeof publish);
  snprintf (edge_rig.endpoint, sizeof edge_rig.endpoint, "ipc://%s/other.ipc", edge_rig.redis.folder);
  snprintf (edge_rig.publish, sizeof edge_rig.publish, "ipc://%s/other-pub.ipc", edge_rig.redis.folder);
  scarcity_enter ();
  troupe_err_t err = edge_rig_new (&edge, "broker-2", &error);
  scarcity_leave ();
  memcpy (edge_rig.endpoint, endpoint, sizeof endpoint);
  memcpy (edge_rig.publish, publish, sizeof publish);
  cr_assert (err == TROUPE_OK || (err == TROUPE_NO_MEMORY && scarcity_failed ()), "%s: %s", troupe_err_name (err),
             error.why);
  cr_assert_eq (edge != NULL, err == TROUPE_OK);
  if (edge != NULL)
    turn ();
  broker_edge_destroy (&edge);
}

Test (edge_memory, a_broker_is_made)
{
  memset (large, 'x', sizeof large);
  cr_assert_geq (play_all (open_another), 10);
}

// SPDX-License-Identifier: Apache-2.0
//
// Peers that don't read what is sent to them are cut off, so that what waits for them is gone; for the sake of others,
// before these suffer.

#include "broker/edge_state.h"
#include "broker/state.h"
#include "edge_rig.h"

enum {
  LARGE = 1024 * 1024,
  TOTAL = 8 * LARGE, // for all
  CALLS = 16,        // that have settled with so much each
  DEAF = 8,          // peers
  EACH = 6,          // outcomes for each, of which its end takes less than half
};

static troupe_id_t ids[CALLS];

static uint64_t
lost (void)
{
  return edge_rig.edge->core->counters[BROKER_COUNT_PEERS_LOST];
}

static size_t
waiting (void)
{
  return unread_total (edge_rig.edge->unread);
}

static void
turn_until_lost (uint64_t count)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (lost () < count) {
    cr_assert_lt (troupe_loop_now (), until);
    troupe_loop_turn (edge_rig.loop, 10);
  }
}

static void
open_with_large_outcomes (void)
{
  edge_rig_limits.unread = TOTAL;
  edge_rig_limits.unread_total = TOTAL;
  edge_rig_open ();
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  char *bytes = malloc (LARGE);
  memset (bytes, 'x', LARGE);
  edge_peer_serve (&instance, "tool/large", false);
  for (unsigned i = 0; i < CALLS; i++) {
    ids[i] = troupe_id_new ();
    edge_peer_call (&caller, &ids[i], "tool/large", NULL, 0);
    edge_peer_receive (&instance, TROUPE_CMD_OFFER);
    edge_peer_settle (&instance, &ids[i], 1, bytes, LARGE);
    edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  }
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
  turn_until_lost (2);
  free (bytes);
}

TestSuite (edge_unread, .init = open_with_large_outcomes, .fini = edge_rig_close, .timeout = 60);

static void
ask (edge_peer_t *peer, unsigned call)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &ids[call]);
  troupe_header_set_session (&header, troupe_text ("s"));
  edge_peer_send (peer, &header, NULL, 0);
}

// Asks for outcomes, and never reads. The broker hasn't answered yet.
static edge_peer_t
join_deaf (unsigned number, unsigned calls)
{
  const int one = 1;
  char name[16];
  edge_peer_t self = {0};
  snprintf (name, sizeof name, "deaf-%u", number);
  cr_assert_eq (troupe_socket_new (&self.socket, edge_rig.zmq, ZMQ_DEALER, NULL), TROUPE_OK);
  cr_assert_eq (zmq_setsockopt (self.socket, ZMQ_RCVHWM, &one, sizeof one), 0);
  cr_assert_eq (troupe_socket_connect (self.socket, edge_rig.endpoint, NULL), TROUPE_OK);
  edge_peer_say_hello (&self, name);
  for (unsigned i = 0; i < calls; i++)
    ask (&self, i);
  return self;
}

static void
leave_deaf (edge_peer_t *deaf, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    troupe_socket_close (&deaf[i].socket, false);
}

static void
turn_until_nothing_waits (void)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (waiting () > 0) {
    cr_assert_lt (troupe_loop_now (), until, "%zu bytes wait", waiting ());
    troupe_loop_turn (edge_rig.loop, 10);
  }
}

// It doesn't close its connection, and never will.
Test (edge_unread, what_waits_for_a_peer_that_is_given_up_is_let_go)
{
  edge_peer_t deaf = join_deaf (1, CALLS);
  turn_until_lost (3);
  turn_until_nothing_waits ();
  leave_deaf (&deaf, 1);
}

// Before what waits for the deaf ones is too much, it has to be what the reader is sent that doesn't fit any more.
Test (edge_unread, who_reads_is_served_whoever_does_not)
{
  edge_peer_t deaf[DEAF], reader = edge_peer_join ("reader");
  for (unsigned i = 0; i < DEAF; i++)
    deaf[i] = join_deaf (i + 1, 0);
  for (unsigned i = 0; i < DEAF * EACH; i++) {
    ask (&deaf[i % DEAF], i / DEAF);
    ask (&reader, i / DEAF);
    edge_peer_receive (&reader, TROUPE_CMD_SETTLED);
    cr_expect_eq (reader.body.size, LARGE);
  }
  bool there = false;
  LIST_EACH (link, &edge_rig.edge->core->all_peers)
  there = there || strcmp (LIST_ITEM (link, peer_t, in_core)->name, "reader") == 0;
  cr_expect (there, "it was never lost");
  cr_expect_gt (lost (), 2, "somebody was");
  cr_expect_leq (waiting (), 2 * TOTAL);
  edge_peer_leave (&reader);
  leave_deaf (deaf, DEAF);
}

// SPDX-License-Identifier: Apache-2.0
//
// What dies and comes back: Redis, and the broker itself.

#include "broker/edge_state.h"
#include "broker/state.h"
#include "edge_rig.h"

TestSuite (edge_returns, .init = edge_rig_open, .fini = edge_rig_close, .timeout = 120);

Test (edge_returns, redis_is_killed_and_comes_back)
{
  redis_stop (&edge_rig.redis); // this test's keeps what it stores
  broker_edge_destroy (&edge_rig.edge);
  static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
  redis_start (&edge_rig.redis, durable);
  snprintf (edge_rig.endpoint, sizeof edge_rig.endpoint, "ipc://%s/b.ipc", edge_rig.redis.folder);
  snprintf (edge_rig.publish, sizeof edge_rig.publish, "ipc://%s/b-pub.ipc", edge_rig.redis.folder);
  edge_rig_start ();
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  edge_peer_serve (&instance, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  edge_peer_call (&caller, &id, "agent/alice", "input", 5);
  edge_peer_receive (&caller, TROUPE_CMD_ACCEPTED);
  edge_peer_receive (&instance, TROUPE_CMD_OFFER);
  redis_kill (&edge_rig.redis);
  edge_peer_settle (&instance, &id, 1, "value", 5);
  redis_launch (&edge_rig.redis, durable);
  edge_peer_receive (&instance, TROUPE_CMD_CONFIRMED);
  edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  cr_expect (edge_peer_body_is (&caller, "value", 5));
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

Test (edge_returns, a_restarted_broker_takes_its_work_up)
{
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  edge_peer_serve (&instance, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  edge_peer_call (&caller, &id, "agent/alice", "input", 5);
  edge_peer_receive (&instance, TROUPE_CMD_OFFER);
  broker_edge_destroy (&edge_rig.edge); // as killed: nobody is told
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
  edge_rig_start ();
  instance = edge_peer_join ("instance");
  edge_peer_serve (&instance, "agent/alice", true);
  edge_peer_settle (&instance, &id, 1, "value", 5);
  edge_peer_receive (&instance, TROUPE_CMD_CONFIRMED);
  caller = edge_peer_join ("caller");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  edge_peer_send (&caller, &header, NULL, 0);
  edge_peer_receive (&caller, TROUPE_CMD_SETTLED);
  cr_expect (edge_peer_body_is (&caller, "value", 5));
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

// What can't be sent then is told to nobody: the store is gone already.
Test (edge_returns, a_broker_ends_while_a_peer_that_runs_a_call_does_not_read)
{
  enum { LARGE = 2 * UNREAD_LEAST };
  broker_edge_destroy (&edge_rig.edge);
  edge_rig_limits.unread = LARGE;
  edge_rig_start ();
  edge_peer_t caller = edge_peer_join ("caller"), instance = edge_peer_join ("instance");
  edge_peer_serve (&instance, "agent/alice", true);
  troupe_id_t id = troupe_id_new ();
  edge_peer_call (&caller, &id, "agent/alice", "input", 5);
  edge_peer_receive (&instance, TROUPE_CMD_OFFER);
  char bytes[LARGE] = "";
  troupe_buffer_t *body = NULL;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, &id);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  cr_assert_eq (troupe_buffer_new (&body, bytes, sizeof bytes), TROUPE_OK);
  const peer_t *peer = LIST_ITEM (edge_rig.edge->core->all_peers.prev, peer_t, in_core);
  cr_assert_str_eq (peer->name, "instance");
  edge_send (edge_rig.edge, peer->connection, &header, body);
  edge_send (edge_rig.edge, peer->connection, &header, body);
  cr_expect_eq (edge_rig.edge->unsent_count, 1);
  broker_edge_destroy (&edge_rig.edge);
  troupe_buffer_unref (&body);
  edge_peer_leave (&caller);
  edge_peer_leave (&instance);
}

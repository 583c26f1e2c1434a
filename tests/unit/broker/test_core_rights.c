// SPDX-License-Identifier: Apache-2.0
//
// What a peer may ask for by its key: to come, to serve a name, to call, to enter a session, to see a report, to listen
// to a hub; and what happens when its key is revoked.

#include "broker/hearing.h"
#include "broker/saying.h"
#include "core_rig.h"

static troupe_keyring_t *ring;

static void
set_up (void)
{
  troupe_error_t error = {0};
  model = ledger_model_new ();
  stage = stage_new_guarded (model, "broker-1", NULL, 1000);
  stage_ready (stage);
  char token[TROUPE_TOKEN_SIZE];
  troupe_token_make (token, NULL);
  json_t *tokens = json_pack ("[{s:s, s:s, s:[s]}, {s:s, s:s, s:[s], s:b}, {s:s, s:s, s:b, s:b}]", "name", "alice",
                              "token", token, "serves", "agent/alice", "name", "ann", "token", token, "sessions",
                              "ann-*", "calls", 1, "name", "eve", "token", token, "calls", 0, "operator", 1);
  cr_assert_eq (troupe_keyring_new (&ring), TROUPE_OK);
  cr_assert_eq (troupe_keyring_add_tokens (ring, tokens, &error), TROUPE_OK, "%s", error.why);
  json_decref (tokens);
}

static void
tear_down (void)
{
  core_rig_close ();
  troupe_keyring_destroy (&ring);
}

TestSuite (core_rights, .init = set_up, .fini = tear_down);

static const troupe_identity_t *
identity_of (const char *name)
{
  char user[64];
  snprintf (user, sizeof user, "token:%s", name);
  return name != NULL ? troupe_keyring_of_user (ring, user) : NULL;
}

// Says hello on a connection of that identity.
static void
come (broker_connection_t from, const troupe_identity_t *identity)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("somebody"));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  broker_event_t event = {
    .kind = BROKER_FRAME, .connection = from, .header = bytes, .header_size = size, .identity = identity};
  stage_step (stage, &event);
}

static uint64_t
refused_by_key (void)
{
  return broker_core_counter (stage->core, BROKER_COUNT_REFUSED_BY_KEY);
}

// Alice, on connection 1, serves agent/alice.
static void
serve_alice (void)
{
  come (1, identity_of ("alice"));
  stage_register (stage, 1, "agent/alice", 4, true);
}

// Ann, on connection 2, has called alice, who runs it.
static troupe_id_t
call_alice (void)
{
  troupe_id_t id = stage_id (1);
  serve_alice ();
  come (2, identity_of ("ann"));
  stage_call (stage, 2, &id, "agent/alice", "ann-1", 0, 0);
  stage_settle_store (stage);
  cr_assert_not_null (stage_take (stage, 1, TROUPE_CMD_OFFER));
  return id;
}

Test (core_rights, nobody_comes_without_an_identity)
{
  come (1, NULL);
  cr_expect_eq (core_rig_refused (1), TROUPE_PERMISSION);
  cr_expect_null (stage_take (stage, 1, TROUPE_CMD_WELCOME));
  cr_expect_eq (refused_by_key (), 1u);
  come (1, identity_of ("alice"));
  cr_expect_not_null (stage_take (stage, 1, TROUPE_CMD_WELCOME));
}

Test (core_rights, a_name_belongs_to_its_key)
{
  serve_alice ();
  cr_expect_not_null (stage_take (stage, 1, TROUPE_CMD_REGISTERED));
  stage_register (stage, 1, "agent/bob", 4, true);
  cr_expect_eq (core_rig_refused (1), TROUPE_PERMISSION);
  come (2, identity_of ("ann"));
  stage_register (stage, 2, "agent/alice", 4, true);
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
  cr_expect_null (stage_take (stage, 2, TROUPE_CMD_REGISTERED));
  cr_expect_eq (refused_by_key (), 2u);
}

Test (core_rights, sessions_belong_to_keys)
{
  troupe_id_t first = stage_id (1), second = stage_id (2);
  serve_alice ();
  come (2, identity_of ("ann"));
  stage_call (stage, 2, &first, "agent/alice", "ann-1", 0, 0);
  stage_settle_store (stage);
  cr_expect_not_null (stage_take (stage, 2, TROUPE_CMD_ACCEPTED));
  stage_call (stage, 2, &second, "agent/alice", "bob-1", 0, 0);
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
  stage_await (stage, 2, &first, "bob-1");
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
  stage_cancel (stage, 2, &first, "bob-1");
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
}

Test (core_rights, only_some_may_call)
{
  troupe_id_t id = stage_id (1);
  serve_alice ();
  come (2, identity_of ("eve"));
  stage_call (stage, 2, &id, "agent/alice", "s", 0, 0);
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
}

Test (core_rights, only_operators_see_reports)
{
  come (1, identity_of ("alice"));
  come (2, identity_of ("eve"));
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_STATUS);
  troupe_header_set_request (&header, 7);
  stage_receive (stage, 1, &header, NULL);
  cr_expect_eq (core_rig_refused (1), TROUPE_PERMISSION);
  stage_receive (stage, 2, &header, NULL);
  cr_expect_not_null (stage_take (stage, 2, TROUPE_CMD_REPORT));
}

Test (core_rights, a_memory_is_read_only_by_who_runs_the_call)
{
  troupe_id_t id = call_alice ();
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_request (&header, 1);
  troupe_header_set_from (&header, 0);
  troupe_header_set_count (&header, 10);
  stage_receive (stage, 2, &header, NULL);
  cr_expect_eq (core_rig_refused (2), TROUPE_STALE);
  stage_receive (stage, 1, &header, NULL);
  stage_settle_store (stage);
  cr_expect_not_null (stage_take (stage, 1, TROUPE_CMD_RECALLED));
}

Test (core_rights, only_its_name_settles_a_call)
{
  troupe_id_t id = call_alice ();
  come (3, identity_of ("eve")); // who knows the call, and calls herself what alice's instance does
  stage_settle (stage, 3, &id, "ann-1", 1, "forged");
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (3), TROUPE_STALE);
  cr_expect_null (stage_take (stage, 2, TROUPE_CMD_SETTLED));
  stage_settle (stage, 1, &id, "ann-1", 1, "real");
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, 2, TROUPE_CMD_SETTLED);
  cr_assert_not_null (settled);
  cr_expect (stage_body_is (settled, "real"));
}

Test (core_rights, calls_within_a_call_are_made_by_who_runs_it)
{
  troupe_id_t id = call_alice (), nested = stage_id (2);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &nested);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("ann-1"));
  troupe_header_set_path (&header, &id, 1);
  troupe_header_set_parent (&header, 1);
  stage_receive (stage, 2, &header, NULL);
  cr_expect_eq (core_rig_refused (2), TROUPE_PERMISSION);
  stage_receive (stage, 1, &header, NULL);
  stage_settle_store (stage);
  cr_expect_neq (core_rig_refused (1), TROUPE_PERMISSION);
}

Test (core_rights, a_revoked_key_ends_its_peers_and_may_come_back)
{
  troupe_id_t id = stage_id (1);
  come (1, identity_of ("alice"));
  come (3, identity_of ("alice"));
  stage_register (stage, 1, "agent/alice", 4, true);
  come (2, identity_of ("ann"));
  stage_forget (stage);
  stage_step (stage, &(broker_event_t){.kind = BROKER_REVOKED, .user = "token:alice"});
  cr_expect_not_null (stage_take (stage, 1, TROUPE_CMD_RESET));
  cr_expect_not_null (stage_take (stage, 3, TROUPE_CMD_RESET));
  cr_expect_null (stage_take (stage, 2, TROUPE_CMD_RESET));
  stage_call (stage, 2, &id, "agent/alice", "ann-1", 0, 0);
  stage_settle_store (stage);
  cr_expect_null (stage_take (stage, 1, TROUPE_CMD_OFFER));
  stage_register (stage, 1, "agent/alice", 4, true);
  cr_expect_null (stage_take (stage, 1, TROUPE_CMD_REGISTERED), "its frames are a stranger's");
  come (1, NULL);
  cr_expect_eq (core_rig_refused (1), TROUPE_PERMISSION);
  come (1, identity_of ("alice"));
  cr_expect_not_null (stage_take (stage, 1, TROUPE_CMD_WELCOME));
}

Test (core_rights, a_hub_is_heard_by_those_whose_actors_are_in_it)
{
  troupe_id_t hub = stage_id (9);
  char topic[SAYING_TOPIC_SIZE];
  saying_topic (topic, &hub);
  size_t size = strlen (topic);
  const troupe_identity_t *alice = identity_of ("alice"), *ann = identity_of ("ann");
  come (1, alice);
  cr_expect (saying_allows (stage->core, NULL, topic, size), "without a guard the id is enough");
  cr_expect_not (saying_allows (stage->core, alice, topic, size));
  broker_core_t *core = stage->core;
  hearing_offered (core, LIST_ITEM (list_first (&core->all_peers), peer_t, in_core), &hub);
  cr_expect (saying_allows (core, alice, topic, size));
  cr_expect_not (saying_allows (core, ann, topic, size), "to know the id is not enough");
  cr_expect_not (saying_allows (core, alice, topic, 4), "nor all hubs at once");
  cr_expect_not (saying_allows (core, alice, "", 0));
  cr_expect (saying_allows (core, ann, "mesh", 4));
  stage_step (stage, &(broker_event_t){.kind = BROKER_REVOKED, .user = "token:alice"});
  cr_expect_not (saying_allows (core, alice, topic, size));
}

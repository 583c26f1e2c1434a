// SPDX-License-Identifier: Apache-2.0
//
// Connections: hello, leases, garbage, limits, events.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open_alone (NULL);
}

TestSuite (core_peers, .init = open, .fini = core_rig_close);

static void
receive_bytes (broker_connection_t from, const void *bytes, size_t size)
{
  broker_event_t event = {.kind = BROKER_FRAME, .connection = from, .header = bytes, .header_size = size};
  broker_core_step (stage->core, &event, stage->now);
}

Test (core_peers, hello_is_welcomed_with_the_terms)
{
  stage_hello (stage, 1, "alice-1");
  const stage_message_t *welcome = stage_take (stage, 1, TROUPE_CMD_WELCOME);
  cr_assert (welcome != NULL);
  cr_expect (troupe_text_equal (welcome->header.peer, "broker-1"));
  cr_expect_eq (welcome->header.heartbeat, 500);
  cr_expect_eq (welcome->header.lease, 2500);
  cr_expect_eq (welcome->header.limit, 16 * 1024 * 1024);
  cr_expect (troupe_text_equal (welcome->header.endpoint, "ipc://publish"));
  stage_register (stage, 1, "tool/echo", 4, false);
  stage_hello (stage, 1, "alice-1");
  cr_expect (core_rig_sent (1, TROUPE_CMD_WELCOME), "again");
  stage_hello (stage, 2, "caller");
  troupe_id_t id = stage_id (1);
  stage_call (stage, 2, &id, "tool/echo", "s", 0, 0);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (1, TROUPE_CMD_OFFER), "and it lost nothing by it");
}

Test (core_peers, a_peer_of_another_mesh_is_turned_away)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  troupe_header_set_mesh (&header, troupe_text ("other"));
  stage_receive (stage, 1, &header, NULL);
  cr_expect_eq (core_rig_refused (1), TROUPE_WRONG_MESH);
  cr_expect_not (core_rig_sent (1, TROUPE_CMD_WELCOME));
  troupe_header_set_mesh (&header, troupe_text ("m"));
  stage_receive (stage, 1, &header, NULL);
  const stage_message_t *welcome = stage_take (stage, 1, TROUPE_CMD_WELCOME);
  cr_assert (welcome != NULL && troupe_text_equal (welcome->header.mesh, "m"));
}

static void
say_hello_as (broker_connection_t from, unsigned minor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("newer"));
  troupe_header_set_minor (&header, minor);
  stage_receive (stage, from, &header, NULL);
  const stage_message_t *welcome = stage_take (stage, from, TROUPE_CMD_WELCOME);
  cr_assert (welcome != NULL && troupe_header_minor (&welcome->header) == TROUPE_PROTOCOL_MINOR);
}

Test (core_peers, a_command_of_a_later_minor_version_is_refused_with_what_to_do)
{
  static const uint8_t unknown[] = {0x93, TROUPE_PROTOCOL_VERSION, 120, 0x80};
  const troupe_err_t expected[] = {TROUPE_BAD_FRAME, TROUPE_VERSION_MISMATCH};
  for (unsigned i = 0; i < 2; i++) {
    say_hello_as (i + 1, TROUPE_PROTOCOL_MINOR + i);
    receive_bytes (i + 1, unknown, sizeof unknown);
    const stage_message_t *refused = stage_take (stage, i + 1, TROUPE_CMD_REFUSED);
    cr_assert (refused != NULL && refused->header.of == 120);
    cr_expect_eq (stage_error (refused), expected[i]);
  }
}

Test (core_peers, strangers_are_told_to_say_hello_but_not_each_time)
{
  for (int i = 0; i < 100; i++)
    stage_say (stage, 7, TROUPE_CMD_HEARTBEAT);
  cr_expect (core_rig_sent (7, TROUPE_CMD_RESET));
  cr_expect_not (core_rig_sent (7, TROUPE_CMD_RESET));
  stage_advance (stage, 500);
  stage_say (stage, 7, TROUPE_CMD_HEARTBEAT);
  cr_expect (core_rig_sent (7, TROUPE_CMD_RESET));
  stage_say (stage, 8, TROUPE_CMD_BYE);
  cr_expect_not (core_rig_sent (8, TROUPE_CMD_RESET));
}

Test (core_peers, silence_is_death_and_any_message_is_life)
{
  stage_hello (stage, 1, "silent");
  stage_hello (stage, 2, "alive");
  stage_register (stage, 1, "tool/echo", 4, false);
  for (int i = 0; i < 6; i++) {
    stage_advance (stage, 500);
    stage_say (stage, 2, TROUPE_CMD_HEARTBEAT);
    cr_expect (core_rig_sent (2, TROUPE_CMD_HEARTBEAT), "heartbeats go out too");
  }
  stage_say (stage, 1, TROUPE_CMD_HEARTBEAT);
  cr_expect (core_rig_sent (1, TROUPE_CMD_RESET));
  stage_say (stage, 2, TROUPE_CMD_HEARTBEAT);
  cr_expect_not (core_rig_sent (2, TROUPE_CMD_RESET));
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PEERS_LOST), 1);
}

Test (core_peers, a_broker_that_stood_still_gives_new_leases)
{
  stage_hello (stage, 1, "alive");
  stage_advance (stage, 600);
  stage->now += 10000; // the machine slept
  broker_core_step (stage->core, &(broker_event_t){.kind = BROKER_TIME}, stage->now);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PEERS_LOST), 0);
  stage_advance (stage, 3000);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PEERS_LOST), 1);
}

// What it reads first when it wakes may be a call whose service found it silent, left, and is on its way back.
Test (core_peers, a_broker_that_stood_still_calls_no_service_unknown_until_its_peers_are_back)
{
  stage_hello (stage, 1, "worker");
  stage_register (stage, 1, "tool/echo", 4, false);
  stage_hello (stage, 2, "caller");
  stage_say (stage, 1, TROUPE_CMD_BYE);
  stage->now += 10000;
  troupe_id_t id = stage_id (1), never = stage_id (2);
  stage_call (stage, 2, &id, "tool/echo", "s", 0, 0);
  stage_call (stage, 2, &never, "tool/none", "s", 0, 0);
  cr_expect_not (core_rig_sent (2, TROUPE_CMD_REFUSED));
  stage_hello (stage, 3, "worker");
  stage_register (stage, 3, "tool/echo", 4, false);
  stage_settle_store (stage);
  const stage_message_t *offer = stage_take (stage, 3, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL && troupe_id_equal (&offer->header.call, &id));
  cr_expect_not (core_rig_sent (2, TROUPE_CMD_REFUSED));
  stage_advance (stage, 1100);
  cr_expect_eq (core_rig_refused (2), TROUPE_UNKNOWN_SERVICE);
}

Test (core_peers, garbage_is_answered_ten_times)
{
  static const uint8_t garbage[] = {0xff, 0xfe, 0xfd};
  for (int i = 0; i < 50; i++) {
    receive_bytes (1, garbage, sizeof garbage);
    receive_bytes (1, garbage, 0);
  }
  int answers = 0;
  for (const stage_message_t *refused; (refused = stage_take (stage, 1, TROUPE_CMD_REFUSED)) != NULL; answers++)
    cr_expect_eq (stage_error (refused), TROUPE_BAD_FRAME);
  cr_expect_eq (answers, 10);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_MESSAGES_BAD), 100);
}

Test (core_peers, another_version_is_told_so_with_the_command_it_used)
{
  static const uint8_t hello[] = {0x93, 0x09, TROUPE_CMD_HELLO, 0x81, 16, 0xa1, 'x'};
  receive_bytes (1, hello, sizeof hello);
  const stage_message_t *refused = stage_take (stage, 1, TROUPE_CMD_REFUSED);
  cr_assert (refused != NULL);
  cr_expect_eq (stage_error (refused), TROUPE_VERSION_MISMATCH);
  cr_expect_eq (refused->header.of, TROUPE_CMD_HELLO);
}

Test (core_peers, commands_of_brokers_are_not_taken)
{
  stage_hello (stage, 1, "alice-1");
  stage_say (stage, 1, TROUPE_CMD_BYE);
  stage_hello (stage, 2, "alice-2");
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_ACCEPTED);
  troupe_id_t id = stage_id (1);
  troupe_header_set_call (&header, &id);
  stage_receive (stage, 2, &header, NULL);
  cr_expect_eq (core_rig_refused (2), TROUPE_BAD_FRAME);
}

Test (core_peers, a_body_over_the_limit_is_too_large)
{
  broker_limits_t limits = stage_limits;
  limits.message = 1024;
  core_rig_reopen (&limits);
  troupe_header_t header = core_rig_call_header (1, "tool/echo");
  char bytes[1025] = {0};
  troupe_buffer_t *body = NULL;
  cr_assert_eq (troupe_buffer_new (&body, bytes, sizeof bytes), TROUPE_OK);
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_TOO_LARGE && refused->header.of == TROUPE_CMD_CALL);
  cr_expect (troupe_id_equal (&refused->header.call, &header.call));
}

Test (core_peers, a_peer_serves_a_thousand_services_at_most)
{
  stage_hello (stage, 1, "busy");
  char name[32];
  for (int i = 0; i < 1000; i++) {
    snprintf (name, sizeof name, "tool/t%d", i);
    stage_register (stage, 1, name, 1, false);
  }
  cr_expect_not (core_rig_sent (1, TROUPE_CMD_REFUSED));
  stage_register (stage, 1, "tool/more", 1, false);
  cr_expect_eq (core_rig_refused (1), TROUPE_OVERLOADED);
}

Test (core_peers, ten_thousand_peers_at_most)
{
  for (broker_connection_t i = 1; i <= 10000; i++)
    stage_hello (stage, i, "peer");
  stage_hello (stage, 10001, "peer");
  const stage_message_t *refused = stage_take (stage, 10001, TROUPE_CMD_REFUSED);
  cr_expect (refused != NULL && stage_error (refused) == TROUPE_OVERLOADED && refused->header.of == TROUPE_CMD_HELLO);
}

Test (core_peers, instances_agree_on_whether_they_are_an_actor)
{
  stage_hello (stage, 1, "one");
  stage_hello (stage, 2, "two");
  stage_register (stage, 1, "agent/alice", 1, true);
  stage_register (stage, 2, "agent/alice", 1, false);
  cr_expect_eq (core_rig_refused (2), TROUPE_CONFLICT);
  stage_say (stage, 1, TROUPE_CMD_BYE);
  stage_register (stage, 2, "agent/alice", 1, false);
  cr_expect (core_rig_sent (2, TROUPE_CMD_REGISTERED));
}

Test (core_peers, comings_and_goings_are_published)
{
  static const char *const expected[] = {"joined", "left", "joined", "lost"};
  stage_hello (stage, 1, "one");
  stage_register (stage, 1, "agent/alice", 1, true);
  stage_say (stage, 1, TROUPE_CMD_BYE);
  stage_hello (stage, 2, "two");
  stage_register (stage, 2, "agent/alice", 1, true);
  stage_unsent (stage, 2, TROUPE_CMD_HEARTBEAT, false);
  for (size_t i = 0; i < 4; i++) {
    const stage_message_t *event = stage_take (stage, 0, TROUPE_CMD_EVENT);
    cr_assert (event != NULL);
    cr_expect (troupe_text_equal (event->header.service, "agent/alice"));
    cr_expect (troupe_text_equal (event->header.peer, i < 2 ? "one" : "two"));
    json_t *json = core_rig_json (event);
    cr_expect_str_eq (json_string_value (json_object_get (json, "event")), expected[i]);
    cr_expect_str_eq (json_string_value (json_object_get (json, "broker")), "broker-1");
    json_decref (json);
  }
}

Test (core_peers, a_part_for_a_full_queue_is_dropped_anything_else_is_a_loss)
{
  stage_hello (stage, 1, "slow");
  stage_unsent (stage, 1, TROUPE_CMD_PART, true);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PARTS_FULL), 1);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PEERS_LOST), 0);
  stage_unsent (stage, 1, TROUPE_CMD_SETTLED, true);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_PEERS_LOST), 1);
}

Test (core_peers, bye_goes_to_all_when_the_broker_ends)
{
  stage_hello (stage, 1, "one");
  stage_hello (stage, 2, "two");
  broker_core_step (stage->core, &(broker_event_t){.kind = BROKER_STOP}, stage->now);
  cr_expect (core_rig_sent (1, TROUPE_CMD_BYE) && core_rig_sent (2, TROUPE_CMD_BYE));
}

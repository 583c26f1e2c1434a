// SPDX-License-Identifier: Apache-2.0

#include "rig.h"

#include <string.h>

Test (connection, hello_welcome_heartbeats)
{
  rig_t rig;
  rig_open (&rig, 1);
  cr_assert (node_core_wish (rig.core, 0).open);
  cr_assert (eq (int, node_core_health (rig.core, NULL), TROUPE_UNAVAILABLE));
  rig_welcome (&rig, 0);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  cr_assert (eq (int, node_core_health (rig.core, NULL), TROUPE_OK));
  cr_assert (rig_quiet (&rig, 0));
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEARTBEAT);
  cr_assert (eq (ulong, rig.header.load, 0));
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (connection, silence_for_a_lease_means_a_new_socket)
{
  rig_t rig;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  unsigned generation = node_core_wish (rig.core, 0).generation;
  rig_pass (&rig, RIG_LEASE - 1, 0);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_pass (&rig, 2, 0);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 0));
  cr_assert (ne (uint, node_core_wish (rig.core, 0).generation, generation));
  rig_welcome (&rig, 0);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_close (&rig);
}

Test (connection, after_our_own_sleep_the_broker_gets_a_lease_more)
{
  rig_t rig;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  rig.now += 10 * RIG_LEASE; // no tick in between
  cr_assert (not(rig_quiet (&rig, 0)));
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_pass (&rig, RIG_LEASE + 2, 0);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 0));
  rig_close (&rig);
}

Test (connection, without_an_answer_hello_goes_out_on_new_sockets)
{
  rig_t rig;
  rig_open (&rig, 1);
  unsigned generation = node_core_wish (rig.core, 0).generation;
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  rig_pass (&rig, 3000, 0);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  cr_assert (ne (uint, node_core_wish (rig.core, 0).generation, generation));
  rig_close (&rig);
}

Test (connection, a_broken_transport_is_tried_again_more_and_more_slowly)
{
  rig_t rig;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  int64_t waited = 0;
  for (int i = 0; i < 10; i++) {
    rig_disconnect (&rig, 0);
    cr_assert (not(node_core_wish (rig.core, 0).open));
    int64_t start = rig.now;
    while (!node_core_wish (rig.core, 0).open)
      rig_pass (&rig, 1, 0);
    cr_assert (ge (long, rig.now - start, waited));
    waited = rig.now - start;
    cr_assert (le (long, waited, 1000));
  }
  cr_assert (eq (long, waited, 1000));
  rig_welcome (&rig, 0);
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  cr_assert (node_core_wish (rig.core, 0).open);
  rig_close (&rig);
}

Test (connection, reset_means_hello_once_on_the_same_socket)
{
  rig_t rig;
  troupe_header_t header;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  unsigned generation = node_core_wish (rig.core, 0).generation;
  troupe_header_init (&header, TROUPE_CMD_RESET);
  troupe_header_set_peer (&header, troupe_text ("broker-1"));
  for (int i = 0; i < 3; i++)
    rig_say (&rig, 0, &header, NULL);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 0));
  cr_assert (eq (uint, node_core_wish (rig.core, 0).generation, generation));
  rig_welcome (&rig, 0);
  cr_assert (rig_quiet (&rig, 0));
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_close (&rig);
}

Test (connection, bye_means_another_broker)
{
  rig_t rig;
  troupe_header_t header;
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  troupe_placeholder_t *placeholder = rig_call (&rig, NULL, "agent/alice", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  troupe_header_init (&header, TROUPE_CMD_BYE);
  rig_say (&rig, 0, &header, NULL);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (connection, another_version_is_told_and_tried_slowly)
{
  rig_t rig;
  troupe_error_t error = {0};
  rig_open (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  rig_refuse (&rig, 0, TROUPE_CMD_HELLO, NULL, 0, TROUPE_VERSION_MISMATCH);
  cr_assert (eq (int, node_core_health (rig.core, &error), TROUPE_VERSION_MISMATCH));
  cr_assert_str_eq (error.why, "why");
  rig_pass (&rig, 4900, 0);
  cr_assert (not(node_core_wish (rig.core, 0).open));
  rig_pass (&rig, 200, 0);
  rig_welcome (&rig, 0);
  cr_assert (eq (int, node_core_health (rig.core, &error), TROUPE_OK));
  rig_close (&rig);
}

Test (connection, noise_is_dropped_and_counted)
{
  rig_t rig;
  unsigned char noise[] = {0xc1, 0xff, 0x93};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  for (unsigned size = 0; size <= sizeof noise; size++)
    node_core_step (rig.core, &(node_event_t){NODE_RECEIVED, 0, noise, size, NULL}, rig.now);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_BAD), sizeof noise + 1));
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_close (&rig);
}

Test (connection, a_node_needs_a_name_and_brokers)
{
  rig_t rig = {0};
  const char *none[] = {NULL}, *one[] = {"ipc://one", NULL};
  troupe_error_t error = {0};
  node_core_t *core = NULL;
  rig_open (&rig, 1);
  node_core_options_t options = {"test", none, NULL, NULL, NULL, NULL};
  cr_assert (eq (int, node_core_new (&core, &options, 0, &error), TROUPE_BAD_ARGUMENT));
  options = (node_core_options_t){"a name", one, NULL, NULL, NULL, NULL};
  cr_assert (eq (int, node_core_new (&core, &options, 0, &error), TROUPE_BAD_ARGUMENT));
  rig_close (&rig);
}

Test (connection, a_broker_that_takes_connections_and_says_nothing)
{
  rig_t rig;
  troupe_error_t error = {0};
  rig_open (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  cr_assert (not (node_core_broker_hangs (rig.core)));
  node_core_step (rig.core, &(node_event_t){NODE_CONNECTED, 0}, rig.now);
  cr_assert (node_core_broker_hangs (rig.core));
  rig_pass (&rig, 2600, 0); // it is tried again
  cr_assert (node_core_broker_hangs (rig.core));
  cr_assert (eq (int, node_core_health (rig.core, &error), TROUPE_UNAVAILABLE));
  cr_assert_not_null (strstr (error.why, "doesn't answer"));
  rig_pass (&rig, 2600, 0); // and now there is nobody any more
  cr_assert (not (node_core_broker_hangs (rig.core)));
  node_core_step (rig.core, &(node_event_t){NODE_CONNECTED, 0}, rig.now);
  rig_disconnect (&rig, 0);
  cr_assert (not (node_core_broker_hangs (rig.core)));
  rig_close (&rig);
}

Test (connection, a_broker_of_another_mesh)
{
  rig_t rig;
  troupe_error_t error = {0};
  troupe_header_t header;
  rig_open (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  cr_assert (troupe_text_equal (rig.header.mesh, "m"));
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text ("broker-1"));
  troupe_header_set_heartbeat (&header, RIG_HEARTBEAT);
  troupe_header_set_lease (&header, RIG_LEASE);
  troupe_header_set_limit (&header, 100 * 1000);
  troupe_header_set_mesh (&header, troupe_text ("other"));
  rig_say (&rig, 0, &header, NULL);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 0));
  cr_assert (eq (int, node_core_health (rig.core, &error), TROUPE_WRONG_MESH));
  rig_pass (&rig, 6000, 0);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO); // it may be ours by then
  troupe_header_set_mesh (&header, troupe_text ("m"));
  rig_say (&rig, 0, &header, NULL);
  cr_assert (eq (uint, node_core_brokers_up (rig.core), 1));
  rig_close (&rig);
}

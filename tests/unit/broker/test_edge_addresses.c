// SPDX-License-Identifier: Apache-2.0
//
// Where a broker listens: not where another one does, but where a dead one did.

#include "edge_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

TestSuite (edge_addresses, .init = edge_rig_open, .fini = edge_rig_close, .timeout = 120);

Test (edge_addresses, an_address_in_use_is_not_taken_away)
{
  broker_edge_t *second = NULL;
  troupe_error_t error = {0};
  cr_expect_eq (edge_rig_new (&second, "broker-2", &error), TROUPE_ADDRESS_IN_USE);
  cr_expect (strstr (error.object, "ipc://") != NULL && error.next[0] != '\0');
  cr_expect_null (second);
  edge_peer_t caller = edge_peer_join ("caller"); // and the first still listens
  edge_peer_leave (&caller);

  char endpoint[64];
  void *tcp;
  cr_assert_eq (troupe_socket_new (&tcp, edge_rig.zmq, ZMQ_ROUTER, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_bind (tcp, "tcp://127.0.0.1:*", NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_endpoint (tcp, endpoint, sizeof endpoint), TROUPE_OK);
  broker_edge_options_t options = {.name = "broker-2",
                                   .endpoint = endpoint,
                                   .publish = "tcp://127.0.0.1:*",
                                   .store = edge_rig.redis.url,
                                   .insecure = true,
                                   .limits = edge_rig_limits};
  cr_expect_eq (broker_edge_new (&second, edge_rig.loop, &options, &error), TROUPE_ADDRESS_IN_USE);
  troupe_socket_close (&tcp, false);
}

Test (edge_addresses, it_can_listen_elsewhere_than_where_others_reach_it)
{
  broker_edge_t *edge = NULL;
  broker_edge_options_t options = {.name = "broker-2",
                                   .endpoint = "tcp://localhost:*",
                                   .publish = "tcp://localhost:*",
                                   .bind = "127.0.0.1",
                                   .store = edge_rig.redis.url,
                                   .insecure = true,
                                   .limits = edge_rig_limits};
  cr_assert_eq (broker_edge_new (&edge, edge_rig.loop, &options, NULL), TROUPE_OK);
  unsigned port = 0, publish = 0;
  cr_assert_eq (sscanf (broker_edge_endpoint (edge), "tcp://localhost:%u", &port), 1);
  cr_assert_eq (sscanf (broker_edge_publish (edge), "tcp://localhost:%u", &publish), 1);
  cr_expect (port != 0 && publish != 0 && port != publish);
  broker_edge_destroy (&edge);
  options.bind = "127.0.0.1.5";
  troupe_error_t error = {0};
  cr_expect_neq (broker_edge_new (&edge, edge_rig.loop, &options, &error), TROUPE_OK);
  cr_expect_str_eq (error.object, "tcp://127.0.0.1.5:*");
}

Test (edge_addresses, the_socket_of_a_dead_broker_is_taken_over)
{
  broker_edge_destroy (&edge_rig.edge);
  const char *path = edge_rig.endpoint + strlen ("ipc://");
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  cr_assert_eq (bind (fd, (struct sockaddr *)&address, sizeof address), 0);
  close (fd); // the file stays, and nobody listens
  struct stat about;
  cr_expect_eq (stat (path, &about), 0);
  troupe_error_t error = {0};
  cr_assert_eq (edge_rig_new (&edge_rig.edge, "broker-1", &error), TROUPE_OK, "%s", error.why);
  edge_peer_t caller = edge_peer_join ("caller");
  edge_peer_leave (&caller);
  char folder[128];
  snprintf (folder, sizeof folder, "%s/state", edge_rig.redis.folder);
  cr_expect_eq (stat (folder, &about), 0);
  cr_expect_eq (about.st_mode & 0777, 0700);
}

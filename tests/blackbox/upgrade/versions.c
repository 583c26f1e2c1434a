// SPDX-License-Identifier: Apache-2.0
//
// Programs of a later release, in another language: what they have that ours don't know does no harm, what ours must
// know of it is refused with what to do, and another major version altogether, too.

#include "blackbox/harness/mesh.h"
#include "troupe/wire.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (versions, .init = place_enter, .fini = place_leave);

static const char endpoint[] = "ipc://.troupe/troupe/broker-1.ipc";

static process_t *
peer_of (const char *what, const char *where)
{
  const char *python = getenv ("PYTHON");
  return process_run (python ? python : "/usr/bin/python3", TROUPE_SOURCE_DIR "/tests/blackbox/upgrade/peers.py",
                      TROUPE_SOURCE_DIR "/docs/reference", what, where);
}

static void
end (process_t **process_p)
{
  process_signal (*process_p, SIGINT);
  process_expect_exit (*process_p, 0);
  process_destroy (process_p);
}

static void
expect_protocol (const char *protocol)
{
  json_t *reports = mesh_report ();
  const json_t *report = json_array_get (reports, 0), *services = json_object_get (report, "services");
  const json_t *instance = json_array_get (json_object_get (json_array_get (services, 0), "instances"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (instance, "protocol")), protocol);
  char ours[24];
  snprintf (ours, sizeof ours, "%d.%d", TROUPE_PROTOCOL_VERSION, TROUPE_PROTOCOL_MINOR);
  cr_assert_str_eq (json_string_value (json_object_get (report, "protocol")), ours);
  json_decref (reports);
}

Test (versions, a_peer_of_a_later_minor_version_serves_and_is_told_what_the_broker_does_not_know)
{
  process_t *up = mesh_up (""), *peer = peer_of ("peer", endpoint);
  process_expect (peer, "^welcomed by [0-9]+$");
  process_expect (peer,
                  "^refused 126 version_mismatch - the peer speaks version 2\\.7 of the protocol, this broker version "
                  "2\\.[0-9]+, which has no command 126 - upgrade the brokers first$");
  int status;
  json_t *value = mesh_call ("tool/echo", "\"Hello\"", NULL, &status, NULL);
  cr_assert_str_eq (json_string_value (value), "Hello");
  json_decref (value);
  expect_protocol ("2.7");
  end (&peer);
  mesh_down (&up);
}

Test (versions, a_peer_that_tells_no_minor_version_speaks_the_first_one)
{
  process_t *up = mesh_up (""), *echo = peer_of ("first", endpoint);
  process_t *call = process_run ("troupe", "call", "tool/echo", "1", "--wait");
  process_expect_exit (call, 0);
  process_destroy (&call);
  expect_protocol ("2.0");
  end (&echo);
  mesh_down (&up);
}

Test (versions, a_peer_of_another_major_version_is_refused_with_what_to_do)
{
  process_t *up = mesh_up (mesh_plain), *peer = peer_of ("major", endpoint);
  process_expect (peer,
                  "^heard 2 6 \\{18: 1\\} version_mismatch - the sender speaks version 3 of the protocol, the receiver "
                  "version 2\\.[0-9]+ - upgrade the receiver, or run the sender in the receiver's release");
  process_expect_exit (peer, 0);
  process_destroy (&peer);
  mesh_expect_reply ("alice", "one", "Hello", "^turn 1: ");
  mesh_down (&up);
}

Test (versions, a_broker_of_a_later_minor_version_is_as_good_as_ours)
{
  place_write ("troupe.yaml", "brokers:\n  - { name: b, endpoint: 'ipc://b.ipc' }\n");
  process_t *broker = peer_of ("broker", "ipc://b.ipc");
  process_expect (broker, "^bound$");
  process_t *call = process_run ("troupe", "call", "tool/echo", "1", "--broker", "ipc://b.ipc");
  process_expect (broker, "^hello of [0-9]+$");
  process_expect (call, "from the future");
  process_expect_exit (call, 0);
  process_destroy (&call);
  end (&broker);
}

// SPDX-License-Identifier: Apache-2.0
//
// What a node tells brokers of each other, and asks about sessions.

#include "rig.h"

// The heartbeat that waits for this broker tells that the other one is lost.
static void
expect_told (rig_t *rig, unsigned broker, const char *lost)
{
  rig_expect (rig, broker, TROUPE_CMD_HEARTBEAT);
  cr_assert (troupe_header_has (&rig->header, TROUPE_F (LOST)));
  cr_assert (troupe_text_equal (rig->header.lost, lost));
}

Test (telling, the_others_hear_of_a_broker_that_is_lost_at_once_and_for_a_lease)
{
  rig_t rig;
  rig_open (&rig, 3);
  rig.hears_losses = true;
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 2);
  rig_disconnect (&rig, 0);
  expect_told (&rig, 2, "broker-1");
  rig_expect (&rig, 1, TROUPE_CMD_HELLO);
  cr_assert (rig_quiet (&rig, 1), "nobody is there yet");
  const int64_t lease = 2500, heartbeat = 500; // no less than the rig's brokers say
  rig_pass (&rig, heartbeat, 1 << 2);
  expect_told (&rig, 2, "broker-1");
  rig_pass (&rig, 2 * lease, 1 << 2);
  rig_skip (&rig, 2);
  rig_pass (&rig, heartbeat, 1 << 2);
  rig_expect (&rig, 2, TROUPE_CMD_HEARTBEAT);
  cr_assert_not (troupe_header_has (&rig.header, TROUPE_F (LOST)));
  rig_close (&rig);
}

// It may have come back to life, and one that says reset lives.
Test (telling, nobody_hears_of_one_that_is_there_again_or_lives)
{
  rig_t rig;
  troupe_header_t reset;
  rig_open (&rig, 2);
  rig.hears_losses = true;
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  troupe_header_init (&reset, TROUPE_CMD_RESET);
  troupe_header_set_peer (&reset, troupe_text ("broker-1"));
  rig_say (&rig, 0, &reset, NULL);
  cr_assert (rig_quiet (&rig, 1));
  rig_welcome (&rig, 0);
  rig_disconnect (&rig, 0);
  expect_told (&rig, 1, "broker-1");
  rig_pass (&rig, 100, 1 << 1);
  rig_skip (&rig, 1);
  rig_welcome (&rig, 0);
  rig_pass (&rig, 500, 3);
  rig_expect (&rig, 1, TROUPE_CMD_HEARTBEAT);
  cr_assert_not (troupe_header_has (&rig.header, TROUPE_F (LOST)));
  rig_close (&rig);
}

Test (telling, a_session_is_ended_by_a_broker)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  char long_name[200];
  rig_open (&rig, 1);
  cr_assert (
    eq (int, node_core_end_session (rig.core, "one", 1000, probe_reported, &probe, rig.now), TROUPE_UNAVAILABLE));
  rig_welcome (&rig, 0);
  memset (long_name, 'x', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  const char *const wrong[] = {NULL, "", long_name};
  for (size_t i = 0; i < 3; i++)
    cr_assert (
      eq (int, node_core_end_session (rig.core, wrong[i], 1000, probe_reported, &probe, rig.now), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, node_core_end_session (rig.core, "one", 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_END);
  cr_assert (troupe_text_equal (rig.header.session, "one"));
  cr_assert_not (troupe_header_has (&rig.header, TROUPE_F (CALL)));
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, rig.header.request);
  rig_say (&rig, 0, &header, json_pack ("{s:b}", "ended", 1));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 1));
  cr_assert (eq (ptr, json_object_get (json_array_get (probe.last, 0), "ended"), json_true ()));
  json_decref (probe.last);
  rig_close (&rig);
}

// A broker's refusal of such a question is its answer.
Test (telling, a_refused_question_is_answered)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  cr_assert (eq (int, node_core_end_session (rig.core, "one", 100000, probe_reported, &probe, rig.now), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_END);
  troupe_header_t header;
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "broker-1", NULL, "the store is away");
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, TROUPE_CMD_END);
  troupe_header_set_request (&header, rig.header.request);
  rig_say (&rig, 0, &header, troupe_error_to_json (&error));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 1));
  const json_t *failure = json_object_get (json_array_get (probe.last, 0), "error");
  cr_assert_str_eq (json_string_value (json_object_get (failure, "code")), "store_unavailable");
  json_decref (probe.last);
  rig_close (&rig);
}

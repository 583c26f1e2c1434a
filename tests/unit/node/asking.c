// SPDX-License-Identifier: Apache-2.0
//
// What a node asks of brokers that is no call: reports, and who comes and goes.

#include "rig.h"

Test (asking, reports_of_all_brokers)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  cr_assert (eq (int, node_core_report (rig.core, 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_STATUS);
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, rig.header.request);
  rig_say (&rig, 0, &header, json_pack ("{s:i}", "open_calls", 3));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 0));
  rig_pass (&rig, 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 2));
  const json_t *up = json_array_get (probe.last, 0), *down = json_array_get (probe.last, 1);
  cr_assert (eq (ptr, json_object_get (up, "up"), json_true ()));
  cr_assert_str_eq (json_string_value (json_object_get (up, "broker")), "broker-1");
  cr_assert (eq (long, json_integer_value (json_object_get (up, "open_calls")), 3));
  cr_assert (eq (ptr, json_object_get (down, "up"), json_false ()));
  cr_assert_str_eq (json_string_value (json_object_get (down, "endpoint")), "ipc://two");
  cr_assert (gt (sz, json_object_size (json_object_get (down, "error")), 0));
  json_decref (probe.last);
  cr_assert (eq (int, node_core_report (rig.core, 1000, probe_reported, &probe, rig.now), TROUPE_OK)); // dropped
  rig_close (&rig);
}

Test (asking, events)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  cr_assert_null (node_core_wish (rig.core, 0).publish);
  node_core_on_event (rig.core, probe_event, &probe);
  cr_assert_str_eq (node_core_wish (rig.core, 0).publish, "ipc://publish");
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  json_t *json = json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1");
  cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  node_event_t event = {NODE_PUBLISHED, 0, bytes, size, body};
  for (int i = 0; i < 3; i++)
    node_core_step (rig.core, &event, rig.now);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.events, 3));
  cr_assert (json_equal (probe.last, json));
  node_core_step (rig.core, &event, rig.now);
  json_decref (json);
  json_decref (probe.last);
  troupe_buffer_unref (&body);
  rig_close (&rig);
}

// `sessions` came with version 1.
Test (asking, a_broker_of_an_earlier_minor_version_is_not_asked_what_it_does_not_know)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_welcome_as (&rig, 0, 0);
  cr_assert (eq (int, node_core_sessions (rig.core, 0, 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  rig_deliver (&rig);
  cr_assert (rig_quiet (&rig, 0));
  cr_assert (eq (uint, probe.reported, 1));
  const json_t *error = json_object_get (json_array_get (probe.last, 0), "error");
  cr_assert_str_eq (json_string_value (json_object_get (error, "code")), "version_mismatch");

  rig_welcome_as (&rig, 1, 1);
  cr_assert (eq (int, node_core_sessions (rig.core, 0, 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  cr_assert (rig_quiet (&rig, 0));
  rig_expect (&rig, 1, TROUPE_CMD_SESSIONS);
  json_decref (probe.last);
  rig_close (&rig);
}

static void
report_end (rig_t *rig, unsigned broker, unsigned flags, bool ended)
{
  troupe_header_t header;
  rig_expect_past_heartbeats (rig, broker, TROUPE_CMD_END);
  cr_assert (eq (uint, (unsigned)(troupe_header_has (&rig->header, TROUPE_F (FLAGS)) ? rig->header.flags : 0), flags));
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, rig->header.request);
  rig_say (rig, broker, &header, json_pack ("{s:s, s:b}", "session", "s", "ended", (int)ended));
}

// One ends what is stored, each what it alone knows.
Test (asking, the_end_of_a_session_is_told_to_every_broker)
{
  rig_t rig;
  for (unsigned knows = 0; knows < 3; knows++) {
    probe_t probe = {0};
    rig_open (&rig, 2);
    rig_welcome (&rig, 0);
    rig_welcome (&rig, 1);
    cr_assert (eq (int, node_core_end_session (rig.core, "s", 1000, probe_reported, &probe, rig.now), TROUPE_OK));
    report_end (&rig, 0, 0, knows == 0);
    rig_deliver (&rig);
    cr_assert (eq (uint, probe.reported, 0));
    report_end (&rig, 1, TROUPE_FLAG_VOLATILE, knows == 1);
    rig_deliver (&rig);
    cr_assert (eq (uint, probe.reported, 1));
    cr_assert (eq (sz, json_array_size (probe.last), 1));
    const json_t *answer = json_array_get (probe.last, 0);
    cr_assert_str_eq (json_string_value (json_object_get (answer, "broker")), "broker-1");
    cr_assert (eq (int, json_is_true (json_object_get (answer, "ended")), knows < 2));
    json_decref (probe.last);
    rig_close (&rig);
  }
}

// Whoever asked has gone: the answer is nobody's.
Test (asking, what_nobody_wants_to_know_any_more)
{
  rig_t rig;
  probe_t probe = {0}, other = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  cr_assert (eq (int, node_core_end_session (rig.core, "s", 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  cr_assert (eq (int, node_core_report (rig.core, 500, probe_reported, &other, rig.now), TROUPE_OK));
  node_core_stop_asking (rig.core, &probe);
  report_end (&rig, 0, 0, true);
  rig_pass (&rig, 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 0));
  cr_assert (eq (uint, other.reported, 1));
  json_decref (other.last);
  rig_close (&rig);
}

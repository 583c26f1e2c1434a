// SPDX-License-Identifier: Apache-2.0
//
// What a service says of itself, and its tasks as long as all goes well.

#include "rig.h"

#include <string.h>

Test (serving, registers_with_flags_and_again_after_a_loss)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_alice (&rig, &probe);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_ACTOR));
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  rig_registered (&rig, 0, "tool/echo", 1);
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "agent/alice", 8);
  rig_registered (&rig, 0, "tool/echo", 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

// Often within a heartbeat: once with the next one, with what it says then; also to a broker that comes back.
Test (serving, describes_itself_anew_with_a_heartbeat)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error;
  rig_open_alice (&rig, &probe);
  json_t *info = json_pack ("{s:i}", "mood", 1);
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", info, &error), TROUPE_OK));
  json_object_set_new (info, "mood", json_integer (2));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", info, &error), TROUPE_OK));
  rig_skip (&rig, 0);
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  unsigned told = 0;
  while (!rig_quiet (&rig, 0)) {
    json_t *said = NULL;
    rig_read (&rig, 0);
    if (rig.header.command != TROUPE_CMD_REGISTER)
      continue;
    told++;
    cr_assert (eq (int,
                   troupe_value_unpack (troupe_buffer_data (rig.body), troupe_buffer_size (rig.body), &said, &error),
                   TROUPE_OK));
    cr_assert (json_equal (said, info));
    json_decref (said);
  }
  cr_assert (eq (uint, told, 1));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/bob", info, &error), TROUPE_NOT_FOUND));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", json_null (), &error), TROUPE_BAD_ARGUMENT));
  json_decref (info);
  rig_close (&rig);
}

Test (serving, what_a_service_must_be)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  json_t *list = json_array ();
  const struct {
    troupe_service_t service;
    troupe_err_t err;
  } cases[] = {
    {{.name = "echo", .credit = 1, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 0, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 2000 * 1000, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 1}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 1, .serve = probe_serve, .info = list}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/echo", .credit = 1, .serve = probe_serve}, TROUPE_CONFLICT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert (eq (int, node_core_serve (rig.core, &cases[i].service, NULL), cases[i].err));
  json_decref (list);
  rig_close (&rig);
}

Test (serving, a_task_from_offer_to_confirmation)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  cr_assert (eq (uint, probe.served, 1));
  troupe_task_t *task = probe.task;
  cr_assert_str_eq (json_string_value (troupe_task_input (task)), "input");
  cr_assert_str_eq (troupe_task_session (task), "session-1");
  cr_assert_str_eq (troupe_task_service (task), "agent/alice");
  cr_assert (eq (uint, troupe_task_attempt (task), 1));
  cr_assert (eq (long, troupe_task_deadline (task), rig.now + 60 * 1000));
  cr_assert (eq (sz, troupe_task_memory_size (task), 3));
  cr_assert (troupe_task_streams (task));

  for (unsigned i = 0; i < 2; i++) {
    cr_assert (eq (int, troupe_task_part (task, json_string ("part")), TROUPE_OK));
    rig_expect (&rig, 0, TROUPE_CMD_PART);
    cr_assert (eq (ulong, rig.header.sequence, i));
  }
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEARTBEAT);
  cr_assert (eq (ulong, rig.header.load, 1));
  cr_assert (eq (int, troupe_task_remember (task, json_string ("one")), TROUPE_OK));
  cr_assert (eq (int, troupe_task_remember (task, json_string ("three")), TROUPE_OK));
  troupe_task_reply (&task, json_string ("value"));
  cr_assert_null (task);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_VALUE));
  cr_assert (eq (uint, rig.header.sizes_count, 2));
  cr_assert (eq (uint, rig.header.sizes[0], 4));
  cr_assert (eq (uint, rig.header.sizes[1], 6));
  cr_assert (eq (sz, troupe_buffer_size (rig.body), 6 + 4 + 6));
  cr_assert (eq (int, memcmp (troupe_buffer_data (rig.body), "\xa5value\xa3one\xa5three", 16), 0));
  rig_confirm (&rig, 0, &id, 1);
  rig_confirm (&rig, 0, &id, 1);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 1));
  rig_pass (&rig, 10, 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (serving, tasks_may_outlive_the_node)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig), queued = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_offer (&rig, 0, "agent/alice", &queued, 1);
  rig_close (&rig);
  cr_assert (troupe_task_cancelled (probe.task));
  cr_assert_str_eq (troupe_task_service (probe.task), "agent/alice");
  cr_assert (eq (int, troupe_task_part (probe.task, json_null ()), TROUPE_OK));
  troupe_task_reply (&probe.task, json_null ());
}

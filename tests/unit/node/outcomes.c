// SPDX-License-Identifier: Apache-2.0
//
// Outcomes go out until one is confirmed, and what the broker refuses of them.

#include "rig.h"

#include <stdlib.h>
#include <string.h>

Test (outcomes, an_outcome_without_confirmation_goes_out_again_anywhere)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "agent/alice", true, 8);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "agent/alice", 8);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_disconnect (&rig, 0);
  troupe_task_reply (&probe.task, json_null ()); // nobody is up
  rig_welcome (&rig, 1);
  rig_registered (&rig, 1, "agent/alice", 8);
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  rig_pass (&rig, 20, 2);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "agent/alice", 4);
  rig_expect (&rig, 1, TROUPE_CMD_GRANT);
  rig_disconnect (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_expect (&rig, 0, TROUPE_CMD_GRANT);
  rig_confirm (&rig, 0, &id, 1);
  rig_pass (&rig, 60 * 1000, 1);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_SETTLES_RESENT), 1));
  rig_close (&rig);
}

Test (outcomes, a_stale_outcome_is_dropped)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_STALE);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_SETTLES_DROPPED), 1));
  rig_offer (&rig, 0, "agent/alice", &id, 2); // a new run
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 2));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 2, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, 300, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_close (&rig);
}

Test (outcomes, a_refused_outcome_becomes_an_error)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  cr_assert (eq (int, troupe_task_remember (probe.task, json_string ("one")), TROUPE_OK));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_TOO_LARGE);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  cr_assert (eq (uint, rig.header.sizes_count, 0));
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_TOO_LARGE);
  rig_pass (&rig, 100, 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (outcomes, what_is_too_large_becomes_an_error_at_once)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  char *large = malloc (200 * 1000);
  memset (large, 'x', 200 * 1000);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_part (probe.task, json_stringn (large, 200 * 1000)), TROUPE_TOO_LARGE));
  troupe_task_reply (&probe.task, json_stringn (large, 200 * 1000));
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  json_t *json = NULL;
  cr_assert (eq (int, troupe_value_unpack (troupe_buffer_data (rig.body), troupe_buffer_size (rig.body), &json, NULL),
                 TROUPE_OK));
  cr_assert_str_eq (json_string_value (json_object_get (json, "code")), "too_large");
  json_decref (json);
  free (large);
  rig_close (&rig);
}

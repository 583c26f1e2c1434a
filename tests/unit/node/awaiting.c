// SPDX-License-Identifier: Apache-2.0
//
// Waiting for calls that somebody else made, by their ids.

#include "rig.h"

Test (awaiting, an_outcome_comes_to_all_who_await_it)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error = {0};
  troupe_placeholder_t *first = NULL, *second = NULL, *gone = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_id_t id = rig_id (&rig), other = rig_id (&rig);
  troupe_await_t await = {.id = &id, .session = "s", .settled = probe_settled, .context = &probe};
  cr_assert (eq (int, node_core_await (rig.core, &first, &await, rig.now, &error), TROUPE_OK));
  cr_assert (eq (int, node_core_await (rig.core, &second, &await, rig.now, &error), TROUPE_OK));
  await.id = &other;
  cr_assert (eq (int, node_core_await (rig.core, &gone, &await, rig.now, &error), TROUPE_OK));
  for (int i = 0; i < 3; i++)
    rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &other, 0, TROUPE_UNKNOWN_CALL);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, 300, 1);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_integer (7));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 3));
  cr_assert (eq (int, troupe_placeholder_state (gone), TROUPE_CALL_REFUSED));
  cr_assert (eq (long, json_integer_value (troupe_placeholder_value (second)), 7));
  troupe_placeholder_destroy (&first);
  troupe_placeholder_destroy (&second);
  troupe_placeholder_destroy (&gone);
  rig_close (&rig);
}

Test (awaiting, one_of_two_that_await_a_call_may_go_before_the_other)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_placeholder_t *first = NULL, *second = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_id_t id = rig_id (&rig);
  troupe_await_t await = {.id = &id, .session = "s", .settled = probe_settled, .context = &probe};
  cr_assert (eq (int, node_core_await (rig.core, &first, &await, rig.now, NULL), TROUPE_OK));
  cr_assert (eq (int, node_core_await (rig.core, &second, &await, rig.now, NULL), TROUPE_OK));
  rig_skip (&rig, 0);
  troupe_placeholder_destroy (&first);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_integer (7));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (long, json_integer_value (troupe_placeholder_value (second)), 7));
  troupe_placeholder_destroy (&second);
  rig_close (&rig);
}

Test (awaiting, a_ring_is_refused)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  rig_open_task (&rig, &probe);
  troupe_id_t other = rig_id (&rig);
  troupe_placeholder_t *awaited = NULL, *elsewhere = NULL;
  troupe_await_t await = {
    .id = &other, .parent = probe.task, .part = probe_part, .settled = probe_settled, .context = &child};
  cr_assert (eq (int, node_core_await (rig.core, &awaited, &await, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_STREAM));
  cr_assert (troupe_text_equal (rig.header.session, "session-1"));
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &other, 0, TROUPE_CYCLE);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_placeholder_state (awaited), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, troupe_placeholder_error (awaited)->code, TROUPE_CYCLE));
  await.session = "another"; // no ring can be seen there
  cr_assert (eq (int, node_core_await (rig.core, &elsewhere, &await, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (not(troupe_header_has (&rig.header, TROUPE_F (WAITER))));
  troupe_placeholder_destroy (&awaited);
  troupe_placeholder_destroy (&elsewhere);
  await.parent = NULL, await.session = NULL;
  cr_assert (eq (int, node_core_await (rig.core, &awaited, &await, rig.now, NULL), TROUPE_BAD_ARGUMENT));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

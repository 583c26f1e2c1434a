// SPDX-License-Identifier: Apache-2.0
//
// How a task learns that nobody waits for it any more, and what becomes of its calls.

#include "rig.h"

Test (cancelling, cancel_reaches_the_task_and_its_calls)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  rig_open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_deliver (&rig);
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  troupe_placeholder_t *placeholder = NULL, *other = NULL;
  troupe_call_t call = {.service = "model/gpt",
                        .parent = probe.task,
                        .settled = probe_settled,
                        .context = &child,
                        .deadline_ms = 3600 * 1000};
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (uint, rig.header.path_count, 2)); // the root and the task's call
  cr_assert (troupe_id_equal (&rig.header.path[1], &id));
  cr_assert (eq (ulong, rig.header.deadline, 60 * 1000));
  cr_assert (troupe_text_equal (rig.header.session, "session-1"));

  rig_cancel (&rig, 0, &id, 1); // late
  cr_assert (not(troupe_task_cancelled (probe.task)));
  rig_cancel (&rig, 0, &id, 2);
  cr_assert (troupe_task_cancelled (probe.task));
  cr_assert (rig_quiet (&rig, 0)); // the store cancels the call: the next attempt's one would have the same id
  cr_assert (eq (uint, probe.cancelled + child.settled, 0));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  cr_assert (eq (uint, child.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_CANCELLED));
  cr_assert (eq (int, node_core_call (rig.core, &other, &call, rig.now, NULL), TROUPE_CANCELLED));

  // The same call again, as another attempt, while the user still has the old one.
  troupe_task_t *old = probe.task;
  rig_offer (&rig, 0, "agent/alice", &id, 3);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 2));
  troupe_task_reply (&old, json_null ());
  cr_assert (rig_quiet (&rig, 0)); // dropped
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (cancelling, a_task_cancelled_before_it_is_served_is_never_seen)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_cancel (&rig, 0, &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 0));
  rig_close (&rig);
}

Test (cancelling, on_cancel_that_is_set_late_is_called_too)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  rig_refuse (&rig, 0, TROUPE_CMD_PART, &id, 1, TROUPE_STALE); // superseded
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_fail (&probe.task, &(troupe_error_t){.code = TROUPE_CANCELLED});
  rig_close (&rig);
}

Test (cancelling, a_deadline_that_nobody_enforces_cancels)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_task (&rig, &probe);
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  rig_pass (&rig, 61 * 1000, 1);
  cr_assert (not(troupe_task_cancelled (probe.task)));
  rig_pass (&rig, 2 * 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

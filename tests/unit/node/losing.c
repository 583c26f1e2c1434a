// SPDX-License-Identifier: Apache-2.0
//
// Tasks whose connection was lost: the broker is asked how their calls stand, and may offer them again.

#include "rig.h"

Test (losing, an_offer_of_what_runs_is_adopted)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  rig_reconnect (&rig);
  cr_assert (eq (ulong, rig.header.attempt, 1));
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_expect_grant (&rig, 0, 8);
  rig_offer (&rig, 0, "agent/alice", &id, 1); // late
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 1));
  cr_assert (eq (uint, troupe_task_attempt (probe.task), 2));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  // Offered once more before the confirmation came: the outcome goes out again under that attempt.
  rig_offer (&rig, 0, "agent/alice", &id, 3);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 2, TROUPE_STALE); // of the earlier attempt
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 3));
  rig_confirm (&rig, 0, &id, 3);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 1));
  rig_close (&rig);
}

// A task of alice's whose connection was lost and is there again; the broker was asked for the call.
static troupe_id_t
lose_task (rig_t *rig, probe_t *probe)
{
  troupe_id_t id = rig_open_task (rig, probe);
  troupe_task_on_cancel (probe->task, probe_cancelled, probe);
  rig_reconnect (rig);
  cr_assert (troupe_id_equal (&rig->header.call, &id));
  return id;
}

Test (losing, a_lost_task_whose_call_has_ended_is_cancelled)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_null ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect_grant (&rig, 0, 8);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (losing, a_lost_task_whose_call_is_unknown_is_cancelled_and_else_asked_for_again)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEARTBEAT);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_UNKNOWN_CALL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

// What the broker says then it says to one that waits: the task is its own again.
Test (losing, a_lost_task_that_is_offered_again_goes_on)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_CANCELLED, NULL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 0), "the broker that offered it says cancel");
  rig_cancel (&rig, 0, &id, 2);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

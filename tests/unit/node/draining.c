// SPDX-License-Identifier: Apache-2.0
//
// A node that is to end serves what it began, and no more.

#include "rig.h"

Test (draining, waits_for_tasks_and_for_unregistered)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  troupe_id_t id = rig_open_task (&rig, &probe);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_expect (&rig, 0, TROUPE_CMD_UNREGISTER);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  troupe_header_init (&header, TROUPE_CMD_UNREGISTERED);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  rig_say (&rig, 0, &header, NULL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 0));
  rig_confirm (&rig, 0, &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_expect (&rig, 0, TROUPE_CMD_BYE);
  rig_pass (&rig, 10 * 1000, 0);
  cr_assert (not(node_core_wish (rig.core, 0).open));
  rig_close (&rig);
}

Test (draining, with_no_broker_it_is_over_after_a_lease)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_task (&rig, &probe);
  troupe_task_reply (&probe.task, json_null ());
  rig_disconnect (&rig, 0);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_pass (&rig, RIG_LEASE - 1, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 0));
  rig_pass (&rig, 2, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_close (&rig);
}

Test (draining, with_no_broker_and_nothing_to_confirm_it_is_over_at_once)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open_alice (&rig, &probe);
  rig_disconnect (&rig, 0);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_pass (&rig, 0, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_close (&rig);
}

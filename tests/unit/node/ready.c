// SPDX-License-Identifier: Apache-2.0
//
// Ready means that others may end because this one is: whatever broker a caller uses has its services.

#include "rig.h"

static bool
is_ready (const rig_t *rig)
{
  return node_core_can_work (rig->core, NULL) == TROUPE_OK;
}

static void
open_two (rig_t *rig, probe_t *probe)
{
  rig_open (rig, 2);
  rig_serve (rig, probe, "tool/x", false, 2);
}

Test (ready, when_every_broker_that_answers_has_registered_its_services)
{
  rig_t rig;
  probe_t probe = {0};
  open_two (&rig, &probe);
  cr_assert (not(is_ready (&rig)));
  rig_welcome (&rig, 0);
  cr_assert (not(is_ready (&rig)), "it asks for it");
  rig_registered (&rig, 0, "tool/x", 2);
  cr_assert (is_ready (&rig), "nobody is at the other endpoint");
  node_core_step (rig.core, &(node_event_t){NODE_CONNECTED, 1}, rig.now);
  cr_assert (not(is_ready (&rig)), "somebody is");
  rig_welcome (&rig, 1);
  cr_assert (not(is_ready (&rig)));
  rig_registered (&rig, 1, "tool/x", 1);
  cr_assert (is_ready (&rig));
  rig_disconnect (&rig, 1);
  cr_assert (is_ready (&rig));
  rig_close (&rig);
}

// A frozen broker takes connections, too.
Test (ready, without_a_broker_that_takes_connections_and_says_nothing)
{
  rig_t rig;
  probe_t probe = {0};
  open_two (&rig, &probe);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "tool/x", 2);
  node_core_step (rig.core, &(node_event_t){NODE_CONNECTED, 1}, rig.now);
  cr_assert (not(is_ready (&rig)));
  rig_pass (&rig, RIG_LEASE + RIG_HEARTBEAT, 1);
  node_core_step (rig.core, &(node_event_t){NODE_CONNECTED, 1}, rig.now);
  cr_assert (is_ready (&rig));
  rig_close (&rig);
}

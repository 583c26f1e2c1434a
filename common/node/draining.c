// SPDX-License-Identifier: Apache-2.0
//
// Draining: leaving the mesh without anybody noticing more than that others do the work now.
//
// Every broker is told to offer no more; what runs goes on; when the last outcome is confirmed, and every broker has
// said that no offer is under way any more, the node says bye. If no broker is up for a lease there is nobody to
// confirm anything, and what is stored will be done elsewhere: then it is over too, and at once if nothing is to be
// confirmed.

#include "node/draining.h"
#include "node/serving.h"

static void
deliver_drained (node_core_t *core, node_ready_t *ready)
{
  (void)ready;
  if (core->drained != NULL)
    core->drained (core->drained_context);
}

void
node_drain_init (node_core_t *core)
{
  node_list_init (&core->drained_ready.place);
  core->drained_ready.deliver = deliver_drained;
}

void
node_core_drain (node_core_t *core, troupe_drained_fn *drained, void *context)
{
  core->drained = drained;
  core->drained_context = context;
  if (core->left)
    node_core_ready (core, &core->drained_ready);
  else if (!core->draining)
    for (unsigned i = 0; i < core->connections_count; i++)
      if (node_connection_up (&core->connections[i]))
        node_serving_unregister (&core->connections[i]);
  core->draining = true;
  node_core_wake (core);
}

int64_t
node_drain_due (const node_core_t *core)
{
  return core->draining && !core->left && core->up_count == 0 ? core->down_since + NODE_LEASE_MS : TROUPE_LOOP_NEVER;
}

static bool
all_unregistered (const node_core_t *core)
{
  for (unsigned i = 0; i < core->connections_count; i++)
    for (unsigned service = 0; node_connection_up (&core->connections[i]) && service < core->services_count;
         service++) {
      node_registration_state_t state = core->connections[i].registrations[service].state;
      if (state != NODE_UNREGISTERED && state != NODE_NOT_REGISTERED)
        return false;
    }
  return true;
}

void
node_drain_check (node_core_t *core)
{
  if (!core->draining || core->left)
    return;
  bool alone = core->up_count == 0, idle = node_list_empty (&core->all_tasks);
  if (idle ? !all_unregistered (core) : !alone || core->now < node_drain_due (core))
    return;
  node_core_leave (core);
  node_core_ready (core, &core->drained_ready);
}

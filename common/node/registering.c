// SPDX-License-Identifier: Apache-2.0
//
// Registering services with every broker. A registration without an answer is asked for again, and one that was refused
// too, more slowly. One whose description changed is sent once more with a tick, so that a service that changes it
// again and again costs a frame a heartbeat at most.

#include "node/losing.h"
#include "node/parts.h"
#include "troupe/log.h"

enum {
  ASK_AGAIN_MS = 5000,      // a registration without an answer; two leases
  REFUSED_AGAIN_MS = 10000, // one that was refused: the reason may have gone
};

static const unsigned observing[] = {
  [TROUPE_OBSERVES_CALLED] = 0,
  [TROUPE_OBSERVES_LATE] = TROUPE_FLAG_OBSERVE,
  [TROUPE_OBSERVES_LIVE] = TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE,
};

void
node_service_register (node_connection_t *to, const node_service_t *service)
{
  troupe_header_t header;
  node_registration_t *registration = &to->registrations[service->index];
  registration->state = NODE_REGISTERING;
  registration->credit = registration->share;
  registration->stale = false;
  registration->asked_at = to->core->now;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (service->name));
  troupe_header_set_credit (&header, registration->credit);
  if (service->actor)
    troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR | observing[service->observes]);
  node_connection_send (to, &header, service->info);
}

static void
send_unregister (node_connection_t *to, const node_service_t *service)
{
  troupe_header_t header;
  to->registrations[service->index].state = NODE_UNREGISTERING;
  to->registrations[service->index].asked_at = to->core->now;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text (service->name));
  node_connection_send (to, &header, NULL);
}

void
node_serving_unregister (node_connection_t *connection)
{
  for (unsigned i = 0; i < connection->core->services_count; i++)
    if (connection->registrations[i].state != NODE_UNREGISTERED)
      send_unregister (connection, connection->core->services[i]);
}

void
node_serving_tick (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (unsigned i = 0; i < core->services_count; i++) {
    const node_registration_t *registration = &connection->registrations[i];
    int64_t asked = core->now - registration->asked_at;
    if (registration->state == NODE_UNREGISTERING && asked >= ASK_AGAIN_MS)
      send_unregister (connection, core->services[i]);
    else if ((registration->state == NODE_REGISTERED && registration->stale && !core->draining) ||
             (registration->state == NODE_REGISTERING && asked >= ASK_AGAIN_MS) ||
             (registration->state == NODE_NOT_REGISTERED && asked >= REFUSED_AGAIN_MS && !core->draining))
      node_service_register (connection, core->services[i]);
  }
  if (core->tasks_unasked)
    node_losing_ask (core);
}

void
node_serving_welcomed (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (unsigned i = 0; i < core->services_count; i++) {
    connection->registrations[i].state = NODE_UNREGISTERED;
    node_share_evenly (core, core->services[i]);
    if (!core->draining)
      node_service_register (connection, core->services[i]);
  }
  node_share_grant (core);
  for (node_list_t *link = core->all_tasks.next, *next; link != &core->all_tasks; link = next) {
    troupe_task_t *task = NODE_OF (link, troupe_task_t, place);
    next = link->next; // a volatile task that is settled is gone
    if (task->phase == NODE_TASK_ENDED && task->at == NULL)
      node_task_settle (task);
  }
  node_losing_welcomed (connection);
}

void
node_serving_lost (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (unsigned i = 0; i < core->services_count; i++) {
    connection->registrations[i].state = NODE_UNREGISTERED;
  }
  for (node_list_t *link = core->all_tasks.next, *next; link != &core->all_tasks; link = next) {
    troupe_task_t *task = NODE_OF (link, troupe_task_t, place);
    next = link->next;
    node_parts_lost (task, connection);
    if (task->at != connection)
      continue;
    task->at = NULL;
    if (task->phase == NODE_TASK_ENDED)
      node_task_settle (task);
    else
      node_share_stray (task);
  }
  for (unsigned i = 0; i < core->services_count; i++)
    node_share_evenly (core, core->services[i]);
  node_share_grant (core);
  node_losing_lost (connection);
}

// -- Answers ---------------------------------------------------------------------------------------------------------

void
node_serving_registered (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  const node_service_t *service = node_service_find (from->core, header->service);
  if (service == NULL || from->registrations[service->index].state != NODE_REGISTERING) {
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    return;
  }
  from->registrations[service->index].state = NODE_REGISTERED;
  troupe_log (TROUPE_LOG_DEBUG, "registered", "service", service->name, "broker", from->name, NULL);
}

void
node_serving_unregistered (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  const node_service_t *service = node_service_find (from->core, header->service);
  if (service == NULL || from->registrations[service->index].state != NODE_UNREGISTERING)
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
  else
    from->registrations[service->index].state = NODE_UNREGISTERED;
}

void
node_service_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  const node_service_t *service =
    troupe_header_has (header, TROUPE_F (SERVICE)) ? node_service_find (from->core, header->service) : NULL;
  troupe_log_error (TROUPE_LOG_ERROR, "broker refuses a service", error);
  if (service == NULL)
    return;
  node_registration_t *registration = &from->registrations[service->index];
  if (header->of == TROUPE_CMD_REGISTER && registration->state == NODE_REGISTERING)
    registration->state = NODE_NOT_REGISTERED;
  else if (header->of == TROUPE_CMD_UNREGISTER && registration->state == NODE_UNREGISTERING)
    registration->state = NODE_UNREGISTERED; // it doesn't know the service: it won't offer it
}

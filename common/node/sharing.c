// SPDX-License-Identifier: Apache-2.0
//
// Credit: how many tasks of a service run at once, and how many calls each broker may offer.
//
// The whole credit is handed out: evenly whenever a broker comes or goes, and from then on it follows the work. A
// broker says how many calls wait there for want of credit; what others leave idle moves to it, but for one, by which
// each broker can offer at once, and so be heard, when work comes to it. When two brokers have calls waiting, the one
// that has more than an even share gives of what its ended tasks set free. (Giving calls to the brokers that ask
// first was rejected: an offer that the store has recorded can't be taken back, credit can.)
//
// When there are more brokers than credit, some have none, and that of an ended task goes to one of those if calls wait
// there. A task whose broker was lost runs on, and its part of the credit is nobody's until another broker offers the
// task here again, or it ends: else that broker would give it something to do that it can't begin, while other
// instances may be idle. For the same reason what was offered by a lost broker and hasn't begun is forgotten: it will
// be offered again, here or elsewhere. (Volatile ones are known to nobody else, so they count for nothing here and
// stay.)
//
// Brokers learn of their shares a moment later, may offer to an actor's owner beyond them, and take calls over from
// others that still run here. So shares alone don't bound what arrives; the instance does: what is beyond the credit
// waits here, in the order of its arrival, until a task ends.

#include "node/serving.h"

// -- Shares ----------------------------------------------------------------------------------------------------------

static unsigned
even_share (const node_service_t *service, const node_connection_t *connection)
{
  const node_core_t *core = connection->core;
  unsigned count = core->up_count > 0 ? core->up_count : 1, rank = 0;
  unsigned all = service->credit > service->strays ? service->credit - service->strays : 0;
  for (unsigned i = 0; i < connection->index; i++)
    rank += node_connection_up (&core->connections[i]);
  return all / count + (rank < all % count);
}

void
node_share_evenly (node_core_t *core, const node_service_t *service)
{
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_registration_t *registration = &core->connections[i].registrations[service->index];
    registration->share = even_share (service, &core->connections[i]);
    registration->queue = 0;
  }
}

static void
grant_at (node_connection_t *to, const node_service_t *service)
{
  troupe_header_t header;
  node_registration_t *registration = &to->registrations[service->index];
  bool registered = registration->state == NODE_REGISTERED || registration->state == NODE_REGISTERING;
  if (!node_connection_up (to) || !registered || registration->credit == registration->share)
    return;
  registration->credit = registration->share;
  troupe_header_init (&header, TROUPE_CMD_GRANT);
  troupe_header_set_service (&header, troupe_text (service->name));
  troupe_header_set_credit (&header, registration->share);
  node_connection_send (to, &header, NULL);
}

// Those that shrink first.
static void
grant_all (node_core_t *core, const node_service_t *service)
{
  for (unsigned i = 0; i < core->connections_count; i++)
    if (core->connections[i].registrations[service->index].share <
        core->connections[i].registrations[service->index].credit)
      grant_at (&core->connections[i], service);
  for (unsigned i = 0; i < core->connections_count; i++)
    grant_at (&core->connections[i], service);
}

void
node_share_grant (node_core_t *core)
{
  for (unsigned i = 0; i < core->services_count; i++)
    grant_all (core, core->services[i]);
}

// -- Moving shares ---------------------------------------------------------------------------------------------------

// How many calls wait there, as far as is known: a report counts for a lease.
static unsigned
queue_at (const node_connection_t *connection, const node_registration_t *registration)
{
  bool fresh = connection->core->now - registration->reported_at <= connection->lease_ms;
  return fresh ? registration->queue : 0;
}

// How many more calls the broker could offer if it had the credit.
static unsigned
wanted_at (const node_connection_t *connection, const node_service_t *service)
{
  const node_registration_t *registration = &connection->registrations[service->index];
  unsigned room = registration->share > registration->running ? registration->share - registration->running : 0;
  unsigned queue = queue_at (connection, registration);
  return queue > room ? queue - room : 0;
}

// How much of its share `from` can do without, for `to`. One whose task has just ended gives to one that has nothing.
static unsigned
spare_at (const node_connection_t *from, const node_connection_t *to, const node_service_t *service, bool ended)
{
  const node_registration_t *giver = &from->registrations[service->index], *taker = &to->registrations[service->index];
  unsigned least = even_share (service, from) > 0 && even_share (service, to) > 0 ? 1 : 0;
  unsigned kept = giver->running > least ? giver->running : least;
  unsigned spare = giver->share > kept ? giver->share - kept : 0;
  if (queue_at (from, giver) == 0)
    return spare;
  if (ended && taker->share == 0)
    return spare > 0 ? 1 : 0;
  unsigned even = even_share (service, from), lacking = even > taker->share ? even - taker->share : 0;
  unsigned above = giver->share > even ? giver->share - even : 0;
  spare = spare < above ? spare : above;
  return spare < lacking ? spare : lacking;
}

static void
move_to (node_connection_t *to, const node_service_t *service, const node_connection_t *ended)
{
  node_core_t *core = to->core;
  unsigned wanted = wanted_at (to, service);
  for (unsigned i = 0; i < core->connections_count && wanted > 0; i++) {
    node_connection_t *from = &core->connections[i];
    if (from == to || !node_connection_up (from))
      continue;
    unsigned spare = spare_at (from, to, service, from == ended), moved = spare < wanted ? spare : wanted;
    from->registrations[service->index].share -= moved;
    to->registrations[service->index].share += moved;
    wanted -= moved;
  }
}

// `ended`: of which a task has; NULL: of nobody.
static void
move_shares (node_core_t *core, const node_service_t *service, const node_connection_t *ended)
{
  if (core->up_count < 2)
    return;
  for (unsigned i = 0; i < core->connections_count; i++)
    if (node_connection_up (&core->connections[i]))
      move_to (&core->connections[i], service, ended);
  grant_all (core, service);
}

void
node_share_report (node_connection_t *from, const troupe_header_t *header)
{
  if (!troupe_header_has (header, TROUPE_F (SERVICE) | TROUPE_F (QUEUE)))
    return;
  const node_service_t *service = node_service_find (from->core, header->service);
  if (service == NULL) {
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    return;
  }
  node_registration_t *registration = &from->registrations[service->index];
  registration->queue = (unsigned)header->queue;
  registration->reported_at = from->core->now;
  move_shares (from->core, service, NULL);
}

// -- Tasks -----------------------------------------------------------------------------------------------------------

// What a stray takes is to be had again.
static void
return_stray (troupe_task_t *task, node_connection_t *to)
{
  node_core_t *core = task->core;
  const node_service_t *service = task->service;
  if (!task->stray)
    return;
  task->stray = false;
  task->service->strays--;
  for (unsigned i = 0; i < core->connections_count && to == NULL; i++) {
    node_connection_t *connection = &core->connections[i];
    if (node_connection_up (connection) &&
        connection->registrations[service->index].share < even_share (service, connection))
      to = connection;
  }
  if (to == NULL)
    return;
  to->registrations[service->index].share++;
  grant_all (core, service);
}

void
node_share_charge (troupe_task_t *task, node_connection_t *to)
{
  unsigned index = task->service->index;
  if (to != NULL)
    return_stray (task, to);
  if (task->charged == to)
    return;
  if (task->charged != NULL)
    task->charged->registrations[index].running--;
  if (to != NULL)
    to->registrations[index].running++;
  task->charged = to;
}

void
node_share_stray (troupe_task_t *task)
{
  node_share_charge (task, NULL);
  if (task->is_volatile || task->cancelled)
    return;
  if (!task->let_in) {
    node_task_free (task);
    return;
  }
  task->service->strays += !task->stray;
  task->stray = true;
}

static void
let_in (troupe_task_t *task)
{
  node_list_remove (&task->turn);
  task->let_in = true;
  task->service->busy++;
  node_core_ready (task->core, &task->ready);
}

void
node_share_enter (troupe_task_t *task)
{
  node_service_t *service = task->service;
  service->running++;
  task->core->running++;
  if (service->busy < service->credit && node_list_empty (&service->waiting))
    let_in (task);
  else
    node_list_append (&service->waiting, &task->turn);
}

void
node_share_leave (troupe_task_t *task)
{
  node_service_t *service = task->service;
  const node_connection_t *charged = task->charged;
  node_share_charge (task, NULL);
  return_stray (task, NULL);
  service->running--;
  task->core->running--;
  node_list_remove (&task->turn);
  if (task->let_in) {
    task->let_in = false;
    service->busy--;
  }
  if (service->busy < service->credit && !node_list_empty (&service->waiting))
    let_in (NODE_OF (service->waiting.next, troupe_task_t, turn));
  move_shares (task->core, service, charged);
}

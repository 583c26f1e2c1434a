// SPDX-License-Identifier: Apache-2.0
//
// A task whose connection is lost runs on: as a rule the call is offered again soon, and then the work isn't lost. But
// it may have been given to another instance meanwhile, or have ended, and a broker tells that only to instances that
// it knows to run it. Such a task would hold credit, and an actor's next call wait behind it, until its own work is
// done. So whoever is up is asked, as by anybody who waits for the call: when it has settled, or isn't known any more,
// the task is cancelled. Until then it goes on, for nothing is known to be wrong with it.
//
// The question names the attempt that runs here. So the broker that takes the call over, which may be any of them,
// offers it here again instead of having somebody else begin anew.
//
// A broker that can't tell now (its store is away) is asked again with the next heartbeat. Volatile calls are known to
// the broker alone that is gone, so nobody is asked.

#include "node/losing.h"

#include "node/connection.h"
#include "node/serving.h"

static bool
is_lost (const troupe_task_t *task)
{
  return task->at == NULL && task->phase != NODE_TASK_ENDED && !task->is_volatile && !task->cancelled;
}

static void
ask (troupe_task_t *task, node_connection_t *to)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &task->call);
  troupe_header_set_session (&header, troupe_text (task->session));
  troupe_header_set_attempt (&header, task->attempt);
  node_connection_send (to, &header, NULL);
  if (task->asked == NULL)
    task->asked = to;
}

void
node_losing_welcomed (node_connection_t *to)
{
  node_core_t *core = to->core;
  for (node_list_t *link = core->all_tasks.next; link != &core->all_tasks; link = link->next) {
    troupe_task_t *task = NODE_OF (link, troupe_task_t, place);
    if (is_lost (task))
      ask (task, to);
  }
}

static void
ask_all (troupe_task_t *task)
{
  node_core_t *core = task->core;
  for (unsigned i = 0; i < core->connections_count; i++)
    if (node_connection_up (&core->connections[i]))
      ask (task, &core->connections[i]);
}

void
node_losing_ask (node_core_t *core)
{
  if (core->up_count == 0)
    return;
  core->tasks_unasked = false;
  for (node_list_t *link = core->all_tasks.next; link != &core->all_tasks; link = link->next) {
    troupe_task_t *task = NODE_OF (link, troupe_task_t, place);
    if (is_lost (task) && task->asked == NULL)
      ask_all (task);
  }
}

void
node_losing_lost (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (node_list_t *link = core->all_tasks.next; link != &core->all_tasks; link = link->next) {
    troupe_task_t *task = NODE_OF (link, troupe_task_t, place);
    if (task->asked == connection)
      task->asked = NULL;
  }
  node_losing_ask (core);
}

bool
node_losing_settled (node_core_t *core, const troupe_id_t *call)
{
  troupe_task_t *task = node_table_find (&core->tasks, call);
  if (task != NULL && is_lost (task))
    node_task_cancel (task);
  return task != NULL;
}

bool
node_losing_refused (node_core_t *core, const troupe_id_t *call, const troupe_error_t *error)
{
  troupe_task_t *task = node_table_find (&core->tasks, call);
  if (task == NULL || task->asked == NULL)
    return false;
  task->asked = NULL;
  if (!is_lost (task))
    return true;
  if (error->code == TROUPE_UNKNOWN_CALL)
    node_task_cancel (task);
  else
    core->tasks_unasked = true;
  return true;
}

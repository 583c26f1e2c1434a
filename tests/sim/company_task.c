// SPDX-License-Identifier: Apache-2.0
//
// Instances run tasks: they send outcomes until they are confirmed, and go on under a new attempt number. On the way a
// task makes calls, the same ones in every attempt, and awaits others' calls; it waits for each before it goes on.

#include "sim/company_state.h"

// What is the same in every attempt of a call.
static unsigned
nature (const troupe_id_t *id, unsigned what)
{
  return (unsigned)(table_hash_number (company_number (id) * 16 + what) >> 40);
}

// Two brokers' volatile calls of one id are two tasks.
static task_t *
task_of (node_t *node, const troupe_id_t *call, unsigned broker)
{
  for (unsigned i = 0; i < node->tasks_count; i++)
    if (troupe_id_equal (&node->tasks[i].call, call) && (!node->tasks[i].unstored || node->tasks[i].broker == broker))
      return &node->tasks[i];
  return NULL;
}

static void
drop_task (node_t *node, task_t *task)
{
  *task = node->tasks[--node->tasks_count];
}

void
task_forget_all (company_t *self, unsigned number)
{
  self->nodes[number].tasks_count = 0;
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].caller == number && self->calls[i].state < SETTLED)
      self->calls[i].state = REFUSED;
}

static void
send_settle (node_t *node, task_t *task, unsigned broker)
{
  task->again = !node->lines[broker].welcomed;
  if (task->again)
    return;
  troupe_header_t header;
  bool fails = task->path_count > 1 && nature (&task->call, 1) % 4 == 0;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &task->call);
  troupe_header_set_session (&header, troupe_text (task->session));
  troupe_header_set_attempt (&header, task->attempt);
  troupe_header_set_status (&header, fails ? TROUPE_STATUS_ERROR : TROUPE_STATUS_VALUE);
  if (task->epoch != 0)
    troupe_header_set_epoch (&header, task->epoch);
  if (task->unstored || fails)
    troupe_header_set_flags (&header, task->unstored ? TROUPE_FLAG_VOLATILE : TROUPE_FLAG_RETRYABLE);
  line_say (node, broker, &header, task->value);
}

// -- What a task waits for -------------------------------------------------------------------------------------------

static void
send_await (company_t *self, node_t *node, const task_t *task)
{
  if (!node->lines[node->broker].welcomed)
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &task->waits_for);
  troupe_header_set_session (&header, troupe_text (task->session));
  troupe_header_set_waiter (&header, &task->call);
  line_say (node, node->broker, &header, NULL);
  company_trace (self, "call %u awaits call %u", company_number (&task->call), company_number (&task->waits_for));
}

static call_record_t *
record_of (company_t *self, const troupe_id_t *id)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (troupe_id_equal (&self->calls[i].id, id))
      return &self->calls[i];
  return self->calls_count < RECORDS_MAX ? &self->calls[self->calls_count++] : NULL;
}

// The task's next call; `id` is the same in every attempt.
static void
make_nested (company_t *self, unsigned number, task_t *task)
{
  troupe_id_t id = stage_id (company_number (&task->call) * 8 + 64 + task->made);
  call_record_t *call = record_of (self, &id);
  if (call == NULL) {
    task->plan = task->made;
    return;
  }
  task->waiting = true;
  task->awaits = false;
  task->waits_for = id;
  if (call->nested && call->attempt > task->attempt)
    return; // there is one record of a call, which the latest attempt has
  if (!call->nested)
    *call = (call_record_t){.id = id, .nested = true};
  call->caller = number;
  call->service = nature (&id, 2) % SERVICES;
  call->session = company_record (self, &task->path[0])->session;
  call->wait = true;
  call->attempt = task->attempt;
  call->state = OPEN;
  call->path_count = task->path_count;
  memcpy (call->path, task->path, task->path_count * sizeof *task->path);
  node_send_call (self, call);
}

static void
await_another (company_t *self, unsigned number, task_t *task)
{
  const call_record_t *call = &self->calls[company_dice (self, self->calls_count)];
  if (strcmp (company_sessions[call->session], task->session) != 0 || call->unstored || call->nested ||
      call->state == OPEN || call->state == REFUSED)
    return;
  task->waiting = task->awaits = true;
  task->waits_for = call->id;
  send_await (self, &self->nodes[number], task);
}

static void
go_on (node_t *node, const troupe_id_t *ended)
{
  for (unsigned i = 0; i < node->tasks_count; i++) {
    task_t *task = &node->tasks[i];
    if (!task->waiting || !troupe_id_equal (&task->waits_for, ended))
      continue;
    task->waiting = false;
    task->made += !task->awaits;
  }
}

// A call that a task of this node waits for.
static void
on_awaited (company_t *self, unsigned number, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  node_t *node = &self->nodes[number];
  bool refused = header->command == TROUPE_CMD_REFUSED;
  bool given_up = refused && header->of == TROUPE_CMD_AWAIT && stage_error (message) == TROUPE_CYCLE;
  call_record_t *call = company_record (self, &header->call);
  call_state_t state = call->state;
  if (header->command == TROUPE_CMD_SETTLED || given_up)
    go_on (node, &header->call);
  if (header->command == TROUPE_CMD_SETTLED || call->caller == number)
    node_on_caller_message (self, message);
  if (call->caller != number)
    call->state = state; // whoever has it hears of it as well
}

// -- Offers ----------------------------------------------------------------------------------------------------------

static void
check_inputs (company_t *self, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  const call_record_t *call = company_record (self, &header->call);
  uint32_t count = troupe_header_has (header, TROUPE_F (SIZES)) ? header->sizes_count : 0;
  size_t size = strlen ("input");
  for (uint32_t i = 0; i < count; i++)
    size += header->sizes[i];
  if (count != call->inputs_count || size != troupe_buffer_size (message->body))
    company_found (self, "call %u is offered with %u of %u inputs", company_number (&call->id), count,
                   call->inputs_count);
}

static void
begin (task_t *task, const troupe_header_t *header)
{
  *task = (task_t){.call = header->call};
  memcpy (task->session, header->session.data, header->session.size);
  task->path_count = troupe_header_has (header, TROUPE_F (PATH)) ? header->path_count : 0;
  memcpy (task->path, header->path, task->path_count * sizeof *task->path);
  task->path[task->path_count++] = header->call;
  bool actor = troupe_header_has (header, TROUPE_F (MEMORY));
  task->plan = actor && task->path_count <= DEPTH ? nature (&task->call, 0) % 3 : 0;
}

// What the earlier attempt waited for is waited for by this one.
static void
wait_again (company_t *self, unsigned number, task_t *task)
{
  if (!task->waiting || task->done)
    return;
  if (task->awaits)
    send_await (self, &self->nodes[number], task);
  else
    make_nested (self, number, task);
}

static void
on_offer (company_t *self, unsigned number, unsigned broker, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  node_t *node = &self->nodes[number];
  task_t *task = task_of (node, &header->call, broker);
  bool unstored = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE) != 0;
  // A volatile call begins anew when its caller sends it again, so its attempts do, too.
  if (task == NULL ? node->tasks_count == TASKS_MAX : !unstored && header->attempt < task->attempt)
    return;
  check_inputs (self, message);
  if (task == NULL) {
    task = &node->tasks[node->tasks_count++];
    begin (task, header);
  }
  bool next = task->attempt != header->attempt;
  task->broker = broker;
  task->unstored = unstored;
  task->attempt = (uint32_t)header->attempt;
  task->epoch = troupe_header_has (header, TROUPE_F (EPOCH)) ? header->epoch : 0;
  if (task->done)
    send_settle (node, task, broker);
  else if (next)
    wait_again (self, number, task);
}

static void
on_task_message (node_t *node, task_t *task, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  bool this_attempt = header->attempt == task->attempt;
  troupe_err_t code = header->command == TROUPE_CMD_REFUSED ? stage_error (message) : TROUPE_OK;
  if ((header->command == TROUPE_CMD_CONFIRMED || header->command == TROUPE_CMD_CANCEL) && this_attempt)
    drop_task (node, task);
  else if ((code == TROUPE_STALE || code == TROUPE_UNKNOWN_CALL) && this_attempt)
    drop_task (node, task);
  else if (code != TROUPE_OK)
    task->again = true;
}

void
task_receive (company_t *self, unsigned number, unsigned broker, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  node_t *node = &self->nodes[number];
  if (!troupe_header_has (header, TROUPE_F (CALL)))
    return;
  task_t *task = task_of (node, &header->call, broker);
  bool refused = header->command == TROUPE_CMD_REFUSED;
  if (header->command == TROUPE_CMD_OFFER)
    on_offer (self, number, broker, message);
  else if (header->command == TROUPE_CMD_ACCEPTED || header->command == TROUPE_CMD_SETTLED ||
           (refused && (header->of == TROUPE_CMD_CALL || header->of == TROUPE_CMD_AWAIT)))
    on_awaited (self, number, message);
  else if (task != NULL && !(refused && header->of == TROUPE_CMD_CANCEL))
    on_task_message (node, task, message);
}

// -- Work ------------------------------------------------------------------------------------------------------------

static void
send_part (node_t *node, const task_t *task, unsigned broker)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, &task->call);
  troupe_header_set_attempt (&header, task->attempt);
  troupe_header_set_sequence (&header, 0);
  if (node->lines[broker].welcomed && !task->done)
    line_say (node, broker, &header, "part");
}

void
task_work (company_t *self)
{
  unsigned number = CALLERS + company_dice (self, INSTANCES);
  node_t *node = &self->nodes[number];
  if (node->tasks_count == 0)
    return;
  task_t *task = &node->tasks[company_dice (self, node->tasks_count)];
  bool another = company_dice (self, 5) == 0 && !task->unstored;
  unsigned broker = another ? company_dice (self, self->brokers_count) : task->broker;
  if (company_dice (self, 3) == 0) {
    send_part (node, task, broker);
    return;
  }
  if (task->waiting || (task->done && company_dice (self, 5) > 0))
    return; // once more now and then, as if the first had got lost
  if (!task->done && task->made < task->plan) {
    make_nested (self, number, task);
    return;
  }
  if (!task->done && task->plan > 0 && company_dice (self, 3) == 0) {
    await_another (self, number, task);
    return;
  }
  if (!task->done)
    snprintf (task->value, sizeof task->value, "%u by %u-%u", company_number (&task->call), number, node->generation);
  task->done = true;
  send_settle (node, task, broker);
}

void
task_on_welcome (company_t *self, unsigned number, unsigned broker)
{
  node_t *node = &self->nodes[number];
  for (unsigned s = 0; s < SERVICES; s++) {
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_REGISTER);
    troupe_header_set_service (&header, troupe_text (company_services[s]));
    troupe_header_set_credit (&header, CREDIT);
    if (s < ACTORS)
      troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR);
    line_say (node, broker, &header, NULL);
  }
  for (unsigned i = 0; i < node->tasks_count; i++)
    if (node->tasks[i].done && node->tasks[i].broker == broker)
      send_settle (node, &node->tasks[i], broker);
}

void
task_repeat (company_t *self, unsigned number)
{
  node_t *node = &self->nodes[number];
  for (unsigned i = 0; i < node->tasks_count; i++) {
    task_t *task = &node->tasks[i];
    if (!node->lines[task->broker].welcomed && !task->unstored)
      task->broker = company_dice (self, self->brokers_count);
    if (task->again)
      send_settle (node, task, task->broker);
    if (task->waiting && task->awaits && company_dice (self, 4) == 0)
      send_await (self, node, task);
  }
}

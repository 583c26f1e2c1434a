// SPDX-License-Identifier: Apache-2.0
//
// Nodes do what the protocol asks of them: say hello again when told to, send calls again that were not answered, in
// order, await what is stored, send outcomes until they are confirmed, go on under a new attempt number. They move to
// another broker when theirs is gone, and check what they are told.

#include "sim/company_state.h"

#include <stdlib.h>

// -- Callers ---------------------------------------------------------------------------------------------------------

void
node_send_call (company_t *self, call_record_t *call)
{
  node_t *node = &self->nodes[call->caller];
  if (!node->lines[node->broker].welcomed)
    return;
  troupe_header_t header;
  bool known = call->state == STORED && !call->unstored;
  troupe_header_init (&header, known ? TROUPE_CMD_AWAIT : TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_session (&header, troupe_text (company_sessions[call->session]));
  if (!known) {
    unsigned flags = (call->wait ? TROUPE_FLAG_WAIT : 0) | (call->unstored ? TROUPE_FLAG_VOLATILE : 0);
    troupe_header_set_service (&header, troupe_text (company_services[call->service]));
    troupe_header_set_flags (&header, flags);
    call->sends++;
  }
  call->again = false;
  line_say (node, node->broker, &header, known ? NULL : "input");
}

static void
send_all_calls (company_t *self, unsigned caller)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].caller == caller && self->calls[i].state < SETTLED)
      node_send_call (self, &self->calls[i]);
}

void
node_make_call (company_t *self)
{
  if (self->calls_count == CALLS_MAX)
    return;
  call_record_t *call = &self->calls[self->calls_count++];
  *call = (call_record_t){.id = stage_id (self->calls_count),
                          .caller = company_dice (self, CALLERS),
                          .service = company_dice (self, 4) == 0,
                          .session = company_dice (self, 3),
                          .wait = company_dice (self, 3) > 0};
  call->unstored = call->service == 1 && company_dice (self, 3) == 0;
  node_send_call (self, call);
}

static void
check_order (company_t *self, const call_record_t *call)
{
  const ledger_model_call_t *stored = ledger_model_find (self->model, &call->id);
  if (call->unstored)
    return;
  if (stored == NULL) {
    company_found (self, "call %u is accepted and not stored", call->id.bytes[15]);
    return;
  }
  for (const call_record_t *before = self->calls; before < call && !self->with_errors; before++) {
    if (before->caller != call->caller || before->service != call->service || before->session != call->session ||
        call->service != 0 || before->refused || before->state == REFUSED || before->state == OPEN)
      continue;
    const ledger_model_call_t *earlier = ledger_model_find (self->model, &before->id);
    if (earlier != NULL && earlier->sequence > stored->sequence)
      company_found (self, "call %u is stored before call %u", call->id.bytes[15], before->id.bytes[15]);
  }
}

static void
on_settled (company_t *self, call_record_t *call, const troupe_header_t *header, const troupe_buffer_t *body)
{
  char value[sizeof call->value] = "";
  size_t size = troupe_buffer_size (body);
  if (header->status == TROUPE_STATUS_VALUE && size < sizeof value)
    memcpy (value, troupe_buffer_data (body), size);
  if (call->state == SETTLED && !call->unstored && (call->status != header->status || strcmp (call->value, value) != 0))
    company_found (self, "call %u settled twice: %u %s, then %u %s", call->id.bytes[15], call->status, call->value,
                   (unsigned)header->status, value);
  self->settled += call->state != SETTLED;
  call->state = SETTLED;
  call->status = (troupe_status_t)header->status;
  memcpy (call->value, value, sizeof value);
}

static void
on_refused_call (company_t *self, call_record_t *call, const stage_message_t *message)
{
  troupe_err_t code = stage_error (message);
  if (message->header.of == TROUPE_CMD_AWAIT || call->sends > 1 || call->state != OPEN) {
    if (code == TROUPE_UNKNOWN_CALL)
      company_found (self, "call %u is accepted and unknown", call->id.bytes[15]);
    call->again = true;
    return;
  }
  call->state = REFUSED;
  if (ledger_model_find (self->model, &call->id) != NULL)
    company_found (self, "call %u is refused as %s, and stored", call->id.bytes[15], troupe_err_name (code));
}

static void
on_caller_message (company_t *self, const stage_message_t *message)
{
  if (!troupe_header_has (&message->header, TROUPE_F (CALL)))
    return;
  call_record_t *call = company_record (self, &message->header.call);
  switch (message->header.command) {
  case TROUPE_CMD_ACCEPTED:
    if (call->state == OPEN)
      call->state = STORED;
    check_order (self, call);
    break;
  case TROUPE_CMD_SETTLED:
    on_settled (self, call, &message->header, message->body);
    break;
  case TROUPE_CMD_REFUSED:
    if (message->header.of != TROUPE_CMD_CANCEL && call->state < SETTLED)
      on_refused_call (self, call, message);
    break;
  default:
    break;
  }
}

// -- Instances -------------------------------------------------------------------------------------------------------

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

static void
send_settle (node_t *node, task_t *task, unsigned broker)
{
  task->again = !node->lines[broker].welcomed;
  if (task->again)
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &task->call);
  troupe_header_set_session (&header, troupe_text (task->session));
  troupe_header_set_attempt (&header, task->attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  if (task->unstored)
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  line_say (node, broker, &header, task->value);
}

static void
on_offer (node_t *node, unsigned broker, const troupe_header_t *header)
{
  task_t *task = task_of (node, &header->call, broker);
  bool unstored = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE) != 0;
  // A volatile call begins anew when its caller sends it again, so its attempts do, too.
  if (task == NULL ? node->tasks_count == TASKS_MAX : !unstored && header->attempt < task->attempt)
    return;
  if (task == NULL) {
    task = &node->tasks[node->tasks_count++];
    *task = (task_t){.call = header->call};
    memcpy (task->session, header->session.data, header->session.size);
  }
  task->broker = broker;
  task->unstored = unstored;
  task->attempt = (uint32_t)header->attempt;
  if (task->done)
    send_settle (node, task, broker);
}

static void
on_instance_message (node_t *node, unsigned broker, const stage_message_t *message)
{
  const troupe_header_t *header = &message->header;
  task_t *task = troupe_header_has (header, TROUPE_F (CALL)) ? task_of (node, &header->call, broker) : NULL;
  if (header->command == TROUPE_CMD_OFFER)
    on_offer (node, broker, header);
  if (task == NULL)
    return;
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
node_work (company_t *self)
{
  unsigned number = CALLERS + company_dice (self, INSTANCES);
  node_t *node = &self->nodes[number];
  if (node->tasks_count == 0)
    return;
  task_t *task = &node->tasks[company_dice (self, node->tasks_count)];
  bool another = company_dice (self, 5) == 0 && !task->unstored;
  unsigned broker = another ? company_dice (self, self->brokers_count) : task->broker;
  if (company_dice (self, 3) == 0) {
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_PART);
    troupe_header_set_call (&header, &task->call);
    troupe_header_set_attempt (&header, task->attempt);
    troupe_header_set_sequence (&header, 0);
    if (node->lines[broker].welcomed && !task->done)
      line_say (node, broker, &header, "part");
    return;
  }
  if (task->done && company_dice (self, 5) > 0)
    return; // once more now and then, as if the first had got lost
  if (!task->done)
    snprintf (task->value, sizeof task->value, "%u by %u-%u", task->call.bytes[15], number, node->generation);
  task->done = true;
  send_settle (node, task, broker);
}

// -- Nodes -----------------------------------------------------------------------------------------------------------

static void
on_welcome (company_t *self, unsigned number, unsigned broker)
{
  node_t *node = &self->nodes[number];
  node->lines[broker].welcomed = true;
  if (number < CALLERS) {
    if (node->broker == broker)
      send_all_calls (self, number);
    return;
  }
  for (unsigned s = 0; s < SERVICES; s++) {
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_REGISTER);
    troupe_header_set_service (&header, troupe_text (company_services[s]));
    troupe_header_set_credit (&header, CREDIT);
    if (s == 0)
      troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR);
    line_say (node, broker, &header, NULL);
  }
  for (unsigned i = 0; i < node->tasks_count; i++)
    if (node->tasks[i].done && node->tasks[i].broker == broker)
      send_settle (node, &node->tasks[i], broker);
}

void
node_receive (company_t *self, unsigned number, unsigned broker, const stage_message_t *message)
{
  node_t *node = &self->nodes[number];
  node->lines[broker].heard = self->now;
  if (message->header.command == TROUPE_CMD_WELCOME)
    on_welcome (self, number, broker);
  else if (message->header.command == TROUPE_CMD_RESET)
    line_say_hello (self, number, broker);
  else if (number < CALLERS)
    on_caller_message (self, message);
  else
    on_instance_message (node, broker, message);
}

void
node_beat (company_t *self, unsigned number, unsigned broker)
{
  line_t *line = &self->nodes[number].lines[broker];
  if (line->number == 0 || self->now - line->heard > stage_limits.lease) {
    if (self->brokers[broker] != NULL)
      line_dial (self, number, broker);
    else
      line_hang_up (line);
    if (number < CALLERS && self->nodes[number].broker == broker) {
      self->nodes[number].broker = company_dice (self, self->brokers_count);
      send_all_calls (self, number); // if that one is connected
    }
    return;
  }
  if (!line->welcomed || self->now - line->beat < stage_limits.heartbeat)
    return;
  line->beat = self->now;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  line_say (&self->nodes[number], broker, &header, NULL);
}

void
node_repeat (company_t *self)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].again && self->calls[i].state < SETTLED)
      node_send_call (self, &self->calls[i]);
  for (unsigned n = CALLERS; n < NODES; n++)
    for (unsigned i = 0; i < self->nodes[n].tasks_count; i++) {
      task_t *task = &self->nodes[n].tasks[i];
      if (!self->nodes[n].lines[task->broker].welcomed && !task->unstored)
        task->broker = company_dice (self, self->brokers_count);
      if (task->again)
        send_settle (&self->nodes[n], task, task->broker);
    }
}

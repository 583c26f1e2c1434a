// SPDX-License-Identifier: Apache-2.0
//
// What is checked:
//   - a call that was accepted settles, and everybody who is told is told the same;
//   - a call that was refused, and sent once only, is not in the store;
//   - calls of one caller to one actor are stored in the order in which they were sent;
//   - an actor's calls settle in the order in which they were stored (the model counts violations);
//   - on one connection no more offers are open than there is credit;
//   - a call that a task made, and that its next attempt makes again, ends in the same way, but for retryable errors;
//   - a call with inputs is offered with their values; rings of calls that wait for each other are broken;
//   - volatile calls end as well, and are never stored;
//   - in the end the brokers that are left hold nothing.

#include "sim/company_state.h"

#include "troupe/loop.h"

#include <stdlib.h>

// -- Steps -----------------------------------------------------------------------------------------------------------

bool
company_broker_runs (const company_t *self, unsigned broker)
{
  return self->brokers[broker] != NULL && self->frozen[broker] <= self->now;
}

static void
deliver_to_broker (company_t *self, unsigned broker, line_t *line)
{
  packet_t *packet = line_pop (&line->to_broker);
  troupe_header_t header;
  if (troupe_header_decode (&header, packet->bytes, packet->size, NULL) != TROUPE_OK)
    abort ();
  company_trace_message (self, "from", line->number, broker, &header);
  if (header.command == TROUPE_CMD_SETTLE)
    line_forget_offer (line, &header.call);
  broker_event_t event = {.kind = BROKER_FRAME,
                          .connection = line->number,
                          .header = packet->bytes,
                          .header_size = packet->size,
                          .body = packet->body};
  broker_core_step (self->brokers[broker]->core, &event, self->now);
  line_free_packet (packet);
  line_tell_unsent (self);
}

static void
deliver_to_node (company_t *self, unsigned number, unsigned broker, line_t *line)
{
  packet_t *packet = line_pop (&line->to_node);
  stage_message_t message = {.body = packet->body};
  if (troupe_header_decode (&message.header, packet->bytes, packet->size, NULL) != TROUPE_OK)
    abort ();
  company_trace_message (self, "to", line->number, broker, &message.header);
  node_receive (self, number, broker, &message);
  line_free_packet (packet);
}

static void
deliver (company_t *self)
{
  unsigned number = company_dice (self, NODES), broker = company_dice (self, self->brokers_count);
  while (self->gone[broker])
    broker = (broker + 1) % self->brokers_count;
  line_t *line = &self->nodes[number].lines[broker];
  bool up = company_dice (self, 2) == 0;
  for (unsigned count = 1 + company_dice (self, MESSAGES_MAX); count > 0; count--)
    if (up && line->to_broker.first != NULL && company_broker_runs (self, broker))
      deliver_to_broker (self, broker, line);
    else if (!up && line->to_node.first != NULL)
      deliver_to_node (self, number, broker, line);
}

static void
answer_store (company_t *self)
{
  unsigned broker = company_dice (self, self->brokers_count);
  if (company_broker_runs (self, broker)) {
    self->brokers[broker]->now = self->now;
    for (unsigned count = 1 + company_dice (self, STORE_ANSWERS_MAX); count > 0; count--)
      ledger_link_deliver (self->brokers[broker]->link, self->now);
  }
  line_tell_unsent (self);
}

static void
pass_time (company_t *self)
{
  self->now += 1 + company_dice (self, 60);
  for (unsigned b = 0; b < self->brokers_count; b++) {
    stage_t *broker = self->brokers[b];
    if (!company_broker_runs (self, b))
      continue;
    broker->now = self->now;
    int64_t due = broker_core_due (broker->core);
    if (due != TROUPE_LOOP_NEVER && due <= self->now)
      broker_core_step (broker->core, &(broker_event_t){.kind = BROKER_TIME}, self->now);
    line_tell_unsent (self);
  }
  for (unsigned n = 0; n < NODES; n++)
    for (unsigned b = 0; b < self->brokers_count; b++)
      node_beat (self, n, b);
  if (company_dice (self, 8) == 0)
    node_repeat (self);
}

static void
mend (company_t *self, unsigned broker)
{
  if (self->gone[broker]) {
    return;
  } else if (self->brokers[broker] == NULL) {
    line_start_broker (self, broker);
  } else if (!self->store_up[broker] && company_broker_runs (self, broker)) {
    company_trace (self, "the store of broker %u is up", broker);
    self->store_up[broker] = true;
    ledger_link_up (self->brokers[broker]->link);
    line_tell_unsent (self);
  }
}

static void
kill_broker (company_t *self, unsigned broker)
{
  company_trace (self, "broker %u dies", broker);
  stage_destroy (&self->brokers[broker]);
  for (unsigned n = 0; n < NODES; n++)
    line_hang_up (&self->nodes[n].lines[broker]);
}

// The last one left is spared.
static void
kill_for_ever (company_t *self, unsigned broker)
{
  unsigned left = 0;
  for (unsigned b = 0; b < self->brokers_count; b++)
    left += !self->gone[b];
  if (left == 1 || self->gone[broker])
    return;
  if (self->brokers[broker] != NULL)
    kill_broker (self, broker);
  self->gone[broker] = true;
  company_trace (self, "broker %u is gone for ever", broker);
}

static void
freeze (company_t *self, unsigned broker)
{
  self->frozen[broker] = self->now + 100 + company_dice (self, 3 * (unsigned)stage_limits.lease);
  company_trace (self, "broker %u stands still until %d", broker, (int)self->frozen[broker]);
}

static void
kill_instance (company_t *self)
{
  node_t *node = &self->nodes[CALLERS + company_dice (self, INSTANCES)];
  node->generation++;
  task_forget_all (self, (unsigned)(node - self->nodes));
  for (unsigned b = 0; b < self->brokers_count; b++)
    line_hang_up (&node->lines[b]);
}

static void
cancel_some (company_t *self)
{
  if (self->calls_count == 0)
    return;
  const call_record_t *call = &self->calls[company_dice (self, self->calls_count)];
  node_t *node = &self->nodes[call->caller];
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_session (&header, troupe_text (company_sessions[call->session]));
  if (node->lines[node->broker].welcomed && call->state == STORED)
    line_say (node, node->broker, &header, NULL);
}

static void
go_wrong (company_t *self)
{
  unsigned broker = company_dice (self, self->brokers_count);
  stage_t *stage = self->brokers[broker];
  switch (company_dice (self, 9)) {
  case 0:
    line_hang_up (&self->nodes[company_dice (self, NODES)].lines[broker]);
    break;
  case 1:
    kill_instance (self);
    break;
  case 2:
    if (stage != NULL && company_dice (self, 3) == 0)
      kill_broker (self, broker);
    break;
  case 3:
    if (company_broker_runs (self, broker) && self->store_up[broker]) {
      size_t waiting = ledger_link_waiting (stage->link);
      self->store_up[broker] = false;
      company_trace (self, "the store of broker %u breaks off with %zu", broker, waiting);
      ledger_link_break (stage->link, waiting == 0 ? 0 : company_dice (self, (unsigned)waiting + 1), self->now);
    }
    break;
  case 4:
    company_trace (self, "the store of broker %u reports an error next", broker);
    if (stage != NULL && self->with_errors)
      ledger_link_fail_next (stage->link, "ERR of the simulation");
    break;
  case 5:
    cancel_some (self);
    break;
  case 6:
    if (self->calls_count > 0) { // a repeated message
      call_record_t *call = &self->calls[company_dice (self, self->calls_count)];
      if (call->state < SETTLED)
        node_send_call (self, call);
    }
    break;
  case 7:
    if (company_dice (self, 20) == 0)
      kill_for_ever (self, broker);
    else if (company_dice (self, 4) == 0)
      freeze (self, broker);
    break;
  default:
    mend (self, broker);
    break;
  }
  line_tell_unsent (self);
}

static void
step (company_t *self)
{
  unsigned what = company_dice (self, 100);
  if (what < 50)
    deliver (self);
  else if (what < 75)
    answer_store (self);
  else if (what < 85)
    pass_time (self);
  else if (what < 95)
    task_work (self);
  else if (self->faults && what < 97)
    node_make_call (self);
  else if (self->faults)
    go_wrong (self);
  else
    mend (self, company_dice (self, self->brokers_count));
}

// -- The company -----------------------------------------------------------------------------------------------------

company_t *
company_new (uint64_t seed, unsigned brokers)
{
  company_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    abort ();
  self->random = seed;
  self->now = 1000;
  self->brokers_count = brokers;
  self->faults = true;
  self->with_errors = seed % 2 == 0;
  self->traced = getenv ("TROUPE_TRACE") != NULL;
  self->model = ledger_model_new ();
  for (unsigned n = 0; n < NODES; n++)
    for (unsigned b = 0; b < BROKERS_MAX; b++)
      line_hang_up (&self->nodes[n].lines[b]);
  for (unsigned b = 0; b < brokers; b++)
    line_start_broker (self, b);
  return self;
}

void
company_destroy (company_t **self_p)
{
  company_t *self = *self_p;
  *self_p = NULL;
  for (unsigned n = 0; n < NODES; n++)
    for (unsigned b = 0; b < BROKERS_MAX; b++)
      line_hang_up (&self->nodes[n].lines[b]);
  for (unsigned b = 0; b < self->brokers_count; b++)
    stage_destroy (&self->brokers[b]);
  ledger_model_destroy (&self->model);
  free (self);
}

void
company_run (company_t *self, unsigned steps)
{
  for (unsigned i = 0; i < steps && self->fault[0] == '\0'; i++)
    step (self);
}

static bool
all_done (const company_t *self)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].state < SETTLED && !self->calls[i].nested)
      return false;
  for (unsigned b = 0; b < self->brokers_count; b++)
    if (!self->gone[b] && (self->brokers[b] == NULL || broker_core_open_calls (self->brokers[b]->core) > 0))
      return false;
  return true;
}

static void
trace_left (const company_t *self)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (call->status == TROUPE_STATUS_NONE)
      company_trace (self, "left: call %u of %s in %s, attempt %u, broker %u", company_number (&call->id),
                     call->service, call->session, call->attempt, call->owner);
  }
}

static void
check_end (company_t *self)
{
  trace_left (self);
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].state < SETTLED && !self->calls[i].nested)
      company_found (self, "call %u never ended", company_number (&self->calls[i].id));
  for (unsigned b = 0; b < self->brokers_count; b++)
    if (self->gone[b])
      continue;
    else if (self->brokers[b] == NULL || broker_core_open_calls (self->brokers[b]->core) > 0)
      company_found (self, "broker %u still holds calls", b);
    else if (broker_core_open_bytes (self->brokers[b]->core) > 0)
      company_found (self, "broker %u still holds bytes", b);
  for (size_t i = 0; i < ledger_model_count (self->model); i++)
    if (ledger_model_at (self->model, i)->status == TROUPE_STATUS_NONE)
      company_found (self, "call %u is stored and never settled",
                     company_number (&ledger_model_at (self->model, i)->id));
  if (ledger_model_violations (self->model) > 0)
    company_found (self, "an actor's calls settled out of order");
}

void
company_end (company_t *self)
{
  self->faults = false;
  int64_t end = self->now + END_MS;
  while (self->now < end && self->fault[0] == '\0' && !all_done (self))
    step (self);
  check_end (self);
}

const char *
company_fault (const company_t *self)
{
  return self->fault;
}

unsigned
company_settled (const company_t *self)
{
  return self->settled;
}

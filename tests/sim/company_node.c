// SPDX-License-Identifier: Apache-2.0
//
// Nodes do what the protocol asks of them: say hello again when told to, send calls again that were not answered, in
// order, await what is stored. They move to another broker when theirs is gone, and check what they are told.

#include "sim/company_state.h"

#include <stdlib.h>

// -- Callers ---------------------------------------------------------------------------------------------------------

// The one that its caller made before it in its session, if that may not be stored yet; NULL: none.
static const call_record_t *
previous_of (const company_t *self, const call_record_t *call)
{
  for (const call_record_t *before = call; before-- > self->calls;)
    if (before->caller == call->caller && before->session == call->session && !before->nested && !before->unstored &&
        before->state != REFUSED)
      return before->state == OPEN ? before : NULL;
  return NULL;
}

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
    if (call->path_count > 0)
      troupe_header_set_path (&header, call->path, call->path_count);
    if (call->nested)
      troupe_header_set_parent (&header, call->attempt);
    if (call->inputs_count > 0)
      troupe_header_set_inputs (&header, call->inputs, call->inputs_count);
    const call_record_t *previous = call->nested || call->unstored ? NULL : previous_of (self, call);
    if (previous != NULL)
      troupe_header_set_previous (&header, &previous->id);
    call->sends++;
  }
  call->again = false;
  line_say (node, node->broker, &header, known ? NULL : "input");
}

void
node_send_all_calls (company_t *self, unsigned number)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i].caller == number && self->calls[i].state < SETTLED)
      node_send_call (self, &self->calls[i]);
}

// Of what is stored already in its session.
static void
choose_inputs (company_t *self, call_record_t *call)
{
  for (unsigned i = 0; i < INPUTS; i++) {
    const call_record_t *input = &self->calls[company_dice (self, self->calls_count)];
    if (input->session == call->session && !input->nested && !input->unstored &&
        (input->state == STORED || (input->state == SETTLED && ledger_model_find (self->model, &input->id) != NULL)))
      call->inputs[call->inputs_count++] = input->id;
  }
}

void
node_make_call (company_t *self)
{
  if (self->roots_count == CALLS_MAX || self->calls_count == RECORDS_MAX)
    return;
  call_record_t *call = &self->calls[self->calls_count++];
  *call = (call_record_t){.id = stage_id (++self->roots_count),
                          .caller = company_dice (self, CALLERS),
                          .service = company_dice (self, 4) == 0 ? ACTORS : company_dice (self, ACTORS),
                          .session = company_dice (self, 3),
                          .wait = company_dice (self, 3) > 0};
  call->unstored = call->service >= ACTORS && company_dice (self, 3) == 0;
  if (!call->unstored && company_dice (self, 3) == 0)
    choose_inputs (self, call);
  node_send_call (self, call);
}

static void
check_order (company_t *self, const call_record_t *call)
{
  const ledger_model_call_t *stored = ledger_model_find (self->model, &call->id);
  if (call->unstored || call->nested)
    return;
  if (stored == NULL) {
    company_found (self, "call %u is accepted and not stored", company_number (&call->id));
    return;
  }
  for (const call_record_t *before = self->calls; before < call; before++) {
    if (before->caller != call->caller || before->session != call->session || before->nested || before->unstored)
      continue;
    const ledger_model_call_t *earlier = ledger_model_find (self->model, &before->id);
    if (earlier != NULL && earlier->sequence > stored->sequence)
      company_found (self, "call %u is stored before call %u", company_number (&call->id),
                     company_number (&before->id));
  }
}

static void
on_settled (company_t *self, call_record_t *call, const troupe_header_t *header, const troupe_buffer_t *body)
{
  char value[sizeof call->value] = "";
  size_t size = troupe_buffer_size (body);
  if (header->status == TROUPE_STATUS_VALUE && size < sizeof value)
    memcpy (value, troupe_buffer_data (body), size);
  bool told = call->status != TROUPE_STATUS_NONE && call->status != TROUPE_STATUS_ERROR && !call->unstored;
  if (told && (call->status != header->status || strcmp (call->value, value) != 0))
    company_found (self, "call %u settled twice: %u %s, then %u %s", company_number (&call->id), call->status,
                   call->value, (unsigned)header->status, value);
  self->settled += call->state != SETTLED && !call->nested;
  call->state = SETTLED;
  call->status = (troupe_status_t)header->status;
  memcpy (call->value, value, sizeof value);
}

static void
on_refused_call (company_t *self, call_record_t *call, const stage_message_t *message)
{
  troupe_err_t code = stage_error (message);
  if (call->nested) {
    if (code == TROUPE_STALE && message->header.attempt != call->attempt)
      return; // what an earlier attempt sent
    call->again = code != TROUPE_STALE;
    call->state = code == TROUPE_STALE ? REFUSED : call->state;
    return;
  }
  bool early = code == TROUPE_OUT_OF_ORDER; // the one before it is on its way, or was refused
  if (message->header.of == TROUPE_CMD_AWAIT || call->sends > 1 || call->state != OPEN || early) {
    if (code == TROUPE_UNKNOWN_CALL)
      company_found (self, "call %u is accepted and unknown", company_number (&call->id));
    call->again = true;
    return;
  }
  call->state = REFUSED;
  if (ledger_model_find (self->model, &call->id) != NULL)
    company_found (self, "call %u is refused as %s, and stored", company_number (&call->id), troupe_err_name (code));
}

void
node_on_caller_message (company_t *self, const stage_message_t *message)
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

// -- Nodes -----------------------------------------------------------------------------------------------------------

static void
on_welcome (company_t *self, unsigned number, unsigned broker)
{
  node_t *node = &self->nodes[number];
  node->lines[broker].welcomed = true;
  if (number >= CALLERS)
    task_on_welcome (self, number, broker);
  if (node->broker == broker)
    node_send_all_calls (self, number);
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
    node_on_caller_message (self, message);
  else
    task_receive (self, number, broker, message);
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
    if (self->nodes[number].broker == broker) {
      self->nodes[number].broker = company_dice (self, self->brokers_count);
      node_send_all_calls (self, number); // if that one is connected
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
    task_repeat (self, n);
}

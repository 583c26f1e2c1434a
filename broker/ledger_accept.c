// SPDX-License-Identifier: Apache-2.0
//
// Most calls are plain: nobody's child, without inputs and outside of hubs. What else a call may be comes behind that,
// and since arguments are known by their place, each kind stands behind all those before it: its parent, its inputs, the
// call before it, its hubs, and an operation on a hub.

#include "broker/ledger_accept.h"

#include "broker/ledger_arguments.h"

static const char *
add_inputs (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->inputs_count > LEDGER_INPUTS_MAX)
    return "more inputs than a call may have";
  ledger_add_ids (self, self->inputs, request->inputs, request->inputs_count);
  return NULL;
}

static const char *
add_parent (ledger_command_t *self, const ledger_request_t *request)
{
  ledger_add_number (self, request->parent_attempt);
  if (request->parent_attempt == 0) {
    ledger_add_text (self, "");
    return NULL;
  }
  if (request->path_count == 0)
    return "a nested call without a path";
  ledger_add_id (self, &request->path[request->path_count - 1]);
  return NULL;
}

static const char *
add_hubs (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->hubs_count > TROUPE_HUBS_MAX)
    return "more hubs than a call may name";
  ledger_add_ids (self, self->hubs, request->hubs, request->hubs_count);
  ledger_add_id_or_none (self, self->fan, &request->fan);
  return NULL;
}

// By ledger_hub_op_t.
static const char *const hub_kinds[] = {
  NULL, "open", "add", "delete", "broadcast", "auto", "auto", "close", "renew",
};

static bool
has_bit (const uint64_t *bits, uint32_t i)
{
  return bits != NULL && (bits[i / 64] >> (i % 64) & 1) != 0;
}

static const char *
add_operation (ledger_command_t *self, const ledger_request_t *request)
{
  bool opens = request->hub_op == LEDGER_HUB_OPEN;
  if (request->hubs_count != (opens ? 0 : 1))
    return "an operation is about one hub";
  if (request->parent_attempt == 0 && request->lease_ms <= 0)
    return "a hub that no call opened needs a lease";
  if (request->members_count > LEDGER_MEMBERS_MAX || request->sizes_count > LEDGER_MESSAGES_MAX)
    return "more members or messages than one operation may have";
  if (request->sizes_count > 0 && ledger_parts_begin (request) != 0)
    return "the messages are not the body";
  ledger_add_text (self, hub_kinds[request->hub_op]);
  ledger_add_text (self, request->hub_op == LEDGER_HUB_AUTO_OFF || (opens && request->silent) ? "0" : "1");
  ledger_add_number (self, request->lease_ms);
  for (uint32_t i = 0; i < request->members_count; i++)
    self->marks[i] = has_bit (request->unknown, i) ? '1' : has_bit (request->live, i) ? '2' : '0';
  ledger_add_bytes (self, self->marks, request->members_count);
  for (uint32_t i = 0; i < request->members_count; i++)
    ledger_add_text (self, request->members[i]);
  ledger_add_parts (self, request, 0);
  return NULL;
}

static const char *
add_relations (ledger_command_t *self, const ledger_request_t *request)
{
  bool operation = request->hub_op != LEDGER_HUB_NONE;
  bool grouped = request->parent_attempt > 0 && !troupe_id_is_zero (&request->fan); // among the hubs of its parent
  bool in_hubs = operation || request->hubs_count > 0 || grouped;
  bool follows = in_hubs || !troupe_id_is_zero (&request->previous);
  if (request->parent_attempt == 0 && request->inputs_count == 0 && !follows)
    return NULL;
  const char *why = add_parent (self, request);
  if (why == NULL)
    why = add_inputs (self, request);
  if (why != NULL)
    return why;
  ledger_add_number (self, request->retention_ms);
  if (follows)
    ledger_add_id_or_none (self, self->previous, &request->previous);
  if (in_hubs)
    why = add_hubs (self, request);
  return why == NULL && operation ? add_operation (self, request) : why;
}

const char *
ledger_accept_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_accept");
  ledger_add_text (self, broker);
  ledger_add_text (self, request->service);
  ledger_add_text (self, request->actor ? "1" : "0");
  ledger_add_number (self, request->flags);
  ledger_add_number (self, request->deadline_ms);
  ledger_add_number (self, request->default_deadline_ms);
  ledger_add_number (self, request->mailbox_limit);
  ledger_add_bytes (self, request->path, request->path_count * sizeof (troupe_id_t));
  ledger_add_text (self, request->trace != NULL ? request->trace : "");
  if (request->hub_op == LEDGER_HUB_NONE)
    ledger_add_bytes (self, troupe_buffer_data (request->body), troupe_buffer_size (request->body));
  else
    ledger_add_text (self, "");
  const char *why_not = add_relations (self, request);
  return why != NULL ? why : why_not;
}

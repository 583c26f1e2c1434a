// SPDX-License-Identifier: Apache-2.0
//
// Requests to commands: FCALL <function> 1 <key> <arguments>, where the order of the arguments is what
// broker/functions/ says at each function. Nothing is copied but numbers, ids and the key; the store copies the whole
// into what it sends.

#include "broker/ledger_command.h"
#include "broker/ledger_library.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
add_bytes (ledger_command_t *self, const void *data, size_t size)
{
  self->argv[self->argc] = data;
  self->sizes[self->argc++] = size;
}

static void
add_text (ledger_command_t *self, const char *text)
{
  add_bytes (self, text, strlen (text));
}

static void
add_number (ledger_command_t *self, int64_t value)
{
  char *number = self->numbers[self->numbers_count++];
  snprintf (number, sizeof self->numbers[0], "%" PRId64, value);
  add_text (self, number);
}

static void
begin (ledger_command_t *self, const char *function)
{
  self->argc = self->numbers_count = 0;
  add_text (self, "FCALL");
  add_text (self, function);
  add_text (self, "1");
}

static const char *
add_key (ledger_command_t *self, unsigned slot, const char *kind, const char *of)
{
  int size = snprintf (self->key, sizeof self->key, "troupe:{%02u}:%s%s", slot, kind, of);
  if (size < 0 || (size_t)size >= sizeof self->key)
    return "the name is too long for a key";
  add_bytes (self, self->key, (size_t)size);
  return NULL;
}

static const char *
add_named_key (ledger_command_t *self, const ledger_request_t *request, const char *kind)
{
  char name[LEDGER_KEY_MAX], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&request->call, id);
  int size = snprintf (name, sizeof name, "%s|%s", request->session, id);
  if (size < 0 || (size_t)size >= sizeof name)
    return "the session's name is too long for a key";
  return add_key (self, ledger_slot (request->session), kind, name);
}

static const char *
add_call_key (ledger_command_t *self, const ledger_request_t *request)
{
  return add_named_key (self, request, "call:");
}

static void
add_id (ledger_command_t *self, const troupe_id_t *id)
{
  troupe_id_to_text (id, self->id);
  add_text (self, self->id);
}

// One after another, into `room`.
static void
add_ids (ledger_command_t *self, char *room, const troupe_id_t *ids, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    troupe_id_to_text (&ids[i], room + i * (TROUPE_ID_TEXT_SIZE - 1));
  add_bytes (self, room, count * (TROUPE_ID_TEXT_SIZE - 1));
}

static const char *
add_inputs (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->inputs_count > LEDGER_INPUTS_MAX)
    return "more inputs than a call may have";
  add_ids (self, self->inputs, request->inputs, request->inputs_count);
  return NULL;
}

// -- The body -------------------------------------------------------------------------------------------------------

// Where its parts (memory entries, messages) begin; SIZE_MAX: they are larger than it.
static size_t
parts_begin (const ledger_request_t *request)
{
  size_t size = troupe_buffer_size (request->body), parts = 0;
  for (uint32_t i = 0; i < request->sizes_count; i++)
    parts += request->sizes[i];
  return parts <= size ? size - parts : SIZE_MAX;
}

static void
add_parts (ledger_command_t *self, const ledger_request_t *request, size_t begin)
{
  const char *at = troupe_buffer_data (request->body);
  at = at != NULL ? at + begin : "";
  for (uint32_t i = 0; i < request->sizes_count; at += request->sizes[i++])
    add_bytes (self, at, request->sizes[i]);
}

// -- Accept ---------------------------------------------------------------------------------------------------------

// What is not plain. The arguments are known by their place, so each kind stands behind all those before it.

static const char *
add_parent (ledger_command_t *self, const ledger_request_t *request)
{
  add_number (self, request->parent_attempt);
  if (request->parent_attempt == 0) {
    add_text (self, "");
    return NULL;
  }
  if (request->path_count == 0)
    return "a nested call without a path";
  add_id (self, &request->path[request->path_count - 1]);
  return NULL;
}

static void
add_other_id (ledger_command_t *self, char text[TROUPE_ID_TEXT_SIZE], const troupe_id_t *id)
{
  text[0] = '\0';
  if (!troupe_id_is_zero (id))
    troupe_id_to_text (id, text);
  add_text (self, text);
}

static const char *
add_hubs (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->hubs_count > TROUPE_HUBS_MAX)
    return "more hubs than a call may name";
  add_ids (self, self->hubs, request->hubs, request->hubs_count);
  add_other_id (self, self->fan, &request->fan);
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
  if (request->sizes_count > 0 && parts_begin (request) != 0)
    return "the messages are not the body";
  add_text (self, hub_kinds[request->hub_op]);
  add_text (self, request->hub_op == LEDGER_HUB_AUTO_OFF || (opens && request->silent) ? "0" : "1");
  add_number (self, request->lease_ms);
  for (uint32_t i = 0; i < request->members_count; i++)
    self->marks[i] = has_bit (request->unknown, i) ? '1' : has_bit (request->live, i) ? '2' : '0';
  add_bytes (self, self->marks, request->members_count);
  for (uint32_t i = 0; i < request->members_count; i++)
    add_text (self, request->members[i]);
  add_parts (self, request, 0);
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
  add_number (self, request->retention_ms);
  if (follows)
    add_other_id (self, self->previous, &request->previous);
  if (in_hubs)
    why = add_hubs (self, request);
  return why == NULL && operation ? add_operation (self, request) : why;
}

static const char *
accept_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_accept");
  const char *why = add_call_key (self, request);
  add_text (self, broker);
  add_text (self, request->service);
  add_text (self, request->actor ? "1" : "0");
  add_number (self, request->flags);
  add_number (self, request->deadline_ms);
  add_number (self, request->default_deadline_ms);
  add_number (self, request->mailbox_limit);
  add_bytes (self, request->path, request->path_count * sizeof (troupe_id_t));
  add_text (self, request->trace != NULL ? request->trace : "");
  if (request->hub_op == LEDGER_HUB_NONE)
    add_bytes (self, troupe_buffer_data (request->body), troupe_buffer_size (request->body));
  else
    add_text (self, "");
  const char *why_not = add_relations (self, request);
  return why != NULL ? why : why_not;
}

// The body's bytes: the value, then each entry.
static const char *
add_outcome (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->sizes_count > TROUPE_SIZES_MAX)
    return "more memory entries than a reply may have";
  size_t begin = parts_begin (request);
  if (begin == SIZE_MAX)
    return "the memory entries are said to be larger than the body that holds them";
  add_bytes (self, troupe_buffer_data (request->body), begin);
  add_parts (self, request, begin);
  return NULL;
}

static const char *
settle_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_settle");
  const char *why = add_call_key (self, request);
  add_text (self, broker);
  add_number (self, request->attempt);
  add_number (self, request->status);
  add_number (self, request->retention_ms);
  add_text (self, request->retryable ? "1" : "0");
  add_number (self, (int64_t)request->epoch);
  add_text (self, request->heard ? "1" : "0");
  add_number (self, request->under);
  add_text (self, request->serves != NULL ? request->serves : "");
  const char *why_not = add_outcome (self, request);
  return why != NULL ? why : why_not;
}

static const char *
recall_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_recall");
  const char *why = add_call_key (self, request);
  add_number (self, request->attempt);
  add_number (self, request->from);
  add_number (self, request->count);
  return why;
}

static const char *
hear_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_hear");
  const char *why = add_call_key (self, request);
  add_number (self, request->attempt);
  add_number (self, (int64_t)request->position);
  return why;
}

static const char *
rouse_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_rouse");
  const char *why = add_named_key (self, request, "hub:");
  add_text (self, broker);
  add_number (self, request->deadline_ms);
  add_number (self, (int64_t)request->position);
  return why;
}

static const char *
await_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_await");
  const char *why = add_call_key (self, request);
  add_text (self, broker);
  if (!troupe_id_is_zero (&request->waiter))
    add_id (self, &request->waiter);
  return why;
}

// How long what ends is kept.
static void
add_kept (ledger_command_t *self, const ledger_request_t *request)
{
  add_number (self, request->retention_ms);
  add_number (self, request->letters_max);
  add_number (self, request->letters_ms);
}

static const char *
retry_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_retry");
  const char *why = add_call_key (self, request);
  const ledger_death_t *death = request->death;
  add_text (self, broker);
  add_number (self, request->attempt);
  add_kept (self, request);
  if (death == NULL)
    return why;
  add_text (self, death->instance);
  add_text (self, death->host);
  add_text (self, death->how);
  add_number (self, death->deaths_max);
  return why;
}

static const char *
letters_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_letters");
  const char *why = add_key (self, request->slot, "letters", "");
  add_number (self, (int64_t)request->position);
  return why;
}

static const char *
sessions_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_sessions");
  const char *why = add_key (self, request->slot, "sessions", "");
  add_number (self, (int64_t)request->position);
  return why;
}

static const char *
close_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_close");
  const char *why = add_key (self, ledger_slot (request->session), "sessions", "");
  add_text (self, request->session);
  add_number (self, request->retention_ms);
  return why;
}

static const char *
letter_command (ledger_command_t *self, const ledger_request_t *request, const char *function)
{
  begin (self, function);
  return add_call_key (self, request);
}

static const char *
resend_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_resend");
  const char *why = add_call_key (self, request);
  add_text (self, broker);
  add_id (self, &request->again);
  add_number (self, request->default_deadline_ms);
  add_number (self, request->mailbox_limit);
  add_number (self, request->retention_ms);
  return why;
}

static const char *
claim_command (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->instance == NULL || request->instance[0] == '\0')
    return "a claim for no instance";
  begin (self, "troupe1_claim");
  const char *why = add_call_key (self, request);
  add_number (self, request->attempt);
  add_text (self, request->instance);
  return why;
}

static const char *
inputs_command (ledger_command_t *self, const ledger_request_t *request)
{
  begin (self, "troupe1_inputs");
  const char *why = add_call_key (self, request);
  add_number (self, request->attempt);
  return why;
}

static const char *
of_slot (ledger_command_t *self, const ledger_request_t *request, const char *function, const char *broker)
{
  begin (self, function);
  const char *why = add_key (self, request->slot, "open", "");
  add_text (self, broker);
  return why;
}

static const char *
sweep_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = of_slot (self, request, "troupe1_sweep", broker);
  add_number (self, request->idle_ms / 1000);
  add_number (self, request->retention_ms);
  return why;
}

static const char *
takeover_command (ledger_command_t *self, const ledger_request_t *request, const char *broker, const char *place)
{
  if (request->broker == NULL || strcmp (request->broker, broker) == 0)
    return "a broker can't take over its own calls";
  const char *why = of_slot (self, request, "troupe1_takeover", broker);
  add_text (self, request->broker);
  add_text (self, place);
  add_kept (self, request);
  return why;
}

static const char *
lease_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  begin (self, "troupe1_lease");
  add_text (self, "troupe:brokers");
  add_text (self, broker);
  add_number (self, request->lease_ms);
  add_number (self, ledger_library_revision);
  if (request->broker == NULL)
    return NULL;
  add_text (self, request->broker);
  add_number (self, request->silent_ms);
  return NULL;
}

const char *
ledger_command_of_request (ledger_command_t *self, const ledger_request_t *request, const char *broker,
                           const char *place)
{
  const char *why = NULL;
  switch (request->op) {
  case LEDGER_ACCEPT:
    return accept_command (self, request, broker);
  case LEDGER_SETTLE:
    return settle_command (self, request, broker);
  case LEDGER_AWAIT:
    return await_command (self, request, broker);
  case LEDGER_RETRY:
    return retry_command (self, request, broker);
  case LEDGER_RECALL:
    return recall_command (self, request);
  case LEDGER_HEAR:
    return hear_command (self, request);
  case LEDGER_ROUSE:
    return rouse_command (self, request, broker);
  case LEDGER_INPUTS:
    return inputs_command (self, request);
  case LEDGER_CLAIM:
    return claim_command (self, request);
  case LEDGER_LEASE:
    return lease_command (self, request, broker);
  case LEDGER_LETTERS:
    return letters_command (self, request);
  case LEDGER_LETTER:
    return letter_command (self, request, "troupe1_letter");
  case LEDGER_DISCARD:
    return letter_command (self, request, "troupe1_discard");
  case LEDGER_RESEND:
    return resend_command (self, request, broker);
  case LEDGER_SESSIONS:
    return sessions_command (self, request);
  case LEDGER_CLOSE:
    return close_command (self, request);
  case LEDGER_SWEEP:
    return sweep_command (self, request, broker);
  case LEDGER_TAKEOVER:
    return takeover_command (self, request, broker, place);
  case LEDGER_RECOVER:
    why = of_slot (self, request, "troupe1_recover", broker);
    add_text (self, place);
    return why;
  }
  return "no such request";
}

const char *
ledger_command_of_inbox (ledger_command_t *self, unsigned slot, const char *broker, const char *last)
{
  begin (self, "troupe1_inbox");
  const char *why = add_key (self, slot, "inbox:", broker);
  add_text (self, broker);
  add_text (self, last);
  return why;
}

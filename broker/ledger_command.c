// SPDX-License-Identifier: Apache-2.0
//
// Requests to commands: FCALL <function> 1 <key> <arguments>, where the order of the arguments is what functions.lua
// says at each function. Nothing is copied but numbers and the key; the store copies the whole into what it sends.

#include "broker/ledger_command.h"

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
add_call_key (ledger_command_t *self, const ledger_request_t *request)
{
  char name[LEDGER_KEY_MAX], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&request->call, id);
  int size = snprintf (name, sizeof name, "%s|%s", request->session, id);
  if (size < 0 || (size_t)size >= sizeof name)
    return "the session's name is too long for a key";
  return add_key (self, ledger_slot (request->session), "call:", name);
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
  add_bytes (self, troupe_buffer_data (request->body), troupe_buffer_size (request->body));
  return why;
}

// The body's bytes: the value, then each entry.
static const char *
add_outcome (ledger_command_t *self, const ledger_request_t *request)
{
  const char *at = troupe_buffer_data (request->body);
  size_t size = troupe_buffer_size (request->body), entries = 0;
  if (request->sizes_count > TROUPE_SIZES_MAX)
    return "more memory entries than a reply may have";
  for (uint32_t i = 0; i < request->sizes_count; i++)
    entries += request->sizes[i];
  if (entries > size)
    return "the memory entries are said to be larger than the body that holds them";
  add_bytes (self, at, size - entries);
  at = at != NULL ? at + (size - entries) : NULL;
  for (uint32_t i = 0; i < request->sizes_count; i++) {
    add_bytes (self, at, request->sizes[i]);
    at = at != NULL ? at + request->sizes[i] : NULL;
  }
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

const char *
ledger_command_of_request (ledger_command_t *self, const ledger_request_t *request, const char *broker,
                           unsigned long long after)
{
  const char *why = NULL;
  switch (request->op) {
  case LEDGER_ACCEPT:
    return accept_command (self, request, broker);
  case LEDGER_SETTLE:
    return settle_command (self, request, broker);
  case LEDGER_AWAIT:
    begin (self, "troupe1_await");
    why = add_call_key (self, request);
    add_text (self, broker);
    return why;
  case LEDGER_RETRY:
    begin (self, "troupe1_retry");
    why = add_call_key (self, request);
    add_text (self, broker);
    add_number (self, request->attempt);
    return why;
  case LEDGER_RECALL:
    return recall_command (self, request);
  case LEDGER_SWEEP:
    begin (self, "troupe1_sweep");
    why = add_key (self, request->slot, "deadlines", "");
    add_text (self, broker);
    return why;
  case LEDGER_RECOVER:
    begin (self, "troupe1_recover");
    why = add_key (self, request->slot, "open:", broker);
    add_number (self, (int64_t)after);
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

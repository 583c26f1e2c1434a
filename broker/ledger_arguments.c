// SPDX-License-Identifier: Apache-2.0
//
// Nothing is copied but numbers, ids and the key, for which the command has room; the store copies the whole into what
// it sends. How much one command may have of each is bounded by what requests are checked for (ledger_command.h), so
// adding needs no check.

#include "broker/ledger_arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
ledger_add_bytes (ledger_command_t *self, const void *data, size_t size)
{
  self->argv[self->argc] = data;
  self->sizes[self->argc++] = size;
}

void
ledger_add_text (ledger_command_t *self, const char *text)
{
  ledger_add_bytes (self, text, strlen (text));
}

void
ledger_add_number (ledger_command_t *self, int64_t value)
{
  char *number = self->numbers[self->numbers_count++];
  snprintf (number, sizeof self->numbers[0], "%" PRId64, value);
  ledger_add_text (self, number);
}

void
ledger_begin (ledger_command_t *self, const char *function)
{
  self->argc = self->numbers_count = 0;
  ledger_add_text (self, "FCALL");
  ledger_add_text (self, function);
  ledger_add_text (self, "1");
}

const char *
ledger_add_key (ledger_command_t *self, unsigned slot, const char *kind, const char *of)
{
  int size = snprintf (self->key, sizeof self->key, "troupe:{%02u}:%s%s", slot, kind, of);
  if (size < 0 || (size_t)size >= sizeof self->key)
    return "the name is too long for a key";
  ledger_add_bytes (self, self->key, (size_t)size);
  return NULL;
}

const char *
ledger_add_named_key (ledger_command_t *self, const ledger_request_t *request, const char *kind)
{
  char name[LEDGER_KEY_MAX], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&request->call, id);
  int size = snprintf (name, sizeof name, "%s|%s", request->session, id);
  if (size < 0 || (size_t)size >= sizeof name)
    return "the session's name is too long for a key";
  return ledger_add_key (self, ledger_slot (request->session), kind, name);
}

const char *
ledger_begin_of_call (ledger_command_t *self, const ledger_request_t *request, const char *function)
{
  ledger_begin (self, function);
  return ledger_add_named_key (self, request, "call:");
}

void
ledger_add_id (ledger_command_t *self, const troupe_id_t *id)
{
  troupe_id_to_text (id, self->id);
  ledger_add_text (self, self->id);
}

void
ledger_add_ids (ledger_command_t *self, char *room, const troupe_id_t *ids, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    troupe_id_to_text (&ids[i], room + i * (TROUPE_ID_TEXT_SIZE - 1));
  ledger_add_bytes (self, room, count * (TROUPE_ID_TEXT_SIZE - 1));
}

void
ledger_add_id_or_none (ledger_command_t *self, char room[TROUPE_ID_TEXT_SIZE], const troupe_id_t *id)
{
  room[0] = '\0';
  if (!troupe_id_is_zero (id))
    troupe_id_to_text (id, room);
  ledger_add_text (self, room);
}

size_t
ledger_parts_begin (const ledger_request_t *request)
{
  size_t size = troupe_buffer_size (request->body), parts = 0;
  for (uint32_t i = 0; i < request->sizes_count; i++)
    parts += request->sizes[i];
  return parts <= size ? size - parts : SIZE_MAX;
}

void
ledger_add_parts (ledger_command_t *self, const ledger_request_t *request, size_t begin)
{
  const char *at = troupe_buffer_data (request->body);
  at = at != NULL ? at + begin : "";
  for (uint32_t i = 0; i < request->sizes_count; at += request->sizes[i++])
    ledger_add_bytes (self, at, request->sizes[i]);
}

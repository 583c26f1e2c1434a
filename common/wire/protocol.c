// SPDX-License-Identifier: Apache-2.0
//
// The protocol's tables, and the names that they give. Indexed by number, so that a look-up is one bound check.

#include "wire/protocol.h"

const protocol_field_t protocol_fields[PROTOCOL_FIELD_MAX + 1] = {
#define TROUPE_FIELD(number, constant, member, type, limit, meaning)                                                   \
  [number] = {#member, PROTOCOL_##type, UINT64_C (limit), meaning},
#include "troupe/protocol.def"
#undef TROUPE_FIELD
};

const protocol_command_t protocol_commands[PROTOCOL_COMMAND_MAX + 1] = {
#define TROUPE_COMMAND(number, constant, name, direction, required, optional, body, meaning)                           \
  [number] = {name, PROTOCOL_##direction, required, optional, body, meaning},
#include "troupe/protocol.def"
#undef TROUPE_COMMAND
};

const char *
troupe_command_name (unsigned command)
{
  const protocol_command_t *row = protocol_command (command);
  return row != NULL ? row->name : "?";
}

unsigned
troupe_command_minor (unsigned command)
{
  static const unsigned since[PROTOCOL_COMMAND_MAX + 1] = {
#define TROUPE_SINCE(minor, constant) [TROUPE_CMD_##constant] = minor,
#include "troupe/protocol.def"
#undef TROUPE_SINCE
  };
  return command <= PROTOCOL_COMMAND_MAX ? since[command] : 0;
}

const char *
troupe_status_name (troupe_status_t status)
{
  switch (status) {
  case TROUPE_STATUS_NONE:
    return "pending";
  case TROUPE_STATUS_VALUE:
    return "value";
  case TROUPE_STATUS_ERROR:
    return "error";
  case TROUPE_STATUS_CANCELLED:
    return "cancelled";
  case TROUPE_STATUS_DEADLINE:
    return "deadline";
  }
  return "?";
}

bool
troupe_text_equal (troupe_text_t text, const char *string)
{
  return text.size == strlen (string) && memcmp (text.data, string, text.size) == 0;
}

static bool
is_letter_or_digit (char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// The size of the name that `text` begins with, 0 if it begins with none.
static size_t
name_size (const char *text)
{
  if (!is_letter_or_digit (text[0]))
    return 0;
  size_t size = 1;
  while (is_letter_or_digit (text[size]) || text[size] == '.' || text[size] == '_' || text[size] == '-')
    size++;
  return size;
}

// The session behind a name; '|' is left out, for the store's keys have it between a session and a service.
static bool
is_suffix (const char *text)
{
  if (text[0] != '#' || text[1] == '\0')
    return false;
  for (text++; *text != '\0'; text++)
    if (*text <= ' ' || *text > '~' || strchr ("|#@", *text) != NULL)
      return false;
  return true;
}

bool
troupe_service_name_valid (const char *name)
{
  enum { PART_MAX = 64 };
  size_t kind = name_size (name);
  if (kind == 0 || kind > PART_MAX || name[kind] != '/')
    return false;
  size_t rest = name_size (name + kind + 1);
  const char *end = name + kind + 1 + rest;
  return rest > 0 && rest <= PART_MAX && (*end == '\0' || is_suffix (end)) && strlen (name) <= TROUPE_SERVICE_NAME_MAX;
}

// SPDX-License-Identifier: Apache-2.0
//
// "troupe/protocol.def" as tables, for the encoder, the decoder and the reference page.
#ifndef TROUPE_WIRE_PROTOCOL_H
#define TROUPE_WIRE_PROTOCOL_H

#include "troupe/wire.h"

typedef enum {
  PROTOCOL_TEXT,
  PROTOCOL_UINT,
  PROTOCOL_POSITIVE,
  PROTOCOL_ID,
  PROTOCOL_IDS,
  PROTOCOL_UINTS
} protocol_type_t;

typedef enum { PROTOCOL_TO_BROKER, PROTOCOL_TO_PEER, PROTOCOL_BOTH } protocol_direction_t;

typedef struct {
  const char *name; // NULL: there is no such field
  protocol_type_t type;
  uint64_t limit;
  const char *meaning;
} protocol_field_t;

typedef struct {
  const char *name; // NULL: there is no such command
  protocol_direction_t direction;
  uint64_t required, optional; // TROUPE_F bits
  const char *body, *meaning;
} protocol_command_t;

enum {
  // Numbers above these are not used yet; both leave room within a byte of msgpack, and fields within a bit set.
  PROTOCOL_FIELD_MAX = 63,
  PROTOCOL_COMMAND_MAX = 127
};

extern const protocol_field_t protocol_fields[PROTOCOL_FIELD_MAX + 1];
extern const protocol_command_t protocol_commands[PROTOCOL_COMMAND_MAX + 1];

// NULL for a number that is no command.
static inline const protocol_command_t *
protocol_command (uint64_t number)
{
  return number <= PROTOCOL_COMMAND_MAX && protocol_commands[number].name != NULL ? &protocol_commands[number] : NULL;
}

#endif

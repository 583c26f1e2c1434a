// SPDX-License-Identifier: Apache-2.0
//
// Decoding a header: every message that comes in passes here first, so it is both the gate and the hot path. It reads
// the bytes once through a cursor, copies ids and numbers, and points at texts. Nothing is cleared but what `init`
// clears; which members hold something is in `present`.
//
// Anything that isn't exactly a header is `bad_frame`, with the byte and the field; only the version is looked at
// before all else, so that a peer of another version hears that, and not about a field it couldn't know.

#include "error/utf8.h"
#include "wire/cursor.h"
#include "wire/protocol.h"

#include <inttypes.h>

static inline bool
take_uint (cursor_t *cursor, uint64_t *out, uint64_t least, uint64_t limit)
{
  cursor_item_t item;
  if (cursor->at != cursor->end && *cursor->at < 0x80) { // most numbers are that small
    *out = *cursor->at++;
    return *out >= least && *out <= limit;
  }
  if (!cursor_next (cursor, &item) || item.kind != CURSOR_UINT || item.number < least || item.number > limit)
    return false;
  *out = item.number;
  return true;
}

static bool
take_text (cursor_t *cursor, troupe_text_t *out, uint64_t limit)
{
  cursor_item_t item;
  if (!cursor_next (cursor, &item) || item.kind != CURSOR_TEXT || item.size == 0 || item.size > limit ||
      !utf8_valid (item.data, item.size))
    return false;
  *out = (troupe_text_t){(const char *)item.data, item.size};
  return true;
}

static bool
take_id (cursor_t *cursor, troupe_id_t *out)
{
  cursor_item_t item;
  const uint8_t *at = cursor->at;
  if (cursor->end - at >= 2 + TROUPE_ID_SIZE && at[0] == 0xC4 && at[1] == TROUPE_ID_SIZE) { // as our encoder writes it
    memcpy (out->bytes, at + 2, TROUPE_ID_SIZE);
    cursor->at = at + 2 + TROUPE_ID_SIZE;
    return true;
  }
  if (!cursor_next (cursor, &item) || item.kind != CURSOR_BIN || item.size != TROUPE_ID_SIZE)
    return false;
  memcpy (out->bytes, item.data, TROUPE_ID_SIZE);
  return true;
}

static bool
take_count (cursor_t *cursor, uint32_t *count, uint32_t limit)
{
  cursor_item_t item;
  if (!cursor_next (cursor, &item) || item.kind != CURSOR_LIST || item.size > limit)
    return false;
  *count = item.size;
  return true;
}

static bool
take_ids (cursor_t *cursor, troupe_id_t *ids, uint32_t *count, uint32_t limit)
{
  if (!take_count (cursor, count, limit))
    return false;
  for (uint32_t i = 0; i < *count; i++)
    if (!take_id (cursor, &ids[i]))
      return false;
  return true;
}

static bool
take_uints (cursor_t *cursor, uint32_t *numbers, uint32_t *count, uint32_t limit)
{
  if (!take_count (cursor, count, limit))
    return false;
  for (uint32_t i = 0; i < *count; i++) {
    uint64_t number;
    if (!take_uint (cursor, &number, 0, UINT32_MAX))
      return false;
    numbers[i] = (uint32_t)number;
  }
  return true;
}

#define TAKE_TEXT(member, limit) take_text (cursor, &self->member, limit)
#define TAKE_UINT(member, limit) take_uint (cursor, &self->member, 0, UINT64_C (limit))
#define TAKE_POSITIVE(member, limit) take_uint (cursor, &self->member, 1, UINT64_C (limit))
#define TAKE_ID(member, limit) take_id (cursor, &self->member)
#define TAKE_IDS(member, limit) take_ids (cursor, self->member, &self->member##_count, limit)
#define TAKE_UINTS(member, limit) take_uints (cursor, self->member, &self->member##_count, limit)
_Static_assert(TROUPE_PATH_MAX == 32 && TROUPE_SIZES_MAX == 256, "the limits of protocol.def");

static bool
take_field (cursor_t *cursor, troupe_header_t *self, uint64_t number)
{
  switch ((troupe_field_t)number) {
#define TROUPE_FIELD(number, constant, member, type, limit, meaning)                                                   \
  case TROUPE_FIELD_##constant:                                                                                        \
    return TAKE_##type (member, limit);
#include "troupe/protocol.def"
#undef TROUPE_FIELD
  }
  return false;
}

// The failures, away from the path of headers that are right.

static troupe_err_t __attribute__ ((noinline, cold))
refuse (troupe_error_t *error, const cursor_t *cursor, const char *why)
{
  return troupe_error_set (error, TROUPE_BAD_FRAME, "header", NULL, "%s, before byte %zu", why, cursor_offset (cursor));
}

static troupe_err_t __attribute__ ((noinline, cold))
refuse_field (troupe_error_t *error, const cursor_t *cursor, const troupe_header_t *self, uint64_t number,
              const char *why)
{
  return troupe_error_set (error, TROUPE_BAD_FRAME, "header", NULL, "%s: field %s (%" PRIu64 ") %s, before byte %zu",
                           troupe_command_name (self->command), protocol_fields[number].name, number, why,
                           cursor_offset (cursor));
}

static troupe_err_t __attribute__ ((noinline, cold))
refuse_content (troupe_error_t *error, const cursor_t *cursor, const troupe_header_t *self, uint64_t number)
{
  static const char *const expected[] = {
    [PROTOCOL_TEXT] = "is not a text of 1 to %" PRIu64 " bytes of UTF-8",
    [PROTOCOL_UINT] = "is not an integer of 0 to %" PRIu64,
    [PROTOCOL_POSITIVE] = "is not an integer of 1 to %" PRIu64,
    [PROTOCOL_ID] = "is not a bin of %" PRIu64 " bytes",
    [PROTOCOL_IDS] = "is not a list of at most %" PRIu64 " bins of 16 bytes",
    [PROTOCOL_UINTS] = "is not a list of at most %" PRIu64 " integers of 0 to 4294967295",
  };
  const protocol_field_t *field = &protocol_fields[number];
  char why[80];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // the table above, each with one number
  snprintf (why, sizeof why, expected[field->type], field->limit);
#pragma GCC diagnostic pop
  return refuse_field (error, cursor, self, number, why);
}

// Read by the sender as a rule, and by whoever looks into the receiver's log: so nobody is "this program".
static troupe_err_t __attribute__ ((noinline, cold)) refuse_version (troupe_error_t *error, uint64_t version)
{
  return troupe_error_set (error, TROUPE_VERSION_MISMATCH, "header",
                           version > TROUPE_PROTOCOL_VERSION
                             ? "upgrade the receiver, or run the sender in the receiver's release (`--version` tells)"
                             : "upgrade the sender, or run the receiver in the sender's release (`--version` tells)",
                           "the sender speaks version %" PRIu64 " of the protocol, the receiver version %d.%d", version,
                           TROUPE_PROTOCOL_VERSION, TROUPE_PROTOCOL_MINOR);
}

// The list, the version and the command.
static troupe_err_t
take_start (cursor_t *cursor, troupe_header_t *self, const protocol_command_t **command, troupe_error_t *error)
{
  cursor_item_t list;
  uint64_t version, number;
  if (!cursor_next (cursor, &list) || list.kind != CURSOR_LIST)
    return refuse (error, cursor, "not a list");
  if (!take_uint (cursor, &version, 0, UINT64_MAX))
    return refuse (error, cursor, "no version of the protocol");
  if (version != TROUPE_PROTOCOL_VERSION)
    return refuse_version (error, version);
  size_t size = (size_t)(cursor->end - cursor->start);
  bool joined = troupe_header_is_joined (cursor->start, size);
  if (size > TROUPE_HEADER_SIZE_MAX && !joined)
    return troupe_error_set (error, TROUPE_BAD_FRAME, "header", NULL, "%zu bytes, more than the %d of a header", size,
                             TROUPE_HEADER_SIZE_MAX);
  if (list.size != (joined ? 4 : 3))
    return refuse (error, cursor, "not a list of version, command, fields and perhaps a body");
  if (!take_uint (cursor, &number, 0, UINT64_MAX))
    return refuse (error, cursor, "no command");
  *command = protocol_command (number);
  if (*command == NULL)
    return refuse (error, cursor, "an unknown command");
  troupe_header_init (self, (troupe_command_t)number);
  self->joined = joined;
  return TROUPE_OK;
}

// One pair of the map.
static troupe_err_t
take_pair (cursor_t *cursor, troupe_header_t *self, uint64_t allowed, troupe_error_t *error)
{
  uint64_t number;
  if (!take_uint (cursor, &number, 0, UINT64_MAX))
    return refuse (error, cursor, "no field number");
  if (number > PROTOCOL_FIELD_MAX || protocol_fields[number].name == NULL)
    return cursor_skip (cursor) ? TROUPE_OK : refuse (error, cursor, "the bytes end within an unknown field");
  uint64_t bit = UINT64_C (1) << number;
  if ((allowed & bit) == 0)
    return refuse_field (error, cursor, self, number, "does not belong to this command");
  if ((self->present & bit) != 0)
    return refuse_field (error, cursor, self, number, "is there twice");
  if (!take_field (cursor, self, number))
    return refuse_content (error, cursor, self, number);
  self->present |= bit;
  return TROUPE_OK;
}

static troupe_err_t
take_fields (cursor_t *cursor, troupe_header_t *self, uint64_t allowed, troupe_error_t *error)
{
  cursor_item_t map;
  if (!cursor_next (cursor, &map) || map.kind != CURSOR_MAP)
    return refuse (error, cursor, "no map of fields");
  for (uint32_t i = 0; i < map.size; i++) {
    troupe_err_t err = take_pair (cursor, self, allowed, error);
    if (err != TROUPE_OK)
      return err;
  }
  return TROUPE_OK;
}

static bool
take_body (cursor_t *cursor, troupe_header_t *self)
{
  cursor_item_t item;
  if (!cursor_next (cursor, &item) || item.kind != CURSOR_BIN)
    return false;
  self->body = (troupe_text_t){(const char *)item.data, item.size};
  return true;
}

troupe_err_t
troupe_header_decode (troupe_header_t *self, const void *bytes, size_t size, troupe_error_t *error)
{
  cursor_t cursor = cursor_over (bytes, size);
  const protocol_command_t *command = NULL;
  troupe_err_t err = take_start (&cursor, self, &command, error);
  if (err != TROUPE_OK)
    return err;
  const uint8_t *end = cursor.end;
  if (size > TROUPE_HEADER_SIZE_MAX) // the body's bytes are behind; of a header there are as many as of one alone
    cursor.end = cursor.start + TROUPE_HEADER_SIZE_MAX;
  err = take_fields (&cursor, self, command->required | command->optional, error);
  if (err != TROUPE_OK)
    return err;
  cursor.end = end;
  if (self->joined && !take_body (&cursor, self))
    return refuse (error, &cursor, "no bin with the body");
  if (!cursor_at_end (&cursor))
    return refuse (error, &cursor, "more bytes behind the header");
  uint64_t missing = command->required & ~self->present;
  if (missing != 0)
    return refuse_field (error, &cursor, self, (unsigned)__builtin_ctzll (missing), "is missing");
  return TROUPE_OK;
}

troupe_err_t
troupe_header_body (const troupe_header_t *self, troupe_buffer_t *frame, troupe_buffer_t *body, troupe_buffer_t **out,
                    troupe_error_t *error)
{
  *out = body;
  if (self->joined ? body != NULL : frame != NULL)
    return troupe_error_set (error, TROUPE_BAD_FRAME, "message", "send a header's frame and a body's, or one with both",
                             self->joined ? "two bodies" : "a header's frame without a body's");
  if (!self->joined || frame == NULL || self->body.size == 0)
    return TROUPE_OK;
  troupe_buffer_narrow (frame, self->body.data, self->body.size);
  *out = frame;
  return TROUPE_OK;
}

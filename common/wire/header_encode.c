// SPDX-License-Identifier: Apache-2.0
//
// Encoding a header. It runs once for each message that leaves, so it writes msgpack by itself, straight into the
// caller's bytes, each number in its shortest form and fields in ascending order: equal headers are equal bytes.
//
// It refuses (returns 0) what a decoder would refuse, so that a defect shows where it is made.
//
// A small body goes behind the fields as a fourth item: a frame of its own costs each of the processes on its way more
// than the copy does.

#include "error/utf8.h"
#include "wire/protocol.h"

enum { JOINED = 0x94 }; // a list of four

typedef struct {
  uint8_t *at, *end;
  bool failed;
} writer_t;

// The most that a field takes: its number, then its type's longest form.
#define SIZE_TEXT(limit) 1 + 3 + limit
#define SIZE_UINT(limit) 1 + 9
#define SIZE_POSITIVE(limit) 1 + 9
#define SIZE_ID(limit) 1 + 2 + limit
#define SIZE_IDS(limit) 1 + 3 + limit *(2 + TROUPE_ID_SIZE)
#define SIZE_UINTS(limit) 1 + 3 + limit * 5

enum {
  HEADER_SIZE_LONGEST = 1 + 1 + 1 + 3 // the list, the version, the command, the map
#define TROUPE_FIELD(number, constant, member, type, limit, meaning) +SIZE_##type (limit)
#include "troupe/protocol.def"
#undef TROUPE_FIELD
};
_Static_assert((int)HEADER_SIZE_LONGEST <= (int)TROUPE_HEADER_SIZE_MAX, "a header with every field fits");

static void
put_bytes (writer_t *writer, const void *bytes, size_t size)
{
  if ((size_t)(writer->end - writer->at) < size) {
    writer->failed = true;
    return;
  }
  memcpy (writer->at, bytes, size);
  writer->at += size;
}

// A first byte, then `width` bytes of a number or size.
static void
put_first (writer_t *writer, uint8_t first, uint64_t number, unsigned width)
{
  if ((size_t)(writer->end - writer->at) < width + 1) {
    writer->failed = true;
    return;
  }
  *writer->at++ = first;
  for (unsigned shift = 8 * width; shift > 0; shift -= 8)
    *writer->at++ = (uint8_t)(number >> (shift - 8));
}

static void
put_uint (writer_t *writer, uint64_t number)
{
  if (number < 0x80)
    put_first (writer, (uint8_t)number, 0, 0);
  else if (number <= UINT8_MAX)
    put_first (writer, 0xCC, number, 1);
  else if (number <= UINT16_MAX)
    put_first (writer, 0xCD, number, 2);
  else if (number <= UINT32_MAX)
    put_first (writer, 0xCE, number, 4);
  else
    put_first (writer, 0xCF, number, 8);
}

// A list's or map's beginning: at most 65,535 items.
static void
put_count (writer_t *writer, uint8_t fixed, uint8_t long_form, uint32_t count)
{
  if (count < 16)
    put_first (writer, (uint8_t)(fixed | count), 0, 0);
  else
    put_first (writer, long_form, count, 2);
}

static void
put_number (writer_t *writer, uint64_t number, uint64_t least, uint64_t limit)
{
  if (number < least || number > limit)
    writer->failed = true;
  else
    put_uint (writer, number);
}

static void
put_text (writer_t *writer, troupe_text_t text, uint64_t limit)
{
  if (text.size == 0 || text.size > limit || !utf8_valid (text.data, text.size)) {
    writer->failed = true;
    return;
  }
  if (text.size < 32)
    put_first (writer, (uint8_t)(0xA0 | text.size), 0, 0);
  else if (text.size <= UINT8_MAX)
    put_first (writer, 0xD9, text.size, 1);
  else
    put_first (writer, 0xDA, text.size, 2);
  put_bytes (writer, text.data, text.size);
}

static void
put_id (writer_t *writer, const troupe_id_t *id)
{
  put_first (writer, 0xC4, TROUPE_ID_SIZE, 1);
  put_bytes (writer, id->bytes, TROUPE_ID_SIZE);
}

static void
put_ids (writer_t *writer, const troupe_id_t *ids, uint32_t count, uint32_t limit)
{
  if (count > limit) {
    writer->failed = true;
    return;
  }
  put_count (writer, 0x90, 0xDC, count);
  for (uint32_t i = 0; i < count; i++)
    put_id (writer, &ids[i]);
}

static void
put_uints (writer_t *writer, const uint32_t *numbers, uint32_t count, uint32_t limit)
{
  if (count > limit) {
    writer->failed = true;
    return;
  }
  put_count (writer, 0x90, 0xDC, count);
  for (uint32_t i = 0; i < count; i++)
    put_uint (writer, numbers[i]);
}

#define PUT_TEXT(member, limit) put_text (writer, self->member, limit)
#define PUT_UINT(member, limit) put_number (writer, self->member, 0, UINT64_C (limit))
#define PUT_POSITIVE(member, limit) put_number (writer, self->member, 1, UINT64_C (limit))
#define PUT_ID(member, limit) put_id (writer, &self->member)
#define PUT_IDS(member, limit) put_ids (writer, self->member, self->member##_count, limit)
#define PUT_UINTS(member, limit) put_uints (writer, self->member, self->member##_count, limit)

static void
put_field (writer_t *writer, const troupe_header_t *self, unsigned number)
{
  put_uint (writer, number);
  switch ((troupe_field_t)number) {
#define TROUPE_FIELD(number, constant, member, type, limit, meaning)                                                   \
  case TROUPE_FIELD_##constant:                                                                                        \
    PUT_##type (member, limit);                                                                                        \
    break;
#include "troupe/protocol.def"
#undef TROUPE_FIELD
  }
}

size_t
troupe_header_encode (const troupe_header_t *self, void *bytes, size_t capacity)
{
  const protocol_command_t *command = protocol_command (self->command);
  if (command == NULL || (self->present & command->required) != command->required ||
      (self->present & ~(command->required | command->optional)) != 0)
    return 0;
  uint8_t *start = bytes;
  writer_t writer = {start, start + capacity, false};
  put_count (&writer, 0x90, 0xDC, 3);
  put_uint (&writer, TROUPE_PROTOCOL_VERSION);
  put_uint (&writer, self->command);
  put_count (&writer, 0x80, 0xDE, (uint32_t)__builtin_popcountll (self->present));
  for (uint64_t rest = self->present; rest != 0; rest &= rest - 1)
    put_field (&writer, self, (unsigned)__builtin_ctzll (rest));
  return writer.failed ? 0 : (size_t)(writer.at - start);
}

bool
troupe_header_joins (const void *bytes, size_t body_size)
{
  uint8_t command = ((const uint8_t *)bytes)[2]; // behind the list's and the version's byte
  return body_size <= TROUPE_JOINED_MAX && command != TROUPE_CMD_HELLO && command != TROUPE_CMD_REFUSED;
}

size_t
troupe_header_join (void *bytes, size_t size, const void *body, size_t body_size)
{
  uint8_t *start = bytes;
  writer_t writer = {start + size, start + TROUPE_FRAME_SIZE_MAX, false};
  bool wide = body_size > UINT8_MAX;
  if (!troupe_header_joins (bytes, body_size))
    return 0;
  put_first (&writer, wide ? 0xC5 : 0xC4, body_size, wide ? 2 : 1);
  if (body_size > 0)
    put_bytes (&writer, body, body_size);
  if (writer.failed)
    return 0;
  *start = JOINED;
  return (size_t)(writer.at - start);
}

bool
troupe_header_is_joined (const void *bytes, size_t size)
{
  return size > 0 && *(const uint8_t *)bytes == JOINED;
}

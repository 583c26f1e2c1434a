// SPDX-License-Identifier: Apache-2.0

#include "unit/wire/sample.h"

#include <stdlib.h>
#include <time.h>

static char letters[1024];

static const char *
text_of (size_t size)
{
  memset (letters, 'x', sizeof letters);
  return size <= sizeof letters ? letters : NULL;
}

static troupe_id_t
id_of (unsigned i)
{
  troupe_id_t id;
  memset (id.bytes, (int)(i + 1), sizeof id.bytes);
  return id;
}

#define FILL_TEXT(member, least, most) self->member = (troupe_text_t){text_of (most), full ? most : least};
#define FILL_UINT(member, least, most) self->member = full ? UINT64_C (most) : 0;
#define FILL_POSITIVE(member, least, most) self->member = full ? UINT64_C (most) : 1;
#define FILL_ID(member, least, most) self->member = id_of (full);
#define FILL_IDS(member, least, most)                                                                                  \
  self->member##_count = full ? most : 0;                                                                              \
  for (unsigned i = 0; i < self->member##_count; i++)                                                                  \
    self->member[i] = id_of (i);
#define FILL_UINTS(member, least, most)                                                                                \
  self->member##_count = full ? most : 0;                                                                              \
  for (unsigned i = 0; i < self->member##_count; i++)                                                                  \
    self->member[i] = UINT32_MAX - i;

void
sample_header (troupe_header_t *self, unsigned command, uint64_t fields, sample_t sample)
{
  bool full = sample == SAMPLE_MOST;
  troupe_header_init (self, (troupe_command_t)command);
  self->present = fields;
#define TROUPE_FIELD(number, constant, member, type, limit, meaning)                                                   \
  if (fields & TROUPE_F (constant)) {                                                                                  \
    FILL_##type (member, 1, limit)                                                                                     \
  }
#include "troupe/protocol.def"
#undef TROUPE_FIELD
}

static void
pack_id (msgpack_packer *packer, unsigned i, size_t size)
{
  uint8_t bytes[TROUPE_ID_SIZE + 1];
  memset (bytes, (int)(i + 1), sizeof bytes);
  msgpack_pack_bin_with_body (packer, bytes, size);
}

// How many bytes or items, or which number, a sample of a field has.
static uint64_t
amount (const protocol_field_t *field, sample_t sample)
{
  uint64_t least = field->type == PROTOCOL_TEXT || field->type == PROTOCOL_POSITIVE;
  if (field->type == PROTOCOL_ID)
    least = field->limit;
  switch (sample) {
  case SAMPLE_LEAST:
    return least;
  case SAMPLE_BELOW:
    return least - 1;
  case SAMPLE_ABOVE:
    return field->limit + 1;
  default:
    return field->limit;
  }
}

static void
pack_field (msgpack_packer *packer, const protocol_field_t *field, sample_t sample)
{
  uint64_t n = amount (field, sample);
  if (sample == SAMPLE_WRONG || n == UINT64_MAX) {
    msgpack_pack_nil (packer);
    return;
  }
  switch (field->type) {
  case PROTOCOL_TEXT:
    msgpack_pack_str_with_body (packer, text_of (n), n);
    break;
  case PROTOCOL_UINT:
  case PROTOCOL_POSITIVE:
    msgpack_pack_uint64 (packer, n);
    break;
  case PROTOCOL_ID:
    pack_id (packer, sample == SAMPLE_MOST, n);
    break;
  case PROTOCOL_IDS:
    msgpack_pack_array (packer, n);
    for (unsigned i = 0; i < n; i++)
      pack_id (packer, i, TROUPE_ID_SIZE);
    break;
  case PROTOCOL_UINTS:
    msgpack_pack_array (packer, n);
    for (unsigned i = 0; i < n; i++)
      msgpack_pack_uint64 (packer, UINT32_MAX - i);
    break;
  }
}

void
sample_pack (msgpack_sbuffer *out, unsigned command, uint64_t fields, sample_t sample, unsigned special,
             sample_t spoiled)
{
  msgpack_packer packer;
  msgpack_packer_init (&packer, out, msgpack_sbuffer_write);
  msgpack_pack_array (&packer, 3);
  msgpack_pack_int (&packer, TROUPE_PROTOCOL_VERSION);
  msgpack_pack_unsigned_int (&packer, command);
  msgpack_pack_map (&packer, (size_t)__builtin_popcountll (fields));
  for (unsigned number = 0; number <= PROTOCOL_FIELD_MAX; number++)
    if (fields >> number & 1) {
      msgpack_pack_unsigned_int (&packer, number);
      pack_field (&packer, &protocol_fields[number], number == special ? spoiled : sample);
    }
}

uint64_t
sample_random (uint64_t *state)
{
  // splitmix64 (Steele, Lea, Flood 2014)
  uint64_t z = *state += UINT64_C (0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C (0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C (0x94D049BB133111EB);
  return z ^ z >> 31;
}

uint64_t
sample_seed (void)
{
  const char *given = getenv ("TROUPE_SEED");
  return given != NULL ? strtoull (given, NULL, 10) : (uint64_t)time (NULL);
}

// SPDX-License-Identifier: Apache-2.0
//
// Headers, command by command and field by field, as the table of protocol.def has them.

#include "unit/wire/sample.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

// For every command of the table.
#define FOR_COMMANDS(command, row)                                                                                     \
  for (unsigned command = 0; command <= PROTOCOL_COMMAND_MAX; command++)                                               \
    for (const protocol_command_t *row = protocol_command (command); row != NULL; row = NULL)
// For every field of a set.
#define FOR_FIELDS(field, set)                                                                                         \
  for (unsigned field = 0; field <= PROTOCOL_FIELD_MAX; field++)                                                       \
    if ((set) >> field & 1)

static void
expect_same (unsigned command, uint64_t fields, sample_t sample)
{
  troupe_header_t header, back;
  troupe_error_t error;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX], again[TROUPE_HEADER_SIZE_MAX];
  sample_header (&header, command, fields, sample);
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  cr_assert (gt (sz, size, 0), "%s", troupe_command_name (command));

  msgpack_sbuffer packed;
  msgpack_sbuffer_init (&packed);
  sample_pack (&packed, command, fields, sample, 0, sample);
  cr_assert (eq (sz, size, packed.size), "%s: as msgpack-c packs it", troupe_command_name (command));
  cr_assert (eq (int, memcmp (bytes, packed.data, size), 0), "%s", troupe_command_name (command));
  msgpack_sbuffer_destroy (&packed);

  memset (&back, 0xAA, sizeof back);
  troupe_err_t err = troupe_header_decode (&back, bytes, size, &error);
  cr_assert (eq (int, err, TROUPE_OK), "%s: %s", troupe_command_name (command), error.why);
  cr_assert (eq (int, back.command, command));
  cr_assert (eq (u64, back.present, fields));
  cr_assert (eq (sz, troupe_header_encode (&back, again, sizeof again), size));
  cr_assert (eq (int, memcmp (bytes, again, size), 0), "%s", troupe_command_name (command));
  for (size_t capacity = 0; capacity < size; capacity++) {
    cr_assert (eq (sz, troupe_header_encode (&header, again, capacity), 0), "no room: capacity %zu", capacity);
    if (capacity == 64)
      capacity = size > 96 ? size - 16 : capacity; // the ends suffice
  }
}

Test (header, every_command_there_and_back)
{
  FOR_COMMANDS (command, row)
  {
    expect_same (command, row->required, SAMPLE_LEAST);
    expect_same (command, row->required | row->optional, SAMPLE_LEAST);
    expect_same (command, row->required | row->optional, SAMPLE_MOST);
  }
}

Test (header, members_hold_what_was_set)
{
  troupe_id_t call = troupe_id_new (), path[2] = {troupe_id_new (), troupe_id_new ()};
  troupe_header_t header, back;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &call);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("monday"));
  troupe_header_set_deadline (&header, 1500);
  troupe_header_set_path (&header, path, 2);
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  cr_assert (eq (int, troupe_header_decode (&back, bytes, size, NULL), TROUPE_OK));
  cr_assert (eq (int, back.command, TROUPE_CMD_CALL));
  cr_assert (troupe_id_equal (&back.call, &call));
  cr_assert (troupe_text_equal (back.service, "agent/alice"));
  cr_assert (troupe_text_equal (back.session, "monday"));
  cr_assert (eq (u64, back.deadline, 1500));
  cr_assert (eq (u64, back.flags, TROUPE_FLAG_STREAM));
  cr_assert (eq (u32, back.path_count, 2));
  cr_assert (troupe_id_equal (&back.path[1], &path[1]));
  cr_assert (troupe_header_has (&back, TROUPE_F (PATH) | TROUPE_F (CALL)));
  cr_assert (not(troupe_header_has (&back, TROUPE_F (PATH) | TROUPE_F (TRACE))));
}

// Decodes a packed header, expects bad_frame, and that the reason names the field.
static void
expect_bad (const msgpack_sbuffer *packed, const char *word, const char *label)
{
  troupe_header_t header;
  troupe_error_t error;
  cr_assert (eq (int, troupe_header_decode (&header, packed->data, packed->size, &error), TROUPE_BAD_FRAME), "%s",
             label);
  cr_assert (ne (ptr, strstr (error.why, word), NULL), "%s: \"%s\" says nothing of %s", label, error.why, word);
  cr_assert (eq (int, troupe_header_decode (&header, packed->data, packed->size, NULL), TROUPE_BAD_FRAME));
}

Test (header, a_required_field_must_be_there)
{
  FOR_COMMANDS (command, row) FOR_FIELDS (field, row->required)
  {
    msgpack_sbuffer packed;
    msgpack_sbuffer_init (&packed);
    uint64_t fields = row->required & ~(UINT64_C (1) << field);
    sample_pack (&packed, command, fields, SAMPLE_LEAST, 0, SAMPLE_LEAST);
    expect_bad (&packed, protocol_fields[field].name, row->name);
    msgpack_sbuffer_destroy (&packed);
    troupe_header_t header;
    uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
    sample_header (&header, command, fields, SAMPLE_LEAST);
    cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  }
}

Test (header, a_field_of_another_command_is_refused)
{
  FOR_COMMANDS (command, row)
  for (unsigned field = 0; field <= PROTOCOL_FIELD_MAX; field++) {
    uint64_t bit = UINT64_C (1) << field;
    if (protocol_fields[field].name == NULL || ((row->required | row->optional) & bit) != 0)
      continue;
    msgpack_sbuffer packed;
    msgpack_sbuffer_init (&packed);
    sample_pack (&packed, command, row->required | bit, SAMPLE_LEAST, 0, SAMPLE_LEAST);
    expect_bad (&packed, protocol_fields[field].name, row->name);
    msgpack_sbuffer_destroy (&packed);
    troupe_header_t header;
    uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
    sample_header (&header, command, row->required | bit, SAMPLE_LEAST);
    cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  }
}

Test (header, every_field_keeps_its_limits)
{
  static const sample_t spoiled[] = {SAMPLE_BELOW, SAMPLE_ABOVE, SAMPLE_WRONG};
  FOR_COMMANDS (command, row)
  FOR_FIELDS (field, row->required | row->optional) for (size_t i = 0; i < sizeof spoiled / sizeof spoiled[0]; i++)
  {
    msgpack_sbuffer packed;
    msgpack_sbuffer_init (&packed);
    sample_pack (&packed, command, row->required | row->optional, SAMPLE_LEAST, field, spoiled[i]);
    expect_bad (&packed, protocol_fields[field].name, row->name);
    msgpack_sbuffer_destroy (&packed);
  }
}

Test (header, the_encoder_keeps_the_limits_too)
{
  troupe_header_t header;
  uint8_t bytes[2 * TROUPE_HEADER_SIZE_MAX];
  sample_header (&header, TROUPE_CMD_OFFER,
                 TROUPE_F (CALL) | TROUPE_F (SERVICE) | TROUPE_F (SESSION) | TROUPE_F (ATTEMPT), SAMPLE_LEAST);
  cr_assert (gt (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  header.attempt = 0;
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0), "attempts count from 1");
  header.attempt = UINT64_C (1) << 32;
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  header.attempt = 1;
  header.service = troupe_text ("");
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  header.service = troupe_text ("agent/\xFF");
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  header.service = troupe_text ("agent/a");
  header.present |= TROUPE_F (PATH);
  header.path_count = TROUPE_PATH_MAX + 1;
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
  header.command = (troupe_command_t)99;
  cr_assert (eq (sz, troupe_header_encode (&header, bytes, sizeof bytes), 0));
}

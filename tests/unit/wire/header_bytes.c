// SPDX-License-Identifier: Apache-2.0
//
// Headers as bytes that somebody else sent: unknown fields, other versions, cut ones, random ones.

#include "unit/wire/sample.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <stdlib.h>

static troupe_err_t
decode (const char *bytes, size_t size, troupe_error_t *error)
{
  // A copy of exactly that size, so that a sanitizer sees a read beyond it.
  char *copy = malloc (size > 0 ? size : 1);
  memcpy (copy, bytes, size);
  troupe_header_t header;
  troupe_err_t err = troupe_header_decode (&header, copy, size, error);
  free (copy);
  return err;
}

#define DECODE(bytes, error) decode (bytes, sizeof (bytes) - 1, error)

Test (header_bytes, unknown_fields_are_skipped)
{
  // heartbeat with load 3, among fields 62 (a map with a list in it), 100 and 2^40
  static const char bytes[] = "\x93\x02\x04\x84\x3E\x82\xA1x\x93\x01\x02\xC0\xA1y\xC7\x02\x05zz\x0B\x03\x64\xC4\x02zz"
                              "\xCF\x00\x00\x01\x00\x00\x00\x00\x00\xCB\x40\x00\x00\x00\x00\x00\x00\x00";
  troupe_header_t header;
  troupe_error_t error;
  troupe_err_t err = troupe_header_decode (&header, bytes, sizeof bytes - 1, &error);
  cr_assert (eq (int, err, TROUPE_OK), "%s", error.why);
  cr_assert (eq (u64, header.present, TROUPE_F (LOAD)));
  cr_assert (eq (u64, header.load, 3));
}

Test (header_bytes, numbers_may_be_packed_as_signed_ones)
{
  cr_assert (
    eq (int, DECODE ("\x93\xD0\x02\xD1\x00\x04\x81\xD2\x00\x00\x00\x0B\xD3\0\0\0\0\0\0\0\x07", NULL), TROUPE_OK));
  cr_assert (eq (int, DECODE ("\x93\x02\x04\x81\x0B\xD0\xFF", NULL), TROUPE_BAD_FRAME), "load -1");
}

Test (header_bytes, another_version_says_both_numbers)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *number;
  } cases[] = {
    {"\x93\x01\x06\x81\x12\x01", 6, "version 1 "}, // refused, by a peer of version 1
    {"\x91\x00", 2, "version 0 "},
    {"\x95\xCD\x01\x00zzz", 7, "version 256 "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    troupe_error_t error;
    cr_assert (eq (int, decode (cases[i].bytes, cases[i].size, &error), TROUPE_VERSION_MISMATCH));
    cr_assert (ne (ptr, strstr (error.why, cases[i].number), NULL), "%s", error.why);
    cr_assert (ne (ptr, strstr (error.why, "version 2"), NULL), "%s", error.why);
  }
}

Test (header_bytes, what_is_no_header)
{
  static const struct {
    const char *bytes;
    size_t size;
  } cases[] = {
    {"", 0},
    {"\x90", 1},                                      // no version
    {"\x91\x02", 2},                                  // no command
    {"\x92\x02\x04", 3},                              // no fields
    {"\x94\x02\x04\x80\x01", 5},                      // a body that is no bin
    {"\x93\x02\x04\x90", 4},                          // fields as a list
    {"\x93\xA1x\x04\x80", 5},                         // version as text
    {"\x93\x02\xA1x\x80", 5},                         // command as text
    {"\x93\x02\x63\x80", 4},                          // command 99
    {"\x93\x02\xCF\0\0\0\1\0\0\0\4\x80", 12},         // command 2^32 + 4
    {"\x93\x02\x04\x80\x00", 5},                      // more behind it
    {"\x93\x02\x04\x81\xA1x\x01", 7},                 // a text as field number
    {"\x93\x02\x04\x82\x0B\x01\x0B\x01", 8},          // load twice
    {"\x93\x02\x04\xDF\xFF\xFF\xFF\xFF", 8},          // four billion fields
    {"\x93\x02\x04\x81\x3E\xDD\xFF\xFF\xFF\xFF", 10}, // an unknown field with four billion items
    {"\x93\x02\x04\x81\x3E\xC1", 6},                  // a byte that msgpack never uses
    {"\x93\x02\x04\x81\x0B\xC1", 6},
    {"\x93\x02\x0C\x81\x01\xA2\xC3(", 8}, // unregister, with a service that is not UTF-8
    {"\x93\x02\x0C\x81\x01\xA3"
     "a\0b",
     9}, // or holds a NUL
    {"\x93\x02\x0C\x81\x01\xC4\x01"
     "a",
     8}, // or is binary
    {"{\"hello\": 1}", 12},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    troupe_error_t error;
    cr_assert (eq (int, decode (cases[i].bytes, cases[i].size, &error), TROUPE_BAD_FRAME), "case %zu", i);
    cr_assert (gt (sz, strlen (error.why), 0), "case %zu", i);
  }
}

Test (header_bytes, a_header_is_at_most_6144_bytes)
{
  // unregister with a service, and an unknown field that fills the rest
  char bytes[TROUPE_HEADER_SIZE_MAX + 1];
  static const char start[] = "\x93\x02\x0C\x82\x01\xA3"
                              "a/b"
                              "\x3E\xC5\x17\xF3";
  memset (bytes, 0, sizeof bytes);
  memcpy (bytes, start, sizeof start - 1);
  cr_assert (eq (int, decode (bytes, TROUPE_HEADER_SIZE_MAX, NULL), TROUPE_OK));
  bytes[12] = (char)0xF4;
  cr_assert (eq (int, decode (bytes, TROUPE_HEADER_SIZE_MAX + 1, NULL), TROUPE_BAD_FRAME));
}

static size_t
full_header (unsigned command, const protocol_command_t *row, uint8_t *bytes, size_t capacity)
{
  troupe_header_t header;
  sample_header (&header, command, row->required | row->optional, SAMPLE_MOST);
  header.path_count = header.path_count > 2 ? 2 : header.path_count; // not three thousand bytes for each command
  header.sizes_count = header.sizes_count > 17 ? 17 : header.sizes_count;
  return troupe_header_encode (&header, bytes, capacity);
}

Test (header_bytes, cut_at_every_byte)
{
  for (unsigned command = 0; command <= PROTOCOL_COMMAND_MAX; command++) {
    const protocol_command_t *row = protocol_command (command);
    if (row == NULL)
      continue;
    uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
    size_t size = full_header (command, row, bytes, sizeof bytes);
    cr_assert (gt (sz, size, 0), "%s", row->name);
    for (size_t cut = 0; cut < size; cut++)
      cr_assert (eq (int, decode ((char *)bytes, cut, NULL), TROUPE_BAD_FRAME), "%s cut at %zu", row->name, cut);
    cr_assert (eq (int, decode ((char *)bytes, size, NULL), TROUPE_OK), "%s", row->name);
  }
}

// Whatever decodes must encode, to something that decodes to the same.
static void
expect_stable (const uint8_t *bytes, size_t size, uint64_t seed)
{
  troupe_header_t header, back;
  uint8_t once[TROUPE_HEADER_SIZE_MAX], twice[TROUPE_HEADER_SIZE_MAX];
  troupe_error_t error;
  troupe_err_t err = troupe_header_decode (&header, bytes, size, &error);
  if (err != TROUPE_OK) {
    cr_assert (err == TROUPE_BAD_FRAME || err == TROUPE_VERSION_MISMATCH, "seed %" PRIu64, seed);
    return;
  }
  size_t first = troupe_header_encode (&header, once, sizeof once);
  cr_assert (gt (sz, first, 0), "seed %" PRIu64, seed);
  cr_assert (eq (int, troupe_header_decode (&back, once, first, NULL), TROUPE_OK), "seed %" PRIu64, seed);
  cr_assert (eq (sz, troupe_header_encode (&back, twice, sizeof twice), first), "seed %" PRIu64, seed);
  cr_assert (eq (int, memcmp (once, twice, first), 0), "seed %" PRIu64, seed);
}

Test (header_bytes, random_bytes)
{
  uint64_t seed = sample_seed (), state = seed;
  for (int round = 0; round < 100000; round++) {
    uint8_t bytes[64];
    size_t size = sample_random (&state) % sizeof bytes;
    for (size_t i = 0; i < size; i++)
      bytes[i] = (uint8_t)sample_random (&state);
    if (size > 3 && round % 2 == 0)
      memcpy (bytes, "\x93\x02", 2); // half of them begin well
    expect_stable (bytes, size, seed);
  }
}

Test (header_bytes, right_headers_with_wrong_bytes)
{
  uint64_t seed = sample_seed (), state = seed;
  for (unsigned command = 0; command <= PROTOCOL_COMMAND_MAX; command++) {
    const protocol_command_t *row = protocol_command (command);
    if (row == NULL)
      continue;
    uint8_t right[TROUPE_HEADER_SIZE_MAX], wrong[TROUPE_HEADER_SIZE_MAX];
    size_t size = full_header (command, row, right, sizeof right);
    for (int round = 0; round < 2000; round++) {
      memcpy (wrong, right, size);
      for (uint64_t changes = 1 + sample_random (&state) % 3; changes > 0; changes--)
        wrong[sample_random (&state) % size] = (uint8_t)sample_random (&state);
      expect_stable (wrong, size, seed);
    }
  }
}

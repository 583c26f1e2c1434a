// SPDX-License-Identifier: Apache-2.0
//
// Messages of one frame: the body in the header's list.

#include "unit/wire/sample.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { BODY_MAX = TROUPE_JOINED_MAX + 1 };

static const char *
body_of (size_t size)
{
  static char body[BODY_MAX];
  for (size_t i = 0; i < size; i++)
    body[i] = (char)(i * 7 + size);
  return body;
}

// A copy of exactly that size, so that a sanitizer sees a read beyond it.
static troupe_err_t
decode (const uint8_t *bytes, size_t size, troupe_error_t *error)
{
  uint8_t *copy = malloc (size > 0 ? size : 1);
  memcpy (copy, bytes, size);
  troupe_header_t header;
  troupe_err_t err = troupe_header_decode (&header, copy, size, error);
  free (copy);
  return err;
}

static size_t
encode_heartbeat (uint8_t *bytes, size_t body_size)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_load (&header, 3);
  size_t size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
  return body_size > 0 ? troupe_header_join (bytes, size, body_of (body_size), body_size) : size;
}

static void
expect_back (unsigned command, const protocol_command_t *row, size_t body_size)
{
  troupe_header_t header, back;
  troupe_error_t error = {0};
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX], alone[TROUPE_HEADER_SIZE_MAX], again[TROUPE_HEADER_SIZE_MAX];
  sample_header (&header, command, row->required | row->optional, SAMPLE_LEAST);
  size_t size = troupe_header_encode (&header, alone, sizeof alone);
  memcpy (bytes, alone, size);
  size_t joined = troupe_header_join (bytes, size, body_of (body_size), body_size);
  if (command == TROUPE_CMD_HELLO || command == TROUPE_CMD_REFUSED) { // peers of every version read these
    cr_assert (eq (sz, joined, 0), "%s", row->name);
    cr_assert (eq (int, memcmp (bytes, alone, size), 0), "%s", row->name);
    return;
  }
  cr_assert (troupe_header_is_joined (bytes, joined) && !troupe_header_is_joined (alone, size));
  cr_assert (eq (int, troupe_header_decode (&back, bytes, joined, &error), TROUPE_OK), "%s: %s", row->name, error.why);
  cr_assert (back.joined);
  cr_assert (eq (sz, back.body.size, body_size));
  cr_assert (eq (int, memcmp (back.body.data, body_of (body_size), body_size), 0));
  cr_assert (eq (sz, troupe_header_encode (&back, again, sizeof again), size), "%s", row->name);
  cr_assert (eq (int, memcmp (again, alone, size), 0), "%s", row->name);
}

Test (joined, a_small_body_comes_back_with_its_header)
{
  static const size_t sizes[] = {0, 1, 255, 256, TROUPE_JOINED_MAX};
  for (unsigned command = 0; command <= PROTOCOL_COMMAND_MAX; command++)
    for (size_t i = 0; protocol_command (command) != NULL && i < sizeof sizes / sizeof *sizes; i++)
      expect_back (command, protocol_command (command), sizes[i]);
}

Test (joined, a_large_body_is_not)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX], alone[TROUPE_HEADER_SIZE_MAX];
  size_t size = encode_heartbeat (alone, 0);
  memcpy (bytes, alone, size);
  cr_assert (eq (sz, troupe_header_join (bytes, size, body_of (BODY_MAX), BODY_MAX), 0));
  cr_assert (eq (int, memcmp (bytes, alone, size), 0));
}

// A header of any size that a header alone may have; and not of one byte more.
Test (joined, a_header_is_at_most_6144_bytes)
{
  // unregister with a service, and an unknown field that fills the rest; then a body of one byte
  static const char start[] = "\x94\x02\x0C\x82\x01\xA3"
                              "a/b"
                              "\x3E\xC5\x17\xF3";
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX + 4] = {0};
  memcpy (bytes, start, sizeof start - 1);
  memcpy (bytes + TROUPE_HEADER_SIZE_MAX, "\xC4\x01x", 3);
  cr_assert (eq (int, decode (bytes, TROUPE_HEADER_SIZE_MAX + 3, NULL), TROUPE_OK));
  bytes[12] = 0xF4;
  memcpy (bytes + TROUPE_HEADER_SIZE_MAX + 1, "\xC4\x01x", 3);
  cr_assert (eq (int, decode (bytes, TROUPE_HEADER_SIZE_MAX + 4, NULL), TROUPE_BAD_FRAME));
}

Test (joined, cut_at_every_byte)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  size_t size = encode_heartbeat (bytes, 300);
  for (size_t cut = 0; cut < size; cut++)
    cr_assert (eq (int, decode (bytes, cut, NULL), TROUPE_BAD_FRAME), "cut at %zu", cut);
  cr_assert (eq (int, decode (bytes, size, NULL), TROUPE_OK));
}

Test (joined, what_is_none)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *why;
  } cases[] = {
    {"\x94\x02\x04\x80", 4, "no bin with the body"},
    {"\x94\x02\x04\x80\xA1x", 6, "no bin with the body"},                   // a text
    {"\x94\x02\x04\x80\xC6\xFF\xFF\xFF\xFF", 9, "no bin with the body"},    // four billion bytes
    {"\x94\x02\x04\x80\xC4\x01xx", 8, "more bytes"},
    {"\x93\x02\x04\x80\xC4\x01x", 7, "more bytes"},                         // a list of three, and a body
    {"\x95\x02\x04\x80\xC4\x01x\xC0", 8, "not a list of"},
    {"\xDC\x00\x04\x02\x04\x80\xC4\x01x", 9, "not a list of"},              // four items, in another form
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    troupe_error_t error = {0};
    cr_assert (eq (int, decode ((const uint8_t *)cases[i].bytes, cases[i].size, &error), TROUPE_BAD_FRAME), "case %zu",
               i);
    cr_assert (ne (ptr, strstr (error.why, cases[i].why), NULL), "case %zu: %s", i, error.why);
  }
}

Test (joined, the_frame_becomes_its_body)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  troupe_header_t header;
  troupe_buffer_t *frame = NULL, *body = NULL;
  troupe_error_t error = {0};
  size_t size = encode_heartbeat (bytes, 5);
  cr_assert (eq (int, troupe_buffer_new (&frame, bytes, size), TROUPE_OK));
  cr_assert (eq (int, troupe_header_decode (&header, troupe_buffer_data (frame), size, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_header_body (&header, frame, NULL, &body, &error), TROUPE_OK));
  cr_assert (eq (ptr, body, frame));
  cr_assert (eq (sz, troupe_buffer_size (body), 5));
  cr_assert (eq (int, memcmp (troupe_buffer_data (body), body_of (5), 5), 0));
  troupe_buffer_unref (&frame);
}

Test (joined, a_message_has_one_body)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  troupe_header_t header;
  troupe_buffer_t *buffer = NULL, *body = NULL;
  troupe_error_t error = {0};
  cr_assert (eq (int, troupe_buffer_new (&buffer, "x", 1), TROUPE_OK));

  cr_assert (eq (int, troupe_header_decode (&header, bytes, encode_heartbeat (bytes, 0), &error), TROUPE_OK));
  cr_assert (eq (int, troupe_header_body (&header, NULL, buffer, &body, &error), TROUPE_OK));
  cr_assert (eq (ptr, body, buffer));
  cr_assert (eq (int, troupe_header_body (&header, buffer, NULL, &body, &error), TROUPE_BAD_FRAME));
  cr_assert (ne (ptr, strstr (error.why, "without a body's"), NULL), "%s", error.why);

  cr_assert (eq (int, troupe_header_decode (&header, bytes, encode_heartbeat (bytes, 5), &error), TROUPE_OK));
  cr_assert (eq (int, troupe_header_body (&header, NULL, buffer, &body, &error), TROUPE_BAD_FRAME));
  cr_assert (ne (ptr, strstr (error.why, "two bodies"), NULL), "%s", error.why);
  troupe_buffer_unref (&buffer);
}

// SPDX-License-Identifier: Apache-2.0
//
// Runs: messages of one frame that travel as one frame.

#include "troupe/run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { LONG = 300, LARGEST = TROUPE_FRAME_SIZE_MAX };

// The message of that number: as long as its number says, so that both forms of a bin's length come up.
static size_t
make_message (uint8_t *bytes, unsigned number)
{
  size_t size = 1 + number * 97 % LONG;
  memset (bytes, (int)(number + 1), size);
  bytes[0] = 0x94;
  return size;
}

static size_t
make_run (troupe_run_t *run, unsigned count)
{
  uint8_t bytes[LONG + 1];
  size_t frame_size;
  troupe_run_begin (run);
  for (unsigned i = 0; i < count; i++) {
    size_t size = make_message (bytes, i);
    cr_assert (troupe_run_add (run, bytes, size), "%u", i);
  }
  troupe_run_frame (run, &frame_size);
  return frame_size;
}

// How many messages a copy of the frame gives, whose end a sanitizer watches; they are those of make_message, but for
// the last if *broken, which is the frame itself.
static unsigned
read_back (const uint8_t *frame, size_t size, bool *broken)
{
  uint8_t *copy = malloc (size > 0 ? size : 1), expected[LONG + 1];
  memcpy (copy, frame, size);
  troupe_run_reader_t reader = troupe_run_read (copy, size);
  const void *message;
  size_t length;
  unsigned count = 0;
  *broken = false;
  for (; troupe_run_next (&reader, &message, &length); count++) {
    cr_assert (eq (int, *broken, false));
    *broken = message == copy;
    if (*broken)
      cr_assert (eq (sz, length, size));
    else {
      cr_assert (eq (sz, length, make_message (expected, count)));
      cr_assert (eq (int, memcmp (message, expected, length), 0));
    }
  }
  free (copy);
  return count;
}

Test (runs, messages_come_back_in_order)
{
  troupe_run_t run;
  bool broken;
  for (unsigned count = 2; count <= TROUPE_RUN_MAX; count++) {
    size_t size = make_run (&run, count);
    cr_assert (troupe_run_is (run.bytes, size) && size <= TROUPE_RUN_SIZE);
    cr_assert (eq (uint, read_back (run.bytes, size, &broken), count));
    cr_assert (not(broken));
  }
}

Test (runs, a_single_message_is_itself)
{
  uint8_t expected[LONG + 1];
  troupe_run_t run;
  make_run (&run, 1);
  size_t size;
  const void *frame = troupe_run_frame (&run, &size);
  cr_assert (eq (sz, size, make_message (expected, 0)));
  cr_assert (eq (int, memcmp (frame, expected, size), 0));
  cr_assert (not(troupe_run_is (frame, size)));
  troupe_run_reader_t reader = troupe_run_read (frame, size);
  const void *message;
  size_t length;
  cr_assert (troupe_run_next (&reader, &message, &length));
  cr_assert (message == frame && length == size);
  cr_assert (not(troupe_run_next (&reader, &message, &length)));
}

Test (runs, there_is_room_for_the_largest_message_and_a_bounded_run)
{
  static uint8_t bytes[TROUPE_RUN_SIZE];
  troupe_run_t run;
  size_t size;
  make_run (&run, TROUPE_RUN_MAX);
  cr_assert (not(troupe_run_add (&run, bytes, 1)));
  troupe_run_begin (&run);
  cr_assert (troupe_run_add (&run, bytes, LARGEST));
  cr_assert (eq (int, memcmp (troupe_run_frame (&run, &size), bytes, LARGEST), 0));
  cr_assert (eq (sz, size, LARGEST));
  troupe_run_begin (&run);
  cr_assert (troupe_run_add (&run, bytes, TROUPE_RUN_SIZE - 2 * 3 - 1));
  cr_assert (not(troupe_run_add (&run, bytes, 2)));
  cr_assert (troupe_run_add (&run, bytes, 1));
  troupe_run_frame (&run, &size);
  cr_assert (eq (sz, size, TROUPE_RUN_SIZE));
}

// The last message is then the frame, which is no message.
Test (runs, what_is_cut_off_ends_with_what_no_decoder_takes)
{
  troupe_run_t run;
  bool broken;
  size_t whole = make_run (&run, 5), full = 0;
  for (size_t size = 1; size < whole; size++) {
    unsigned count = read_back (run.bytes, size, &broken);
    full += !broken;
    cr_assert (le (uint, count, 5));
  }
  cr_assert (eq (sz, full, 4), "where a message ends");
  troupe_header_t header;
  troupe_error_t error;
  cr_assert (eq (int, troupe_header_decode (&header, run.bytes, whole, &error), TROUPE_BAD_FRAME));
}

Test (runs, what_is_too_much_or_something_else_is_one_message)
{
  static uint8_t many[2 * (TROUPE_RUN_TAKEN_MAX + 1)], large[TROUPE_RUN_TAKEN_SIZE + 1];
  bool broken;
  for (size_t i = 0; i < sizeof many; i += 2)
    many[i] = 0xC4;
  troupe_run_reader_t reader = troupe_run_read (many, sizeof many);
  const void *message;
  size_t size;
  for (unsigned i = 0; i < TROUPE_RUN_TAKEN_MAX; i++)
    cr_assert (troupe_run_next (&reader, &message, &size) && size == 0, "%u", i);
  cr_assert (troupe_run_next (&reader, &message, &size) && message == many && size == sizeof many);
  cr_assert (not(troupe_run_next (&reader, &message, &size)));
  memset (large, 0xC4, sizeof large);
  cr_assert (eq (uint, read_back (large, sizeof large, &broken), 1));
  cr_assert (broken);
  cr_assert (eq (uint, read_back (large, 0, &broken), 1));
  cr_assert (broken);
  cr_assert (eq (uint, read_back ((const uint8_t *)"\xC4\x01\x94\x94", 4, &broken), 2));
  cr_assert (broken, "a message without a bin behind one with");
}

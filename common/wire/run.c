// SPDX-License-Identifier: Apache-2.0
//
// Runs of messages. The bins are of at most 64 KiB (two or three bytes before each message), and there is neither a
// count nor an end: what comes with a frame is there at once. A header is a msgpack array, so the first byte tells a
// run from a message, and a run that is broken from any message: so it becomes the error that any wrong message is.

#include "troupe/run.h"

enum { BIN_8 = 0xC4, BIN_16 = 0xC5, BIN_8_START = 2, BIN_16_START = 3 };

// Always of 16 bits: a byte more for a short message, and one way less.
bool
troupe_run_add (troupe_run_t *self, const void *message, size_t size)
{
  if (self->count == TROUPE_RUN_MAX || size > UINT16_MAX || size + BIN_16_START > sizeof self->bytes - self->size)
    return false;
  uint8_t *at = self->bytes + self->size;
  at[0] = BIN_16;
  at[1] = (uint8_t)(size >> 8);
  at[2] = (uint8_t)size;
  memcpy (at + BIN_16_START, message, size);
  self->size += BIN_16_START + size;
  self->count++;
  return true;
}

const void *
troupe_run_frame (const troupe_run_t *self, size_t *size)
{
  size_t start = self->count == 1 ? BIN_16_START : 0;
  *size = self->size - start;
  return self->bytes + start;
}

bool
troupe_run_is (const void *frame, size_t size)
{
  const uint8_t *bytes = frame;
  return size > 0 && (*bytes == BIN_8 || *bytes == BIN_16);
}

troupe_run_reader_t
troupe_run_read (const void *frame, size_t size)
{
  const uint8_t *start = frame;
  bool small = size <= TROUPE_RUN_TAKEN_SIZE;
  unsigned left = small && troupe_run_is (frame, size) ? TROUPE_RUN_TAKEN_MAX : 0;
  return (troupe_run_reader_t){.start = start, .at = start, .end = start + size, .left = left};
}

static bool
give_all (troupe_run_reader_t *self, const void **message, size_t *size)
{
  *message = self->start;
  *size = (size_t)(self->end - self->start);
  self->done = true;
  return true;
}

bool
troupe_run_next (troupe_run_reader_t *self, const void **message, size_t *size)
{
  size_t rest = (size_t)(self->end - self->at);
  if (self->done || (rest == 0 && self->at != self->start))
    return false;
  size_t start = rest > 0 && *self->at == BIN_8 ? BIN_8_START : BIN_16_START;
  if (self->left == 0 || rest < start || !troupe_run_is (self->at, rest))
    return give_all (self, message, size);
  size_t length = start == BIN_8_START ? self->at[1] : (size_t)self->at[1] << 8 | self->at[2];
  if (length > rest - start)
    return give_all (self, message, size);
  *message = self->at + start;
  *size = length;
  self->at += start + length;
  self->left--;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
//
// A run: messages to one peer that leave as one frame. Each is a message of one frame (troupe_header_join), and stands
// in a msgpack bin; the bins follow each other. What ZeroMQ does for a frame (memory, a place in its queues, waking its
// thread) is so done once for all of them.
//
//   troupe_run_t run;
//   troupe_run_begin (&run);
//   while (message (&bytes, &size) && troupe_run_add (&run, bytes, size))
//     ;
//   const void *frame = troupe_run_frame (&run, &size);
//
// Who hasn't told a minor version that knows runs (TROUPE_MINOR_RUNS) gets a frame for each message.
#ifndef TROUPE_RUN_H
#define TROUPE_RUN_H

#include "troupe/wire.h"

enum {
  TROUPE_MINOR_RUNS = 1, // the minor version that brought them
  // Messages of a run that we make: so many that each costs little, and so few that of a hundred under way one half is
  // worked on while the other one travels.
  TROUPE_RUN_MAX = 50,
  TROUPE_RUN_SIZE = 20 * 1024, // and bytes: as many small messages, or a single one of any size
  // Of one that we take. It is taken in one go, and a body out of it keeps all of it in memory.
  TROUPE_RUN_TAKEN_MAX = 64,
  TROUPE_RUN_TAKEN_SIZE = 64 * 1024,
};

typedef struct {
  unsigned count; // the messages in it
  size_t size;
  uint8_t bytes[TROUPE_RUN_SIZE];
} troupe_run_t;

static inline void
troupe_run_begin (troupe_run_t *self)
{
  self->count = 0;
  self->size = 0;
}
// Copies a message of one frame to the end. False: there is no room for it, it begins the next run; an empty run has
// room for any.
bool troupe_run_add (troupe_run_t *self, const void *message, size_t size);
// The frame, when there is something in it. Of a single message it is that message itself.
const void *troupe_run_frame (const troupe_run_t *self, size_t *size);

// Goes through the messages of a frame that was received.
typedef struct {
  const uint8_t *start, *at, *end;
  unsigned left;
  bool done;
} troupe_run_reader_t;

// Whether a frame is a run, so that no other frame with a body follows.
bool troupe_run_is (const void *frame, size_t size);
troupe_run_reader_t troupe_run_read (const void *frame, size_t size);
// The next message, which lies within the frame; false: that was all. A frame that isn't a run is one message. Of a run
// that is none (cut off, too much in it) the whole frame is given as the last message; no decoder takes it for one.
bool troupe_run_next (troupe_run_reader_t *self, const void **message, size_t *size);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Frames in and out of a socket.
//
// A body travels as a reference: what comes in becomes a buffer that owns the zmq_msg_t, and what goes out is a
// zmq_msg_t that owns a reference of the buffer, which libzmq's I/O thread gives back when the bytes have left. Small
// ones are copied, which is cheaper than libzmq's bookkeeping for foreign memory.
//
// A message goes whole or not at all: only its first frame can be refused (libzmq takes the rest of a message once it
// took its beginning), so everything that can fail is prepared before it is sent.

#include "troupe/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
  // Up to here a copy costs less than the allocation of shared content.
  COPY_MAX = 512
};

static void
unref_body (void *data, void *hint)
{
  troupe_buffer_t *body = hint;
  (void)data;
  troupe_buffer_unref (&body);
}

static int
make_copy (zmq_msg_t *frame, const void *data, size_t size)
{
  if (zmq_msg_init_size (frame, size) != 0)
    return errno;
  if (size > 0)
    memcpy (zmq_msg_data (frame), data, size);
  return 0;
}

// libzmq wants the bytes as not const, and doesn't change them.
static int
make_shared (zmq_msg_t *frame, troupe_buffer_t *body)
{
  union {
    const void *constant;
    void *data;
  } bytes = {troupe_buffer_data (body)};
  if (zmq_msg_init_data (frame, bytes.data, troupe_buffer_size (body), unref_body, body) != 0)
    return errno;
  troupe_buffer_ref (body);
  return 0;
}

int
troupe_socket_send (void *socket, const void *route, size_t route_size, const void *header, size_t header_size,
                    troupe_buffer_t *body)
{
  zmq_msg_t frames[3];
  size_t count = 0, sent = 0;
  int failed = 0;
  if (route != NULL && (failed = make_copy (&frames[count], route, route_size)) == 0)
    count++;
  if (failed == 0 && (failed = make_copy (&frames[count], header, header_size)) == 0)
    count++;
  if (failed == 0) {
    size_t size = troupe_buffer_size (body);
    failed = size <= COPY_MAX ? make_copy (&frames[count], troupe_buffer_data (body), size)
                              : make_shared (&frames[count], body);
    count += failed == 0;
  }
  while (failed == 0 && sent < count) {
    if (zmq_msg_send (&frames[sent], socket, ZMQ_DONTWAIT | (sent + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
      failed = errno;
    else
      sent++;
  }
  for (size_t i = sent; i < count; i++)
    zmq_msg_close (&frames[i]);
  return failed;
}

static int
receive_frame (void *socket, zmq_msg_t *frame)
{
  zmq_msg_init (frame);
  if (zmq_msg_recv (frame, socket, ZMQ_DONTWAIT) >= 0)
    return 0;
  int failed = errno;
  zmq_msg_close (frame);
  return failed;
}

int
troupe_socket_receive (void *socket, zmq_msg_t *frames, size_t capacity, size_t *count)
{
  *count = 0;
  for (bool more = true; more; ++*count) {
    zmq_msg_t surplus;
    zmq_msg_t *frame = *count < capacity ? &frames[*count] : &surplus;
    int failed = receive_frame (socket, frame);
    if (failed != 0) {
      troupe_socket_close_frames (frames, capacity, *count);
      *count = 0;
      return failed;
    }
    more = zmq_msg_more (frame) != 0;
    if (frame == &surplus)
      zmq_msg_close (frame);
  }
  return 0;
}

void
troupe_socket_close_frames (zmq_msg_t *frames, size_t capacity, size_t count)
{
  for (size_t i = 0; i < count && i < capacity; i++)
    zmq_msg_close (&frames[i]);
}

static void
close_message (void *data, void *hint)
{
  (void)data;
  zmq_msg_close (hint);
  free (hint);
}

troupe_err_t
troupe_socket_body (troupe_buffer_t **out, zmq_msg_t *frame)
{
  if (zmq_msg_size (frame) <= COPY_MAX) // doesn't keep a large receive buffer alive for a few bytes
    return troupe_buffer_new (out, zmq_msg_data (frame), zmq_msg_size (frame));
  zmq_msg_t *kept = malloc (sizeof *kept);
  if (kept == NULL)
    return TROUPE_NO_MEMORY;
  zmq_msg_init (kept);
  zmq_msg_move (kept, frame);
  troupe_err_t err = troupe_buffer_adopt (out, zmq_msg_data (kept), zmq_msg_size (kept), close_message, kept);
  if (err != TROUPE_OK) {
    zmq_msg_move (frame, kept);
    zmq_msg_close (kept);
    free (kept);
  }
  return err;
}

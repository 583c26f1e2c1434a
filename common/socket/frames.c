// SPDX-License-Identifier: Apache-2.0
//
// Frames in and out of a socket.
//
// A body travels as a reference: what comes in becomes a buffer that keeps the zmq_msg_t, and what goes out is one more
// reference to that message, or a zmq_msg_t that owns a reference of the buffer, which libzmq's I/O thread gives back
// when the bytes have left. Small ones of our own are copied, which is cheaper than libzmq's bookkeeping for foreign
// memory.
//
// A message goes whole or not at all: only its first frame can be refused (libzmq takes the rest of a message once it
// took its beginning), so everything that can fail is prepared before it is sent.

#include "troupe/socket.h"

#include "troupe/run.h"

#include <errno.h>
#include <string.h>

enum {
  // Up to here a copy costs less than the allocation of shared content.
  COPY_MAX = 128
};

static void
close_message (void *data, void *keeper)
{
  (void)data;
  zmq_msg_close (keeper);
}

troupe_err_t
troupe_socket_body (troupe_buffer_t **out, zmq_msg_t *frame)
{
  void *kept;
  troupe_err_t err = troupe_buffer_new_kept (out, sizeof *frame, close_message, &kept);
  if (err != TROUPE_OK)
    return err;
  zmq_msg_init (kept);
  zmq_msg_move (kept, frame);
  troupe_buffer_point (*out, zmq_msg_data (kept), zmq_msg_size (kept));
  return TROUPE_OK;
}

troupe_err_t
troupe_socket_part (troupe_buffer_t **out, zmq_msg_t *frame, const void *data, size_t size)
{
  void *kept;
  troupe_err_t err = troupe_buffer_new_kept (out, sizeof *frame, close_message, &kept);
  if (err != TROUPE_OK)
    return err;
  size_t start = (size_t)((const char *)data - (const char *)zmq_msg_data (frame));
  zmq_msg_init (kept);
  zmq_msg_copy (kept, frame); // shares the bytes, or copies the few that there are: that can't fail
  troupe_buffer_point (*out, (char *)zmq_msg_data (kept) + start, size);
  return TROUPE_OK;
}

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

static int
make_body (zmq_msg_t *frame, troupe_buffer_t *body)
{
  size_t size = troupe_buffer_size (body);
  zmq_msg_t *received = troupe_buffer_keeper (body, close_message);
  if (received == NULL || zmq_msg_size (received) != size) // or a part of a message
    return size <= COPY_MAX ? make_copy (frame, troupe_buffer_data (body), size) : make_shared (frame, body);
  zmq_msg_init (frame);
  return zmq_msg_copy (frame, received) == 0 ? 0 : errno;
}

int
troupe_socket_prepare (troupe_socket_message_t *out, const void *route, size_t route_size, const void *header,
                       size_t header_size, troupe_buffer_t *body)
{
  zmq_msg_t *frames = out->frames;
  int failed = 0;
  out->count = 0;
  if (route != NULL && (failed = make_copy (&frames[out->count], route, route_size)) == 0)
    out->count++;
  if (failed == 0 && (failed = make_copy (&frames[out->count], header, header_size)) == 0)
    out->count++;
  if (failed == 0 && (failed = make_body (&frames[out->count], body)) == 0)
    out->count++;
  if (failed != 0)
    troupe_socket_drop_prepared (out);
  return failed;
}

int
troupe_socket_prepare_whole (troupe_socket_message_t *out, const void *route, size_t route_size, const void *frame,
                             size_t size)
{
  int failed = 0;
  out->count = 0;
  if (route != NULL && (failed = make_copy (&out->frames[0], route, route_size)) == 0)
    out->count++;
  if (failed == 0 && (failed = make_copy (&out->frames[out->count], frame, size)) == 0)
    out->count++;
  if (failed != 0)
    troupe_socket_drop_prepared (out);
  return failed;
}

int
troupe_socket_prepare_shared (troupe_socket_message_t *out, const void *route, size_t route_size,
                              troupe_buffer_t *frame)
{
  int failed = 0;
  out->count = 0;
  if (route != NULL && (failed = make_copy (&out->frames[0], route, route_size)) == 0)
    out->count++;
  if (failed == 0 && (failed = make_shared (&out->frames[out->count], frame)) == 0)
    out->count++;
  if (failed != 0)
    troupe_socket_drop_prepared (out);
  return failed;
}

void
troupe_socket_drop_prepared (troupe_socket_message_t *message)
{
  troupe_socket_close_frames (message->frames, message->count, message->count);
  message->count = 0;
}

int
troupe_socket_send_prepared (void *socket, troupe_socket_message_t *message, bool more)
{
  int failed = 0;
  size_t sent = 0, count = message->count;
  while (failed == 0 && sent < count) {
    if (zmq_msg_send (&message->frames[sent], socket, ZMQ_DONTWAIT | (more || sent + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
      failed = errno;
    else
      sent++;
  }
  for (size_t i = sent; i < count; i++)
    zmq_msg_close (&message->frames[i]);
  message->count = 0;
  return failed;
}

int
troupe_socket_send (void *socket, const void *route, size_t route_size, const void *header, size_t header_size,
                    troupe_buffer_t *body)
{
  troupe_socket_message_t message;
  int failed = troupe_socket_prepare (&message, route, route_size, header, header_size, body);
  return failed != 0 ? failed : troupe_socket_send_prepared (socket, &message, false);
}

int
troupe_socket_receive_frame (void *socket, zmq_msg_t *frame)
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
    int failed = troupe_socket_receive_frame (socket, frame);
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

int
troupe_socket_receive_message (void *socket, zmq_msg_t frames[2], size_t *count, bool *more)
{
  *count = 0;
  int failed = troupe_socket_receive_frame (socket, &frames[0]);
  if (failed != 0)
    return failed;
  *count = 1;
  *more = zmq_msg_more (&frames[0]) != 0;
  const void *bytes = zmq_msg_data (&frames[0]);
  size_t size = zmq_msg_size (&frames[0]);
  if (*more && !troupe_header_is_joined (bytes, size) && !troupe_run_is (bytes, size) &&
      troupe_socket_receive_frame (socket, &frames[1]) == 0) {
    *count = 2;
    *more = zmq_msg_more (&frames[1]) != 0;
  }
  return 0;
}

void
troupe_socket_close_frames (zmq_msg_t *frames, size_t capacity, size_t count)
{
  for (size_t i = 0; i < count && i < capacity; i++)
    zmq_msg_close (&frames[i]);
}

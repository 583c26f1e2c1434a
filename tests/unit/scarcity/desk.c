// SPDX-License-Identifier: Apache-2.0
//
// A ROUTER without a loop: the test turns the node's loop, and then has this one look what has come.

#include "tests/unit/scarcity/desk.h"

#include "tests/unit/scarcity/answers.h"
#include "troupe/error.h"
#include "troupe/loop.h"
#include "troupe/run.h"
#include "troupe/socket.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <string.h>

void
desk_open (desk_t *self, const char *folder)
{
  *self = (desk_t){.zmq = zmq_ctx_new ()};
  snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/b", folder);
  snprintf (self->publish, sizeof self->publish, "ipc://%s/p", folder);
  cr_assert_eq (troupe_socket_new (&self->router, self->zmq, ZMQ_ROUTER, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_bind (self->router, self->endpoint, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_new (&self->publisher, self->zmq, ZMQ_PUB, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_bind (self->publisher, self->publish, NULL), TROUPE_OK);
}

void
desk_close (desk_t *self)
{
  json_decref (self->value);
  troupe_socket_close (&self->router, false);
  troupe_socket_close (&self->publisher, false);
  zmq_ctx_term (self->zmq);
}

static void
say (void *context, const troupe_header_t *header, json_t *body)
{
  desk_t *self = context;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *packed = NULL;
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_gt (size, 0);
  if (body != NULL)
    cr_assert_eq (troupe_value_pack (body, &packed, NULL), TROUPE_OK);
  json_decref (body);
  troupe_socket_send (self->router, self->route, self->route_size, bytes, size, packed); // or nobody is there
  troupe_buffer_unref (&packed);
}

static void
note (desk_t *self, const troupe_header_t *header, const void *body, size_t size)
{
  json_t *json = NULL;
  troupe_error_t error = {0};
  for (uint32_t i = 0; i < header->sizes_count; i++)
    size -= header->sizes[i]; // of the entries of memory, behind it
  cr_assert_eq (troupe_value_unpack (body, size, &json, NULL), TROUPE_OK);
  json_decref (self->value);
  self->call = header->call;
  self->status = (troupe_status_t)header->status;
  self->value = json;
  if (self->status != TROUPE_STATUS_VALUE)
    troupe_error_of_json (&error, json);
  self->code = error.code;
}

static void
take (desk_t *self, const void *message, size_t message_size, zmq_msg_t *behind)
{
  troupe_header_t header;
  answers_t answers = {say, self, "broker-1", self->publish};
  cr_assert_eq (troupe_header_decode (&header, message, message_size, NULL), TROUPE_OK);
  const void *body = header.joined ? header.body.data : zmq_msg_data (behind);
  size_t size = header.joined ? header.body.size : zmq_msg_size (behind);
  if (header.command == TROUPE_CMD_HELLO) {
    self->hellos++;
    self->registered = 0;
  }
  self->registered += header.command == TROUPE_CMD_REGISTER;
  if (header.command == TROUPE_CMD_SETTLE)
    note (self, &header, body, size);
  answers_give (&answers, &header);
}

static void
take_all (desk_t *self, zmq_msg_t frames[2], size_t count)
{
  const void *message;
  size_t size;
  if (count == 2) {
    take (self, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), &frames[1]);
    return;
  }
  troupe_run_reader_t reader = troupe_run_read (zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]));
  while (troupe_run_next (&reader, &message, &size))
    take (self, message, size, NULL);
}

void
desk_serve (desk_t *self)
{
  zmq_msg_t route, frames[2];
  size_t count;
  while (troupe_socket_receive_frame (self->router, &route) == 0) {
    bool more = zmq_msg_more (&route) != 0;
    self->route_size = zmq_msg_size (&route);
    cr_assert_leq (self->route_size, sizeof self->route);
    memcpy (self->route, zmq_msg_data (&route), self->route_size);
    zmq_msg_close (&route);
    while (more && troupe_socket_receive_message (self->router, frames, &count, &more) == 0) {
      take_all (self, frames, count);
      troupe_socket_close_frames (frames, 2, count);
    }
  }
  if (self->route_size == 0 || troupe_loop_now () < self->beat_at)
    return;
  troupe_header_t beat = answers_command (TROUPE_CMD_HEARTBEAT);
  say (self, &beat, NULL);
  self->beat_at = troupe_loop_now () + ANSWERS_HEARTBEAT;
}

void
desk_offer (desk_t *self, const char *service, const troupe_id_t *call, unsigned attempt, json_t *input)
{
  troupe_header_t header = answers_command (TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, call);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_deadline (&header, 60 * 1000);
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  troupe_header_set_memory (&header, 3);
  troupe_header_set_news (&header, 2);
  troupe_header_set_epoch (&header, 1);
  say (self, &header, json_incref (input));
}

void
desk_publish (desk_t *self)
{
  troupe_header_t header = answers_command (TROUPE_CMD_EVENT);
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *packed = NULL;
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  json_t *event = json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1");
  cr_assert_eq (troupe_value_pack (event, &packed, NULL), TROUPE_OK);
  json_decref (event);
  troupe_socket_send (self->publisher, "mesh", 4, bytes, size, packed);
  troupe_buffer_unref (&packed);
}

bool
desk_settled (const desk_t *self, const troupe_id_t *call)
{
  return self->status != TROUPE_STATUS_NONE && troupe_id_equal (&self->call, call);
}

// SPDX-License-Identifier: Apache-2.0
//
// Everything runs on one loop in one thread: whoever waits turns it, and so lets the broker work.

#include "edge_rig.h"

#include "troupe/value.h"

#include <errno.h>

edge_rig_t edge_rig;

broker_limits_t edge_rig_limits = {.message = 16 * 1024 * 1024,
                                         .open_calls = 1000,
                                         .open_bytes = 256 * 1024 * 1024,
                                         .mailbox = 100,
                                         .attempts = 3,
                                         .deadline = 600000,
                                         .retention = 60000,
                                         .heartbeat = 100,
                                         .lease = 60000}; // a loaded machine is no dead peer

static void
on_ready (void *context)
{
  ((edge_rig_t *)context)->ready = true;
}

troupe_err_t
edge_rig_new (broker_edge_t **out, const char *name, troupe_error_t *error)
{
  broker_edge_options_t options = {.name = name,
                                   .endpoint = edge_rig.endpoint,
                                   .publish = edge_rig.publish,
                                   .store = edge_rig.redis.url,
                                   .limits = edge_rig_limits,
                                   .ready = on_ready,
                                   .context = &edge_rig};
  return broker_edge_new (out, edge_rig.loop, &options, error);
}

void
edge_rig_wait (const bool *condition)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (!*condition && troupe_loop_now () < until)
    cr_assert_eq (troupe_loop_turn (edge_rig.loop, 100), TROUPE_OK);
  cr_assert (*condition);
}

void
edge_rig_start (void)
{
  troupe_error_t error = {0};
  edge_rig.ready = false;
  cr_assert_eq (edge_rig_new (&edge_rig.edge, "broker-1", &error), TROUPE_OK, "%s", error.why);
  edge_rig_wait (&edge_rig.ready);
}

void
edge_rig_open (void)
{
  redis_start (&edge_rig.redis, NULL);
  cr_assert_eq (troupe_loop_new (&edge_rig.loop), TROUPE_OK);
  edge_rig.zmq = zmq_ctx_new ();
  snprintf (edge_rig.endpoint, sizeof edge_rig.endpoint, "ipc://%s/state/mesh/b.ipc", edge_rig.redis.folder);
  snprintf (edge_rig.publish, sizeof edge_rig.publish, "ipc://%s/state/mesh/b-pub.ipc", edge_rig.redis.folder);
  edge_rig_start ();
}

void
edge_rig_close (void)
{
  broker_edge_destroy (&edge_rig.edge);
  zmq_ctx_term (edge_rig.zmq);
  troupe_loop_destroy (&edge_rig.loop);
  redis_stop (&edge_rig.redis);
}

// -- Peers -----------------------------------------------------------------------------------------------------------

static void
on_readable (void *context, short events)
{
  (void)context;
  (void)events;
}

edge_peer_t
edge_peer_connect_as (const char *endpoint, int type, const char *routing_id)
{
  edge_peer_t self = {0};
  troupe_error_t error;
  cr_assert_eq (troupe_socket_new (&self.socket, edge_rig.zmq, type, &error), TROUPE_OK);
  if (routing_id != NULL)
    zmq_setsockopt (self.socket, ZMQ_ROUTING_ID, routing_id, strlen (routing_id));
  cr_assert_eq (troupe_socket_connect (self.socket, endpoint, &error), TROUPE_OK);
  cr_assert_eq (troupe_loop_add_socket (edge_rig.loop, self.socket, on_readable, NULL), TROUPE_OK);
  return self;
}

edge_peer_t
edge_peer_connect (const char *endpoint, int type)
{
  return edge_peer_connect_as (endpoint, type, NULL);
}

static void
drop_message (edge_peer_t *self)
{
  troupe_socket_close_frames (self->frames, 2, self->count);
  self->count = 0;
}

void
edge_peer_leave (edge_peer_t *self)
{
  drop_message (self);
  troupe_loop_remove_socket (edge_rig.loop, self->socket);
  troupe_socket_close (&self->socket, false);
}

void
edge_peer_send (edge_peer_t *self, const troupe_header_t *header, const void *body, size_t size)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t header_size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_neq (header_size, 0);
  troupe_buffer_t *buffer = NULL;
  cr_assert_eq (troupe_buffer_new (&buffer, body, size), TROUPE_OK);
  cr_assert_eq (troupe_socket_send (self->socket, NULL, 0, bytes, header_size, buffer), 0);
  troupe_buffer_unref (&buffer);
}

// The next message's header and body; false: there is none.
static bool
next (edge_peer_t *self)
{
  const void *message;
  size_t size;
  if (self->count != 1 || !troupe_run_next (&self->run, &message, &size)) {
    drop_message (self);
    if (troupe_socket_receive_message (self->socket, self->frames, &self->count, &self->more) != 0)
      return false;
    message = zmq_msg_data (&self->frames[0]);
    size = zmq_msg_size (&self->frames[0]);
    self->place = 0;
    self->run = troupe_run_read (message, size);
    if (self->count == 1)
      troupe_run_next (&self->run, &message, &size);
  }
  self->place++;
  cr_assert_eq (troupe_header_decode (&self->header, message, size, NULL), TROUPE_OK);
  cr_assert_eq (self->count, self->header.joined ? 1 : 2);
  self->body = self->header.joined ? self->header.body
                                   : (troupe_text_t){zmq_msg_data (&self->frames[1]), zmq_msg_size (&self->frames[1])};
  return true;
}

void
edge_peer_receive (edge_peer_t *self, troupe_command_t command)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (troupe_loop_now () < until) {
    if (!next (self))
      cr_assert_eq (troupe_loop_turn (edge_rig.loop, 100), TROUPE_OK);
    else if (self->header.command == command)
      return;
  }
  cr_assert_fail ("no %s", troupe_command_name (command));
}

bool
edge_peer_body_is (const edge_peer_t *self, const void *bytes, size_t size)
{
  return self->body.size == size && memcmp (self->body.data, bytes, size) == 0;
}

troupe_err_t
edge_peer_error (const edge_peer_t *self)
{
  json_t *json = NULL;
  troupe_error_t error = {0};
  troupe_value_unpack (self->body.data, self->body.size, &json, NULL);
  troupe_error_of_json (&error, json);
  json_decref (json);
  return error.code;
}

void
edge_peer_say_hello (edge_peer_t *self, const char *name)
{
  edge_peer_say_hello_of (self, name, TROUPE_PROTOCOL_MINOR);
}

void
edge_peer_say_hello_of (edge_peer_t *self, const char *name, unsigned minor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (name));
  if (minor > 0)
    troupe_header_set_minor (&header, minor);
  edge_peer_send (self, &header, NULL, 0);
}

edge_peer_t
edge_peer_join (const char *name)
{
  return edge_peer_join_of (name, TROUPE_PROTOCOL_MINOR);
}

edge_peer_t
edge_peer_join_of (const char *name, unsigned minor)
{
  edge_peer_t self = edge_peer_connect (edge_rig.endpoint, ZMQ_DEALER);
  edge_peer_say_hello_of (&self, name, minor);
  edge_peer_receive (&self, TROUPE_CMD_WELCOME);
  return self;
}

void
edge_peer_serve (edge_peer_t *self, const char *service, bool actor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_credit (&header, 8);
  if (actor)
    troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR);
  edge_peer_send (self, &header, NULL, 0);
  edge_peer_receive (self, TROUPE_CMD_REGISTERED);
}

void
edge_peer_call (edge_peer_t *self, const troupe_id_t *id, const char *service, const void *body, size_t size)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  edge_peer_send (self, &header, body, size);
}

void
edge_peer_settle (edge_peer_t *self, const troupe_id_t *id, uint64_t attempt, const void *body, size_t size)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  edge_peer_send (self, &header, body, size);
}

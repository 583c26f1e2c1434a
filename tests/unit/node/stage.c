// SPDX-License-Identifier: Apache-2.0
//
// The stage of a node's edge (stage.h).

#include "stage.h"

#include "troupe/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
stage_open_broker (stage_t *self)
{
  troupe_error_t error = {0};
  cr_assert (eq (int, troupe_socket_new (&self->router, self->zmq, ZMQ_ROUTER, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (self->router, self->endpoint, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_new (&self->xpub, self->zmq, ZMQ_XPUB, &error), TROUPE_OK));
  cr_assert (eq (int, troupe_socket_bind (self->xpub, self->publish, &error), TROUPE_OK));
}

void
stage_close_broker (stage_t *self)
{
  troupe_socket_close (&self->router, false);
  troupe_socket_close (&self->xpub, false);
}

void
stage_open (stage_t *self)
{
  troupe_error_t error = {0};
  troupe_log_init (&(troupe_log_options_t){.program = "unit-node", .level = TROUPE_LOG_OFF});
  *self = (stage_t){.folder = "/tmp/troupe-XXXXXX", .minor = TROUPE_PROTOCOL_MINOR};
  cr_assert_not_null (mkdtemp (self->folder));
  snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/b", self->folder);
  snprintf (self->publish, sizeof self->publish, "ipc://%s/p", self->folder);
  self->zmq = zmq_ctx_new ();
  stage_open_broker (self);
  const char *brokers[] = {self->endpoint, NULL};
  cr_assert (eq (int, troupe_loop_new (&self->loop), TROUPE_OK));
  troupe_node_options_t options = {.name = "test", .brokers = brokers};
  cr_assert (eq (int, troupe_node_new (&self->node, self->loop, &options, &error), TROUPE_OK));
}

static void
end_frame (stage_t *self)
{
  if (self->running)
    zmq_msg_close (&self->frame);
  self->running = false;
}

void
stage_close (stage_t *self)
{
  char path[80];
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  troupe_buffer_unref (&self->body);
  end_frame (self);
  json_decref (self->probe.last);
  stage_close_broker (self);
  zmq_ctx_term (self->zmq);
  for (const char *name = "bp"; *name != '\0'; name++) {
    snprintf (path, sizeof path, "%s/%c", self->folder, *name);
    unlink (path);
  }
  rmdir (self->folder);
}

void
stage_turn (stage_t *self)
{
  cr_assert (eq (int, troupe_loop_turn (self->loop, 5), TROUPE_OK));
}

// Whose message, or messages, come next; false: none yet.
static bool
take_route (stage_t *self)
{
  zmq_msg_t route;
  if (troupe_socket_receive_frame (self->router, &route) != 0)
    return false;
  self->more = zmq_msg_more (&route);
  self->route_size = zmq_msg_size (&route);
  memcpy (self->route, zmq_msg_data (&route), self->route_size);
  zmq_msg_close (&route);
  return self->more;
}

static void
read_header (stage_t *self, const void *bytes, size_t size, bool joined)
{
  troupe_error_t error = {0};
  memcpy (self->bytes, bytes, size);
  cr_assert (eq (int, troupe_header_decode (&self->header, self->bytes, size, &error), TROUPE_OK));
  cr_assert (eq (int, self->header.joined, joined));
  troupe_buffer_unref (&self->body);
}

static bool
read_of_frame (stage_t *self)
{
  const void *message;
  size_t size;
  if (!self->running || !troupe_run_next (&self->run, &message, &size))
    return false;
  read_header (self, message, size, true);
  cr_assert (eq (int, troupe_buffer_new (&self->body, self->header.body.data, self->header.body.size), TROUPE_OK));
  self->place++;
  return true;
}

// The next message; false: none yet.
static bool
next (stage_t *self)
{
  zmq_msg_t frames[2];
  size_t count = 0;
  if (read_of_frame (self))
    return true;
  end_frame (self);
  if (!self->more && !take_route (self))
    return false;
  cr_assert (eq (int, troupe_socket_receive_message (self->router, frames, &count, &self->more), 0));
  if (count == 1) {
    self->frame = frames[0];
    self->run = troupe_run_read (zmq_msg_data (&self->frame), zmq_msg_size (&self->frame));
    self->running = true;
    self->place = 0;
    return read_of_frame (self);
  }
  read_header (self, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), false);
  cr_assert (eq (int, troupe_socket_body (&self->body, &frames[1]), TROUPE_OK));
  troupe_socket_close_frames (frames, 2, count);
  return true;
}

void
stage_expect (stage_t *self, troupe_command_t command)
{
  int64_t end = troupe_loop_now () + STAGE_PATIENCE_MS;
  for (;;) {
    cr_assert (lt (long, troupe_loop_now (), end));
    if (!next (self))
      stage_turn (self);
    else if (self->header.command != TROUPE_CMD_HEARTBEAT || command == TROUPE_CMD_HEARTBEAT)
      break;
  }
  cr_assert_str_eq (troupe_command_name (self->header.command), troupe_command_name (command));
}

void
stage_say (stage_t *self, void *socket, const troupe_header_t *header, json_t *json)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body = NULL;
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (json != NULL)
    cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
  const void *route = socket == self->xpub ? (const void *)"mesh" : self->route;
  size_t route_size = socket == self->xpub ? 4 : self->route_size;
  int failed;
  while ((failed = troupe_socket_send (socket, route, route_size, bytes, size, body)) == EAGAIN)
    stage_turn (self);
  cr_assert (eq (int, failed, 0));
  troupe_buffer_unref (&body);
  json_decref (json);
}

void
stage_welcome (stage_t *self)
{
  troupe_header_t header;
  stage_expect (self, TROUPE_CMD_HELLO);
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text ("broker-1"));
  troupe_header_set_heartbeat (&header, 50);
  troupe_header_set_lease (&header, 5000);
  troupe_header_set_limit (&header, 16 * 1024 * 1024);
  troupe_header_set_endpoint (&header, troupe_text (self->publish));
  if (self->minor > 0)
    troupe_header_set_minor (&header, self->minor);
  stage_say (self, self->router, &header, NULL);
}

void
stage_wait_up (stage_t *self, unsigned up)
{
  int64_t end = troupe_loop_now () + STAGE_PATIENCE_MS;
  while (troupe_node_brokers_up (self->node) != up) {
    cr_assert (lt (long, troupe_loop_now (), end));
    stage_turn (self);
  }
}

void
stage_wait_for (stage_t *self, const unsigned *counter, unsigned value)
{
  int64_t end = troupe_loop_now () + STAGE_PATIENCE_MS;
  while (*counter < value) {
    cr_assert (lt (long, troupe_loop_now (), end));
    stage_turn (self);
  }
}

troupe_placeholder_t *
stage_call (stage_t *self, const char *service, const char *input)
{
  troupe_placeholder_t *placeholder = NULL;
  json_t *json = json_string (input);
  troupe_call_t made = {.service = service, .input = json, .settled = probe_settled, .context = &self->probe};
  cr_assert (eq (int, troupe_node_call (self->node, &placeholder, &made, NULL), TROUPE_OK));
  json_decref (json);
  return placeholder;
}

void
stage_settle (stage_t *self, const troupe_id_t *id, json_t *value)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, id);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  stage_say (self, self->router, &header, value);
}

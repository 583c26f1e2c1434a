// SPDX-License-Identifier: Apache-2.0
//
// A connection's life: greeting, leases in both directions, and starting over.
//
// There is one remedy for everything that goes wrong with a connection: forget what is queued on it, and say hello
// again; the welcome is followed by everything that has no answer yet, which is safe because repeating a command
// changes nothing. So nothing here has to know what exactly was lost. It starts over
//
//   on a new socket    when the broker was silent for its lease, the transport broke, or it said bye: frames that the
//                      old socket still holds would reach the broker's next life before our hello;
//   on the same socket when the broker says reset: it lives, but doesn't know us.
//
// The other brokers are told of a broker that is lost (beating.c): it may be dead, and then they take its calls over
// before its lease has run out.
//
// If this process itself slept for longer than half a lease (stopped, swapped out, or a function of the user's took
// long), silence proves nothing: the broker gets one full lease more.

#include "node/connection.h"

#include "node/asking.h"
#include "node/calling.h"
#include "node/serving.h"
#include "troupe/log.h"
#include "troupe/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  DELAY_MIN_MS = 20,      // the first try after a loss: the broker may be back already
  DELAY_MAX_MS = 1000,    // further ones, doubling: what a person doesn't notice, and a dead address stands for ever
  DELAY_BYE_MS = 250,     // after bye: its process is about to end
  DELAY_REFUSED_MS = 5000 // another version won't become ours soon
};

troupe_err_t
node_connection_init (node_connection_t *self, node_core_t *core, unsigned index, const char *endpoint, int64_t now)
{
  *self =
    (node_connection_t){.core = core, .index = index, .open_at = now, .lost_at = INT64_MIN, .delay_ms = DELAY_MIN_MS};
  node_outbox_init (&self->outbox);
  node_list_init (&self->calls);
  self->endpoint = strdup (endpoint);
  return self->endpoint == NULL ? TROUPE_NO_MEMORY : TROUPE_OK;
}

void
node_connection_close (node_connection_t *self)
{
  node_outbox_clear (&self->outbox);
  free (self->registrations);
  free (self->endpoint);
}

void
node_connection_send (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_err_t err = node_outbox_put (&self->outbox, header, body);
  if (err == TROUPE_OK)
    return;
  troupe_log (TROUPE_LOG_ERROR, "message not sent", "broker", self->endpoint, "command",
              troupe_command_name (header->command), "why", troupe_err_text (err), NULL);
  // A header that can't be encoded would fail again and again: only what may succeed the next time starts over.
  if (err == TROUPE_NO_MEMORY)
    self->broken = true;
}

// -- Up and down -----------------------------------------------------------------------------------------------------

void
node_connection_greet (node_connection_t *self)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (self->core->instance));
  if (self->core->mesh[0] != '\0')
    troupe_header_set_mesh (&header, troupe_text (self->core->mesh));
  troupe_header_set_minor (&header, TROUPE_PROTOCOL_MINOR);
  self->state = NODE_CONNECTION_GREETING;
  self->greeted_at = self->core->now;
  self->broken = false;
  node_outbox_clear (&self->outbox);
  node_connection_send (self, &header, self->core->options.hello);
}

// Out of use: what it had goes elsewhere.
static void
go_down (node_connection_t *self, const char *why)
{
  node_core_t *core = self->core;
  node_outbox_clear (&self->outbox);
  if (self->state != NODE_CONNECTION_UP)
    return;
  self->state = NODE_CONNECTION_WAITING;
  node_core_count (core, NODE_COUNT_CONNECTIONS_LOST);
  if (--core->up_count == 0)
    core->down_since = core->now;
  troupe_log (TROUPE_LOG_WARNING, "broker lost", "broker", self->name, "endpoint", self->endpoint, "why", why, NULL);
  node_serving_lost (self);
  node_calling_lost (self);
}

void
node_connection_start_over (node_connection_t *self, const char *why, int64_t delay_ms)
{
  if (self->state == NODE_CONNECTION_LEFT)
    return;
  bool lost = self->state == NODE_CONNECTION_UP;
  go_down (self, why);
  self->state = NODE_CONNECTION_WAITING;
  self->broken = false;
  self->silent = self->reached;
  self->reached = false;
  self->generation++;
  self->open_at = self->core->now + delay_ms;
  if (lost)
    node_connection_tell_lost (self);
}

bool
node_connection_hangs (const node_connection_t *self)
{
  return self->silent || (self->state == NODE_CONNECTION_GREETING && self->reached);
}

void
node_connection_break (node_connection_t *self, const char *why)
{
  self->reached = false;
  if (self->state == NODE_CONNECTION_WAITING || self->state == NODE_CONNECTION_LEFT)
    return;
  node_connection_start_over (self, why, self->delay_ms);
  self->delay_ms = self->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : self->delay_ms * 2;
}

static void
copy_text (char *out, size_t capacity, troupe_text_t text)
{
  size_t size = text.size < capacity ? text.size : capacity - 1;
  memcpy (out, text.data, size);
  out[size] = '\0';
}

static void
take_terms (node_connection_t *self, const troupe_header_t *header)
{
  copy_text (self->name, sizeof self->name, header->peer);
  self->publish[0] = '\0';
  if (troupe_header_has (header, TROUPE_F (ENDPOINT)))
    copy_text (self->publish, sizeof self->publish, header->endpoint);
  self->heartbeat_ms = header->heartbeat < 10 ? 10 : (int64_t)header->heartbeat;
  self->lease_ms = (int64_t)header->lease < 2 * self->heartbeat_ms ? 2 * self->heartbeat_ms : (int64_t)header->lease;
  self->limit = header->limit < TROUPE_VALUE_SIZE_MAX ? (size_t)header->limit : TROUPE_VALUE_SIZE_MAX;
  self->minor = troupe_header_minor (header);
}

static void
welcome (node_connection_t *self, const troupe_header_t *header)
{
  node_core_t *core = self->core;
  take_terms (self, header);
  self->state = NODE_CONNECTION_UP;
  self->lost_at = INT64_MIN;
  self->delay_ms = DELAY_MIN_MS;
  self->refusal.code = TROUPE_OK;
  self->told = self->silent = false;
  self->unwell_until = core->now;
  self->beat_at = core->now + self->heartbeat_ms;
  core->up_count++;
  troupe_log (TROUPE_LOG_INFO, "connected", "broker", self->name, "endpoint", self->endpoint, NULL);
  node_serving_welcomed (self);
  node_asking_welcomed (self);
}

static void
turned_away (node_connection_t *self, const troupe_error_t *error)
{
  if (!self->told)
    troupe_log_error (TROUPE_LOG_ERROR, "broker refuses us", error);
  self->told = true;
  self->refusal = *error;
  node_connection_start_over (self, error->why, error->code == TROUPE_PERMISSION ? DELAY_MAX_MS : DELAY_REFUSED_MS);
}

// Keys are given back, and tokens are made anew when a mesh begins, perhaps just now: so it is tried again as after a
// loss, and called a refusal when that is refused as well.
void
node_connection_turned_away (node_connection_t *self, const troupe_error_t *error)
{
  if (self->state == NODE_CONNECTION_WAITING || self->state == NODE_CONNECTION_LEFT)
    return;
  bool again = self->refusal.code == error->code;
  if (!self->told && again)
    troupe_log_error (TROUPE_LOG_ERROR, "broker refuses us", error);
  self->told = self->told || again;
  self->refusal = *error;
  node_connection_break (self, error->why);
}

// -- Receiving -------------------------------------------------------------------------------------------------------

static void
read_error (troupe_error_t *error, troupe_buffer_t *body)
{
  json_t *json = NULL;
  if (troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, NULL) != TROUPE_OK)
    troupe_error_set (error, TROUPE_BAD_FRAME, NULL, NULL, "the broker's refusal can't be read");
  else
    troupe_error_of_json (error, json);
  json_decref (json);
}

static void
refused (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  read_error (&error, body);
  switch (header->of) {
  case TROUPE_CMD_CALL:
  case TROUPE_CMD_AWAIT:
  case TROUPE_CMD_CANCEL:
    node_calling_refused (self, header, &error);
    break;
  case TROUPE_CMD_REGISTER:
  case TROUPE_CMD_UNREGISTER:
  case TROUPE_CMD_GRANT:
  case TROUPE_CMD_SETTLE:
  case TROUPE_CMD_RECALL:
  case TROUPE_CMD_HEAR:
  case TROUPE_CMD_PART:
    node_serving_refused (self, header, &error);
    break;
  case TROUPE_CMD_STATUS:
  case TROUPE_CMD_LETTERS:
  case TROUPE_CMD_LETTER:
  case TROUPE_CMD_RESEND:
  case TROUPE_CMD_DISCARD:
  case TROUPE_CMD_SESSIONS:
  case TROUPE_CMD_END:
    node_asking_refused (self, header, &error);
    break;
  case TROUPE_CMD_HELLO:
    turned_away (self, &error);
    break;
  default:
    node_core_count (self->core, NODE_COUNT_FRAMES_UNEXPECTED);
    troupe_log_error (TROUPE_LOG_WARNING, "broker refused", &error);
  }
}

static void
take_new_terms (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  take_terms (self, header);
}

static void
reset (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)header;
  (void)body;
  go_down (self, "it doesn't know us any more");
  node_connection_greet (self);
}

static void
leave_it (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)header;
  (void)body;
  self->reached = false;
  node_connection_start_over (self, "it leaves", DELAY_BYE_MS);
}

static void
take_heartbeat (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  node_share_report (self, header);
}

typedef void (handler_fn) (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body);

static handler_fn *const handlers[] = {
  [TROUPE_CMD_WELCOME] = take_new_terms,
  [TROUPE_CMD_RESET] = reset,
  [TROUPE_CMD_BYE] = leave_it,
  [TROUPE_CMD_HEARTBEAT] = take_heartbeat,
  [TROUPE_CMD_REFUSED] = refused,
  [TROUPE_CMD_ACCEPTED] = node_calling_accepted,
  [TROUPE_CMD_PART] = node_calling_part,
  [TROUPE_CMD_SETTLED] = node_calling_settled,
  [TROUPE_CMD_REGISTERED] = node_serving_registered,
  [TROUPE_CMD_UNREGISTERED] = node_serving_unregistered,
  [TROUPE_CMD_OFFER] = node_serving_offer,
  [TROUPE_CMD_CANCEL] = node_serving_cancel,
  [TROUPE_CMD_STREAM] = node_serving_stream,
  [TROUPE_CMD_CONFIRMED] = node_serving_confirmed,
  [TROUPE_CMD_RECALLED] = node_serving_recalled,
  [TROUPE_CMD_HEARD] = node_serving_heard,
  [TROUPE_CMD_REPORT] = node_asking_report,
};

static void
receive_up (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  size_t command = (size_t)header->command;
  if (command < sizeof handlers / sizeof *handlers && handlers[command] != NULL)
    handlers[command](self, header, body);
  else
    node_core_count (self->core, NODE_COUNT_FRAMES_UNEXPECTED);
}

static bool
is_of_other_mesh (const node_connection_t *self, const troupe_header_t *header, troupe_error_t *error)
{
  const char *mesh = self->core->mesh;
  if (*mesh == '\0' || !troupe_header_has (header, TROUPE_F (MESH)) || troupe_text_equal (header->mesh, mesh))
    return false;
  troupe_error_set (error, TROUPE_WRONG_MESH, self->endpoint, "check the brokers' endpoints",
                    "the broker there is of the mesh %.*s, not of %s", (int)header->mesh.size, header->mesh.data, mesh);
  return true;
}

// Resets that come now answer frames sent before this hello, and other answers belong to the time before it.
static void
receive_greeting (node_connection_t *self, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error;
  if (header->command == TROUPE_CMD_WELCOME && is_of_other_mesh (self, header, &error))
    turned_away (self, &error);
  else if (header->command == TROUPE_CMD_WELCOME)
    welcome (self, header);
  else if (header->command == TROUPE_CMD_REFUSED && header->of == TROUPE_CMD_HELLO)
    refused (self, header, body);
  else if (header->command == TROUPE_CMD_BYE)
    node_connection_start_over (self, "it leaves", DELAY_BYE_MS);
  else
    node_core_count (self->core, NODE_COUNT_FRAMES_UNEXPECTED);
}

static void
receive_bad (node_connection_t *self, const troupe_error_t *error)
{
  node_core_count (self->core, NODE_COUNT_FRAMES_BAD);
  if (error->code == TROUPE_VERSION_MISMATCH && self->state == NODE_CONNECTION_GREETING)
    turned_away (self, error);
}

void
node_connection_receive (node_connection_t *self, const node_event_t *event)
{
  troupe_header_t header;
  troupe_error_t error;
  if (self->state == NODE_CONNECTION_WAITING || self->state == NODE_CONNECTION_LEFT) {
    node_core_count (self->core, NODE_COUNT_FRAMES_UNEXPECTED);
    return;
  }
  troupe_buffer_t *body;
  if (troupe_header_decode (&header, event->header, event->header_size, &error) != TROUPE_OK ||
      troupe_header_body (&header, event->frame, event->body, &body, &error) != TROUPE_OK) {
    receive_bad (self, &error);
    return;
  }
  self->heard_at = self->core->now;
  if (self->state == NODE_CONNECTION_GREETING)
    receive_greeting (self, &header, body);
  else
    receive_up (self, &header, body);
}

// SPDX-License-Identifier: Apache-2.0
//
// A ROUTER for the peers and an XPUB for events, with the core between them and the ledger. Messages are taken in
// batches, so that waiting costs once for many, and bounded, so that timers and the store get their turn. Bodies are
// shared from the frame that came in to the frame that goes out.
//
// A peer's connection is known by the routing id that ROUTER gave it: a zero byte and 32 bits. libzmq would also let a
// peer choose its own; such an id could be somebody else's old one, so messages under one are dropped, with a word to
// the sender now and then.
//
// What the core sends is gathered and leaves before the next wait, or when there is much of it: libzmq's thread, which
// writes to the connections, is woken for a batch, and not for each message as long as it is faster than the core. What
// can't be sent is noted, and then told to the core. If there is no memory for the note, the lease tells the core later.
//
// Events are published without looking whether somebody listens: XPUB drops for those who don't read, and nobody
// relies on them.

#include "broker/edge_state.h"

#include "troupe/socket.h"
#include "troupe/value.h"

#include <errno.h>
#include <stdlib.h>

enum {
  // Messages taken in one go: some milliseconds' work at most.
  BATCH = 1000,
  // Between words to peers that name themselves.
  NAMED_MS = 1000,
  ROUTE_SIZE = 5,
};

// -- Connections -----------------------------------------------------------------------------------------------------

static broker_connection_t
connection_of (const uint8_t route[ROUTE_SIZE])
{
  return UINT64_C (1) << 32 | (uint64_t)route[1] << 24 | (uint64_t)route[2] << 16 | (uint64_t)route[3] << 8 | route[4];
}

static void
route_of (uint8_t route[ROUTE_SIZE], broker_connection_t connection)
{
  route[0] = 0;
  for (int i = 1; i < ROUTE_SIZE; i++)
    route[i] = (uint8_t)(connection >> (8 * (ROUTE_SIZE - 1 - i)));
}

// -- The core's outlet -----------------------------------------------------------------------------------------------

static void
note_unsent (broker_edge_t *self, broker_connection_t connection, troupe_command_t command, bool full)
{
  if (self->unsent_count == self->unsent_capacity) {
    size_t capacity = self->unsent_capacity == 0 ? 16 : self->unsent_capacity * 2;
    unsent_t *unsent = realloc (self->unsent, capacity * sizeof *unsent);
    if (unsent == NULL) {
      broker_core_count (self->core, BROKER_COUNT_NO_MEMORY);
      return;
    }
    self->unsent = unsent;
    self->unsent_capacity = capacity;
  }
  self->unsent[self->unsent_count++] = (unsent_t){connection, command, full};
}

static void
send_leaving (broker_edge_t *self)
{
  for (size_t i = 0; i < self->leaving_count; i++) {
    leaving_t *leaving = &self->leaving[i];
    int failed = troupe_socket_send_prepared (self->router, &leaving->message);
    if (failed != 0)
      note_unsent (self, leaving->connection, leaving->command, failed != EHOSTUNREACH);
  }
  self->leaving_count = 0;
}

void
edge_send (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  broker_edge_t *self = context;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX], route[ROUTE_SIZE];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  route_of (route, to);
  if (size == 0) {
    troupe_log (TROUPE_LOG_ERROR, "a header can't be encoded", "command", troupe_command_name (header->command), NULL);
    return;
  }
  if (self->leaving_count == EDGE_LEAVING_MAX)
    send_leaving (self);
  if (self->leaving_count == 0)
    troupe_loop_again (self->loop); // prepare may have been called already in this turn
  leaving_t *leaving = &self->leaving[self->leaving_count];
  leaving->connection = to;
  leaving->command = header->command;
  if (troupe_socket_prepare (&leaving->message, route, sizeof route, bytes, size, body) == 0)
    self->leaving_count++;
  else
    note_unsent (self, to, header->command, true);
}

void
edge_publish (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body)
{
  broker_edge_t *self = context;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (size > 0)
    troupe_socket_send (self->publisher, topic, strlen (topic), bytes, size, body);
  troupe_loop_look_at (self->loop, self->publisher);
}

void
edge_request (void *context, const ledger_request_t *request)
{
  broker_edge_t *self = context;
  ledger_submit (self->ledger, request);
}

void
edge_note (void *context, const broker_note_t *note)
{
  (void)context;
  if (troupe_log_enabled (note->level))
    troupe_log (note->level, note->event, note->name1, note->value1, note->name2, note->value2, NULL);
}

// -- Events for the core ---------------------------------------------------------------------------------------------

// Ends: each failure is the end of a peer, or of a part, and those are finite.
void
edge_flush (broker_edge_t *self, int64_t now)
{
  for (send_leaving (self); self->unsent_count > 0; send_leaving (self)) {
    unsent_t unsent = self->unsent[--self->unsent_count];
    broker_event_t failure = {
      .kind = BROKER_UNSENT, .connection = unsent.connection, .command = unsent.command, .full = unsent.full};
    broker_core_step (self->core, &failure, now);
  }
}

void
edge_on_result (void *context, const ledger_result_t *result)
{
  const broker_edge_t *self = context;
  broker_core_step (self->core, &(broker_event_t){.kind = BROKER_RESULT, .result = result}, troupe_loop_now ());
}

void
edge_on_notice (void *context, const ledger_notice_t *notice)
{
  broker_edge_t *self = context;
  broker_core_step (self->core, &(broker_event_t){.kind = BROKER_NOTICE, .notice = notice}, troupe_loop_now ());
  if (notice->kind == LEDGER_NOTICE_UP && self->ready != NULL) {
    self->ready (self->context);
    self->ready = NULL;
  }
}

// A peer that chose its own routing id.
static void
answer_named (broker_edge_t *self, const zmq_msg_t *route, int64_t now)
{
  broker_core_count (self->core, BROKER_COUNT_MESSAGES_NAMED);
  if (now < self->named_at)
    return;
  self->named_at = now + NAMED_MS;
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_BAD_FRAME, "connection", "don't set ZMQ_ROUTING_ID (ZMQ_IDENTITY)",
                    "the sender's socket has a routing id of its own");
  troupe_log_error (TROUPE_LOG_WARNING, "messages are dropped", &error);
  json_t *json = troupe_error_to_json (&error);
  troupe_buffer_t *body = NULL;
  troupe_header_t header;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, 0);
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  if (json != NULL && troupe_value_pack (json, &body, NULL) == TROUPE_OK)
    troupe_socket_send (self->router, zmq_msg_data ((zmq_msg_t *)(uintptr_t)route), zmq_msg_size (route), bytes, size,
                        body);
  troupe_buffer_unref (&body);
  json_decref (json);
}

// frames: routing id, header, body.
static void
take_message (broker_edge_t *self, zmq_msg_t frames[3], size_t count, int64_t now)
{
  if (zmq_msg_size (&frames[0]) != ROUTE_SIZE || *(const uint8_t *)zmq_msg_data (&frames[0]) != 0) {
    answer_named (self, &frames[0], now);
    return;
  }
  troupe_buffer_t *body = NULL;
  broker_event_t event = {.kind = BROKER_FRAME, .connection = connection_of (zmq_msg_data (&frames[0]))};
  if (count != 3) {
    event.kind = BROKER_GARBAGE;
    event.why = count < 3 ? "one frame instead of two" : "more than two frames";
  } else {
    event.header = zmq_msg_data (&frames[1]);
    event.header_size = zmq_msg_size (&frames[1]);
    if (zmq_msg_size (&frames[2]) > 0 && troupe_socket_body (&body, &frames[2]) != TROUPE_OK)
      event.bodiless = true;
    event.body = body;
  }
  broker_core_step (self->core, &event, now);
  troupe_buffer_unref (&body);
}

void
edge_on_router (void *context, short events)
{
  broker_edge_t *self = context;
  (void)events;
  int64_t now = troupe_loop_now ();
  zmq_msg_t frames[3];
  size_t count;
  for (int i = 0; i < BATCH && troupe_socket_receive (self->router, frames, 3, &count) == 0; i++) {
    take_message (self, frames, count, now);
    troupe_socket_close_frames (frames, 3, count);
  }
}

// Subscriptions: who subscribes to what is XPUB's business.
void
edge_on_publisher (void *context, short events)
{
  broker_edge_t *self = context;
  (void)events;
  zmq_msg_t frames[1];
  size_t count;
  for (int i = 0; i < BATCH && troupe_socket_receive (self->publisher, frames, 1, &count) == 0; i++)
    troupe_socket_close_frames (frames, 1, count);
}

static int64_t
sooner (int64_t due, int64_t other)
{
  return due == TROUPE_LOOP_NEVER || (other != TROUPE_LOOP_NEVER && other < due) ? other : due;
}

int64_t
edge_prepare (void *context, int64_t now)
{
  broker_edge_t *self = context;
  int64_t due = broker_core_due (self->core);
  if (due != TROUPE_LOOP_NEVER && due <= now)
    broker_core_step (self->core, &(broker_event_t){.kind = BROKER_TIME}, now);
  edge_flush (self, now);
  due = broker_core_due (self->core);
  for (size_t i = 0; i < 2; i++)
    due = sooner (due, door_continue (&self->doors[i], now));
  if (!self->stopping || self->stopped == NULL)
    return due;
  if (broker_core_idle (self->core) || now >= self->stop_at) {
    self->stopped (self->stopped_context);
    self->stopped = NULL;
    return due;
  }
  return sooner (due, self->stop_at);
}

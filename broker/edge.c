// SPDX-License-Identifier: Apache-2.0
//
// A ROUTER for the peers and an XPUB for events, with the core between them and the ledger. Messages are taken in
// batches, so that waiting costs once for many, and bounded, so that timers and the store get their turn. Bodies are
// shared from the frame that came in to the frame that goes out, but for small ones, which are copied into the
// header's.
//
// A peer's connection is known by the routing id that ROUTER gave it: a zero byte and 32 bits. libzmq would also let a
// peer choose its own; such an id could be somebody else's old one, so messages under one are dropped, with a word to
// the sender now and then.

#include "broker/edge_state.h"
#include "broker/saying.h"

#include "broker/frames.h"

#include "troupe/socket.h"
#include "troupe/value.h"

#include <errno.h>
#include <stdlib.h>

enum {
  // Messages taken in one go: some milliseconds' work at most.
  BATCH = 1000,
  // Between tries to bind again; unbinding takes libzmq's thread less than that.
  REBIND_MS = 5,
  // Between words to peers that name themselves.
  NAMED_MS = 1000,
};

// -- Connections -----------------------------------------------------------------------------------------------------

static broker_connection_t
connection_of (const uint8_t route[EDGE_ROUTE_SIZE])
{
  return UINT64_C (1) << 32 | (uint64_t)route[1] << 24 | (uint64_t)route[2] << 16 | (uint64_t)route[3] << 8 | route[4];
}

// -- Events for the core ---------------------------------------------------------------------------------------------

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

// A connection is one peer's from its beginning to its end, so who it is is asked once.
static void
identify (const broker_edge_t *self, broker_event_t *event, const zmq_msg_t *frame)
{
  if (frames_command (event->header, event->header_size) != TROUPE_CMD_HELLO)
    return;
  event->line = broker_line_of (zmq_msg_get (frame, ZMQ_SRCFD));
  if (self->router_guarded)
    event->identity = guard_identify (self->guard, frame);
}

// A message of two frames: a header's and a body's.
static void
take_message (broker_edge_t *self, zmq_msg_t frames[2], int64_t now)
{
  broker_event_t event = {.kind = BROKER_FRAME,
                          .connection = self->sender,
                          .header = zmq_msg_data (&frames[0]),
                          .header_size = zmq_msg_size (&frames[0])};
  identify (self, &event, &frames[0]);
  event.bodiless = zmq_msg_size (&frames[1]) > 0 && troupe_socket_body (&event.body, &frames[1]) != TROUPE_OK;
  broker_core_step (self->core, &event, now);
  troupe_buffer_unref (&event.body);
}

// The messages of a frame; returns how many.
static unsigned
take_frame (broker_edge_t *self, zmq_msg_t *frame, int64_t now)
{
  unsigned taken = 0;
  const void *message;
  size_t size;
  troupe_run_reader_t reader = troupe_run_read (zmq_msg_data (frame), zmq_msg_size (frame));
  for (; troupe_run_next (&reader, &message, &size); taken++) {
    broker_event_t event = {.kind = BROKER_FRAME, .connection = self->sender, .header = message, .header_size = size};
    identify (self, &event, frame);
    event.bodiless = troupe_socket_part (&event.frame, frame, message, size) != TROUPE_OK;
    if (!event.bodiless)
      event.header = troupe_buffer_data (event.frame);
    broker_core_step (self->core, &event, now);
    troupe_buffer_unref (&event.frame);
  }
  return taken;
}

// Whose messages come next; false: nobody's.
static bool
take_route (broker_edge_t *self, int64_t now)
{
  zmq_msg_t route;
  if (troupe_socket_receive_frame (self->router, &route) != 0)
    return false;
  const uint8_t *bytes = zmq_msg_data (&route);
  bool assigned = zmq_msg_size (&route) == EDGE_ROUTE_SIZE && *bytes == 0;
  self->sender = assigned ? connection_of (bytes) : 0;
  self->sender_more = zmq_msg_more (&route);
  if (!assigned)
    answer_named (self, &route, now);
  zmq_msg_close (&route);
  return true;
}

// What one ZeroMQ message holds may be taken in several turns: a peer that puts a million into one gains nothing by it.
void
edge_on_router (void *context, short events)
{
  broker_edge_t *self = context;
  (void)events;
  int64_t now = troupe_loop_now ();
  zmq_msg_t frames[2];
  size_t count;
  for (unsigned taken = 0; taken < BATCH; taken++) {
    if (!self->sender_more) {
      if (!take_route (self, now))
        return;
      continue;
    }
    if (troupe_socket_receive_message (self->router, frames, &count, &self->sender_more) != 0)
      return;
    if (self->sender != 0 && count == 2)
      take_message (self, frames, now);
    else if (self->sender != 0)
      taken += take_frame (self, &frames[0], now);
    troupe_socket_close_frames (frames, 2, count);
  }
}

// A subscription, or the end of one: 1 or 0, and the topic. XPUB leaves it to us whether it takes effect.
static void
take_subscription (broker_edge_t *self, const zmq_msg_t *frame)
{
  const uint8_t *bytes = zmq_msg_data ((zmq_msg_t *)(uintptr_t)frame);
  size_t size = zmq_msg_size (frame);
  const troupe_identity_t *identity = self->publisher_guarded ? guard_identify (self->guard, frame) : NULL;
  bool stranger = self->publisher_guarded && identity == NULL;
  if (size == 0)
    return;
  if (bytes[0] != 1)
    zmq_setsockopt (self->publisher, ZMQ_UNSUBSCRIBE, bytes + 1, size - 1);
  else if (!stranger && saying_allows (self->core, identity, bytes + 1, size - 1))
    zmq_setsockopt (self->publisher, ZMQ_SUBSCRIBE, bytes + 1, size - 1);
  else
    broker_core_count (self->core, BROKER_COUNT_SUBSCRIPTIONS_REFUSED);
}

void
edge_on_publisher (void *context, short events)
{
  broker_edge_t *self = context;
  (void)events;
  zmq_msg_t frames[1];
  size_t count;
  for (int i = 0; i < BATCH && troupe_socket_receive (self->publisher, frames, 1, &count) == 0; i++) {
    take_subscription (self, &frames[0]);
    troupe_socket_close_frames (frames, 1, count);
  }
}

// -- Who may not come any more ---------------------------------------------------------------------------------------

void
edge_on_refused (void *context)
{
  const broker_edge_t *self = context;
  broker_core_count (self->core, BROKER_COUNT_CONNECTIONS_REFUSED);
}

// The core ends its peers. Those who only listen have no peer, and libzmq ends a single connection for nobody: so all
// of the publisher's end, and whoever may comes back by itself, and reads what he missed.
void
edge_on_lost (void *context, const char *user)
{
  broker_edge_t *self = context;
  size_t size = sizeof self->bound;
  broker_core_step (self->core, &(broker_event_t){.kind = BROKER_REVOKED, .user = user}, troupe_loop_now ());
  if (!self->publisher_guarded || self->rebind_at != TROUPE_LOOP_NEVER ||
      zmq_getsockopt (self->publisher, ZMQ_LAST_ENDPOINT, self->bound, &size) != 0)
    return;
  if (zmq_unbind (self->publisher, self->bound) == 0)
    self->rebind_at = 0;
  troupe_loop_look_at (self->loop, self->publisher);
}

// The port is free a moment after it was given up.
static int64_t
rebind (broker_edge_t *self, int64_t now)
{
  troupe_error_t error;
  if (self->rebind_at == TROUPE_LOOP_NEVER || now < self->rebind_at)
    return self->rebind_at;
  bool bound = troupe_socket_bind (self->publisher, self->bound, &error) == TROUPE_OK;
  self->rebind_at = bound ? TROUPE_LOOP_NEVER : now + REBIND_MS;
  troupe_loop_look_at (self->loop, self->publisher);
  return self->rebind_at;
}

static int64_t
sooner (int64_t due, int64_t other)
{
  return due == TROUPE_LOOP_NEVER || (other != TROUPE_LOOP_NEVER && other < due) ? other : due;
}

static void
count_door (broker_edge_t *self, door_t *door)
{
  if (!door->closed || door->counted)
    return;
  door->counted = true;
  broker_core_count (self->core, BROKER_COUNT_DOORS_CLOSED);
}

int64_t
edge_prepare (void *context, int64_t now)
{
  broker_edge_t *self = context;
  int64_t due = broker_core_due (self->core);
  if (due != TROUPE_LOOP_NEVER && due <= now)
    broker_core_step (self->core, &(broker_event_t){.kind = BROKER_TIME}, now);
  edge_flush (self, now);
  unread_tidy (self->unread, now);
  broker_core_note_unread (self->core, unread_most (self->unread), unread_total (self->unread));
  due = broker_core_due (self->core);
  for (size_t i = 0; i < 2; i++) {
    count_door (self, &self->doors[i]);
    due = sooner (due, door_continue (&self->doors[i], now));
  }
  if (self->guard != NULL)
    due = sooner (sooner (due, guard_continue (self->guard, now)), rebind (self, now));
  if (!self->stopping || self->stopped == NULL)
    return due;
  if (broker_core_idle (self->core) || now >= self->stop_at) {
    self->stopped (self->stopped_context);
    self->stopped = NULL;
    return due;
  }
  return sooner (due, self->stop_at);
}

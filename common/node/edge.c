// SPDX-License-Identifier: Apache-2.0
//
// The edge: for each broker a DEALER with a monitor, and, once the user wants events, a SUB.
//
// Before each wait the loop calls `prepare`: it tells the core the time, lets it call the user's functions, brings the
// sockets to what the core wishes, and sends what is queued. Commands that arise in one turn so leave together. A
// socket that takes no more (its queue is full) is tried again a millisecond later; the core stops filling up
// meanwhile.
//
// The monitor tells of a broken transport long before the lease ends. What the broker said before it broke is still in
// the DEALER, so that is read first.
//
// A turn's work is bounded on each side (frames read, functions called), so that no peer and no function can keep
// the loop from its other sources.

#include "node/edge.h"

#include "troupe/log.h"
#include "troupe/socket.h"

#include <errno.h>
#include <string.h>

enum {
  READS_MAX = 1000, // messages of one socket a turn
  CALLS_MAX = 1000, // functions of the user's a turn
  BACKLOG_MS = 1,   // until a full socket is tried again
};

// -- Receiving -------------------------------------------------------------------------------------------------------

static void
pass_on (node_channel_t *self, node_event_kind_t kind, zmq_msg_t *header, zmq_msg_t *body, int64_t now)
{
  troupe_buffer_t *buffer = NULL;
  if (troupe_socket_body (&buffer, body) != TROUPE_OK) {
    // Without memory for it the message is lost: start over, and everything that matters comes again.
    node_core_step (self->edge->core, &(node_event_t){NODE_DISCONNECTED, self->broker}, now);
    return;
  }
  node_event_t event = {kind, self->broker, zmq_msg_data (header), zmq_msg_size (header), buffer};
  node_core_step (self->edge->core, &event, now);
  troupe_buffer_unref (&buffer);
}

static void
read_dealer (node_channel_t *self, unsigned most)
{
  zmq_msg_t frames[2];
  size_t count;
  int64_t now = troupe_loop_now ();
  while (most-- > 0 && troupe_socket_receive (self->dealer, frames, 2, &count) == 0) {
    if (count == 2)
      pass_on (self, NODE_RECEIVED, &frames[0], &frames[1], now);
    else { // not of our protocol; the core counts what it can't decode
      node_event_t event = {NODE_RECEIVED, self->broker, NULL, 0, NULL};
      node_core_step (self->edge->core, &event, now);
    }
    troupe_socket_close_frames (frames, 2, count);
  }
}

static void
on_message (void *context, short events)
{
  (void)events;
  read_dealer (context, READS_MAX);
}

static void
on_monitor (void *context, short events)
{
  node_channel_t *self = context;
  bool broken = false, reached = false;
  (void)events;
  for (int event; (event = troupe_socket_monitor_next (self->monitor, NULL)) != 0;) {
    broken = broken || event == ZMQ_EVENT_DISCONNECTED;
    reached = reached || event == ZMQ_EVENT_CONNECTED;
  }
  if (reached)
    node_core_step (self->edge->core, &(node_event_t){NODE_CONNECTED, self->broker}, troupe_loop_now ());
  if (!broken)
    return;
  read_dealer (self, UINT32_MAX);
  node_core_step (self->edge->core, &(node_event_t){NODE_DISCONNECTED, self->broker}, troupe_loop_now ());
}

static void
on_published (void *context, short events)
{
  node_channel_t *self = context;
  zmq_msg_t frames[3]; // topic, header, body
  size_t count;
  int64_t now = troupe_loop_now ();
  (void)events;
  for (unsigned i = 0; i < READS_MAX && troupe_socket_receive (self->subscriber, frames, 3, &count) == 0; i++) {
    if (count == 3)
      pass_on (self, NODE_PUBLISHED, &frames[1], &frames[2], now);
    troupe_socket_close_frames (frames, 3, count);
  }
}

// -- Sockets ---------------------------------------------------------------------------------------------------------

static void
close_subscriber (node_channel_t *self)
{
  if (self->subscriber == NULL)
    return;
  troupe_loop_remove_socket (self->edge->loop, self->subscriber);
  troupe_socket_close (&self->subscriber, false);
}

static void
close_dealer (node_channel_t *self, bool flush)
{
  if (self->monitor != NULL) {
    troupe_loop_remove_socket (self->edge->loop, self->monitor);
    troupe_socket_unmonitor (&self->monitor, self->dealer);
  }
  if (self->dealer != NULL) {
    troupe_loop_remove_socket (self->edge->loop, self->dealer);
    troupe_socket_close (&self->dealer, flush);
  }
}

static troupe_err_t
open_dealer (node_channel_t *self, const char *endpoint, troupe_error_t *error)
{
  node_edge_t *edge = self->edge;
  troupe_err_t err = troupe_socket_new (&self->dealer, edge->zmq, ZMQ_DEALER, error);
  if (err == TROUPE_OK)
    err = troupe_socket_monitor (&self->monitor, edge->zmq, self->dealer,
                                 ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED, error);
  if (err == TROUPE_OK)
    err = troupe_socket_connect (self->dealer, endpoint, error);
  if (err == TROUPE_OK)
    err = troupe_loop_add_socket (edge->loop, self->dealer, on_message, self);
  if (err == TROUPE_OK)
    err = troupe_loop_add_receiver (edge->loop, self->monitor, on_monitor, self);
  if (err != TROUPE_OK)
    close_dealer (self, false);
  return err;
}

static void
open_subscriber (node_channel_t *self, const char *endpoint)
{
  troupe_error_t error = {0};
  node_edge_t *edge = self->edge;
  snprintf (self->published, sizeof self->published, "%s", endpoint);
  troupe_err_t err = troupe_socket_new (&self->subscriber, edge->zmq, ZMQ_SUB, &error);
  if (err == TROUPE_OK && zmq_setsockopt (self->subscriber, ZMQ_SUBSCRIBE, "mesh", strlen ("mesh")) != 0)
    err = troupe_error_set (&error, TROUPE_IO, endpoint, NULL, "can't subscribe: %s", zmq_strerror (errno));
  if (err == TROUPE_OK)
    err = troupe_socket_connect (self->subscriber, endpoint, &error);
  if (err == TROUPE_OK)
    err = troupe_loop_add_receiver (edge->loop, self->subscriber, on_published, self);
  if (err == TROUPE_OK)
    return;
  troupe_log_error (TROUPE_LOG_WARNING, "no events from this broker", &error);
  troupe_socket_close (&self->subscriber, false);
}

static void
fulfil (node_channel_t *self)
{
  node_core_t *core = self->edge->core;
  node_wish_t wish = node_core_wish (core, self->broker);
  if (self->dealer != NULL && (!wish.open || wish.generation != self->generation))
    close_dealer (self, wish.generation == self->generation);
  if (wish.open && self->dealer == NULL) {
    troupe_error_t error = {0};
    self->generation = wish.generation;
    if (open_dealer (self, wish.endpoint, &error) != TROUPE_OK) {
      troupe_log_error (TROUPE_LOG_ERROR, "can't connect to a broker", &error);
      node_core_step (core, &(node_event_t){NODE_NOT_OPENED, self->broker}, troupe_loop_now ());
    }
  }
  // Another endpoint, or one from which nothing was wanted before. A broker that is away for a while keeps its
  // subscriber, which connects again by itself.
  if (wish.publish != NULL && (self->subscriber == NULL || strcmp (wish.publish, self->published) != 0)) {
    bool failed_before = self->subscriber == NULL && strcmp (wish.publish, self->published) == 0;
    if (!failed_before) {
      close_subscriber (self);
      open_subscriber (self, wish.publish);
    }
  }
}

// -- Turning ---------------------------------------------------------------------------------------------------------

// False: frames are left because the socket takes no more.
static bool
flush (node_channel_t *self)
{
  node_core_t *core = self->edge->core;
  const node_frame_t *frame;
  while (self->dealer != NULL && (frame = node_core_frame (core, self->broker)) != NULL) {
    int failed = troupe_socket_send (self->dealer, NULL, 0, frame->header, frame->header_size, frame->body);
    if (failed == EAGAIN)
      return false;
    if (failed != 0) {
      troupe_log (TROUPE_LOG_ERROR, "can't send to a broker", "why", zmq_strerror (failed), NULL);
      node_core_step (core, &(node_event_t){NODE_DISCONNECTED, self->broker}, troupe_loop_now ());
      return false;
    }
    node_core_frame_sent (core, self->broker);
  }
  return true;
}

static int64_t
prepare (void *context, int64_t now)
{
  node_edge_t *self = context;
  bool flushed = true;
  self->preparing = true;
  node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
  bool more = node_core_deliver (self->core, now, CALLS_MAX);
  // What the user's functions asked for goes out in this turn too.
  node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
  for (unsigned i = 0; i < self->channels_count; i++) {
    fulfil (&self->channels[i]);
    flushed = flush (&self->channels[i]) && flushed;
  }
  self->preparing = false;
  if (more)
    return now;
  int64_t due = node_core_due (self->core);
  if (!flushed && (due == TROUPE_LOOP_NEVER || due > now + BACKLOG_MS))
    due = now + BACKLOG_MS;
  return due;
}

troupe_err_t
node_edge_open (node_edge_t *self, const char *const *brokers, troupe_error_t *error)
{
  self->zmq = zmq_ctx_new ();
  if (self->zmq == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "ZeroMQ context", NULL, "out of memory");
  // One thread moves more than a million messages a second, more than any node handles.
  zmq_ctx_set (self->zmq, ZMQ_IO_THREADS, 1);
  self->channels_count = node_core_brokers (self->core);
  for (unsigned i = 0; i < self->channels_count; i++)
    self->channels[i] = (node_channel_t){.edge = self, .broker = i};

  troupe_err_t err = TROUPE_OK;
  node_core_step (self->core, &(node_event_t){NODE_TICK}, troupe_loop_now ());
  for (unsigned i = 0; i < self->channels_count && err == TROUPE_OK; i++) {
    self->channels[i].generation = node_core_wish (self->core, i).generation;
    err = open_dealer (&self->channels[i], brokers[i], error);
  }
  if (err == TROUPE_OK && troupe_loop_add_prepare (self->loop, prepare, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "loop", NULL, "out of memory");
  if (err != TROUPE_OK)
    node_edge_close (self);
  return err;
}

void
node_edge_close (node_edge_t *self)
{
  troupe_loop_remove_prepare (self->loop, prepare, self);
  for (unsigned i = 0; i < self->channels_count; i++) {
    node_channel_t *channel = &self->channels[i];
    bool up = node_core_wish (self->core, i).generation == channel->generation;
    flush (channel);
    close_subscriber (channel);
    close_dealer (channel, up);
  }
  if (self->zmq != NULL)
    zmq_ctx_term (self->zmq); // waits for what lingers
  self->zmq = NULL;
}

// SPDX-License-Identifier: Apache-2.0
//
// The edge: for each broker a DEALER with a monitor, and, once the user wants events, a SUB.
//
// Before each wait the loop calls `prepare`: it tells the core the time, lets it call the user's functions, brings the
// sockets to what the core wishes, and sends what is queued. Commands that arise in one turn so leave together, small
// ones in runs: libzmq has one frame to handle for many of them, and its thread, and the broker, are woken once. A
// socket that takes no more (its queue is full) is tried again a millisecond later; the core stops filling up then.
//
// The monitor tells of a broken transport long before the lease ends. What the broker said before it broke is still in
// the DEALER, so that is read first.
//
// A turn's work is bounded on each side (frames read, functions called), so that no peer and no function can keep
// the loop from its other sources.

#include "node/edge.h"

#include "troupe/log.h"
#include "troupe/run.h"
#include "troupe/socket.h"

#include <errno.h>
#include <string.h>

enum {
  READS_MAX = 100,  // frames of one socket a turn, each of which may be a run
  CALLS_MAX = 1000, // functions of the user's a turn
  BACKLOG_MS = 1,   // until a full socket is tried again
};

// -- Receiving -------------------------------------------------------------------------------------------------------

// The messages of a frame, or of two: a header's and a body's. False: without memory for a body its message is lost.
static bool
pass_on (node_channel_t *self, node_event_kind_t kind, zmq_msg_t *frames, size_t count, int64_t now)
{
  node_event_t event = {.kind = kind, .broker = self->broker};
  if (count == 2) {
    event.header = zmq_msg_data (&frames[0]);
    event.header_size = zmq_msg_size (&frames[0]);
    if (troupe_socket_body (&event.body, &frames[1]) != TROUPE_OK)
      return false;
    node_core_step (self->edge->core, &event, now);
    troupe_buffer_unref (&event.body);
    return true;
  }
  const void *message;
  troupe_run_reader_t reader = troupe_run_read (zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]));
  while (troupe_run_next (&reader, &message, &event.header_size)) {
    if (troupe_socket_part (&event.frame, &frames[0], message, event.header_size) != TROUPE_OK)
      return false;
    event.header = troupe_buffer_data (event.frame);
    node_core_step (self->edge->core, &event, now);
    troupe_buffer_unref (&event.frame);
  }
  return true;
}

// Takes the frames. Without memory for all of it this starts over, and everything that matters comes again.
static void
take (node_channel_t *self, node_event_kind_t kind, zmq_msg_t *frames, size_t count, int64_t now)
{
  if (!pass_on (self, kind, frames, count, now))
    node_core_step (self->edge->core, &(node_event_t){NODE_DISCONNECTED, self->broker}, now);
  troupe_socket_close_frames (frames, 2, count);
}

static void
read_dealer (node_channel_t *self, unsigned most)
{
  zmq_msg_t frames[2];
  size_t count;
  bool more; // or not: the next message is the next, whether it comes in the same of ZeroMQ's
  int64_t now = troupe_loop_now ();
  while (most-- > 0 && troupe_socket_receive_message (self->dealer, frames, &count, &more) == 0)
    take (self, NODE_RECEIVED, frames, count, now);
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
  node_edge_t *edge = self->edge;
  bool broken = false, reached = false;
  troupe_error_t refused = {0};
  const char *endpoint = node_core_wish (edge->core, self->broker).endpoint;
  (void)events;
  for (int event, value = 0; (event = troupe_socket_monitor_next (self->monitor, &value)) != 0;) {
    broken = broken || event == ZMQ_EVENT_DISCONNECTED;
    reached = reached || event == ZMQ_EVENT_CONNECTED;
    if (refused.code == TROUPE_OK)
      troupe_credentials_refused (edge->credentials, endpoint, event, value, &refused);
  }
  if (reached)
    node_core_step (edge->core, &(node_event_t){NODE_CONNECTED, self->broker}, troupe_loop_now ());
  if (refused.code != TROUPE_OK) {
    // libzmq doesn't try again with what was refused.
    node_event_t event = {.kind = NODE_TURNED_AWAY, .broker = self->broker, .error = &refused};
    node_core_step (edge->core, &event, troupe_loop_now ());
    return;
  }
  if (!broken)
    return;
  read_dealer (self, UINT32_MAX);
  node_core_step (self->edge->core, &(node_event_t){NODE_DISCONNECTED, self->broker}, troupe_loop_now ());
}

// A topic, and one message or more.
static void
on_published (void *context, short events)
{
  node_channel_t *self = context;
  zmq_msg_t topic, frames[2];
  size_t count;
  int64_t now = troupe_loop_now ();
  (void)events;
  for (unsigned i = 0; i < READS_MAX && troupe_socket_receive_frame (self->subscriber, &topic) == 0; i++) {
    bool more = zmq_msg_more (&topic) != 0;
    zmq_msg_close (&topic);
    while (more && troupe_socket_receive_message (self->subscriber, frames, &count, &more) == 0)
      take (self, NODE_PUBLISHED, frames, count, now);
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
                                 ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
                                 error);
  if (err == TROUPE_OK)
    err = troupe_credentials_apply (edge->credentials, self->dealer, endpoint, endpoint, error);
  if (err == TROUPE_OK)
    troupe_socket_set_thread (self->dealer, self->thread);
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
  const char *broker = node_core_wish (edge->core, self->broker).endpoint;
  snprintf (self->published, sizeof self->published, "%s", endpoint);
  self->subscribed = self->generation;
  troupe_err_t err = troupe_socket_new (&self->subscriber, edge->zmq, ZMQ_SUB, &error);
  self->events = false;
  node_core_topics_forget (edge->core, self->broker);
  if (err == TROUPE_OK)
    err = troupe_credentials_apply (edge->credentials, self->subscriber, broker, endpoint, &error);
  if (err == TROUPE_OK)
    troupe_socket_set_thread (self->subscriber, self->thread);
  if (err == TROUPE_OK)
    err = troupe_socket_connect (self->subscriber, endpoint, &error);
  if (err == TROUPE_OK)
    err = troupe_loop_add_receiver (edge->loop, self->subscriber, on_published, self);
  if (err == TROUPE_OK)
    return;
  troupe_log_error (TROUPE_LOG_WARNING, "no subscription to this broker", &error);
  troupe_socket_close (&self->subscriber, false);
}

// Fails only for a socket that is none. A hub without a subscription is read from the log.
static void
subscribe (node_channel_t *self, bool events)
{
  node_topic_t change;
  if (self->subscriber == NULL)
    return;
  if (events && !self->events)
    self->events = zmq_setsockopt (self->subscriber, ZMQ_SUBSCRIBE, "mesh", strlen ("mesh")) == 0;
  while (node_core_topic (self->edge->core, self->broker, &change)) {
    char topic[sizeof "hub/" + TROUPE_ID_TEXT_SIZE] = "hub/";
    troupe_id_to_text (&change.hub, topic + strlen (topic));
    zmq_setsockopt (self->subscriber, change.on ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, topic, strlen (topic));
  }
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
  // Another endpoint, or one from which nothing was wanted before; or another life of the connection: what the
  // subscriber showed may have been refused meanwhile, and then it doesn't try again by itself.
  if (wish.publish != NULL && (self->subscriber == NULL || self->subscribed != self->generation ||
                               strcmp (wish.publish, self->published) != 0)) {
    bool failed_before = self->subscriber == NULL && self->subscribed == self->generation &&
                         strcmp (wish.publish, self->published) == 0;
    if (!failed_before) {
      close_subscriber (self);
      open_subscriber (self, wish.publish);
    }
  }
  subscribe (self, wish.events);
}

// -- Turning ---------------------------------------------------------------------------------------------------------

// Adds a frame of the core's, if it is one that can be in a run, and there is room.
static bool
add (troupe_run_t *run, const node_frame_t *frame)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  memcpy (bytes, frame->header, frame->header_size);
  size_t joined = troupe_header_join (bytes, frame->header_size, troupe_buffer_data (frame->body),
                                      troupe_buffer_size (frame->body));
  return joined > 0 && troupe_run_add (run, bytes, joined);
}

// Makes a ZeroMQ message of the frames that come next, of which `frame` is the first: *count of them. 0 or an errno.
static int
prepare_next (const node_channel_t *self, const node_frame_t *frame, troupe_socket_message_t *out, unsigned *count)
{
  const node_core_t *core = self->edge->core;
  unsigned most = node_core_takes_runs (core, self->broker) ? TROUPE_RUN_MAX : 1;
  troupe_run_t run;
  troupe_run_begin (&run);
  for (const node_frame_t *at = frame; at != NULL && run.count < most && add (&run, at);)
    at = node_core_frame_after (core, self->broker, at);
  *count = run.count > 0 ? run.count : 1;
  if (run.count == 0)
    return troupe_socket_prepare (out, NULL, 0, frame->header, frame->header_size, frame->body);
  size_t size;
  const void *bytes = troupe_run_frame (&run, &size);
  return troupe_socket_prepare_whole (out, NULL, 0, bytes, size);
}

// False: frames are left because the socket takes no more.
static bool
flush (node_channel_t *self)
{
  node_core_t *core = self->edge->core;
  const node_frame_t *frame;
  troupe_socket_message_t message;
  while (self->dealer != NULL && (frame = node_core_frame (core, self->broker)) != NULL) {
    unsigned count;
    int failed = prepare_next (self, frame, &message, &count);
    if (failed == 0)
      failed = troupe_socket_send_prepared (self->dealer, &message, false);
    if (failed == EAGAIN)
      return false;
    if (failed != 0) {
      troupe_log (TROUPE_LOG_ERROR, "can't send to a broker", "why", zmq_strerror (failed), NULL);
      node_core_step (core, &(node_event_t){NODE_DISCONNECTED, self->broker}, troupe_loop_now ());
      return false;
    }
    while (count-- > 0)
      node_core_frame_sent (core, self->broker);
  }
  return true;
}

static bool
send_all (node_edge_t *self)
{
  bool flushed = true;
  for (unsigned i = 0; i < self->channels_count; i++) {
    fulfil (&self->channels[i]);
    flushed = flush (&self->channels[i]) && flushed;
  }
  return flushed;
}

static int64_t
prepare (void *context, int64_t now)
{
  node_edge_t *self = context;
  bool flushed = true, more = true;
  self->preparing = true;
  node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
  // What the user's functions asked for goes out in this turn too, in runs, so that the broker works while the next are
  // called. What that makes due is called in the next.
  for (unsigned calls = 0; more && calls < CALLS_MAX; calls += TROUPE_RUN_MAX) {
    node_core_deliver (self->core, now, TROUPE_RUN_MAX);
    node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
    more = node_core_deliver (self->core, now, 0);
    flushed = send_all (self);
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
  self->channels_count = node_core_brokers (self->core);
  // One thread moves more than a million messages a second, more than any node handles. But a broker that is reached by
  // a name has one of its own: when that is gone, and its name with it, the others must not wait for an answer.
  unsigned threads = 1;
  for (unsigned i = 0; i < self->channels_count; i++)
    self->channels[i] = (node_channel_t){
      .edge = self, .broker = i, .thread = troupe_socket_asks_for_name (brokers[i]) ? threads++ : 0};
  zmq_ctx_set (self->zmq, ZMQ_IO_THREADS, (int)threads);

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

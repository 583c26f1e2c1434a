// SPDX-License-Identifier: Apache-2.0
//
// The edge's outlet: what the core sends and publishes.
//
// What it sends is gathered and leaves before the next wait, or when there is much of it; what goes to one peer leaves
// as a run. So libzmq has one frame to handle for many messages, and its thread, which writes to the connections, is
// woken for a batch, and so is the peer. A run that is full leaves at once, so that its peer works while the core does.
// What can't be sent is noted, and then told to the core. If there is no memory for the note, the lease tells the core
// later.
//
// What is published goes out without looking whether somebody listens: XPUB drops for those who don't read, and nobody
// relies on it.

#include "broker/edge_state.h"

#include "broker/peers.h"

#include <errno.h>
#include <stdlib.h>

static void
route_of (uint8_t route[EDGE_ROUTE_SIZE], broker_connection_t connection)
{
  route[0] = 0;
  for (int i = 1; i < EDGE_ROUTE_SIZE; i++)
    route[i] = (uint8_t)(connection >> (8 * (EDGE_ROUTE_SIZE - 1 - i)));
}

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
    int failed = troupe_socket_send_prepared (self->router, &leaving->message, false);
    for (unsigned j = 0; failed != 0 && j < leaving->count; j++)
      note_unsent (self, leaving->connection, leaving->commands[j], failed != EHOSTUNREACH);
  }
  self->leaving_count = 0;
}

// Whoever doesn't read is lost, and what waits for it must go from memory: so its connection ends.
static void
hang_up (broker_edge_t *self, broker_connection_t connection)
{
  broker_line_cut (peers_line (self->core, connection));
  unread_give_up (self->unread, connection);
}

// Room for a frame of that size, if need be at the cost of others that don't read; or why there is none.
static int
make_room (broker_edge_t *self, broker_connection_t to, size_t size)
{
  const broker_line_t *line = size > UNREAD_LEAST ? peers_line (self->core, to) : NULL;
  broker_connection_t worst;
  int failed;
  while ((failed = unread_admit (self->unread, to, line, size)) == EDQUOT &&
         (worst = unread_worst (self->unread)) != to) {
    if (worst == 0)
      return 0; // all of it has been read meanwhile
    broker_core_drop (self->core, BROKER_QUEUE_UNREAD_TOTAL);
    hang_up (self, worst);
    note_unsent (self, worst, TROUPE_CMD_BYE, true);
  }
  return failed;
}

// The next of `leaving` is prepared, or `failed` to be.
static void
keep (broker_edge_t *self, int failed)
{
  const leaving_t *leaving = &self->leaving[self->leaving_count];
  if (failed == EAGAIN || failed == EDQUOT || failed == ENOBUFS)
    broker_core_drop (self->core, failed == EAGAIN ? BROKER_QUEUE_UNREAD : BROKER_QUEUE_UNREAD_TOTAL);
  for (unsigned i = 0; failed != 0 && i < leaving->count; i++)
    note_unsent (self, leaving->connection, leaving->commands[i], true);
  if (failed == 0 && ++self->leaving_count == EDGE_LEAVING_MAX)
    send_leaving (self);
}

static void
end_run (broker_edge_t *self)
{
  if (self->run.count == 0)
    return;
  leaving_t *leaving = &self->leaving[self->leaving_count];
  uint8_t route[EDGE_ROUTE_SIZE];
  size_t size;
  const void *frame = troupe_run_frame (&self->run, &size);
  route_of (route, leaving->connection);
  int failed = make_room (self, leaving->connection, size);
  if (failed == 0)
    failed =
      unread_prepare_whole (self->unread, leaving->connection, &leaving->message, route, sizeof route, frame, size);
  troupe_run_begin (&self->run);
  keep (self, failed);
}

// A message of one frame. A run leaves as soon as it is full, so that its peer works while the core does.
static void
put_whole (broker_edge_t *self, broker_connection_t to, troupe_command_t command, const uint8_t *bytes, size_t size)
{
  leaving_t *leaving = &self->leaving[self->leaving_count];
  if (self->run.count > 0 && (leaving->connection != to || !troupe_run_add (&self->run, bytes, size)))
    end_run (self);
  if (self->run.count == 0) {
    leaving = &self->leaving[self->leaving_count];
    *leaving = (leaving_t){.connection = to};
    troupe_run_add (&self->run, bytes, size);
  }
  leaving->commands[leaving->count++] = (uint8_t)command;
  if (leaving->count == TROUPE_RUN_MAX) {
    end_run (self);
    send_leaving (self);
  } else if (leaving->count == 1 && !peers_take_runs (self->core, to))
    end_run (self);
}

void
edge_send (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  broker_edge_t *self = context;
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX], route[EDGE_ROUTE_SIZE];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (size == 0) {
    troupe_log (TROUPE_LOG_ERROR, "a header can't be encoded", "command", troupe_command_name (header->command), NULL);
    return;
  }
  if (self->leaving_count == 0)
    troupe_loop_again (self->loop); // prepare may have been called already in this turn
  size_t joined = troupe_header_join (bytes, size, troupe_buffer_data (body), troupe_buffer_size (body));
  if (joined > 0) {
    put_whole (self, to, header->command, bytes, joined);
    return;
  }
  end_run (self);
  leaving_t *leaving = &self->leaving[self->leaving_count];
  *leaving = (leaving_t){.connection = to, .commands = {(uint8_t)header->command}, .count = 1};
  route_of (route, to);
  int failed = make_room (self, to, troupe_buffer_size (body));
  if (failed == 0)
    failed = unread_prepare (self->unread, to, &leaving->message, route, sizeof route, bytes, size, body);
  keep (self, failed);
}

// What is begun stays here until what follows is there, or there is no memory for that: so no message is left open.
void
edge_publish (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body, bool more)
{
  broker_edge_t *self = context;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_socket_message_t *message = &self->published[self->begun ^ 1];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  const char *route = self->publishing ? NULL : topic;
  bool made = size > 0 && troupe_socket_prepare (message, route, strlen (topic), bytes, size, body) == 0;
  if (self->publishing && (made || !more)) {
    troupe_socket_send_prepared (self->publisher, &self->published[self->begun], made);
    self->publishing = false;
  }
  if (made && more) {
    self->begun ^= 1;
    self->publishing = true;
  } else if (made)
    troupe_socket_send_prepared (self->publisher, message, false);
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

// -- Leaving ---------------------------------------------------------------------------------------------------------

void
edge_send_gathered (broker_edge_t *self)
{
  end_run (self);
  send_leaving (self);
}

static void
tell_unsent (broker_edge_t *self, unsent_t unsent, int64_t now)
{
  broker_event_t failure = {
    .kind = BROKER_UNSENT, .connection = unsent.connection, .command = unsent.command, .full = unsent.full};
  if (unsent.full && unsent.command != TROUPE_CMD_PART)
    hang_up (self, unsent.connection);
  broker_core_step (self->core, &failure, now);
}

// Ends: each failure is the end of a peer, or of a part, and those are finite.
void
edge_flush (broker_edge_t *self, int64_t now)
{
  for (edge_send_gathered (self); self->unsent_count > 0; edge_send_gathered (self)) {
    for (size_t i = 0; i < self->unsent_count; i++) // more may come meanwhile
      tell_unsent (self, self->unsent[i], now);
    self->unsent_count = 0;
  }
}

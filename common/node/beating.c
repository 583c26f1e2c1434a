// SPDX-License-Identifier: Apache-2.0
//
// A connection as time passes: heartbeats, what they tell of other brokers, what silence means, when to try again, and
// the end. What a heartbeat doesn't reach is found out by the broker's lease, and the other way round; connection.c
// says what follows from it.

#include "node/calling.h"
#include "node/connection.h"
#include "node/serving.h"
#include "node/state.h"
#include "troupe/log.h"

// `lost`: a broker; NULL: none.
static void
send_beat (node_connection_t *self, const node_connection_t *lost)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_load (&header, self->core->running);
  if (lost != NULL)
    troupe_header_set_lost (&header, troupe_text (lost->name));
  node_connection_send (self, &header, NULL);
}

static void
beat (node_connection_t *self)
{
  node_core_t *core = self->core;
  bool told = false;
  for (unsigned i = 0; i < core->connections_count; i++) {
    const node_connection_t *other = &core->connections[i];
    if (other->lost_at == INT64_MIN || core->now - other->lost_at > other->lease_ms)
      continue;
    send_beat (self, other);
    told = true;
  }
  if (!told)
    send_beat (self, NULL);
  self->beat_at = core->now + self->heartbeat_ms;
}

void
node_connection_tell_lost (node_connection_t *self)
{
  node_core_t *core = self->core;
  self->lost_at = core->now;
  for (unsigned i = 0; i < core->connections_count; i++)
    if (core->connections[i].state == NODE_CONNECTION_UP)
      send_beat (&core->connections[i], self);
}

static void
not_answered (node_connection_t *self)
{
  if (!self->told)
    troupe_log (TROUPE_LOG_WARNING, "broker does not answer; trying on", "endpoint", self->endpoint, NULL);
  self->told = true;
  node_connection_start_over (self, "no answer to hello", 0);
}

void
node_connection_tick (node_connection_t *self)
{
  int64_t now = self->core->now;
  if (self->broken)
    node_connection_break (self, "out of memory");
  if (self->state == NODE_CONNECTION_UP && now - self->core->ticked > self->lease_ms / 2)
    self->heard_at = now;

  if (self->state == NODE_CONNECTION_UP && now - self->heard_at > self->lease_ms)
    node_connection_start_over (self, "silent for a lease", 0);
  if (self->state == NODE_CONNECTION_GREETING && now - self->greeted_at >= NODE_LEASE_MS)
    not_answered (self);
  if (self->state == NODE_CONNECTION_WAITING && now >= self->open_at) {
    self->generation++;
    node_connection_greet (self);
  }
  if (self->state == NODE_CONNECTION_UP && now >= self->beat_at) {
    beat (self);
    node_serving_tick (self);
  }
}

int64_t
node_connection_due (const node_connection_t *self)
{
  switch (self->state) {
  case NODE_CONNECTION_WAITING:
    return self->open_at;
  case NODE_CONNECTION_GREETING:
    return self->greeted_at + NODE_LEASE_MS;
  case NODE_CONNECTION_UP: {
    int64_t silent_at = self->heard_at + self->lease_ms + 1;
    return self->beat_at < silent_at ? self->beat_at : silent_at;
  }
  case NODE_CONNECTION_LEFT:
    break;
  }
  return TROUPE_LOOP_NEVER;
}

void
node_connection_leave (node_connection_t *self)
{
  troupe_header_t header;
  bool up = self->state == NODE_CONNECTION_UP;
  if (self->state == NODE_CONNECTION_LEFT)
    return;
  if (up) {
    troupe_header_init (&header, TROUPE_CMD_BYE);
    node_connection_send (self, &header, NULL);
    if (--self->core->up_count == 0)
      self->core->down_since = self->core->now;
  }
  self->state = NODE_CONNECTION_LEFT;
  if (up) {
    node_serving_lost (self);
    node_calling_lost (self);
  } else {
    node_outbox_clear (&self->outbox);
    self->generation++;
  }
}

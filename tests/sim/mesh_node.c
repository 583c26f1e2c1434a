// SPDX-License-Identifier: Apache-2.0
//
// A node's process: its core, driven as common/node/edge.c drives it. After whatever happens it has one turn: time, the
// user's functions, time again, sockets as the core wishes them, and the frames that wait.

#include "sim/mesh_state.h"

#include "troupe/loop.h"

#include <stdlib.h>

enum { CALLS_MAX = 1000 }; // functions of the user's a turn, as the edge has it

static troupe_id_t
next_id (void *context)
{
  mesh_node_t *self = context;
  mesh_t *mesh = self->mesh;
  troupe_id_t id = {{0}};
  uint64_t ms = (uint64_t)mesh_ms (mesh), number = ++mesh->ids;
  for (int i = 0; i < 6; i++)
    id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
  id.bytes[6] = 0x70;
  id.bytes[8] = 0x80;
  for (int i = 0; i < 4; i++)
    id.bytes[12 + i] = (uint8_t)(number >> (8 * (3 - i)));
  return id;
}

// -- Its loop --------------------------------------------------------------------------------------------------------

bool
mesh_node_frozen (mesh_node_t *self)
{
  mesh_clock_t *clock = &self->mesh->clock;
  if (clock->now >= self->frozen_until)
    return false;
  mesh_clock_defer (clock, self->frozen_until);
  return true;
}

static void
wake (mesh_t *mesh, void *thing)
{
  mesh_node_t *self = thing;
  if (self->core == NULL || mesh->clock.now < self->wake_at)
    return; // another one is under way
  if (mesh_node_frozen (self))
    return;
  self->wake_at = MESH_NEVER;
  mesh_node_turn (self);
}

static void
wake_at (mesh_node_t *self, int64_t at)
{
  if (at >= self->wake_at)
    return;
  self->wake_at = at;
  mesh_clock_at (&self->mesh->clock, at, wake, self, NULL);
}

void
mesh_node_wake (mesh_node_t *self)
{
  if (self->core != NULL)
    wake_at (self, self->mesh->clock.now);
}

static void
on_wake (void *context)
{
  mesh_node_wake (context);
}

static void
fulfil (mesh_node_t *self, unsigned broker)
{
  node_wish_t wish = node_core_wish (self->core, broker);
  unsigned number = self->lines[broker];
  if (number != 0) {
    unsigned generation = self->mesh->connections[number].generation;
    if (!wish.open || wish.generation != generation)
      mesh_connection_close (self, broker, wish.generation == generation);
  }
  if (wish.open && self->lines[broker] == 0)
    mesh_connection_dial (self, broker, wish.generation);
}

static void
flush (mesh_node_t *self, unsigned broker)
{
  const node_frame_t *frame;
  while (self->lines[broker] != 0 && (frame = node_core_frame (self->core, broker)) != NULL) {
    mesh_line_send (self, broker, frame);
    node_core_frame_sent (self->core, broker);
  }
}

void
mesh_node_turn (mesh_node_t *self)
{
  mesh_t *mesh = self->mesh;
  int64_t now = mesh_ms (mesh);
  node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
  node_core_deliver (self->core, now, CALLS_MAX);
  node_core_step (self->core, &(node_event_t){NODE_TICK}, now);
  bool more = node_core_deliver (self->core, now, 0);
  for (unsigned i = 0; i < mesh->shape.brokers; i++) {
    fulfil (self, i);
    mesh_publish_subscribe (self, i);
    flush (self, i);
  }
  mesh_check_node (self);
  int64_t due = node_core_due (self->core);
  if (!more)
    mesh_check_rest (mesh, due, self->caller ? "a caller" : "an instance");
  due = more ? now : due;
  if (due != TROUPE_LOOP_NEVER)
    wake_at (self, due * MS > mesh->clock.now ? due * MS : mesh->clock.now + 1);
}

void
mesh_node_step (mesh_node_t *self, const node_event_t *event)
{
  node_core_step (self->core, event, mesh_ms (self->mesh));
  mesh_node_turn (self);
}

// -- Its life --------------------------------------------------------------------------------------------------------

static bool
is_live (const mesh_t *mesh, unsigned service)
{
  return mesh_services[service].actor && (mesh->shape.live >> service & 1) != 0;
}

static void
serve_all (mesh_node_t *self)
{
  for (unsigned s = 0; s < MESH_SERVICES; s++) {
    troupe_service_t service = {.name = mesh_services[s].name,
                                .actor = mesh_services[s].actor,
                                .credit = self->credit,
                                .observes = is_live (self->mesh, s) ? TROUPE_OBSERVES_LIVE : TROUPE_OBSERVES_CALLED,
                                .serve = mesh_work_serve,
                                .context = self};
    if ((self->serves >> s & 1) != 0 && node_core_serve (self->core, &service, NULL) != TROUPE_OK)
      abort ();
  }
}

void
mesh_node_start (mesh_node_t *self)
{
  static const char *const brokers[] = {"ipc://broker-0", "ipc://broker-1", "ipc://broker-2"};
  const char *mine[MESH_BROKERS_MAX + 1] = {NULL};
  char name[32];
  mesh_t *mesh = self->mesh;
  memcpy (mine, brokers, mesh->shape.brokers * sizeof *mine);
  self->life++;
  snprintf (name, sizeof name, "%s-%u.%u", self->caller ? "caller" : "instance", self->index, self->life);
  node_core_options_t options = {.name = name, .brokers = mine, .new_id = next_id, .wake = on_wake, .context = self};
  self->frozen_until = 0;
  self->wake_at = MESH_NEVER;
  self->draining = self->drained = false;
  memset (self->running, 0, sizeof self->running);
  mesh_trace (mesh, "node %u starts, life %u", self->index, self->life);
  if (node_core_new (&self->core, &options, mesh_ms (mesh), NULL) != TROUPE_OK)
    abort ();
  serve_all (self);
  mesh_node_wake (self);
}

void
mesh_node_tally (const mesh_node_t *self)
{
  mesh_tally_t *tally = &self->mesh->tally;
  tally->heard_published += (unsigned)node_core_counter (self->core, NODE_COUNT_HEARD_PUBLISHED);
  tally->heard_logged += (unsigned)node_core_counter (self->core, NODE_COUNT_HEARD_LOGGED);
}

void
mesh_node_kill (mesh_node_t *self)
{
  if (self->core == NULL)
    return;
  mesh_trace (self->mesh, "node %u.%u dies", self->index, self->life);
  mesh_connection_node_died (self);
  mesh_publish_node_died (self);
  mesh_node_tally (self);
  node_core_destroy (&self->core);
  mesh_work_drop (self);
  mesh_call_node_died (self);
}

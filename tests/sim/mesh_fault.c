// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong, and what callers do meanwhile: each thing happens at a time of its own, drawn from the seed. What
// dies starts again a while later, what is cut or frozen goes on, and when the faults stop everything is brought back,
// but for a broker that is gone for good.

#include "sim/mesh_state.h"

#include <stdlib.h>

static mesh_node_t *
any_node (mesh_t *self)
{
  return &self->nodes[mesh_dice (&self->clock, mesh_nodes (self))];
}

static mesh_broker_t *
any_broker (mesh_t *self)
{
  return &self->brokers[mesh_dice (&self->clock, self->shape.brokers)];
}

static bool
is_gone (const mesh_t *self, const mesh_broker_t *broker)
{
  return self->gone && broker->index == self->shape.brokers - 1;
}

// -- Coming back -----------------------------------------------------------------------------------------------------

static void
store_up (mesh_t *mesh, void *thing)
{
  mesh_broker_t *broker = thing;
  (void)mesh;
  if (broker->core != NULL && !mesh_broker_frozen (broker))
    mesh_store_up (broker);
}

static void
start_broker (mesh_t *mesh, void *thing)
{
  mesh_broker_t *broker = thing;
  if (broker->core != NULL || is_gone (mesh, broker))
    return;
  mesh_broker_start (broker);
  mesh_clock_at (&mesh->clock, mesh->clock.now + mesh_between (&mesh->clock, MS, 200 * MS), store_up, broker, NULL);
}

static void
start_node (mesh_t *mesh, void *thing)
{
  mesh_node_t *node = thing;
  (void)mesh;
  if (node->core == NULL)
    mesh_node_start (node);
}

// -- What goes wrong -------------------------------------------------------------------------------------------------

static void
break_line (mesh_t *self)
{
  mesh_node_t *node = any_node (self);
  if (node->core != NULL)
    mesh_connection_break (node, any_broker (self)->index);
}

static void
kill_node (mesh_t *self)
{
  mesh_node_t *node = any_node (self);
  mesh_node_kill (node);
  mesh_clock_at (&self->clock, self->clock.now + mesh_between (&self->clock, 50 * MS, 6000 * MS), start_node, node,
                 NULL);
}

static void
kill_broker (mesh_t *self)
{
  mesh_broker_t *broker = any_broker (self);
  mesh_broker_kill (broker);
  mesh_clock_at (&self->clock, self->clock.now + mesh_between (&self->clock, 50 * MS, 8000 * MS), start_broker, broker,
                 NULL);
}

static int64_t
a_while (mesh_t *self)
{
  return self->clock.now + mesh_between (&self->clock, 50 * MS, 7000 * MS);
}

// A process that is frozen already is left: what waits for it would be overtaken.
static void
freeze_node (mesh_t *self)
{
  mesh_node_t *node = any_node (self);
  if (self->clock.now < node->frozen_until)
    return;
  node->frozen_until = a_while (self);
  mesh_trace (self, "node %u.%u is frozen until %d ms", node->index, node->life, (int)(node->frozen_until / MS));
}

static void
freeze_broker (mesh_t *self)
{
  mesh_broker_t *broker = any_broker (self);
  if (self->clock.now < broker->frozen_until)
    return;
  broker->frozen_until = a_while (self);
  mesh_trace (self, "broker %u is frozen until %d ms", broker->index, (int)(broker->frozen_until / MS));
}

static void
cut (mesh_t *self, mesh_node_t *node, unsigned broker, int64_t until)
{
  mesh_trace (self, "node %u and broker %u are cut off until %d ms", node->index, broker, (int)(until / MS));
  if (until > node->cut_until[broker])
    node->cut_until[broker] = until;
}

static void
cut_line (mesh_t *self)
{
  cut (self, any_node (self), any_broker (self)->index, a_while (self));
}

static void
cut_broker (mesh_t *self)
{
  unsigned broker = any_broker (self)->index;
  int64_t until = a_while (self);
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    cut (self, &self->nodes[i], broker, until);
}

static void
cut_node (mesh_t *self)
{
  mesh_node_t *node = any_node (self);
  int64_t until = a_while (self);
  for (unsigned i = 0; i < self->shape.brokers; i++)
    cut (self, node, i, until);
}

static void
break_store (mesh_t *self)
{
  mesh_broker_t *broker = any_broker (self);
  mesh_store_break (broker);
  mesh_clock_at (&self->clock, self->clock.now + mesh_between (&self->clock, 20 * MS, 2000 * MS), store_up, broker,
                 NULL);
}

static void
crash_store (mesh_t *self)
{
  int64_t until = self->clock.now + mesh_between (&self->clock, 50 * MS, 4000 * MS);
  bool frozen = false; // then its connection outlives this
  for (unsigned i = 0; i < self->shape.brokers; i++)
    frozen = frozen || (self->brokers[i].core != NULL && self->clock.now < self->brokers[i].frozen_until);
  if (!frozen && mesh_chance (&self->clock, 300))
    mesh_loss_of_attempts (self);
  if (!frozen) { // also when it forgets nothing: nobody knows that
    ledger_model_begin_generation (self->model, 0);
    ledger_model_set_since (self->model, mesh_ms (self));
  }
  for (unsigned i = 0; i < self->shape.brokers; i++) {
    mesh_store_break (&self->brokers[i]);
    mesh_clock_at (&self->clock, until + mesh_between (&self->clock, 0, 200 * MS), store_up, &self->brokers[i], NULL);
  }
}

// It stands still while it loses everything, so that brokers that are frozen meanwhile have no connection either.
static void
empty_store (mesh_t *mesh, void *thing)
{
  (void)thing;
  for (unsigned i = 0; i < mesh->shape.brokers; i++)
    if (mesh->brokers[i].core != NULL && mesh->clock.now < mesh->brokers[i].frozen_until) {
      mesh_clock_at (&mesh->clock, mesh->clock.now + 100 * MS, empty_store, NULL, NULL);
      return;
    }
  crash_store (mesh);
  mesh_loss (mesh);
}

static void
slow_store (mesh_t *self)
{
  int64_t until = self->clock.now + mesh_between (&self->clock, 20 * MS, 2500 * MS);
  bool all = mesh_chance (&self->clock, 500);
  unsigned one = any_broker (self)->index;
  for (unsigned i = 0; i < self->shape.brokers; i++)
    if (all || i == one)
      self->brokers[i].store_slow_until = until;
  mesh_trace (self, "the store stalls%s until %d ms", all ? "" : " for one broker", (int)(until / MS));
}

static const struct {
  unsigned weight;
  void (*happen) (mesh_t *self);
} kinds[] = {
  {22, break_line}, {14, kill_node}, {9, kill_broker}, {9, freeze_node}, {9, freeze_broker}, {10, cut_line},
  {3, cut_broker},  {4, cut_node},   {10, break_store}, {4, crash_store}, {6, slow_store},
};

static void
go_wrong (mesh_t *mesh, void *thing)
{
  unsigned kind = 0, all = 0;
  (void)thing;
  if (!mesh->faults)
    return;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    all += kinds[i].weight;
  for (unsigned at = (unsigned)mesh_dice (&mesh->clock, all); at >= kinds[kind].weight; kind++)
    at -= kinds[kind].weight;
  mesh->tally.faults++;
  kinds[kind].happen (mesh);
  mesh_clock_at (&mesh->clock, mesh->clock.now + mesh_between (&mesh->clock, MS, 2 * mesh->shape.fault_every), go_wrong,
                 NULL, NULL);
}

static void
lose_for_good (mesh_t *mesh, void *thing)
{
  (void)thing;
  mesh->gone = true;
  mesh_trace (mesh, "broker %u is gone for good", mesh->shape.brokers - 1);
  mesh_broker_kill (&mesh->brokers[mesh->shape.brokers - 1]);
}

// -- What callers do -------------------------------------------------------------------------------------------------

static mesh_node_t *
a_caller (mesh_t *self)
{
  mesh_node_t *node = &self->nodes[mesh_dice (&self->clock, self->shape.callers)];
  return node->core != NULL && self->clock.now >= node->frozen_until ? node : NULL;
}

static void
call (mesh_t *mesh, void *thing)
{
  mesh_node_t *node = a_caller (mesh);
  (void)thing;
  for (unsigned i = mesh_chance (&mesh->clock, 100) ? 5 : 1; i > 0 && node != NULL; i--)
    mesh_call_make (node, false);
}

static void
play (mesh_t *mesh, void *thing)
{
  mesh_node_t *node = a_caller (mesh);
  (void)thing;
  if (node != NULL)
    mesh_hub_play (mesh, node, false);
}

static void
await (mesh_t *mesh, void *thing)
{
  mesh_node_t *node = a_caller (mesh);
  (void)thing;
  if (node == NULL || mesh->calls_count == 0)
    return;
  mesh_call_t *known = mesh->calls[mesh_dice (&mesh->clock, mesh->calls_count)];
  if (known->accepted && !known->is_volatile && !known->nested)
    mesh_call_await (node, known);
}

static void
cancel (mesh_t *mesh, void *thing)
{
  (void)thing;
  mesh_call_cancel (mesh);
}

static void
on_ended (void *context, const json_t *answers)
{
  const mesh_t *mesh = context;
  const json_t *answer = json_array_get (answers, 0);
  mesh_trace (mesh, "the session is said to have ended: %s",
              json_is_true (json_object_get (answer, "up")) ? "yes" : "nobody knows");
}

static void
end_session (mesh_t *mesh, void *thing)
{
  mesh_node_t *node = a_caller (mesh);
  (void)thing;
  if (node == NULL)
    return;
  mesh_trace (mesh, "node %u.%u ends the session %s", node->index, node->life, mesh_sessions[MESH_LASTING]);
  node_core_end_session (node->core, mesh_sessions[MESH_LASTING], 5000, on_ended, mesh, mesh_ms (mesh));
}

static void
plan (mesh_t *self, mesh_event_fn *what, unsigned times)
{
  for (unsigned i = 0; i < times; i++)
    mesh_clock_at (&self->clock, (int64_t)mesh_dice (&self->clock, (uint64_t)self->shape.faults_us), what, NULL, NULL);
}

void
mesh_fault_begin (mesh_t *self)
{
  self->faults = true;
  for (unsigned i = 0; i < self->shape.brokers; i++)
    mesh_clock_at (&self->clock, mesh_between (&self->clock, 0, 500 * MS), start_broker, &self->brokers[i], NULL);
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    mesh_clock_at (&self->clock, mesh_between (&self->clock, 0, 500 * MS), start_node, &self->nodes[i], NULL);
  plan (self, call, self->shape.calls);
  plan (self, play, self->shape.scripts);
  plan (self, await, self->shape.awaited);
  plan (self, cancel, self->shape.cancelled);
  plan (self, end_session, self->shape.ends);
  if (self->shape.fault_every > 0)
    mesh_clock_at (&self->clock, self->shape.fault_every, go_wrong, NULL, NULL);
  if (self->shape.loses)
    plan (self, empty_store, 1);
  if (self->shape.gone)
    plan (self, lose_for_good, 1);
}

static void
later (int64_t *at, int64_t other)
{
  *at = other > *at ? other : *at;
}

void
mesh_fault_stop (mesh_t *self)
{
  self->faults = false;
  self->calm_since = self->clock.now + 1000 * MS;
  for (unsigned i = 0; i < self->shape.brokers; i++) {
    mesh_broker_t *broker = &self->brokers[i];
    later (&self->calm_since, broker->frozen_until);
    later (&self->calm_since, broker->store_slow_until);
    mesh_clock_at (&self->clock, self->clock.now, start_broker, broker, NULL);
    mesh_clock_at (&self->clock, self->clock.now + 10 * MS, store_up, broker, NULL);
  }
  for (unsigned i = 0; i < mesh_nodes (self); i++) {
    mesh_node_t *node = &self->nodes[i];
    later (&self->calm_since, node->frozen_until);
    for (unsigned b = 0; b < self->shape.brokers; b++)
      later (&self->calm_since, node->cut_until[b]);
    mesh_clock_at (&self->clock, self->clock.now, start_node, node, NULL);
  }
  mesh_trace (self, "faults have stopped; it is calm from %d ms", (int)(self->calm_since / MS));
}

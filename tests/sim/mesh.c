// SPDX-License-Identifier: Apache-2.0
//
// A run has four parts. Faults: callers call while everything goes wrong. Calm: no more faults; whatever was stored
// must settle, and everybody must be told. Probes: new calls must be answered with values. The end: instances drain,
// and nothing may be left anywhere.

#include "sim/mesh_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum {
  CALM_MS = 150 * 1000, // a default deadline of a minute, twice, and patience
  REST_MS = 10 * 1000,  // until nobody takes anybody for dead any more: leases, and the grace after them
  PROBES = 4,           // of each caller
  PROBE_MS = 45 * 1000,
  DRAIN_MS = 60 * 1000, // a task whose call ended while its node was away may try for 30 s to read the memory
};

const mesh_service_t mesh_services[MESH_SERVICES + 1] = {{"agent/a", true},  {"agent/b", true}, {"tool/t", false},
                                                         {"model/m", false}, {"agent/c", true}, {"agent/d", true},
                                                         {"hub/", false}};
const char *const mesh_sessions[MESH_SESSIONS] = {"s1", "s2", "s3", "brief"};

void *
mesh_need (void *memory)
{
  if (memory == NULL)
    abort ();
  return memory;
}

bool
mesh_flawed (const mesh_t *self, mesh_flaw_t flaw)
{
  return self->options.flaw == flaw;
}

void
mesh_trace (const mesh_t *self, const char *format, ...)
{
  va_list arguments;
  if (!self->options.traced)
    return;
  va_start (arguments, format);
  fprintf (stderr, "%6" PRId64 ".%03d ", mesh_ms (self), (int)(self->clock.now % MS));
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  va_end (arguments);
}

// -- Its shape -------------------------------------------------------------------------------------------------------

// By dice of their own, since they came later: so what seeds are about stays.
static void
draw_retention (mesh_shape_t *shape, uint64_t seed)
{
  mesh_clock_t dice;
  mesh_clock_init (&dice, ~seed);
  mesh_dice (&dice, 2);
  if (!mesh_chance (&dice, 500))
    return;
  shape->retention_ms = mesh_chance (&dice, 500) ? 20 + (int64_t)mesh_dice (&dice, 400)
                                                 : 500 + (int64_t)mesh_dice (&dice, 15000);
  shape->spare_ms = mesh_chance (&dice, 500) ? 1 + (int64_t)mesh_dice (&dice, 4000) : 0;
}

static void
draw_shape (mesh_t *self)
{
  mesh_clock_t *clock = &self->clock;
  mesh_shape_t *shape = &self->shape;
  shape->brokers = 1 + (unsigned)mesh_dice (clock, MESH_BROKERS_MAX);
  shape->callers = 1 + (unsigned)mesh_dice (clock, MESH_CALLERS_MAX);
  shape->instances = 1 + (unsigned)mesh_dice (clock, MESH_INSTANCES_MAX);
  shape->calls = 5 + (unsigned)mesh_dice (clock, 40);
  shape->awaited = shape->calls;
  shape->cancelled = shape->calls / 12;
  shape->faults_us = (3000 + (int64_t)mesh_dice (clock, 12000)) * MS;
  shape->fault_every = mesh_chance (clock, 80) ? 0 : (100 + (int64_t)mesh_dice (clock, 2500)) * MS;
  shape->late = mesh_chance (clock, 500) ? (unsigned)mesh_dice (clock, 60) : 0;
  shape->work_us = (20 + (int64_t)mesh_dice (clock, 1000)) * MS;
  shape->credit = 1 + (unsigned)mesh_dice (clock, 4);
  shape->mailbox = mesh_chance (clock, 200) ? 2 : 1000;
  shape->attempts = mesh_chance (clock, 300) ? 2 : 1000;
  shape->rings = mesh_chance (clock, 400);
  // Calls that wait for others hold credit: actors that consult each other in several sessions need enough of it.
  shape->credit = shape->rings ? MESH_CREDIT_PLENTY : shape->credit;
  shape->gone = shape->brokers > 1 && mesh_chance (clock, 200);
  shape->store_errors = mesh_chance (clock, 150);
  shape->scripts = mesh_chance (clock, 500) ? 1 + (unsigned)mesh_dice (clock, 4) : 0;
  shape->ends = mesh_chance (clock, 500) ? 1 + (unsigned)mesh_dice (clock, 4) : 0;
  shape->hub_lease_ms = 1000 + (int64_t)mesh_dice (clock, 9000);
  shape->publishes = !mesh_chance (clock, 200);
  shape->page = mesh_chance (clock, 500) ? 1 + mesh_dice (clock, 3) : 0;
  // What was said in hubs, and who heard it, isn't followed through a loss, nor is who ended which session.
  shape->loses = shape->scripts == 0 && mesh_chance (clock, 400);
  shape->ends = shape->loses ? 0 : shape->ends;
  draw_retention (shape, self->options.seed);
  shape->live = mesh_chance (clock, 500) ? (unsigned)mesh_dice (clock, 1 << MESH_SERVICES) : 0;
}

static void
place (mesh_t *self)
{
  unsigned instances = self->shape.instances, callers = self->shape.callers;
  for (unsigned i = 0; i < self->shape.brokers; i++) {
    self->brokers[i] = (mesh_broker_t){.mesh = self, .index = i};
    mesh_store_introduce (&self->brokers[i]);
  }
  for (unsigned i = 0; i < mesh_nodes (self); i++) {
    self->nodes[i] = (mesh_node_t){.mesh = self, .index = i, .caller = i < callers, .credit = self->shape.credit};
    if (i >= callers)
      self->nodes[i].serves = (unsigned)mesh_dice (&self->clock, 1 << MESH_SERVICES);
  }
  for (unsigned s = 0; s < MESH_SERVICES; s++)
    self->nodes[callers + s % instances].serves |= 1u << s;
}

mesh_t *
mesh_new (const mesh_options_t *options)
{
  mesh_t *self = mesh_need (calloc (1, sizeof *self));
  self->options = *options;
  self->calm_since = self->probed_at = MESH_NEVER;
  mesh_clock_init (&self->clock, options->seed);
  self->clock.now = 1000 * MS;
  table_init (&self->calls_by_id);
  self->model = ledger_model_new ();
  draw_shape (self);
  ledger_model_set_page (self->model, self->shape.page);
  ledger_model_set_retention (self->model, self->shape.retention_ms, self->shape.spare_ms);
  place (self);
  mesh_trace (self, "seed %" PRIu64 ": %u brokers, %u callers, %u instances, %u calls, credit %u, mailbox %u%s%s%s",
              options->seed, self->shape.brokers, self->shape.callers, self->shape.instances, self->shape.calls,
              self->shape.credit, self->shape.mailbox, self->shape.rings ? ", rings" : "",
              self->shape.gone ? ", a broker goes for good" : "", self->shape.store_errors ? ", store errors" : "");
  return self;
}

void
mesh_destroy (mesh_t **self_p)
{
  mesh_t *self = *self_p;
  *self_p = NULL;
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    mesh_node_kill (&self->nodes[i]);
  for (unsigned i = 0; i < self->shape.brokers; i++)
    mesh_broker_kill (&self->brokers[i]);
  mesh_clock_close (&self->clock);
  mesh_hub_play_free_all (self);
  mesh_hub_free_all (self);
  mesh_call_free_all (self);
  ledger_model_destroy (&self->model);
  troupe_buffer_unref (&self->mixed);
  free (self->connections);
  free (self);
}

const char *
mesh_fault (const mesh_t *self)
{
  return self->fault;
}

const mesh_tally_t *
mesh_tally (const mesh_t *self)
{
  return &self->tally;
}

// -- Its parts -------------------------------------------------------------------------------------------------------

static void
run_until (mesh_t *self, int64_t end)
{
  while (self->fault[0] == '\0' && mesh_clock_step (&self->clock, self, end))
    continue;
}

static void
run_until_quiet (mesh_t *self, int64_t end)
{
  while (self->fault[0] == '\0' && self->clock.now < end && !mesh_check_quiet (self))
    run_until (self, self->clock.now + 100 * MS);
}

static void
probe (mesh_t *self)
{
  if (self->clock.now < self->calm_since + (int64_t)REST_MS * MS)
    run_until (self, self->calm_since + (int64_t)REST_MS * MS);
  mesh_work_check_stopped (self);
  mesh_trace (self, "the probes");
  self->probed_at = self->clock.now;
  for (unsigned i = 0; i < self->shape.callers; i++)
    for (unsigned n = 0; n < PROBES; n++)
      mesh_call_make (&self->nodes[i], true);
  if (self->shape.scripts > 0)
    mesh_hub_play (self, &self->nodes[0], true);
  run_until_quiet (self, self->clock.now + (int64_t)PROBE_MS * MS);
}

static void
on_drained (void *context)
{
  mesh_node_t *node = context;
  node->drained = true;
}

static bool
all_drained (const mesh_t *self)
{
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    if (!self->nodes[i].drained)
      return false;
  for (unsigned i = 0; i < self->shape.brokers; i++)
    if (self->brokers[i].core != NULL && broker_core_open_calls (self->brokers[i].core) > 0)
      return false;
  return true;
}

static void
drain (mesh_t *self)
{
  mesh_trace (self, "the end");
  for (unsigned i = 0; i < mesh_nodes (self); i++) {
    self->nodes[i].draining = true;
    node_core_drain (self->nodes[i].core, on_drained, &self->nodes[i]);
    mesh_node_wake (&self->nodes[i]);
  }
  for (int64_t end = self->clock.now + (int64_t)DRAIN_MS * MS;
       self->fault[0] == '\0' && self->clock.now < end && !all_drained (self);)
    run_until (self, self->clock.now + 100 * MS);
}

// Hubs of callers end, since nobody renews them; and who was asked to hear without being called does so, or gives up:
// one whose service turns out not to hear so is asked as long as its hub is open, and once more after that.
static void
run_out (mesh_t *self)
{
  while (self->fault[0] == '\0' && mesh_hub_runs (self))
    run_until (self, self->clock.now + 500 * MS);
  for (int64_t end = self->clock.now + (int64_t)CALM_MS * MS;
       self->fault[0] == '\0' && self->clock.now < end && (mesh_hub_rouses (self) || !mesh_check_quiet (self));)
    run_until (self, self->clock.now + 100 * MS);
}

void
mesh_run (mesh_t *self)
{
  mesh_fault_begin (self);
  run_until (self, self->clock.now + self->shape.faults_us);
  mesh_fault_stop (self);
  run_until (self, self->calm_since);
  run_until_quiet (self, self->calm_since + (int64_t)CALM_MS * MS);
  mesh_check_settled (self);
  if (self->fault[0] == '\0')
    probe (self);
  run_out (self);
  mesh_check_settled (self);
  mesh_check_order (self);
  if (self->fault[0] == '\0')
    drain (self);
  mesh_check_end (self);
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    if (self->nodes[i].core != NULL)
      mesh_node_tally (&self->nodes[i]);
  self->tally.virtual_ms = mesh_ms (self);
}

// SPDX-License-Identifier: Apache-2.0
//
// What must hold, checked where it can be seen first: after every request that the store performs (mesh_check_store.c),
// when a broker offers a call and when somebody is told (mesh_check_told.c), and here of the processes and in the end.
// Nothing of it is decided by the cores that are checked.

#include "sim/mesh_state.h"

#include "troupe/loop.h"
#include "troupe/value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { SETTLE_GRACE_MS = 8000 }; // a sweep of all slots takes 3.2 s, a lease 2.5 s

static const struct {
  const char *name, *sentence;
} checks[] = {
#define MESH_CHECK(constant, name, sentence) {name, sentence},
#include "sim/mesh_check.def"
#undef MESH_CHECK
};

void
mesh_found (mesh_t *self, mesh_check_t check, const char *format, ...)
{
  char what[300];
  va_list arguments;
  if (self->fault[0] != '\0')
    return;
  va_start (arguments, format);
  vsnprintf (what, sizeof what, format, arguments);
  va_end (arguments);
  snprintf (self->fault, sizeof self->fault, "seed %" PRIu64 " at %" PRId64 ".%03d ms: %s: %s", self->options.seed,
            mesh_ms (self), (int)(self->clock.now % MS), checks[check].name, what);
  mesh_trace (self, "FOUND %s", self->fault);
}

// Those made by nodes carry a counter, derived ones a digest.
const char *
mesh_id_text (const troupe_id_t *id)
{
  static char texts[8][24];
  static unsigned next;
  char *text = texts[next++ % 8];
  const uint8_t *b = id->bytes;
  if (b[0] == 0xb5 && b[6] == 0)
    snprintf (text, sizeof *texts, "observe call %u", (unsigned)b[14] * 256 + b[15]);
  else if ((b[6] & 0xf0) == 0x70)
    snprintf (text, sizeof *texts, "call %u", (unsigned)b[14] * 256 + b[15]);
  else
    snprintf (text, sizeof *texts, "nested call %02x%02x%02x", b[0], b[1], b[2]);
  return text;
}

json_t *
mesh_check_unpack (const troupe_buffer_t *buffer, size_t size)
{
  json_t *json = NULL;
  if (troupe_value_unpack (troupe_buffer_data (buffer), size, &json, NULL) != TROUPE_OK)
    return NULL;
  return json;
}

bool
mesh_check_open (const ledger_model_call_t *call)
{
  return call->status == TROUPE_STATUS_NONE;
}

// -- Processes -------------------------------------------------------------------------------------------------------

void
mesh_check_broker (mesh_broker_t *broker)
{
  mesh_t *mesh = broker->mesh;
  if (broker_core_open_calls (broker->core) > 400 || broker_core_open_bytes (broker->core) > 1024 * 1024)
    mesh_found (mesh, MESH_CHECK_BOUNDED, "broker %u holds %zu calls and %zu bytes", broker->index,
                broker_core_open_calls (broker->core), broker_core_open_bytes (broker->core));
  if (broker_core_counter (broker->core, BROKER_COUNT_MESSAGES_BAD) > 0)
    mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "broker %u got a message that it doesn't take", broker->index);
}

void
mesh_check_broker_counters (mesh_broker_t *broker)
{
  const struct {
    broker_counter_t counter;
    uint64_t seen;
    const char *what;
  } counts[] = {
    {BROKER_COUNT_MESSAGES_IN, broker->received, "messages that came"},
    {BROKER_COUNT_MESSAGES_UNSENT, broker->unsent, "messages that could not be sent"},
    {BROKER_COUNT_PARTS_FULL, broker->parts_full, "parts that could not be sent"},
    {BROKER_COUNT_STORE_REQUESTS, broker->requests, "requests to the store"},
    {BROKER_COUNT_STORE_LOST, broker->lost, "requests without an answer"},
  };
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (broker_core_counter (broker->core, counts[i].counter) != counts[i].seen)
      mesh_found (broker->mesh, MESH_CHECK_COUNTED, "broker %u counts %" PRIu64 " %s, and there were %" PRIu64,
                  broker->index, broker_core_counter (broker->core, counts[i].counter), counts[i].what,
                  counts[i].seen);
}

void
mesh_check_node (mesh_node_t *node)
{
  mesh_t *mesh = node->mesh;
  if (node_core_counter (node->core, NODE_COUNT_FRAMES_BAD) > 0)
    mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "node %u.%u got a message that it can't decode", node->index,
                node->life);
  for (unsigned s = 0; s < MESH_SERVICES; s++)
    if (node->running[s] > node->credit)
      mesh_found (mesh, MESH_CHECK_LOAD, "node %u.%u runs %u calls of %s, and its credit is %u", node->index,
                  node->life, node->running[s], mesh_services[s].name, node->credit);
}

void
mesh_check_rest (mesh_t *self, int64_t due, const char *who)
{
  if (due != TROUPE_LOOP_NEVER && due <= mesh_ms (self))
    mesh_found (self, MESH_CHECK_AT_REST, "%s is due at %" PRId64 " again", who, due);
}

// -- The end ---------------------------------------------------------------------------------------------------------

bool
mesh_check_quiet (const mesh_t *self)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++)
    if (mesh_check_open (ledger_model_at (self->model, i)))
      return false;
  for (unsigned i = 0; i < self->waits_count; i++)
    if (self->waits[i]->placeholder != NULL && self->waits[i]->told == 0)
      return false;
  return !mesh_hub_unheard (self);
}

void
mesh_check_settled (mesh_t *self)
{
  // What waits holds credit, and in hubs it may wait for anybody: so with little credit, calls of several sessions may
  // wait for each other's until their deadline.
  bool scarce = self->shape.scripts > 0 && self->shape.credit < MESH_CREDIT_PLENTY;
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    const mesh_call_t *record = mesh_call_find (self, &call->id);
    int64_t by = record->made_at + record->deadline_ms * MS;
    by = (by > self->calm_since ? by : self->calm_since) + (int64_t)SETTLE_GRACE_MS * MS;
    if (mesh_check_open (call))
      mesh_found (self, MESH_CHECK_STORED_SETTLES, "%s to %s in %s (attempt %u) has not settled",
                  mesh_id_text (&call->id), call->service, call->session, call->attempt);
    else if (record->deadline_ms == 0 && !record->nested && call->status == TROUPE_STATUS_DEADLINE && !scarce &&
             call->inputs_count == 0) // else an input's deadline may have ended it
      mesh_found (self, MESH_CHECK_ENDS_BY_WORK, "%s to %s in %s ended by the default deadline",
                  mesh_id_text (&call->id), call->service, call->session);
    else if (record->deadline_ms > 0 && !record->nested && record->settled_at > by)
      mesh_found (self, MESH_CHECK_STORED_SETTLES, "%s settled %d ms after its deadline", mesh_id_text (&call->id),
                  (int)((record->settled_at - record->made_at) / MS - record->deadline_ms));
  }
  for (unsigned i = 0; i < self->waits_count; i++)
    if (self->waits[i]->placeholder != NULL && self->waits[i]->told == 0)
      mesh_found (self, MESH_CHECK_TOLD_ONCE, "node %u.%u is not told how %s ended", self->waits[i]->node->index,
                  self->waits[i]->life, mesh_id_text (&self->waits[i]->call->id));
}

// Nobody can tell in which order they are stored.
static bool
apart (const mesh_wait_t *one, const mesh_wait_t *other)
{
  const mesh_call_t *a = one->call, *b = other->call;
  bool in_hubs = (a->place.op != NULL || a->place.hubs_count > 0) && (b->place.op != NULL || b->place.hubs_count > 0);
  return a->session != b->session || (a->service != b->service && !in_hubs);
}

// Was made by a caller, durable, to an actor or a hub, and nothing left its place open.
static const ledger_model_call_t *
ordered (const mesh_t *self, const mesh_wait_t *wait)
{
  const mesh_call_t *call = wait->call;
  bool matters = mesh_services[call->service].actor || call->place.op != NULL;
  if (wait->awaits || call->nested || call->is_volatile || call->unsure || !matters)
    return NULL;
  return ledger_model_find (self->model, &call->id);
}

void
mesh_check_order (mesh_t *self)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i]->accepted && !self->calls[i]->is_volatile && self->calls[i]->lost_at == 0 &&
        !self->calls[i]->gone && ledger_model_find (self->model, &self->calls[i]->id) == NULL)
      mesh_found (self, MESH_CHECK_ACCEPTED_IS_STORED, "%s was accepted, and is not stored",
                  mesh_id_text (&self->calls[i]->id));
  for (unsigned b = 1; b < self->waits_count; b++) {
    const ledger_model_call_t *later = ordered (self, self->waits[b]);
    for (unsigned a = 0; a < b && later != NULL; a++) {
      const mesh_wait_t *wait = self->waits[a];
      if (wait->node != self->waits[b]->node || wait->life != self->waits[b]->life || apart (wait, self->waits[b]))
        continue;
      const ledger_model_call_t *earlier = ordered (self, wait);
      if (earlier != NULL && earlier->sequence > later->sequence)
        mesh_found (self, MESH_CHECK_CALLERS_ORDER, "%s is stored before %s, which its caller made earlier",
                    mesh_id_text (&later->id), mesh_id_text (&earlier->id));
    }
  }
}

void
mesh_check_end (mesh_t *self)
{
  mesh_hub_check_end (self);
  for (unsigned i = 0; i < mesh_nodes (self); i++)
    if (self->nodes[i].draining && !self->nodes[i].drained)
      mesh_found (self, MESH_CHECK_NOTHING_LEFT, "node %u.%u does not drain", i, self->nodes[i].life);
  for (unsigned i = 0; i < self->shape.brokers; i++) {
    mesh_broker_t *broker = &self->brokers[i];
    if (broker->core == NULL)
      continue;
    if (broker_core_open_calls (broker->core) > 0 || broker_core_open_bytes (broker->core) > 0)
      mesh_found (self, MESH_CHECK_NOTHING_LEFT, "broker %u still holds %zu calls and %zu bytes", i,
                  broker_core_open_calls (broker->core), broker_core_open_bytes (broker->core));
    mesh_check_broker_counters (broker);
  }
}

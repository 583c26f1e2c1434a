// SPDX-License-Identifier: Apache-2.0
//
// What must hold, checked where it can be seen first: after every request that the store performs, when a broker offers
// a call, when somebody is told, and in the end. Nothing here is decided by the cores that are checked: the order of
// turns, for one, is worked out from acceptances and paths, not from what the store's model says of it.

#include "sim/mesh_state.h"

#include "troupe/value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum {
  SETTLE_GRACE_MS = 8000, // a sweep of all slots takes 3.2 s, a lease 2.5 s
  TELL_GRACE_MS = 12000,  // connecting again, asking again, a lease of patience on each side
  LOCAL_GRACE_MS = 20000, // when a node gives up on what it can't know, after the last fault
};

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
  if ((b[6] & 0xf0) == 0x70)
    snprintf (text, sizeof *texts, "call %u", (unsigned)b[14] * 256 + b[15]);
  else
    snprintf (text, sizeof *texts, "nested call %02x%02x%02x", b[0], b[1], b[2]);
  return text;
}

static json_t *
unpack (const troupe_buffer_t *buffer, size_t size)
{
  json_t *json = NULL;
  if (troupe_value_unpack (troupe_buffer_data (buffer), size, &json, NULL) != TROUPE_OK)
    return NULL;
  return json;
}

// -- The store -------------------------------------------------------------------------------------------------------

static bool
open_now (const ledger_model_call_t *call)
{
  return call->status == TROUPE_STATUS_NONE;
}

static bool
same_actor (const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  return a->actor && strcmp (a->session, b->session) == 0 && strcmp (a->service, b->service) == 0;
}

static uint64_t
root_sequence (const mesh_t *self, const ledger_model_call_t *call)
{
  const mesh_call_t *record = mesh_call_find (self, &call->id);
  const ledger_model_call_t *root =
    record->nested && call->path_count > 0 ? ledger_model_find (self->model, &call->path[0]) : NULL;
  return root != NULL ? root->sequence : call->sequence;
}

static bool
before (const mesh_t *self, const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  uint64_t root_a = root_sequence (self, a), root_b = root_sequence (self, b);
  return root_a != root_b ? root_a < root_b : a->sequence < b->sequence;
}

// A call has just got its turn.
static void
check_turn (mesh_t *self, const ledger_model_call_t *call)
{
  unsigned service = mesh_service_of (troupe_text (call->service));
  for (size_t i = 0; i < ledger_model_count (self->model) && mesh_services[service].actor; i++) {
    const ledger_model_call_t *other = ledger_model_at (self->model, i);
    if (other == call || !open_now (other) || strcmp (other->session, call->session) != 0 ||
        strcmp (other->service, call->service) != 0)
      continue;
    if (other->attempt > other->base)
      mesh_found (self, MESH_CHECK_ONE_TURN, "%s gets its turn at %s in %s while %s has it", mesh_id_text (&call->id),
                  call->service, call->session, mesh_id_text (&other->id));
    else if (before (self, other, call))
      mesh_found (self, MESH_CHECK_MAILBOX_ORDER, "%s gets its turn at %s in %s before %s", mesh_id_text (&call->id),
                  call->service, call->session, mesh_id_text (&other->id));
  }
}

// An attempt that nobody was given yet goes to whoever ran the one before, when that is heard of again.
static void
check_winner (mesh_t *self, const mesh_call_t *record, const ledger_model_call_t *call, const json_t *value)
{
  const char *by = json_string_value (json_object_get (value, "by"));
  if (json_integer_value (json_object_get (value, "n")) != record->number || by == NULL) {
    mesh_found (self, MESH_CHECK_WINNERS_VALUE, "%s settled with a value of another call", mesh_id_text (&call->id));
    return;
  }
  const mesh_offer_t *last = NULL;
  for (unsigned i = 0; i < record->offers_count; i++)
    if (record->offers[i].attempt <= call->winner && (last == NULL || record->offers[i].attempt > last->attempt))
      last = &record->offers[i];
  char given[16] = "nobody";
  if (last != NULL)
    snprintf (given, sizeof given, "%u.%u", last->node, last->life);
  if (strcmp (given, by) != 0)
    mesh_found (self, MESH_CHECK_WINNERS_VALUE, "%s settled under attempt %u with a value of %s, and was given to %s",
                mesh_id_text (&call->id), call->winner, by, given);
}

static void
check_memory (mesh_t *self, const mesh_call_t *record, const ledger_request_t *request, const json_t *value)
{
  const mesh_memory_t *memory = &self->memories[record->session][record->service];
  const json_t *heard = json_object_get (value, "heard");
  unsigned earlier = memory->count - request->sizes_count;
  if (memory->count != ledger_model_memory (self->model, mesh_sessions[record->session],
                                            mesh_services[record->service].name))
    mesh_found (self, MESH_CHECK_MEMORY_ONCE, "%s in %s remembers %u entries and should remember %u",
                mesh_services[record->service].name, mesh_sessions[record->session], memory->count,
                ledger_model_memory (self->model, mesh_sessions[record->session], mesh_services[record->service].name));
  for (unsigned i = earlier; i < memory->count; i++)
    if (memory->numbers[i] != record->number)
      mesh_found (self, MESH_CHECK_MEMORY_ONCE, "entry %u of %s in %s is not of %s", i,
                  mesh_services[record->service].name, mesh_sessions[record->session], mesh_id_text (&record->id));
  bool same = json_array_size (heard) == earlier;
  for (unsigned i = 0; i < earlier && same; i++)
    same = (unsigned)json_integer_value (json_array_get (heard, i)) == memory->numbers[i];
  if (!same)
    mesh_found (self, MESH_CHECK_MEMORY_SEEN, "%s saw %zu entries of %s in %s, or others, and there were %u",
                mesh_id_text (&record->id), json_array_size (heard), mesh_services[record->service].name,
                mesh_sessions[record->session], earlier);
}

static void
count_outcome (mesh_t *self, troupe_status_t status)
{
  self->tally.values += status == TROUPE_STATUS_VALUE;
  self->tally.errors += status == TROUPE_STATUS_ERROR;
  self->tally.cancelled += status == TROUPE_STATUS_CANCELLED;
  self->tally.deadlines += status == TROUPE_STATUS_DEADLINE;
}

static void
note_outcome (mesh_t *self, mesh_call_t *record, const ledger_model_call_t *call)
{
  record->settled_at = self->clock.now;
  count_outcome (self, call->status);
  if (record->outcomes_count < MESH_OUTCOMES_MAX)
    record->outcomes[record->outcomes_count++] =
      (mesh_outcome_t){call->status, call->winner, troupe_buffer_ref (call->value)};
  mesh_trace (self, "%s has settled in the store: %s, attempt %u", mesh_id_text (&call->id),
              troupe_status_name (call->status), call->winner);
  if (record->is_volatile)
    mesh_found (self, MESH_CHECK_REFUSED_LEAVES_NOTHING, "%s is volatile, and stored", mesh_id_text (&call->id));
}

static bool
same_bytes (const troupe_buffer_t *a, const troupe_buffer_t *b)
{
  size_t size = troupe_buffer_size (a);
  return size == troupe_buffer_size (b) &&
         (size == 0 || memcmp (troupe_buffer_data (a), troupe_buffer_data (b), size) == 0);
}

// A call that has settled stays as it is, but a nested one whose error may pass begins anew.
static void
check_still_settled (mesh_t *self, mesh_call_t *record, const ledger_model_call_t *call)
{
  const mesh_outcome_t *last = &record->outcomes[record->outcomes_count - 1];
  bool same = call->status == last->status && same_bytes (call->value, last->value);
  if (!same && record->nested && last->status == TROUPE_STATUS_ERROR) { // and may have ended at once
    record->settled_at = 0;
    record->begun = false;
  } else if (!same) {
    mesh_found (self, MESH_CHECK_ONE_OUTCOME, "%s had settled with %s, and is now %s", mesh_id_text (&call->id),
                troupe_status_name (last->status), troupe_status_name (call->status));
  }
}

static void
look_at (mesh_t *self, const ledger_model_call_t *call)
{
  mesh_call_t *record = mesh_call_find (self, &call->id);
  if (record->settled_at != 0)
    check_still_settled (self, record, call);
  if (!record->begun && call->attempt > call->base && open_now (call)) {
    record->begun = true;
    check_turn (self, call);
  }
  if (record->settled_at == 0 && !open_now (call))
    note_outcome (self, record, call);
}

static void
check_settle (mesh_t *self, const ledger_request_t *request)
{
  const ledger_model_call_t *call = ledger_model_find (self->model, &request->call);
  if (call == NULL)
    return;
  mesh_call_t *record = mesh_call_find (self, &request->call);
  if (record->settled_at == 0 && call->status == TROUPE_STATUS_VALUE) {
    size_t size = troupe_buffer_size (request->body);
    for (uint32_t i = 0; i < request->sizes_count; i++)
      size -= request->sizes[i];
    json_t *value = unpack (request->body, size);
    check_winner (self, record, call, value);
    if (mesh_services[record->service].actor)
      check_memory (self, record, request, value);
    json_decref (value);
  }
}

static void
check_nested_end (mesh_t *self, const troupe_id_t *id)
{
  const ledger_model_call_t *parent = ledger_model_find (self->model, id);
  for (size_t i = 0; i < ledger_model_count (self->model) && parent != NULL && !open_now (parent); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (open_now (call) && call->path_count > 0 && troupe_id_equal (&call->path[call->path_count - 1], id))
      mesh_found (self, MESH_CHECK_NESTED_END, "%s has settled, and %s, which it made, has not", mesh_id_text (id),
                  mesh_id_text (&call->id));
  }
}

static void
check_accept (mesh_t *self, const ledger_request_t *request, const ledger_result_t *result)
{
  const ledger_model_call_t *call = ledger_model_find (self->model, &request->call);
  if (result->outcome != LEDGER_OK || call == NULL)
    return;
  unsigned waiting = 0;
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *other = ledger_model_at (self->model, i);
    waiting += same_actor (other, call) && open_now (other) && other->attempt == 0;
  }
  if (waiting > self->shape.mailbox + 1)
    mesh_found (self, MESH_CHECK_BOUNDED, "%u calls wait for %s in %s", waiting, call->service, call->session);
  if (request->parent_attempt == 0 || request->path_count == 0)
    return;
  const ledger_model_call_t *parent =
    ledger_model_find (self->model, &request->path[request->path_count - 1]);
  if (parent == NULL || !open_now (parent) || parent->attempt != request->parent_attempt)
    mesh_found (self, MESH_CHECK_STALE_CALLS, "%s is stored for attempt %u of its parent, which is over",
                mesh_id_text (&request->call), request->parent_attempt);
}

void
mesh_check_performed (mesh_t *self, const ledger_request_t *request, const ledger_result_t *result)
{
  if (request->op == LEDGER_SWEEP || request->op == LEDGER_LEASE || request->op == LEDGER_RECALL)
    return;
  if (request->op == LEDGER_ACCEPT)
    check_accept (self, request, result);
  if (request->op == LEDGER_SETTLE)
    check_settle (self, request);
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (request->session == NULL || strcmp (call->session, request->session) == 0)
      look_at (self, call);
  }
  if (request->op == LEDGER_SETTLE)
    check_nested_end (self, &request->call);
}

// -- Offers ----------------------------------------------------------------------------------------------------------

static void
check_runner (mesh_t *self, const mesh_connection_t *connection, const troupe_header_t *header)
{
  mesh_call_t *record = mesh_call_find (self, &header->call);
  if (record == NULL || record->is_volatile)
    return;
  for (unsigned i = 0; i < record->offers_count; i++) {
    const mesh_offer_t *offer = &record->offers[i];
    bool same = offer->node == connection->node && offer->life == connection->node_life;
    if (offer->attempt == header->attempt && !same)
      mesh_found (self, MESH_CHECK_ONE_RUNNER, "attempt %u of %s is given to node %u.%u, and was to node %u.%u",
                  offer->attempt, mesh_id_text (&header->call), connection->node, connection->node_life, offer->node,
                  offer->life);
    if (offer->attempt == header->attempt)
      return;
  }
  record->offers = mesh_need (realloc (record->offers, (record->offers_count + 1) * sizeof *record->offers));
  record->offers[record->offers_count++] =
    (mesh_offer_t){(uint32_t)header->attempt, connection->node, connection->node_life};
  self->tally.attempts++;
}

void
mesh_check_offer (mesh_t *self, unsigned number, const troupe_header_t *header)
{
  mesh_connection_t *connection = &self->connections[number];
  unsigned s = mesh_service_of (header->service), count = connection->offers_count[s];
  check_runner (self, connection, header);
  for (unsigned i = 0; i < count; i++)
    if (troupe_id_equal (&connection->offers[s][i], &header->call))
      return;
  if (count < MESH_OFFERS_MAX)
    connection->offers[s][connection->offers_count[s]++] = header->call;
  // An actor's calls go to where it lives, also without credit.
  if (!mesh_services[s].actor && count + 1 > connection->credit[s])
    mesh_found (self, MESH_CHECK_CREDIT, "node %u.%u gave broker %u a credit of %u for %s, and is offered %u",
                connection->node, connection->node_life, connection->broker, connection->credit[s],
                mesh_services[s].name, count + 1);
}

// -- Those who are told ----------------------------------------------------------------------------------------------

static bool
is_calm (const mesh_t *self, int64_t grace_ms)
{
  return self->calm_since != MESH_NEVER && self->clock.now > self->calm_since + grace_ms * MS;
}

// Does its node say so, and not the store?
static bool
local (const mesh_wait_t *wait, const troupe_error_t *error, troupe_status_t status)
{
  if (wait->call->nested && (status == TROUPE_STATUS_CANCELLED || error->code == TROUPE_STALE))
    return true;
  return strstr (error->why, "no broker") != NULL || strstr (error->why, "isn't known") != NULL;
}

static bool
as_recorded (const mesh_outcome_t *outcome, troupe_status_t status, const json_t *value, const troupe_error_t *error)
{
  if (outcome->status != status)
    return false;
  json_t *stored = unpack (outcome->value, troupe_buffer_size (outcome->value));
  bool same = false;
  if (status == TROUPE_STATUS_VALUE) {
    same = json_equal (stored, value);
  } else if (stored != NULL) {
    troupe_error_t recorded = {0};
    troupe_error_of_json (&recorded, stored);
    same = recorded.code == error->code;
  }
  json_decref (stored);
  return same;
}

static void
check_outcome (mesh_t *self, const mesh_wait_t *wait)
{
  const mesh_call_t *record = wait->call;
  troupe_status_t status = troupe_placeholder_status (wait->placeholder);
  const troupe_error_t *error = troupe_placeholder_error (wait->placeholder);
  if (status != TROUPE_STATUS_VALUE && local (wait, error, status)) {
    if (is_calm (self, LOCAL_GRACE_MS) && !record->nested)
      mesh_found (self, MESH_CHECK_TOLD_ONCE, "the caller of %s is told only: %s", mesh_id_text (&record->id),
                  error->why);
    return;
  }
  if (record->cancelled && status == TROUPE_STATUS_CANCELLED && record->outcomes_count == 0)
    return; // before it was sent
  for (unsigned i = 0; i < record->outcomes_count; i++)
    if (as_recorded (&record->outcomes[i], status, troupe_placeholder_value (wait->placeholder), error))
      return;
  mesh_found (self, MESH_CHECK_ONE_OUTCOME, "node %u.%u is told that %s ended: %s %s; the store says %s",
              wait->node->index, wait->node->life, mesh_id_text (&record->id), troupe_status_name (status),
              error->why,
              record->outcomes_count == 0 ? "it has not"
                                          : troupe_status_name (record->outcomes[record->outcomes_count - 1].status));
}

static void
check_refused (mesh_t *self, const mesh_wait_t *wait)
{
  const troupe_error_t *error = troupe_placeholder_error (wait->placeholder);
  bool stored = ledger_model_find (self->model, &wait->call->id) != NULL || wait->call->outcomes_count > 0;
  self->tally.refused++;
  if (wait->awaits && stored && error->code == TROUPE_UNKNOWN_CALL)
    mesh_found (self, MESH_CHECK_ACCEPTED_IS_STORED, "%s is stored, and unknown to node %u.%u",
                mesh_id_text (&wait->call->id), wait->node->index, wait->node->life);
  if (!wait->awaits && stored && !wait->call->nested)
    mesh_found (self, MESH_CHECK_REFUSED_LEAVES_NOTHING, "%s is refused as %s, and stored",
                mesh_id_text (&wait->call->id), troupe_err_name (error->code));
}

static void
check_volatile (mesh_t *self, const mesh_wait_t *wait)
{
  const json_t *value = troupe_placeholder_value (wait->placeholder);
  if (value != NULL && json_integer_value (json_object_get (value, "n")) != wait->call->number)
    mesh_found (self, MESH_CHECK_WINNERS_VALUE, "%s, which is volatile, settled with a value of another call",
                mesh_id_text (&wait->call->id));
}

void
mesh_check_told (mesh_t *self, mesh_wait_t *wait)
{
  if (wait->call->is_volatile)
    check_volatile (self, wait);
  else if (wait->refused)
    check_refused (self, wait);
  else
    check_outcome (self, wait);
  int64_t since = wait->call->settled_at > wait->since ? wait->call->settled_at : wait->since;
  if (self->calm_since != MESH_NEVER && self->calm_since > since)
    since = self->calm_since;
  if (self->calm_since != MESH_NEVER && !wait->call->is_volatile && wait->call->settled_at != 0 &&
      self->clock.now > since + (int64_t)TELL_GRACE_MS * MS)
    mesh_found (self, MESH_CHECK_TOLD_ONCE, "node %u.%u is told %d ms late how %s ended", wait->node->index,
                wait->node->life, (int)((self->clock.now - since) / MS), mesh_id_text (&wait->call->id));
  bool full = self->shape.mailbox < MESH_PROBES_AT_ONCE &&
              troupe_placeholder_error (wait->placeholder)->code == TROUPE_OVERLOADED;
  if (wait->call->probe && troupe_placeholder_status (wait->placeholder) != TROUPE_STATUS_VALUE && !full)
    mesh_found (self, MESH_CHECK_ALIVE_AGAIN, "%s to %s in %s ends with %s: %s", mesh_id_text (&wait->call->id),
                mesh_services[wait->call->service].name, mesh_sessions[wait->call->session],
                troupe_status_name (troupe_placeholder_status (wait->placeholder)),
                troupe_placeholder_error (wait->placeholder)->why);
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

// -- The end ---------------------------------------------------------------------------------------------------------

bool
mesh_check_quiet (const mesh_t *self)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++)
    if (open_now (ledger_model_at (self->model, i)))
      return false;
  for (unsigned i = 0; i < self->waits_count; i++)
    if (self->waits[i]->placeholder != NULL && self->waits[i]->told == 0)
      return false;
  return true;
}

void
mesh_check_settled (mesh_t *self)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    const mesh_call_t *record = mesh_call_find (self, &call->id);
    int64_t by = record->made_at + record->deadline_ms * MS;
    by = (by > self->calm_since ? by : self->calm_since) + (int64_t)SETTLE_GRACE_MS * MS;
    if (open_now (call))
      mesh_found (self, MESH_CHECK_STORED_SETTLES, "%s to %s in %s (attempt %u) has not settled",
                  mesh_id_text (&call->id), call->service, call->session, call->attempt);
    else if (record->deadline_ms > 0 && !record->nested && record->settled_at > by)
      mesh_found (self, MESH_CHECK_STORED_SETTLES, "%s settled %d ms after its deadline", mesh_id_text (&call->id),
                  (int)((record->settled_at - record->made_at) / MS - record->deadline_ms));
  }
  for (unsigned i = 0; i < self->waits_count; i++)
    if (self->waits[i]->placeholder != NULL && self->waits[i]->told == 0)
      mesh_found (self, MESH_CHECK_TOLD_ONCE, "node %u.%u is not told how %s ended", self->waits[i]->node->index,
                  self->waits[i]->life, mesh_id_text (&self->waits[i]->call->id));
}

// Was made by a caller, durable, to an actor, and nothing left its place open.
static const ledger_model_call_t *
ordered (const mesh_t *self, const mesh_wait_t *wait)
{
  const mesh_call_t *call = wait->call;
  if (wait->awaits || call->nested || call->is_volatile || call->unsure || !mesh_services[call->service].actor)
    return NULL;
  return ledger_model_find (self->model, &call->id);
}

void
mesh_check_order (mesh_t *self)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (self->calls[i]->accepted && !self->calls[i]->is_volatile &&
        ledger_model_find (self->model, &self->calls[i]->id) == NULL)
      mesh_found (self, MESH_CHECK_ACCEPTED_IS_STORED, "%s was accepted, and is not stored",
                  mesh_id_text (&self->calls[i]->id));
  for (unsigned b = 1; b < self->waits_count && !self->shape.store_errors; b++) {
    const ledger_model_call_t *later = ordered (self, self->waits[b]);
    for (unsigned a = 0; a < b && later != NULL; a++) {
      const mesh_wait_t *wait = self->waits[a];
      if (wait->node != self->waits[b]->node || wait->life != self->waits[b]->life ||
          wait->call->service != self->waits[b]->call->service || wait->call->session != self->waits[b]->call->session)
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

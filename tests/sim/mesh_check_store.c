// SPDX-License-Identifier: Apache-2.0
//
// What must hold in the store, after every request that it performs. The order of turns, for one, is worked out from
// acceptances and paths, not from what the store's model says of it.

#include "sim/ledger_model_state.h"
#include "sim/mesh_state.h"

#include <inttypes.h>
#include <stdlib.h>

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
  return root_a != root_b ? root_a < root_b
                          : mesh_hub_before (mesh_call_find (self, &a->id), mesh_call_find (self, &b->id));
}

// A call has just got its turn.
static void
check_turn (mesh_t *self, const ledger_model_call_t *call)
{
  unsigned service = mesh_service_of (troupe_text (call->service));
  for (size_t i = 0; i < ledger_model_count (self->model) && mesh_services[service].actor; i++) {
    const ledger_model_call_t *other = ledger_model_at (self->model, i);
    if (other == call || !mesh_check_open (other) || strcmp (other->session, call->session) != 0 ||
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
check_owner (mesh_t *self, const ledger_model_call_t *call, const json_t *value)
{
  char by[32];
  const char *owner = ledger_model_owner (self->model, call->session, call->service);
  snprintf (by, sizeof by, "instance-%s-", json_string_value (json_object_get (value, "by")));
  if (owner == NULL || strncmp (owner, by, strlen (by)) != 0)
    mesh_found (self, MESH_CHECK_OWNERS_VALUE, "%s settled with a value of %s, and %s in %s lives on %s",
                mesh_id_text (&call->id), by, call->service, call->session, owner != NULL ? owner : "none");
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
  if (!same && record->anew_at == 0) // else an attempt may go on that had read what the store lost
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
  if (record->made_at >= self->probed_at && call->winner > call->base + 1)
    mesh_found (self, MESH_CHECK_ONE_RUN, "%s settled under attempt %u", mesh_id_text (&call->id), call->winner);
  bool by_deadline = call->status == TROUPE_STATUS_DEADLINE && !record->nested && call->inputs_count == 0;
  if (by_deadline && self->clock.now < record->made_at + (record->deadline_ms - 1) * MS)
    mesh_found (self, MESH_CHECK_NOT_EARLY, "%s ended by its deadline of %d ms after %d ms", mesh_id_text (&call->id),
                (int)record->deadline_ms, (int)((self->clock.now - record->made_at) / MS));
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
  if (record->lost_at != 0 || record->gone)
    mesh_loss_found (self, record);
  if (record->settled_at != 0)
    check_still_settled (self, record, call);
  if (!record->begun && call->attempt > call->base && mesh_check_open (call)) {
    record->begun = true;
    check_turn (self, call);
    mesh_hub_check_turn (self, record);
  }
  if (record->settled_at == 0 && !mesh_check_open (call))
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
    json_t *value = mesh_check_unpack (request->body, size);
    check_winner (self, record, call, value);
    if (mesh_services[record->service].actor && self->fault[0] == '\0') {
      check_owner (self, call, value);
      check_memory (self, record, request, value);
      mesh_hub_check_heard (self, record, value);
    }
    json_decref (value);
  }
}

static void
check_nested_end (mesh_t *self, const troupe_id_t *id)
{
  const ledger_model_call_t *parent = ledger_model_find (self->model, id);
  for (size_t i = 0; i < ledger_model_count (self->model) && parent != NULL && !mesh_check_open (parent); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (mesh_check_open (call) && call->path_count > 0 && troupe_id_equal (&call->path[call->path_count - 1], id))
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
    bool before = request->parent_attempt == 0 || model_before (other, call); // what counts for a nested one
    waiting += before && same_actor (other, call) && mesh_check_open (other) && other->attempt == 0;
  }
  if (waiting > self->shape.mailbox + 1)
    mesh_found (self, MESH_CHECK_BOUNDED, "%u calls wait for %s in %s", waiting, call->service, call->session);
  if (request->parent_attempt == 0 || request->path_count == 0)
    return;
  const ledger_model_call_t *parent =
    ledger_model_find (self->model, &request->path[request->path_count - 1]);
  if (parent == NULL || !mesh_check_open (parent) || parent->attempt != request->parent_attempt)
    mesh_found (self, MESH_CHECK_STALE_CALLS, "%s is stored for attempt %u of its parent, which is over",
                mesh_id_text (&request->call), request->parent_attempt);
}

static void
check_close (mesh_t *self, const ledger_request_t *request)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (strcmp (call->session, request->session) == 0 && mesh_check_open (call))
      mesh_found (self, MESH_CHECK_SESSION_ENDS, "%s has ended, and %s to %s has not", request->session,
                  mesh_id_text (&call->id), call->service);
  }
  for (unsigned i = 0; i < MESH_SERVICES; i++)
    if (ledger_model_memory (self->model, request->session, mesh_services[i].name) > 0)
      mesh_found (self, MESH_CHECK_SESSION_ENDS, "%s has ended, and %s remembers it", request->session,
                  mesh_services[i].name);
}

static void
note_observe (mesh_t *self, const ledger_model_call_t *stored)
{
  mesh_call_t *call = mesh_call_observe (self, stored);
  call->place.sequence = stored->sequence;
  mesh_hub_stand (self, call, stored);
}

void
mesh_check_performed (mesh_t *self, const ledger_request_t *request, const ledger_result_t *result)
{
  if (request->op == LEDGER_SETTLE)
    check_settle (self, request);
  for (size_t i = 0; i < result->calls_count && request->op == LEDGER_ROUSE; i++)
    note_observe (self, ledger_model_find (self->model, &result->calls[i].call));
  mesh_hub_performed (self, request);
  if (request->op == LEDGER_CLOSE && result->outcome == LEDGER_OK && !result->more)
    check_close (self, request);
  if (request->op == LEDGER_SWEEP || request->op == LEDGER_LEASE || request->op == LEDGER_RECALL)
    return;
  if (request->op == LEDGER_ACCEPT)
    check_accept (self, request, result);
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *call = ledger_model_at (self->model, i);
    if (request->session == NULL || strcmp (call->session, request->session) == 0)
      look_at (self, call);
  }
  if (request->op == LEDGER_SETTLE)
    check_nested_end (self, &request->call);
}

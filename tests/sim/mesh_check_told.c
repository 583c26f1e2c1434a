// SPDX-License-Identifier: Apache-2.0
//
// What brokers say: who is offered a call, and what those who wait for it are told.

#include "sim/mesh_state.h"

#include <stdlib.h>

enum {
  TELL_GRACE_MS = 12000,  // connecting again, asking again, a lease of patience on each side
  LOCAL_GRACE_MS = 20000, // when a node gives up on what it can't know, after the last fault
};

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
  // An actor's calls go to where it lives, and what runs there goes on there, also without credit.
  const mesh_call_t *record = mesh_call_find (self, &header->call);
  bool free = mesh_services[s].actor || (record != NULL && record->stray);
  if (!free && count < MESH_OFFERS_MAX)
    connection->offers[s][connection->offers_count[s]++] = header->call;
  if (!free && count + 1 > connection->credit[s])
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
  json_t *stored = mesh_check_unpack (outcome->value, troupe_buffer_size (outcome->value));
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
  wait->call->unsure |= !wait->awaits && wait->call->outcomes_count == 0;
  if (status != TROUPE_STATUS_VALUE && local (wait, error, status)) {
    if (is_calm (self, LOCAL_GRACE_MS) && !record->nested)
      mesh_found (self, MESH_CHECK_TOLD_ONCE, "the caller of %s is told only: %s", mesh_id_text (&record->id),
                  error->why);
    return;
  }
  if (record->cancelled && status == TROUPE_STATUS_CANCELLED && record->outcomes_count == 0)
    return; // before it was sent
  if (mesh_loss_tells (self, wait, error))
    return;
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
  const mesh_call_t *record = wait->call;
  bool stored = ledger_model_find (self->model, &record->id) != NULL || (record->outcomes_count > 0 && !record->gone);
  self->tally.refused++;
  if (wait->awaits && stored && !wait->call->gone && error->code == TROUPE_UNKNOWN_CALL)
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
  int64_t ended = wait->call->lost_at != 0 ? wait->call->lost_at : wait->call->settled_at;
  int64_t since = ended > wait->since ? ended : wait->since;
  if (self->calm_since != MESH_NEVER && self->calm_since > since)
    since = self->calm_since;
  if (self->calm_since != MESH_NEVER && !wait->call->is_volatile && ended != 0 &&
      self->clock.now > since + (int64_t)TELL_GRACE_MS * MS)
    mesh_found (self, wait->call->lost_at != 0 ? MESH_CHECK_LOST_IS_TOLD : MESH_CHECK_TOLD_ONCE,
                "node %u.%u is told %d ms late how %s ended", wait->node->index,
                wait->node->life, (int)((self->clock.now - since) / MS), mesh_id_text (&wait->call->id));
  troupe_err_t code = troupe_placeholder_error (wait->placeholder)->code;
  bool lapsed = self->shape.mailbox < MESH_PROBES_AT_ONCE && code == TROUPE_UNKNOWN_HUB; // while it waited for room
  if (wait->call->probe && troupe_placeholder_status (wait->placeholder) != TROUPE_STATUS_VALUE && !lapsed)
    mesh_found (self, MESH_CHECK_ALIVE_AGAIN, "%s to %s in %s ends with %s: %s", mesh_id_text (&wait->call->id),
                mesh_services[wait->call->service].name, mesh_sessions[wait->call->session],
                troupe_status_name (troupe_placeholder_status (wait->placeholder)),
                troupe_placeholder_error (wait->placeholder)->why);
}

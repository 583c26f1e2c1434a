// SPDX-License-Identifier: Apache-2.0
//
// The logs of hubs, as they must be: a place for each call that is said in a hub, in the order of acceptance, filled
// or void once the call has settled, and what was broadcast. They are kept from what the store accepted and how calls
// ended, and after each step of the store its own logs must be the same.

#include "sim/ledger_model_hub.h"
#include "sim/mesh_state.h"

#include "troupe/value.h"

#include <stdlib.h>

enum { LAPSE_GRACE_MS = 8000 }; // until a sweep has come by: as for deadlines

mesh_hub_t *
mesh_hub_of (const mesh_t *self, const troupe_id_t *id)
{
  mesh_hub_t *hub = self->hubs;
  while (hub != NULL && !troupe_id_equal (&hub->id, id))
    hub = hub->next;
  return hub;
}

void
mesh_hub_free_all (mesh_t *self)
{
  for (mesh_hub_t *hub; (hub = self->hubs) != NULL;) {
    self->hubs = hub->next;
    free (hub->entries);
    free (hub->members);
    free (hub);
  }
  for (mesh_fan_t *fan; (fan = self->fans) != NULL;) {
    self->fans = fan->next;
    free (fan);
  }
}

static void
add_entry (mesh_hub_t *hub, const mesh_entry_t *entry)
{
  hub->entries = mesh_need (realloc (hub->entries, (hub->entries_count + 1) * sizeof *hub->entries));
  hub->entries[hub->entries_count++] = *entry;
  hub->pending += entry->pending;
}

static bool
is_member (const mesh_hub_t *hub, unsigned service)
{
  const mesh_member_t *member = &hub->members[service];
  return member->count > 0 && member->stays[member->count - 1].to == UINT64_MAX;
}

// -- Operations ------------------------------------------------------------------------------------------------------

static void
join (mesh_t *self, mesh_hub_t *hub, unsigned service, uint64_t sequence)
{
  mesh_member_t *member = &hub->members[service];
  if (is_member (hub, service))
    return;
  if (member->count == 0)
    member->heard = sequence;
  if (member->count == MESH_STAYS_MAX)
    abort ();
  member->stays[member->count++] = (mesh_stay_t){sequence, UINT64_MAX};
  mesh_trace (self, "hub of %s: %s is a member from %d on", mesh_id_text (&hub->id), mesh_services[service].name,
              (int)sequence);
}

static void
leave (mesh_t *self, mesh_hub_t *hub, unsigned service, uint64_t sequence)
{
  if (!is_member (hub, service))
    return;
  hub->members[service].stays[hub->members[service].count - 1].to = sequence;
  mesh_trace (self, "hub of %s: %s is a member until %d", mesh_id_text (&hub->id), mesh_services[service].name,
              (int)sequence);
}

static const char *
name_of (const mesh_call_t *call)
{
  return json_string_value (json_object_get (call->place.op, "op")) + strlen ("hub/");
}

static mesh_hub_t *
open_hub (mesh_t *self, const mesh_call_t *call)
{
  mesh_hub_t *hub = mesh_need (calloc (1, sizeof *hub));
  *hub = (mesh_hub_t){.next = self->hubs,
                      .id = call->id,
                      .session = call->session,
                      .parent = call->place.parent,
                      .open = true,
                      .automatic = json_is_true (json_object_get (call->place.op, "auto"))};
  hub->members = mesh_need (calloc (MESH_SERVICES, sizeof *hub->members));
  self->tally.hubs++;
  return self->hubs = hub;
}

static void
apply (mesh_t *self, mesh_hub_t *hub, const mesh_call_t *call, uint64_t sequence)
{
  const json_t *step = call->place.op, *members = json_object_get (step, "members");
  const char *op = name_of (call);
  for (size_t i = 0; i < json_array_size (members); i++) {
    unsigned service = (unsigned)json_integer_value (json_array_get (members, i));
    (strcmp (op, "delete") == 0 ? leave : join) (self, hub, service, sequence);
  }
  if (strcmp (op, "auto") == 0)
    hub->automatic = json_is_true (json_object_get (step, "on"));
  if (strcmp (op, "close") == 0)
    hub->open = false;
  if (hub->parent == NULL)
    hub->lease_us = self->clock.now + self->shape.hub_lease_ms * MS;
  mesh_trace (self, "hub of %s: %s at %d", mesh_id_text (&hub->id), op, (int)sequence);
}

static void
speak (mesh_t *self, mesh_hub_t *hub, const mesh_call_t *call)
{
  const json_t *messages = json_object_get (call->place.op, "messages");
  for (size_t i = 0; i < json_array_size (messages); i++)
    add_entry (hub, &(mesh_entry_t){.sequence = call->place.sequence + 1 + i,
                                    .service = MESH_SERVICES,
                                    .number = (unsigned)json_integer_value (json_array_get (messages, i)),
                                    .filled = true});
  mesh_trace (self, "hub of %s: %zu messages", mesh_id_text (&hub->id), json_array_size (messages));
}

// The operation has been accepted, and settled with that.
static void
operate (mesh_t *self, mesh_call_t *call, const ledger_model_call_t *stored, const troupe_id_t *named)
{
  const char *op = name_of (call);
  bool opens = strcmp (op, "open") == 0;
  mesh_hub_t *hub = opens ? open_hub (self, call) : mesh_hub_of (self, named);
  bool right = hub != NULL && hub->open && hub->parent == call->place.parent;
  if (right != (stored->status == TROUPE_STATUS_VALUE))
    mesh_found (self, MESH_CHECK_HUB_LOG, "hub/%s by %s ends as %s", op, mesh_id_text (&call->id),
                troupe_status_name (stored->status));
  call->place.under = stored->under;
  if (!right)
    return;
  apply (self, hub, call, call->place.sequence);
  speak (self, hub, call);
}

// A later attempt of its caller makes it again, for which the hub is as it was: open, with these members. What was said
// has been said.
static void
operate_again (mesh_t *self, mesh_call_t *call, const ledger_model_call_t *stored, const troupe_id_t *named)
{
  bool opens = strcmp (name_of (call), "open") == 0;
  mesh_hub_t *hub = mesh_hub_of (self, opens ? &call->id : named);
  if (stored->under <= call->place.under)
    return;
  call->place.under = stored->under;
  if (stored->status != TROUPE_STATUS_VALUE || (!opens && !hub->open))
    return;
  if (opens) {
    hub->open = true;
    hub->automatic = json_is_true (json_object_get (call->place.op, "auto"));
    for (unsigned s = 0; s < MESH_SERVICES && hub->gone; s++)
      leave (self, hub, s, self->model->sequence);
    hub->gone = false;
  }
  apply (self, hub, call, self->model->sequence);
}

// -- Places ----------------------------------------------------------------------------------------------------------

static void
take_place (mesh_t *self, mesh_hub_t *hub, mesh_call_t *call)
{
  if (!hub->automatic || !is_member (hub, call->service))
    return;
  add_entry (hub, &(mesh_entry_t){.sequence = call->place.sequence,
                                  .service = call->service,
                                  .number = call->number,
                                  .call = call,
                                  .pending = true});
  self->tally.places++;
  mesh_trace (self, "hub of %s: place %d is that of %s", mesh_id_text (&hub->id), (int)call->place.sequence,
              mesh_id_text (&call->id));
}

static bool
may_name (const mesh_t *self, const mesh_call_t *call)
{
  for (unsigned i = 0; i < call->place.hubs_count; i++) {
    const mesh_hub_t *hub = mesh_hub_of (self, &call->place.hubs[i]);
    if (hub == NULL || !hub->open || hub->parent != call->place.parent)
      return false;
  }
  return true;
}

static void
check_accepted (mesh_t *self, const ledger_request_t *request)
{
  const ledger_model_call_t *stored = ledger_model_find (self->model, &request->call);
  mesh_call_t *call = stored != NULL ? mesh_call_find (self, &request->call) : NULL;
  if (call != NULL && call->place.op != NULL && call->place.sequence == stored->sequence)
    operate_again (self, call, stored, request->hubs);
  if (call == NULL || call->place.sequence == stored->sequence)
    return;
  bool anew = call->place.sequence != 0;
  if (call->place.op != NULL && anew)
    mesh_found (self, MESH_CHECK_HUB_LOG, "%s takes effect twice, at %d and %d", mesh_id_text (&call->id),
                (int)call->place.sequence, (int)stored->sequence);
  call->place.sequence = stored->sequence;
  if (call->place.op != NULL) {
    operate (self, call, stored, request->hubs);
    return;
  }
  call->place.refused = !may_name (self, call);
  if (call->place.refused) {
    if (stored->status != TROUPE_STATUS_ERROR)
      mesh_found (self, MESH_CHECK_HUB_LOG, "%s is accepted, and names a hub that isn't there",
                  mesh_id_text (&call->id));
    return;
  }
  mesh_hub_stand (self, call, stored);
  if (!troupe_id_is_zero (&call->place.fan) && call->place.stands && !anew)
    mesh_hub_check_group (self, call);
  for (unsigned i = 0; i < call->place.hubs_count; i++)
    take_place (self, mesh_hub_of (self, &call->place.hubs[i]), call);
}

// -- What follows from an end ----------------------------------------------------------------------------------------

static unsigned
number_in (const troupe_buffer_t *buffer)
{
  json_t *value = NULL;
  if (troupe_value_unpack (troupe_buffer_data (buffer), troupe_buffer_size (buffer), &value, NULL) != TROUPE_OK)
    return 0;
  unsigned number = (unsigned)json_integer_value (json_object_get (value, "n"));
  json_decref (value);
  return number;
}

static void
resolve (mesh_t *self, mesh_hub_t *hub, mesh_entry_t *entry)
{
  const ledger_model_call_t *stored = ledger_model_find (self->model, &entry->call->id);
  if (stored == NULL || stored->status == TROUPE_STATUS_NONE || stored->sequence != entry->sequence)
    return;
  entry->pending = false;
  hub->pending--;
  entry->filled = stored->status == TROUPE_STATUS_VALUE;
  if (entry->filled)
    entry->number = number_in (stored->value);
  self->tally.voids += !entry->filled;
  mesh_trace (self, "hub of %s: place %d is %s", mesh_id_text (&hub->id), (int)entry->sequence,
              entry->filled ? "filled" : "void");
}

static void
follow (mesh_t *self, mesh_hub_t *hub)
{
  for (unsigned i = 0; i < hub->entries_count && hub->pending > 0; i++)
    if (hub->entries[i].pending)
      resolve (self, hub, &hub->entries[i]);
  if (!hub->open || hub->parent == NULL)
    return;
  const ledger_model_call_t *parent = ledger_model_find (self->model, &hub->parent->id);
  if (parent != NULL && parent->status != TROUPE_STATUS_NONE)
    hub->open = false;
}

// -- The store's logs ------------------------------------------------------------------------------------------------

static void
check_entry (mesh_t *self, const mesh_hub_t *hub, const mesh_entry_t *entry, const model_entry_t *stored)
{
  if (stored->sequence != entry->sequence)
    mesh_found (self, MESH_CHECK_HUB_LOG, "the hub of %s has an entry at %d instead of %d", mesh_id_text (&hub->id),
                (int)stored->sequence, (int)entry->sequence);
  else if (stored->pending != entry->pending)
    mesh_found (self, MESH_CHECK_HUB_PLACES, "the place %d in the hub of %s is %s", (int)entry->sequence,
                mesh_id_text (&hub->id), stored->pending ? "still reserved" : "reserved no more");
  else if ((stored->said != NULL) != entry->filled)
    mesh_found (self, MESH_CHECK_HUB_PLACES, "the place %d in the hub of %s is %s", (int)entry->sequence,
                mesh_id_text (&hub->id), stored->said != NULL ? "filled" : "void");
}

// The store waits for a while until all have heard all. (How long keys last after that is noticed as the same.)
static void
check_gone (mesh_t *self, mesh_hub_t *hub, const model_hub_t *stored)
{
  int64_t ends = hub->quiet_us + stored->retention * MS, late = ends > self->calm_since ? ends : self->calm_since;
  if (stored->gone && !hub->gone) {
    hub->gone = true;
    hub->gone_to = hub->entries_count > 0 ? hub->entries[hub->entries_count - 1].sequence : 0;
    mesh_trace (self, "hub of %s: is given up", mesh_id_text (&hub->id));
    if (hub->quiet_us == 0 || self->clock.now < ends - MS)
      mesh_found (self, MESH_CHECK_HUB_ENDS, "the hub of %s is given up %s", mesh_id_text (&hub->id),
                  hub->quiet_us == 0 ? "though it is open, or somebody has yet to speak" : "too early");
  }
  bool waits = stored->ends != 0 && mesh_hub_has_readers (hub); // (an actor's place may be beyond what it had to hear)
  if (hub->quiet_us != 0 && !hub->gone && self->calm_since != MESH_NEVER && waits &&
      self->clock.now > late + (int64_t)LAPSE_GRACE_MS * MS)
    mesh_found (self, MESH_CHECK_HUB_ENDS, "the hub of %s is not given up, though its time is over",
                mesh_id_text (&hub->id));
}

static void
check_log (mesh_t *self, mesh_hub_t *hub)
{
  const model_hub_t *stored = model_hub_find (self->model, &hub->id);
  if (stored == NULL || stored->entries_count != hub->entries_count) {
    mesh_found (self, MESH_CHECK_HUB_LOG, "the hub of %s has %zu entries instead of %u", mesh_id_text (&hub->id),
                stored != NULL ? stored->entries_count : 0, hub->entries_count);
    return;
  }
  for (unsigned i = 0; i < hub->entries_count; i++)
    check_entry (self, hub, &hub->entries[i], &stored->entries[i]);
  if (hub->open && !stored->open && hub->parent == NULL && self->clock.now >= hub->lease_us - MS)
    hub->open = false; // its lease
  if (stored->open != hub->open)
    mesh_found (self, MESH_CHECK_HUB_ENDS, "the hub of %s is %s", mesh_id_text (&hub->id),
                stored->open ? "still open" : "closed too early");
  bool quiet = !hub->open && hub->pending == 0;
  check_gone (self, hub, stored);
  hub->quiet_us = !quiet ? 0 : hub->quiet_us != 0 ? hub->quiet_us : self->clock.now;
}

// An actor that could not observe in a hub that is closed isn't asked again: its call has ended by a reply, by its
// deadline, or with its last attempt.
static void
note_given_up (mesh_t *self, const ledger_request_t *request)
{
  const ledger_model_call_t *stored = ledger_model_find (self->model, &request->call);
  if (stored == NULL || (stored->flags & TROUPE_FLAG_OBSERVE) == 0 || stored->status <= TROUPE_STATUS_VALUE)
    return;
  const mesh_call_t *call = mesh_call_find (self, &request->call);
  for (unsigned i = 0; i < call->place.cuts_count; i++)
    call->place.cuts[i].hub->members[call->service].given_up |= !call->place.cuts[i].hub->open;
}

void
mesh_hub_performed (mesh_t *self, const ledger_request_t *request)
{
  if (request->op == LEDGER_SETTLE || request->op == LEDGER_RETRY)
    note_given_up (self, request);
  if (request->op == LEDGER_ACCEPT)
    check_accepted (self, request);
  bool looks = request->op == LEDGER_ACCEPT || request->op == LEDGER_SETTLE || request->op == LEDGER_SWEEP ||
               request->op == LEDGER_AWAIT || request->op == LEDGER_RETRY;
  for (mesh_hub_t *hub = looks ? self->hubs : NULL; hub != NULL; hub = hub->next) {
    follow (self, hub);
    check_log (self, hub);
  }
}

// -- The end ---------------------------------------------------------------------------------------------------------

bool
mesh_hub_runs (const mesh_t *self)
{
  for (const mesh_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    if (hub->open && self->clock.now <= hub->lease_us + (int64_t)LAPSE_GRACE_MS * MS)
      return true;
  return false;
}

bool
mesh_hub_rouses (const mesh_t *self)
{
  for (const model_hub_t *hub = self->model->hubs; hub != NULL; hub = hub->next)
    for (size_t i = 0; i < hub->members_count; i++)
      if (hub->members[i].live && model_hub_concerns (hub, hub->members[i].service) &&
          model_hub_audible (self->model, hub->session, hub->members[i].service, NULL, INT64_MAX) > 0)
        return true;
  return false;
}

void
mesh_hub_check_end (mesh_t *self)
{
  for (const mesh_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    if (hub->pending > 0)
      mesh_found (self, MESH_CHECK_HUB_PLACES, "%u places in the hub of %s are still reserved", hub->pending,
                  mesh_id_text (&hub->id));
    if (hub->open)
      mesh_found (self, MESH_CHECK_HUB_ENDS, "the hub of %s is open, and nobody renews it", mesh_id_text (&hub->id));
  }
  if (mesh_hub_unheard (self))
    mesh_found (self, MESH_CHECK_HUB_TOLD, "somebody who hears without being called has not heard all");
}

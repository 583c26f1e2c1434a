// SPDX-License-Identifier: Apache-2.0
//
// Mutations of hubs: what a request asks for, and what the store's model holds after it.

#include "sim/ledger_model_hub.h"
#include "sim/mesh_state.h"

#include <stdlib.h>

void
mesh_hub_flaw_request (const mesh_t *self, ledger_request_t *request)
{
  bool joins = request->hub_op == LEDGER_HUB_ADD, leaves = request->hub_op == LEDGER_HUB_DELETE;
  if (mesh_flawed (self, MESH_FLAW_HUB_GROUP_TOLD))
    request->flags &= ~(uint32_t)TROUPE_FLAG_MORE;
  if (mesh_flawed (self, MESH_FLAW_HUB_FAN_APART))
    request->fan = (troupe_id_t){{0}};
  if ((mesh_flawed (self, MESH_FLAW_HUB_JOIN_IGNORED) && joins) ||
      (mesh_flawed (self, MESH_FLAW_HUB_LEAVE_IGNORED) && leaves))
    request->members_count = 0;
  if (mesh_flawed (self, MESH_FLAW_HUB_LEASE_FORGOTTEN))
    request->lease_ms = INT64_MAX / 2;
}

// -- Before a step ---------------------------------------------------------------------------------------------------

static bool
speaks (const mesh_t *self, const ledger_request_t *request)
{
  if (request->op != LEDGER_ACCEPT || request->hub_op != LEDGER_HUB_BROADCAST)
    return false;
  const model_hub_t *hub = model_hub_find (self->model, &request->hubs[0]);
  return hub != NULL && hub->open;
}

static void
spoil_ends (mesh_t *self)
{
  for (model_hub_t *hub = self->model->hubs; hub != NULL; hub = hub->next) {
    if (mesh_flawed (self, MESH_FLAW_HUB_ENDS_EARLY) && hub->ends != 0)
      hub->ends = 1;
    if (mesh_flawed (self, MESH_FLAW_HUB_NEVER_ENDS) && hub->ends != 0)
      hub->ends = INT64_MAX / 2;
    if (mesh_flawed (self, MESH_FLAW_HUB_EXPIRES_OPEN)) {
      hub->ending |= hub->ends != 0;
      hub->ends = hub->open && hub->ending ? INT64_MIN / 2 : hub->ends;
    }
  }
}

void
mesh_hub_flaw_before (mesh_t *self, const ledger_request_t *request)
{
  spoil_ends (self);
  if (mesh_flawed (self, MESH_FLAW_HUB_BROADCAST_TWICE) && speaks (self, request))
    ledger_model_lose (self->model, &request->call);
  model_hub_t *hub = model_hub_find (self->model, &request->call);
  self->closed = mesh_flawed (self, MESH_FLAW_HUB_NOT_REOPENED) && hub != NULL && !hub->open ? hub : NULL;
}

// -- After a step ----------------------------------------------------------------------------------------------------

static bool
stands_in (const model_entry_t *entry, const ledger_model_call_t *call)
{
  return entry->service[0] != '\0' && troupe_id_equal (&entry->call, &call->id);
}

// Its places: of others until it has settled, then at the end.
static void
place_late (mesh_t *self, const ledger_model_call_t *call)
{
  for (model_hub_t *hub = self->model->hubs; hub != NULL; hub = hub->next)
    for (size_t i = 0; i < hub->entries_count; i++) {
      model_entry_t entry = hub->entries[i];
      if (!stands_in (&entry, call) || entry.sequence > call->sequence)
        continue;
      memmove (&hub->entries[i], &hub->entries[i + 1], (hub->entries_count - i - 1) * sizeof entry);
      entry.sequence = ++self->model->sequence;
      hub->entries[hub->entries_count - 1] = entry;
    }
}

static void
each_entry (mesh_t *self, const ledger_model_call_t *call, void (*change) (model_entry_t *entry))
{
  for (model_hub_t *hub = self->model->hubs; hub != NULL; hub = hub->next)
    for (size_t i = 0; i < hub->entries_count; i++)
      if (stands_in (&hub->entries[i], call))
        change (&hub->entries[i]);
}

static void
reserve (model_entry_t *entry)
{
  entry->pending = entry->said == NULL;
}

static void
disown (model_entry_t *entry)
{
  entry->service[0] = '?'; // whoever said it hears it, too
}

static void
cut_late (ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count; i++)
    call->clock.cuts[i].at += 2; // its own place, and the next one
}

static void
cut_apart (ledger_model_call_t *call)
{
  for (size_t i = 1; i < call->clock.count; i++)
    for (size_t j = 0; j < i; j++)
      if (troupe_id_equal (&call->clock.cuts[i].hub->parent, &call->clock.cuts[j].hub->parent))
        call->clock.cuts[i].at = call->sequence - 1;
}

// A nested call stands where it was accepted, also in the hubs of its ancestors.
static void
cut_anew (ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count && call->under > 0; i++)
    call->clock.cuts[i].at = call->sequence - 1;
}

static void
spoil_accepted (mesh_t *self, ledger_model_call_t *call)
{
  if (mesh_flawed (self, MESH_FLAW_HUB_CUT_LATE))
    cut_late (call);
  if (mesh_flawed (self, MESH_FLAW_HUB_CUTS_APART))
    cut_apart (call);
  if (mesh_flawed (self, MESH_FLAW_HUB_YOUNGER_HEARD))
    cut_anew (call);
  if (mesh_flawed (self, MESH_FLAW_HUB_OWN_HEARD))
    each_entry (self, call, disown);
}

// As if its actor had not heard what this call told it.
static void
move_back (ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count; i++) {
    model_member_t *member = model_hub_member (call->clock.cuts[i].hub, call->service);
    member->cursor = member->times[0].from;
  }
}

static void
reopen (mesh_t *self, const ledger_model_call_t *call)
{
  for (model_hub_t *hub = self->model->hubs; hub != NULL; hub = hub->next)
    hub->open |= troupe_id_equal (&hub->parent, &call->id);
}

static void
spoil_settled (mesh_t *self, ledger_model_call_t *call)
{
  if (mesh_flawed (self, MESH_FLAW_HUB_PLACE_LATE))
    place_late (self, call);
  if (mesh_flawed (self, MESH_FLAW_HUB_VOID_FORGOTTEN))
    each_entry (self, call, reserve);
  if (mesh_flawed (self, MESH_FLAW_HUB_CURSOR_LEFT))
    move_back (call);
  if (mesh_flawed (self, MESH_FLAW_HUB_OUTLIVES_CALL))
    reopen (self, call);
}

void
mesh_hub_flaw_performed (mesh_t *self, const ledger_request_t *request)
{
  ledger_model_call_t *call = model_find (self->model, &request->call);
  if (self->closed != NULL)
    self->closed->open = false;
  if (call == NULL)
    return;
  const mesh_call_t *known = mesh_call_find (self, &request->call);
  if (request->op == LEDGER_ACCEPT && known != NULL && known->place.sequence != call->sequence)
    spoil_accepted (self, call);
  if (request->op == LEDGER_SETTLE && call->status != TROUPE_STATUS_NONE)
    spoil_settled (self, call);
  if (request->op == LEDGER_HEAR && mesh_flawed (self, MESH_FLAW_HUB_CURSOR_EARLY))
    model_hub_pass (call);
}

static void
count_short (ledger_stretch_t *stretch)
{
  stretch->entries -= stretch->entries > 1;
}

void
mesh_hub_flaw_after (const mesh_t *self, ledger_result_t *result)
{
  if (mesh_flawed (self, MESH_FLAW_HUB_ROUSE_FORGOTTEN))
    result->hubs_count = 0;
  if (mesh_flawed (self, MESH_FLAW_HUB_PAGE_LOST) && result->op == LEDGER_HEAR)
    result->position = 0;
  if (!mesh_flawed (self, MESH_FLAW_STRETCH_SHORT))
    return;
  count_short (&result->stretch);
  for (size_t i = 0; i < result->calls_count; i++) // copies of the simulation's
    count_short (&((ledger_call_t *)(uintptr_t)result->calls)[i].stretch);
}

// SPDX-License-Identifier: Apache-2.0
//
// Hubs in the model: what broker/functions/hubs.lua, places.lua, entries.lua and operations.lua do in Redis. A hub
// keeps everything that was ever said in it, and every member that it ever had; so there is nothing to trim or to let
// go, no bound, and whom a call waits for is looked up whenever that is asked. One that is given up (`gone`) stays,
// too, and nobody hears it.

#include "sim/ledger_model_hub.h"

#include <stdlib.h>
#include <string.h>

enum { FANNING_MS = 30000 };

// -- Hubs -------------------------------------------------------------------------------------------------------------

model_hub_t *
model_hub_find (const ledger_model_t *self, const troupe_id_t *id)
{
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    if (troupe_id_equal (&hub->id, id))
      return hub;
  return NULL;
}

static void *
grow (void *items, size_t count, size_t size)
{
  return model_need (realloc (items, (count + 1) * size));
}

model_member_t *
model_hub_member (const model_hub_t *hub, const char *service)
{
  for (size_t i = 0; i < hub->members_count; i++)
    if (strcmp (hub->members[i].service, service) == 0)
      return &hub->members[i];
  return NULL;
}

bool
model_hub_has (const model_hub_t *hub, const char *service)
{
  const model_member_t *member = model_hub_member (hub, service);
  return member != NULL && member->times[member->times_count - 1].to == UINT64_MAX;
}

model_entry_t *
model_hub_add_entry (model_hub_t *hub, uint64_t sequence, const char *service)
{
  hub->entries = grow (hub->entries, hub->entries_count, sizeof *hub->entries);
  model_entry_t *entry = &hub->entries[hub->entries_count++];
  *entry = (model_entry_t){.sequence = sequence, .service = model_need (strdup (service))};
  return entry;
}

void
model_hub_let_all_go (model_hub_t *hub)
{
  for (size_t i = 0; i < hub->members_count; i++) {
    free (hub->members[i].service);
    free (hub->members[i].times);
  }
  hub->members_count = 0;
}

static void
clear (model_hub_t *hub)
{
  for (size_t i = 0; i < hub->entries_count; i++) {
    free (hub->entries[i].service);
    troupe_buffer_unref (&hub->entries[i].said);
  }
  hub->entries_count = 0;
  model_hub_let_all_go (hub);
}

// Groups of callers without a call are gone as well; those of calls, which have settled, are asked for by nobody.
void
model_hub_end_session (ledger_model_t *self, const char *session)
{
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    if (strcmp (hub->session, session) == 0) {
      clear (hub);
      hub->open = false;
    }
  for (model_group_t **at = &self->groups; *at != NULL;) {
    model_group_t *group = *at;
    if (strcmp (group->session, session) != 0) {
      at = &group->next;
      continue;
    }
    *at = group->next;
    free (group->session);
    free (group);
  }
}

void
model_hub_free_all (ledger_model_t *self)
{
  for (model_hub_t *hub; (hub = self->hubs) != NULL;) {
    self->hubs = hub->next;
    clear (hub);
    free (hub->entries);
    free (hub->members);
    free (hub->session);
    free (hub);
  }
  for (model_group_t *group; (group = self->groups) != NULL;) {
    self->groups = group->next;
    free (group->session);
    free (group);
  }
}

// -- Cuts -------------------------------------------------------------------------------------------------------------

static model_cut_t *
find_cut (const model_cuts_t *cuts, const model_hub_t *hub)
{
  for (size_t i = 0; i < cuts->count; i++)
    if (cuts->cuts[i].hub == hub)
      return &cuts->cuts[i];
  return NULL;
}

static void
set_cut (model_cuts_t *cuts, model_hub_t *hub, uint64_t at)
{
  model_cut_t *cut = find_cut (cuts, hub);
  if (cut == NULL) {
    cuts->cuts = grow (cuts->cuts, cuts->count, sizeof *cuts->cuts);
    cut = &cuts->cuts[cuts->count++];
  }
  *cut = (model_cut_t){hub, at};
}

bool
model_hub_hears (const model_hub_t *hub, const char *service, const model_entry_t *entry, uint64_t cut)
{
  const model_member_t *member = model_hub_member (hub, service);
  if (member == NULL || hub->gone || entry->sequence <= member->cursor || entry->sequence > cut ||
      strcmp (entry->service, service) == 0)
    return false;
  for (size_t i = 0; i < member->times_count; i++)
    if (entry->sequence > member->times[i].from && entry->sequence <= member->times[i].to)
      return true;
  return false;
}

// The oldest pending entry from a position on that the member would have to wait for; NULL: none.
static const model_entry_t *
oldest_pending (const model_hub_t *hub, const char *service, uint64_t from, uint64_t cut)
{
  for (size_t i = 0; i < hub->entries_count; i++) {
    const model_entry_t *entry = &hub->entries[i];
    if (entry->pending && entry->sequence >= from && model_hub_hears (hub, service, entry, cut))
      return entry;
  }
  return NULL;
}

bool
model_hub_waits_for (const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  for (size_t i = 0; i < a->clock.count; i++) {
    const model_hub_t *hub = a->clock.cuts[i].hub;
    for (size_t j = 0; j < hub->entries_count; j++) {
      const model_entry_t *entry = &hub->entries[j];
      if (entry->pending && troupe_id_equal (&entry->call, &b->id) &&
          model_hub_hears (hub, a->service, entry, a->clock.cuts[i].at))
        return true;
    }
  }
  return false;
}

bool
model_hub_waits (const ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count; i++)
    if (oldest_pending (call->clock.cuts[i].hub, call->service, 0, call->clock.cuts[i].at) != NULL)
      return true;
  return false;
}

// -- Where a call stands ----------------------------------------------------------------------------------------------

troupe_err_t
model_hub_check (const ledger_model_t *self, const troupe_id_t *id, const ledger_model_call_t *parent)
{
  const model_hub_t *hub = model_hub_find (self, id);
  if (hub == NULL || !hub->open)
    return TROUPE_UNKNOWN_HUB;
  bool own = parent != NULL ? troupe_id_equal (&hub->parent, &parent->id) : troupe_id_is_zero (&hub->parent);
  return own ? TROUPE_OK : TROUPE_BAD_ARGUMENT;
}

static void
set_stand (model_scope_t *scope, const troupe_id_t *opener, uint64_t at)
{
  size_t i = 0;
  while (i < scope->count && !troupe_id_equal (&scope->stands[i].opener, opener))
    i++;
  if (i == scope->count)
    scope->stands = grow (scope->stands, scope->count++, sizeof *scope->stands);
  scope->stands[i] = (model_stand_t){*opener, at};
}

static const model_stand_t *
find_stand (const model_scope_t *scope, const troupe_id_t *opener)
{
  for (size_t i = 0; i < scope->count; i++)
    if (troupe_id_equal (&scope->stands[i].opener, opener))
      return &scope->stands[i];
  return NULL;
}

static model_group_t *
group_of (ledger_model_t *self, const ledger_model_call_t *call, const troupe_id_t *opener, const troupe_id_t *id)
{
  for (model_group_t *group = self->groups; group != NULL; group = group->next)
    if (troupe_id_equal (&group->id, id) && troupe_id_equal (&group->opener, opener) &&
        strcmp (group->session, call->session) == 0)
      return group;
  model_group_t *group = model_need (calloc (1, sizeof *group));
  *group = (model_group_t){.next = self->groups,
                           .id = *id,
                           .opener = *opener,
                           .session = model_need (strdup (call->session)),
                           .cut = call->sequence - 1};
  return self->groups = group;
}

// Where it stands among the hubs of its caller.
static void
stand (model_step_t *step, ledger_model_call_t *call, const ledger_model_call_t *parent)
{
  const ledger_request_t *request = step->request;
  const troupe_id_t nobody = {{0}}, *opener = parent != NULL ? &parent->id : &nobody;
  if (parent != NULL ? !parent->opens : request->hubs_count == 0)
    return;
  uint64_t at = call->sequence - 1;
  if (!troupe_id_is_zero (&request->fan)) {
    model_group_t *group = group_of (step->model, call, opener, &request->fan);
    bool more = (request->flags & TROUPE_FLAG_MORE) != 0;
    if (!more || !call->anew)
      group->till = more ? step->now + FANNING_MS : 0;
    at = group->cut;
  }
  set_stand (&call->scope, opener, at);
}

static const ledger_model_call_t *
overtaken (const ledger_model_t *self, const ledger_model_call_t *call, const ledger_model_call_t *parent)
{
  const ledger_model_call_t *next = NULL;
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *other = self->calls[i];
    if (other != call && model_same_actor (other, call) && model_unsettled (other) && other->attempt == 0 &&
        other->order > parent->order && (next == NULL || model_before (other, next)))
      next = other;
  }
  return next;
}

static uint64_t
cut_in (const ledger_model_t *self, const model_hub_t *hub, const ledger_model_call_t *call,
        const ledger_model_call_t *parent, uint64_t position)
{
  const model_stand_t *scope = find_stand (&call->scope, &hub->parent);
  if (scope != NULL)
    return scope->at;
  if (parent == NULL)
    return position;
  const model_entry_t *younger = oldest_pending (hub, call->service, parent->order, position);
  uint64_t cut = younger != NULL ? younger->sequence - 1 : position;
  const ledger_model_call_t *next = overtaken (self, call, parent);
  const model_cut_t *bound = next != NULL ? find_cut (&next->clock, hub) : NULL;
  return bound != NULL && bound->at < cut ? bound->at : cut;
}

bool
model_hub_concerns (const model_hub_t *hub, const char *service)
{
  if (hub->open && model_hub_has (hub, service))
    return true;
  for (size_t i = 0; i < hub->entries_count; i++)
    if ((hub->entries[i].pending || hub->entries[i].said != NULL) &&
        model_hub_hears (hub, service, &hub->entries[i], UINT64_MAX))
      return true;
  return false;
}

static bool
is_of_actor (const model_hub_t *hub, const char *session, const char *service)
{
  return strcmp (hub->session, session) == 0 && model_hub_member (hub, service) != NULL;
}

// The least one of all hubs of an opener.
static void
set_clock (ledger_model_t *self, ledger_model_call_t *call, const ledger_model_call_t *parent, uint64_t position)
{
  model_scope_t least = {0};
  for (model_hub_t *hub = self->hubs; hub != NULL && call->actor; hub = hub->next) {
    if (!is_of_actor (hub, call->session, call->service) || !model_hub_concerns (hub, call->service))
      continue;
    const model_stand_t *other = find_stand (&least, &hub->parent);
    uint64_t cut = cut_in (self, hub, call, parent, position);
    set_stand (&least, &hub->parent, other != NULL && other->at < cut ? other->at : cut);
  }
  for (model_hub_t *hub = self->hubs; hub != NULL && call->actor; hub = hub->next) {
    bool concerned = is_of_actor (hub, call->session, call->service) && model_hub_concerns (hub, call->service);
    if (concerned)
      set_cut (&call->clock, hub, find_stand (&least, &hub->parent)->at);
  }
  free (least.stands);
}

static void
take_place (model_hub_t *hub, ledger_model_call_t *call)
{
  if (!hub->automatic || !model_hub_has (hub, call->service))
    return;
  for (size_t i = 0; i < hub->entries_count; i++)
    if (hub->entries[i].sequence == call->sequence)
      return; // named twice
  model_entry_t *entry = model_hub_add_entry (hub, call->sequence, call->service);
  entry->call = call->id;
  entry->pending = true;
}

troupe_err_t
model_hub_place (model_step_t *step, ledger_model_call_t *call, const ledger_model_call_t *parent)
{
  ledger_model_t *self = step->model;
  const ledger_request_t *request = step->request;
  for (uint32_t i = 0; i < request->hubs_count; i++) {
    troupe_err_t err = model_hub_check (self, &request->hubs[i], parent);
    if (err != TROUPE_OK)
      return err;
  }
  for (size_t i = 0; parent != NULL && i < parent->scope.count; i++)
    set_stand (&call->scope, &parent->scope.stands[i].opener, parent->scope.stands[i].at);
  stand (step, call, parent);
  set_clock (self, call, parent, call->sequence - 1);
  for (uint32_t i = 0; i < request->hubs_count; i++)
    take_place (model_hub_find (self, &request->hubs[i]), call);
  return TROUPE_OK;
}

// -- Without being called ---------------------------------------------------------------------------------------------

// Up to where one may hear the hubs of an opener that isn't called.
static uint64_t
edge (const ledger_model_t *self, const model_hub_t *of, const char *service, int64_t now)
{
  uint64_t at = self->sequence;
  for (const model_group_t *group = self->groups; group != NULL; group = group->next)
    if (group->till > now && group->cut < at && troupe_id_equal (&group->opener, &of->parent) &&
        strcmp (group->session, of->session) == 0)
      at = group->cut;
  for (const model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    if (!is_of_actor (hub, of->session, service) || !troupe_id_equal (&hub->parent, &of->parent))
      continue;
    const model_entry_t *pending = oldest_pending (hub, service, 0, at);
    at = pending != NULL ? pending->sequence - 1 : at;
  }
  return at;
}

// Whether it was a member since the place up to which it has heard, and before that one.
static bool
moves_to (const model_hub_t *hub, const char *service, uint64_t cut)
{
  const model_member_t *member = model_hub_member (hub, service);
  for (size_t i = 0; i < member->times_count && !hub->gone; i++) {
    const model_time_t *time = &member->times[i];
    if ((time->from > member->cursor ? time->from : member->cursor) < (time->to < cut ? time->to : cut))
      return true;
  }
  return false;
}

size_t
model_hub_audible (ledger_model_t *self, const char *session, const char *service, ledger_model_call_t *call,
                   int64_t now)
{
  size_t count = 0;
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    if (!is_of_actor (hub, session, service))
      continue;
    uint64_t cut = edge (self, hub, service, now);
    for (size_t i = 0; i < hub->entries_count; i++)
      count += hub->entries[i].said != NULL && model_hub_hears (hub, service, &hub->entries[i], cut);
    if (call != NULL && moves_to (hub, service, cut))
      set_cut (&call->clock, hub, cut);
  }
  return count;
}

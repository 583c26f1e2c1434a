// SPDX-License-Identifier: Apache-2.0
//
// Hubs in the model: what broker/functions/hubs.lua, places.lua, entries.lua, operations.lua and hear.lua do in Redis.
// A hub keeps everything that was ever said in it, and every member that it ever had; so there is nothing to trim, to
// let go or to expire, no bound, and whom a call waits for is looked up whenever that is asked.

#include "sim/ledger_model_hub.h"

#include <stdlib.h>
#include <string.h>

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
model_hub_free_all (ledger_model_t *self)
{
  for (model_hub_t *hub; (hub = self->hubs) != NULL;) {
    self->hubs = hub->next;
    for (size_t i = 0; i < hub->entries_count; i++) {
      free (hub->entries[i].service);
      troupe_buffer_unref (&hub->entries[i].said);
    }
    for (size_t i = 0; i < hub->members_count; i++) {
      free (hub->members[i].service);
      free (hub->members[i].times);
    }
    free (hub->entries);
    free (hub->members);
    free (hub->groups);
    free (hub->session);
    free (hub);
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

// Whether the member has still to hear what stands at that place, or will, up to `cut`.
static bool
is_to_hear (const model_hub_t *hub, const char *service, const model_entry_t *entry, uint64_t cut)
{
  const model_member_t *member = model_hub_member (hub, service);
  if (member == NULL || entry->sequence <= member->cursor || entry->sequence > cut ||
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
    if (entry->pending && entry->sequence >= from && is_to_hear (hub, service, entry, cut))
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
          is_to_hear (hub, a->service, entry, a->clock.cuts[i].at))
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

void
model_hub_leave_place (ledger_model_call_t *opener, model_hub_t *hub, uint64_t at)
{
  set_cut (&opener->scope, hub, at);
}

static uint64_t
cut_of_group (model_hub_t *hub, const troupe_id_t *group, uint64_t position)
{
  if (troupe_id_is_zero (group))
    return position;
  for (size_t i = 0; i < hub->groups_count; i++)
    if (troupe_id_equal (&hub->groups[i].group, group))
      return hub->groups[i].cut;
  hub->groups = grow (hub->groups, hub->groups_count, sizeof *hub->groups);
  hub->groups[hub->groups_count++] = (model_group_t){*group, position};
  return position;
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
cut_beyond_scope (const ledger_model_t *self, const model_hub_t *hub, const ledger_model_call_t *call,
                  const ledger_model_call_t *parent, uint64_t position)
{
  if (parent == NULL)
    return position;
  const model_entry_t *younger = oldest_pending (hub, call->service, parent->order, position);
  uint64_t cut = younger != NULL ? younger->sequence - 1 : position;
  const ledger_model_call_t *next = overtaken (self, call, parent);
  const model_cut_t *bound = next != NULL ? find_cut (&next->clock, hub) : NULL;
  return bound != NULL && bound->at < cut ? bound->at : cut;
}

// Whether there is, or may come to be, something to hear from the times that it was a member, up to the cut.
static bool
concerns (const model_hub_t *hub, const char *service, uint64_t cut)
{
  const model_member_t *member = model_hub_member (hub, service);
  if (member == NULL)
    return false;
  for (size_t i = 0; i < member->times_count; i++) {
    uint64_t from = member->times[i].from > member->cursor ? member->times[i].from : member->cursor;
    if (from < cut && from < member->times[i].to)
      return true;
  }
  return model_hub_has (hub, service);
}

static void
set_clock (ledger_model_t *self, ledger_model_call_t *call, const ledger_model_call_t *parent, uint64_t position)
{
  for (model_hub_t *hub = self->hubs; hub != NULL && call->actor; hub = hub->next) {
    if (strcmp (hub->session, call->session) != 0 || model_hub_member (hub, call->service) == NULL)
      continue;
    const model_cut_t *scope = find_cut (&call->scope, hub);
    uint64_t cut = scope != NULL ? scope->at : cut_beyond_scope (self, hub, call, parent, position);
    if (concerns (hub, call->service, cut))
      set_cut (&call->clock, hub, cut);
  }
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
    set_cut (&call->scope, parent->scope.cuts[i].hub, parent->scope.cuts[i].at);
  for (model_hub_t *hub = self->hubs; parent != NULL && hub != NULL; hub = hub->next)
    if (hub->open && troupe_id_equal (&hub->parent, &parent->id))
      set_cut (&call->scope, hub, call->sequence - 1);
  for (uint32_t i = 0; i < request->hubs_count; i++) {
    model_hub_t *hub = model_hub_find (self, &request->hubs[i]);
    set_cut (&call->scope, hub, cut_of_group (hub, &request->fan, call->sequence - 1));
  }
  set_clock (self, call, parent, call->sequence - 1);
  for (uint32_t i = 0; i < request->hubs_count; i++)
    take_place (model_hub_find (self, &request->hubs[i]), call);
  return TROUPE_OK;
}

// -- What follows from an end -----------------------------------------------------------------------------------------

// The turns of other actors that have come now.
static void
wake (ledger_model_t *self, const ledger_model_call_t *ended, int64_t now)
{
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *call = self->calls[i];
    if (!model_unsettled (call) || call->attempt > 0 || call->clock.count == 0 ||
        (model_same_actor (call, ended) && ended->attempt > 0))
      continue;
    ledger_model_call_t *next = model_advance (self, call, now);
    if (next != NULL)
      model_tell (self, next->owner, LEDGER_NOTICE_READY, next);
  }
}

void
model_hub_leave (ledger_model_t *self, const ledger_model_call_t *call, int64_t now)
{
  bool resolved = false;
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    for (size_t i = 0; i < hub->entries_count; i++) {
      model_entry_t *entry = &hub->entries[i];
      if (!entry->pending || !troupe_id_equal (&entry->call, &call->id))
        continue;
      entry->pending = false;
      resolved = true;
      if (call->status == TROUPE_STATUS_VALUE)
        entry->said = troupe_buffer_ref (call->value);
    }
    if (troupe_id_equal (&hub->parent, &call->id))
      hub->open = false;
  }
  if (resolved)
    wake (self, call, now);
}

// -- Hearing ----------------------------------------------------------------------------------------------------------

enum { NEWS_MAX = 4096 };

static int
by_sequence (const void *a, const void *b)
{
  const model_entry_t *const *left = a, *const *right = b;
  return ((*left)->sequence > (*right)->sequence) - ((*left)->sequence < (*right)->sequence);
}

// Collects what the call has to hear, in order; with what was said in two hubs twice.
static size_t
collect (const ledger_model_call_t *call, const model_entry_t *news[NEWS_MAX])
{
  size_t count = 0;
  for (size_t i = 0; i < call->clock.count; i++) {
    const model_hub_t *hub = call->clock.cuts[i].hub;
    for (size_t j = 0; j < hub->entries_count; j++)
      if (hub->entries[j].said != NULL && is_to_hear (hub, call->service, &hub->entries[j], call->clock.cuts[i].at)) {
        if (count == NEWS_MAX)
          abort ();
        news[count++] = &hub->entries[j];
      }
  }
  qsort (news, count, sizeof *news, by_sequence);
  return count;
}

size_t
model_hub_audible (ledger_model_t *self, const char *session, const char *service, ledger_model_call_t *call)
{
  size_t count = 0;
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    if (strcmp (hub->session, session) != 0 || model_hub_member (hub, service) == NULL)
      continue;
    const model_entry_t *pending = oldest_pending (hub, service, 0, self->sequence);
    uint64_t cut = pending != NULL ? pending->sequence - 1 : self->sequence;
    for (size_t i = 0; i < hub->entries_count; i++)
      count += hub->entries[i].said != NULL && is_to_hear (hub, service, &hub->entries[i], cut);
    if (call != NULL && concerns (hub, service, cut))
      set_cut (&call->clock, hub, cut);
  }
  return count;
}

uint32_t
model_hub_news (const ledger_model_call_t *call)
{
  const model_entry_t *news[NEWS_MAX];
  return call->attempt > 0 && call->clock.count > 0 ? (uint32_t)collect (call, news) : 0;
}

void
model_hub_pass (ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count; i++) {
    model_member_t *member = model_hub_member (call->clock.cuts[i].hub, call->service);
    if (member->cursor < call->clock.cuts[i].at)
      member->cursor = call->clock.cuts[i].at;
  }
}

void
model_hear (model_step_t *step)
{
  const ledger_model_call_t *call = model_running_attempt (step);
  const model_entry_t *news[NEWS_MAX];
  if (call == NULL)
    return;
  size_t all = collect (call, news), count = 0, size = 3;
  unsigned char *bytes = model_need (malloc (3));
  for (size_t i = 0; i < all && step->result->position == 0; i++) {
    if (news[i]->sequence <= step->request->position || (i > 0 && news[i]->sequence == news[i - 1]->sequence))
      continue;
    size_t more = troupe_buffer_size (news[i]->said);
    bytes = model_need (realloc (bytes, size + more));
    memcpy (bytes + size, troupe_buffer_data (news[i]->said), more);
    size += more;
    if (++count == LEDGER_HEAR_MAX && i + 1 < all)
      step->result->position = news[i]->sequence;
  }
  bytes[0] = 0xdc; // a list of up to 65535 items
  bytes[1] = (unsigned char)(count >> 8);
  bytes[2] = (unsigned char)count;
  step->result->body = step->room->body = model_bytes (bytes, size);
  free (bytes);
}

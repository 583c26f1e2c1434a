// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a hub's log in the model: places are filled, and who waited for that goes on; a closed hub waits for
// those that have yet to hear, and is given up when its time is over. broker/functions/entries.lua does that.

#include "sim/ledger_model_hub.h"

#include <stdlib.h>
#include <string.h>

// The turns of other actors that have come now.
static void
wake (ledger_model_t *self, const ledger_model_call_t *ended, int64_t now)
{
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *call = self->calls[i];
    if (!model_unsettled (call) || call->attempt > 0 || call->clock.count == 0 || model_same_actor (call, ended))
      continue;
    ledger_model_call_t *next = model_advance (self, call, now);
    if (next != NULL)
      model_tell (self, next->owner, LEDGER_NOTICE_READY, next);
  }
}

static bool
is_quiet (const model_hub_t *hub)
{
  for (size_t i = 0; i < hub->entries_count; i++)
    if (hub->entries[i].pending)
      return false;
  return !hub->open;
}

static bool
has_readers (const model_hub_t *hub)
{
  for (size_t i = 0; i < hub->members_count; i++)
    if (model_hub_concerns (hub, hub->members[i].service))
      return true;
  return false;
}

void
model_hub_tidy (model_hub_t *hub, int64_t now)
{
  if (!is_quiet (hub))
    return;
  if (hub->ends != 0 && hub->ends <= now)
    hub->gone = true;
  else if (!has_readers (hub))
    hub->ends = 0;
  else if (hub->ends == 0)
    hub->ends = now + hub->retention;
}

void
model_hub_expire (ledger_model_t *self, int64_t now)
{
  enum { DAY_MS = 24 * 3600 * 1000 };
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    hub->gone |= hub->ends != 0 && hub->ends + (self->spare > 0 ? self->spare : DAY_MS) <= now;
}

// Of a call that has opened hubs and has settled: nobody makes more calls for it.
static void
drop_groups (ledger_model_t *self, const troupe_id_t *opener)
{
  for (model_group_t **at = &self->groups; *at != NULL;) {
    model_group_t *group = *at;
    if (!troupe_id_equal (&group->opener, opener)) {
      at = &group->next;
      continue;
    }
    *at = group->next;
    free (group->session);
    free (group);
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
    model_hub_tidy (hub, now);
  }
  if (call->opens)
    drop_groups (self, &call->id);
  if (resolved)
    wake (self, call, now);
}

// SPDX-License-Identifier: Apache-2.0
//
// Where, in the model, a call's news stand, and what a step added to logs: what news_of of broker/functions/hubs.lua
// and ROUSE.note_said tell.

#include "sim/ledger_model_hub.h"

#include <string.h>

enum { COUNTED_MAX = 100 }; // more are not looked through for the actor's own

static uint64_t
later (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t
sooner (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

// Counts the filled entries of a stretch; *news: without the actor's own.
static uint32_t
count (const model_hub_t *hub, const char *service, uint64_t since, uint64_t position, uint32_t *news)
{
  uint32_t all = 0, own = 0;
  for (size_t i = 0; i < hub->entries_count; i++) {
    const model_entry_t *entry = &hub->entries[i];
    bool inside = entry->said != NULL && entry->sequence > since && entry->sequence <= position;
    all += inside;
    own += inside && strcmp (entry->service, service) == 0;
  }
  *news = all > COUNTED_MAX ? all : all - own;
  return all;
}

ledger_stretch_t
model_hub_stretch (const ledger_model_call_t *call)
{
  ledger_stretch_t found = {.entries = 0};
  unsigned parts = 0;
  for (size_t i = 0; i < call->clock.count && call->attempt > 0; i++) {
    const model_hub_t *hub = call->clock.cuts[i].hub;
    const model_member_t *member = model_hub_member (hub, call->service);
    for (size_t j = 0; member != NULL && j < member->times_count; j++) {
      uint32_t news = 0, entries;
      uint64_t since = later (member->times[j].from, member->cursor);
      uint64_t position = sooner (member->times[j].to, call->clock.cuts[i].at);
      if (since >= position || (entries = count (hub, call->service, since, position, &news), news == 0))
        continue;
      found = (ledger_stretch_t){hub->id, since, position, entries};
      parts++;
    }
  }
  return parts == 1 ? found : (ledger_stretch_t){.entries = 0};
}

void
model_hub_say (model_step_t *step, const model_hub_t *hub, uint64_t position)
{
  step->result->said = step->room->said;
  step->room->said[step->result->said_count++] = (ledger_said_t){hub->id, position};
}

void
model_hub_say_settled (model_step_t *step, const ledger_model_call_t *call)
{
  for (const model_hub_t *hub = step->model->hubs; hub != NULL; hub = hub->next)
    for (size_t i = 0; i < hub->entries_count && step->result->said_count < LEDGER_SAID_MAX; i++) {
      const model_entry_t *entry = &hub->entries[i];
      bool own = entry->service[0] != '\0' && troupe_id_equal (&entry->call, &call->id);
      if (own && entry->said != NULL && entry->sequence == call->sequence)
        model_hub_say (step, hub, entry->sequence);
    }
}

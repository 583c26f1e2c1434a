// SPDX-License-Identifier: Apache-2.0
//
// Who hears without being called: that it has heard all in the end, and nothing too early of a group of calls.

#include "sim/mesh_state.h"

enum { GROUP_MS = 30000 }; // so long the calls of a group are waited for

static bool
was_there (const mesh_member_t *member, uint64_t sequence)
{
  for (unsigned i = 0; i < member->count; i++)
    if (sequence > member->stays[i].from && sequence <= member->stays[i].to)
      return true;
  return false;
}

static bool
same_group (const mesh_call_t *a, const mesh_call_t *b)
{
  return a->place.parent == b->place.parent && troupe_id_equal (&a->place.fan, &b->place.fan);
}

// Nobody may have told it what others of its group have said, should they be fast.
void
mesh_hub_check_group (mesh_t *self, const mesh_call_t *call)
{
  const mesh_fan_t *fan = self->fans;
  while (fan != NULL && !(fan->parent == call->place.parent && troupe_id_equal (&fan->id, &call->place.fan)))
    fan = fan->next;
  if (fan == NULL || self->clock.now >= fan->since + (int64_t)GROUP_MS * MS)
    return;
  for (const mesh_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    const mesh_member_t *member = &hub->members[call->service];
    for (unsigned e = 0; e < hub->entries_count; e++) {
      const mesh_entry_t *entry = &hub->entries[e];
      if (entry->call != NULL && entry->filled && entry->sequence > fan->at && entry->sequence <= member->told &&
          entry->service != call->service && same_group (entry->call, call) && was_there (member, entry->sequence))
        mesh_found (self, MESH_CHECK_HUB_GROUP, "%s of %s was told what %s of its group said before it was called",
                    mesh_id_text (&call->id), mesh_services[call->service].name, mesh_id_text (&entry->call->id));
    }
  }
}

static bool
has_unheard (const mesh_hub_t *hub, unsigned service)
{
  bool filled = false;
  for (unsigned e = 0; e < hub->entries_count; e++)
    filled |= hub->entries[e].filled && mesh_hub_concerns (hub, service, &hub->entries[e], UINT64_MAX);
  return filled;
}

bool
mesh_hub_has_readers (const mesh_hub_t *hub)
{
  for (unsigned s = 0; s < MESH_SERVICES; s++)
    if (has_unheard (hub, s))
      return true;
  return false;
}

bool
mesh_hub_unheard (const mesh_t *self)
{
  for (const mesh_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    for (unsigned s = 0; s < MESH_SERVICES; s++)
      if ((self->shape.live >> s & 1) != 0 && !hub->members[s].given_up && has_unheard (hub, s))
        return true;
  return false;
}

// SPDX-License-Identifier: Apache-2.0
//
// A hub is subscribed to, at every broker, once an offer says that an actor here hears it, and for a while after the
// last such offer. The first entries come before the subscription does; they are read from the log. So whatever the
// subscription brings, or doesn't, nobody here ever waits for it for long: it spares the reading.
//
// What was published is in the log, unless the store has lost it. An actor's epoch tells in which generation of the
// store's history its turn began: from then on, what was published in earlier ones is read from the log.

#include "node/listening.h"

#include "node/serving.h"

#include <stdlib.h>

enum {
  HUBS_MAX = 1000,              // with more, those that are used least are read from the log
  BYTES_MAX = 64 * 1024 * 1024, // of entries of all of them
  IDLE_MS = 60 * 1000,          // a hub in which nothing was said for so long is read from the log next time
  PATIENCE_MS = 40,             // what a busy hub said may be long, and comes to many at once
  PATIENCE_LEAST_MS = 10,       // messages of two brokers pass each other by less
  PATIENCE_MAX_MS = 160,        // where processes wait for a processor for so long, so that what is there comes late
  LATE_MS = 250,                // what hasn't come by then, is lost
};

void
node_listening_init (node_core_t *core, uint64_t seed)
{
  node_table_init (&core->hubs, seed);
  node_list_init (&core->hubs_used);
  node_list_init (&core->hubs_left);
}

static node_hub_t *
hub_at (node_list_t *place)
{
  return NODE_OF (place, node_hub_t, place);
}

static void
free_hub (node_core_t *core, node_hub_t *hub)
{
  core->said_bytes -= hub->said.bytes;
  sayings_clear (&hub->said);
  node_list_remove (&hub->place);
  free (hub);
}

void
node_listening_close (node_core_t *core)
{
  while (!node_list_empty (&core->hubs_used))
    free_hub (core, hub_at (core->hubs_used.next));
  while (!node_list_empty (&core->hubs_left))
    free_hub (core, hub_at (core->hubs_left.next));
  node_table_close (&core->hubs);
}

node_hub_t *
node_listening_find (const node_core_t *core, const troupe_id_t *hub)
{
  return node_table_find (&core->hubs, hub);
}

// -- Subscribing -----------------------------------------------------------------------------------------------------

// It stays until nobody is subscribed to it any more.
static void
leave (node_core_t *core, node_hub_t *hub)
{
  node_table_remove (&core->hubs, &hub->id);
  core->said_bytes -= hub->said.bytes;
  sayings_clear (&hub->said);
  node_list_append (&core->hubs_left, &hub->place);
  core->topics_changed = UINT32_MAX;
  if (hub->subscribed == 0)
    free_hub (core, hub);
}

static bool
leave_least_used (node_core_t *core)
{
  for (node_list_t *link = core->hubs_used.next; link != &core->hubs_used; link = link->next)
    if (node_list_empty (&hub_at (link)->waiting)) {
      leave (core, hub_at (link));
      return true;
    }
  return false;
}

static node_hub_t *
begin (node_core_t *core, const troupe_id_t *id)
{
  if (core->hubs.count >= HUBS_MAX && !leave_least_used (core))
    return NULL;
  node_hub_t *hub = calloc (1, sizeof *hub);
  if (hub == NULL)
    return NULL;
  hub->id = *id;
  hub->patience = PATIENCE_MS;
  sayings_init (&hub->said);
  node_list_init (&hub->place);
  node_list_init (&hub->waiting);
  if (node_table_put (&core->hubs, &hub->id, hub) != TROUPE_OK) {
    free (hub);
    return NULL;
  }
  core->topics_changed = UINT32_MAX;
  return hub;
}

// The store has another history than when these were published: it may have lost some of them, and have others in
// their places.
static void
begin_generation (node_core_t *core, node_hub_t *hub, const troupe_header_t *header)
{
  uint64_t generation = header->epoch - header->epoch % TROUPE_GENERATION_SIZE;
  if (!troupe_header_has (header, TROUPE_F (EPOCH)) || generation <= hub->generation)
    return;
  size_t bytes = hub->said.bytes;
  hub->generation = generation;
  core->counters[NODE_COUNT_SAID_DROPPED] += sayings_distrust (&hub->said, generation);
  core->said_bytes -= bytes - hub->said.bytes;
}

void
node_listening_offered (node_connection_t *from, const troupe_header_t *header)
{
  node_core_t *core = from->core;
  uint32_t bit = UINT32_C (1) << from->index;
  if (!troupe_header_has (header, TROUPE_F (HUB)))
    return;
  node_hub_t *hub = node_listening_find (core, &header->hub);
  if (hub == NULL)
    hub = begin (core, &header->hub);
  if (hub == NULL)
    return; // it is read from the log
  // A broker that asks for keys lets nobody listen to whom it hasn't offered anything.
  hub->again |= (hub->offered & bit) == 0 ? hub->subscribed & bit : 0;
  core->topics_changed |= hub->again;
  hub->offered |= bit;
  begin_generation (core, hub, header);
  hub->used_at = core->now;
  node_list_append (&core->hubs_used, &hub->place);
}

void
node_listening_tick (node_core_t *core)
{
  while (!node_list_empty (&core->hubs_used)) {
    node_hub_t *hub = hub_at (core->hubs_used.next);
    if (hub->used_at + IDLE_MS > core->now || !node_list_empty (&hub->waiting))
      return;
    leave (core, hub);
  }
}

bool
node_core_topic (node_core_t *core, unsigned broker, node_topic_t *out)
{
  uint32_t bit = UINT32_C (1) << broker;
  if ((core->topics_changed & bit) == 0)
    return false;
  for (node_list_t *link = core->hubs_left.next; link != &core->hubs_left; link = link->next) {
    node_hub_t *hub = hub_at (link);
    if ((hub->subscribed & bit) == 0)
      continue;
    hub->subscribed &= ~bit;
    *out = (node_topic_t){hub->id, false};
    if (hub->subscribed == 0)
      free_hub (core, hub);
    return true;
  }
  for (node_list_t *link = core->hubs_used.next; link != &core->hubs_used; link = link->next) {
    node_hub_t *hub = hub_at (link);
    if ((hub->subscribed & hub->again & bit) != 0) {
      hub->again &= ~bit;
      hub->subscribed &= ~bit;
      *out = (node_topic_t){hub->id, false};
      return true;
    }
    if ((hub->subscribed & bit) != 0)
      continue;
    hub->subscribed |= bit;
    *out = (node_topic_t){hub->id, true};
    return true;
  }
  core->topics_changed &= ~bit;
  return false;
}

void
node_core_topics_forget (node_core_t *core, unsigned broker)
{
  uint32_t bit = UINT32_C (1) << broker;
  for (node_list_t *link = core->hubs_used.next; link != &core->hubs_used; link = link->next)
    hub_at (link)->subscribed &= ~bit, hub_at (link)->again &= ~bit, hub_at (link)->offered &= ~bit;
  for (node_list_t *link = core->hubs_left.next, *next; link != &core->hubs_left; link = next) {
    next = link->next;
    hub_at (link)->subscribed &= ~bit;
    if (hub_at (link)->subscribed == 0)
      free_hub (core, hub_at (link));
  }
  core->topics_changed |= bit;
}

// -- Hearing ---------------------------------------------------------------------------------------------------------

// -- Patience --------------------------------------------------------------------------------------------------------
//
// Who waits too short for what is on its way reads from the log what comes anyway; when the processors are busy, that
// makes them busier. Who waits for what doesn't come, waits in vain each time. So it shows how long to wait.

void
node_listening_gave_up (node_core_t *core, node_hub_t *hub, uint64_t position)
{
  hub->gave_up_at = core->now;
  hub->gave_up = position;
}

static void
learn (const node_core_t *core, node_hub_t *hub, const troupe_header_t *header)
{
  bool late = core->now - hub->gave_up_at > LATE_MS;
  if (hub->gave_up_at == 0 || (!late && header->position > hub->gave_up))
    return;
  if (late)
    hub->patience = PATIENCE_LEAST_MS;
  else if (hub->patience < PATIENCE_MAX_MS)
    hub->patience *= 2;
  hub->gave_up_at = 0;
}

void
node_listening_said (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  node_core_t *core = from->core;
  node_hub_t *hub = node_listening_find (core, &header->hub);
  size_t left_out = 0;
  if (hub == NULL) {
    node_core_count (core, NODE_COUNT_FRAMES_UNEXPECTED); // it is left, and the broker doesn't know that yet
    return;
  }
  hub->comes = true;
  learn (core, hub, header);
  size_t bytes = hub->said.bytes;
  troupe_err_t err = sayings_take (&hub->said, header, body, &left_out);
  core->said_bytes += hub->said.bytes - bytes;
  if (core->said_bytes > BYTES_MAX) {
    core->said_bytes -= hub->said.bytes;
    left_out += hub->said.count;
    sayings_forget (&hub->said, UINT64_MAX);
  }
  core->counters[NODE_COUNT_SAID_DROPPED] += left_out;
  if (err != TROUPE_OK)
    node_core_count (core, NODE_COUNT_FRAMES_BAD);
  else
    node_recall_said (hub);
}

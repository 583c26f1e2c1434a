// SPDX-License-Identifier: Apache-2.0
//
// A peer learns of a hub by an offer to one of its actors, and subscribes then. So that is what a subscription is
// judged by: this broker has offered somebody of that key a call of an actor in that hub. To know a hub's id is not
// enough: its id is told to those who call in it as well.
//
// With several brokers, one that hasn't made such an offer yet refuses; the peer asks it again after its first offer,
// and reads from the log meanwhile what that broker stored.

#include "broker/hearing.h"

#include <stdlib.h>

enum {
  HUBS_MAX = 1000 // of a peer; it listens to no more. Those that were offered first are forgotten first
};

typedef struct {
  table_link_t by_hub;
  list_link_t in_peer;
  const peer_t *peer;
  troupe_id_t hub;
} hearer_t;

static uint64_t
hash_of (const broker_core_t *core, const troupe_id_t *hub)
{
  return table_hash (&core->options.key, hub->bytes, sizeof hub->bytes);
}

static bool
is_same (const troupe_id_t *a, const troupe_id_t *b)
{
  return memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void
drop (broker_core_t *core, peer_t *peer, hearer_t *hearer)
{
  table_remove (&core->hearers, &hearer->by_hub);
  list_remove (&hearer->in_peer);
  peer->hearers_count--;
  free (hearer);
}

void
hearing_offered (broker_core_t *core, peer_t *peer, const troupe_id_t *hub)
{
  if (peer->identity == NULL)
    return;
  uint64_t hash = hash_of (core, hub);
  for (const table_link_t *link = table_first (&core->hearers, hash); link != NULL; link = table_next (link)) {
    const hearer_t *hearer = LIST_ITEM (link, const hearer_t, by_hub);
    if (hearer->peer == peer && is_same (&hearer->hub, hub))
      return;
  }
  if (peer->hearers_count >= HUBS_MAX)
    drop (core, peer, LIST_ITEM (list_first (&peer->hearers), hearer_t, in_peer));
  hearer_t *hearer = calloc (1, sizeof *hearer);
  if (hearer == NULL) { // it reads from the log
    core->counters[BROKER_COUNT_NO_MEMORY]++;
    return;
  }
  hearer->peer = peer;
  hearer->hub = *hub;
  table_insert (&core->hearers, &hearer->by_hub, hash);
  list_append (&peer->hearers, &hearer->in_peer);
  peer->hearers_count++;
}

bool
hearing_allows (const broker_core_t *core, const troupe_identity_t *identity, const troupe_id_t *hub)
{
  const char *user = troupe_identity_user (identity);
  for (const table_link_t *link = table_first (&core->hearers, hash_of (core, hub)); link != NULL;
       link = table_next (link)) {
    const hearer_t *hearer = LIST_ITEM (link, const hearer_t, by_hub);
    if (is_same (&hearer->hub, hub) && strcmp (troupe_identity_user (hearer->peer->identity), user) == 0)
      return true;
  }
  return false;
}

void
hearing_forget (broker_core_t *core, peer_t *peer)
{
  for (list_link_t *link; (link = list_first (&peer->hearers)) != NULL;)
    drop (core, peer, LIST_ITEM (link, hearer_t, in_peer));
}

// SPDX-License-Identifier: Apache-2.0
//
// What brokers publish, on its way to the nodes that are subscribed to it: some of it is lost, some is late, so that
// what one broker published passes what another one did. A frozen node finds it later, a cut one never; a node that
// starts again is subscribed to nothing. In some runs nobody is subscribed to anything.
//
// A mutation gives a message the body of another one.

#include "sim/mesh_state.h"

#include <stdlib.h>

typedef struct {
  unsigned node, life, broker;
  size_t size;
  troupe_buffer_t *body;
  uint8_t bytes[];
} published_t;

struct mesh_topic {
  mesh_topic_t *next;
  unsigned broker;
  troupe_id_t hub;
  int64_t since; // when the broker knows of it
};

static void
free_published (void *thing)
{
  published_t *self = thing;
  troupe_buffer_unref (&self->body);
  free (self);
}

// -- Subscriptions ---------------------------------------------------------------------------------------------------

static mesh_topic_t **
find (mesh_node_t *node, unsigned broker, const troupe_id_t *hub)
{
  mesh_topic_t **at = &node->topics;
  while (*at != NULL && ((*at)->broker != broker || !troupe_id_equal (&(*at)->hub, hub)))
    at = &(*at)->next;
  return at;
}

static void
unsubscribe (mesh_topic_t **at)
{
  mesh_topic_t *topic = *at;
  if (topic == NULL)
    return;
  *at = topic->next;
  free (topic);
}

void
mesh_publish_subscribe (mesh_node_t *node, unsigned broker)
{
  mesh_t *mesh = node->mesh;
  node_topic_t change;
  if (!mesh->shape.publishes || node_core_wish (node->core, broker).publish == NULL)
    return;
  while (node_core_topic (node->core, broker, &change)) {
    mesh_topic_t **at = find (node, broker, &change.hub);
    if (!change.on) {
      unsubscribe (at);
    } else if (*at == NULL) {
      *at = mesh_need (calloc (1, sizeof **at));
      **at = (mesh_topic_t){NULL, broker, change.hub, mesh->clock.now + mesh_between (&mesh->clock, 100, 3 * MS)};
    } else {
      mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "node %u subscribes twice to the hub %s", node->index,
                  mesh_id_text (&change.hub));
    }
  }
}

void
mesh_publish_node_died (mesh_node_t *node)
{
  while (node->topics != NULL)
    unsubscribe (&node->topics);
}

// -- Messages --------------------------------------------------------------------------------------------------------

static void
arrive (mesh_t *mesh, void *thing)
{
  published_t *published = thing;
  mesh_node_t *node = &mesh->nodes[published->node];
  if (node->core == NULL || node->life != published->life) {
    free_published (published);
    return;
  }
  if (mesh_node_frozen (node))
    return;
  mesh->tally.published++;
  mesh_node_step (node, &(node_event_t){.kind = NODE_PUBLISHED,
                                        .broker = published->broker,
                                        .header = published->bytes,
                                        .header_size = published->size,
                                        .body = published->body});
  free_published (published);
}

static troupe_buffer_t *
body_of (mesh_t *mesh, troupe_buffer_t *body)
{
  if (!mesh_flawed (mesh, MESH_FLAW_PUBLISHED_MIXED))
    return troupe_buffer_ref (body);
  troupe_buffer_t *other = mesh->mixed;
  mesh->mixed = troupe_buffer_ref (body);
  bool fits = other != NULL && troupe_buffer_size (other) == troupe_buffer_size (body);
  if (!fits)
    troupe_buffer_unref (&other);
  return fits ? other : troupe_buffer_ref (body);
}

static void
send (mesh_broker_t *broker, const mesh_node_t *node, const troupe_header_t *header, troupe_buffer_t *body)
{
  mesh_t *mesh = broker->mesh;
  mesh_clock_t *clock = &mesh->clock;
  int64_t delay = mesh_between (clock, 50, 400);
  if (mesh_chance (clock, mesh->faults ? 100 : 20) || clock->now < node->cut_until[broker->index])
    return;
  if (mesh_chance (clock, 100))
    delay += mesh_between (clock, MS, mesh_chance (clock, 200) ? 50 * MS : 8 * MS);
  published_t *published = mesh_need (malloc (sizeof *published + TROUPE_HEADER_SIZE_MAX));
  *published = (published_t){.node = node->index, .life = node->life, .broker = broker->index};
  published->size = troupe_header_encode (header, published->bytes, TROUPE_HEADER_SIZE_MAX);
  published->body = body_of (mesh, body);
  mesh_clock_at (clock, clock->now + delay, arrive, published, free_published);
}

void
mesh_publish (mesh_broker_t *broker, const troupe_header_t *header, troupe_buffer_t *body)
{
  mesh_t *mesh = broker->mesh;
  for (unsigned i = 0; i < mesh_nodes (mesh) && header->command == TROUPE_CMD_SAID; i++) {
    const mesh_topic_t *topic = *find (&mesh->nodes[i], broker->index, &header->hub);
    if (mesh->nodes[i].core != NULL && topic != NULL && mesh->clock.now >= topic->since)
      send (broker, &mesh->nodes[i], header, body);
  }
}

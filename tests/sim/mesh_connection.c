// SPDX-License-Identifier: Apache-2.0
//
// Connections between nodes and brokers: how they begin and end.
//
//   - A connection that ends takes along what is under way, from some message on. The broker's socket learns of it a
//     moment later; until then what it sends is lost in silence, and from then on can't be sent.
//   - Below a socket that stays open a connection is made again: under a new number at the broker, and without what
//     was lost. The node's monitor tells of it a little later.

#include "sim/mesh_state.h"

#include <stdlib.h>

static void
connect_after (mesh_node_t *node, unsigned broker, unsigned generation, int64_t after)
{
  mesh_t *mesh = node->mesh;
  if (mesh->connections_count == mesh->connections_capacity) {
    mesh->connections_capacity = mesh->connections_capacity * 2 + 64;
    mesh->connections =
      mesh_need (realloc (mesh->connections, mesh->connections_capacity * sizeof *mesh->connections));
  }
  if (mesh->connections_count == 0)
    mesh->connections_count = 1; // 0 is none
  unsigned number = mesh->connections_count++;
  mesh_connection_t *connection = &mesh->connections[number];
  memset (connection, 0, sizeof *connection);
  connection->node = node->index;
  connection->node_life = node->life;
  connection->broker = broker;
  connection->generation = generation;
  connection->up_last = connection->down_last = mesh->clock.now + after;
  connection->up_end = connection->down_end = connection->known_at = MESH_NEVER;
  node->lines[broker] = number;
}

void
mesh_connection_dial (mesh_node_t *node, unsigned broker, unsigned generation)
{
  connect_after (node, broker, generation, mesh_between (&node->mesh->clock, 100, 2 * MS));
}

static void
end (mesh_t *mesh, mesh_connection_t *connection, int64_t up_end, int64_t down_end)
{
  int64_t cut = mesh->nodes[connection->node].cut_until[connection->broker];
  if (connection->up_end != MESH_NEVER)
    return;
  connection->up_end = up_end;
  connection->down_end = down_end;
  connection->known_at = (up_end > cut ? up_end : cut) + mesh_between (&mesh->clock, 0, 20 * MS);
}

void
mesh_connection_close (mesh_node_t *node, unsigned broker, bool flush)
{
  mesh_t *mesh = node->mesh;
  mesh_connection_t *connection = &mesh->connections[node->lines[broker]];
  int64_t now = mesh->clock.now, up_end = now + mesh_between (&mesh->clock, 0, 2 * MS);
  if (flush && connection->up_last > up_end)
    up_end = connection->up_last;
  end (mesh, connection, up_end, now);
  node->lines[broker] = 0;
}

typedef struct {
  mesh_node_t *node;
  unsigned life, broker, generation;
} broken_t;

static void
say_broken (mesh_t *mesh, void *thing)
{
  broken_t *broken = thing;
  mesh_node_t *node = broken->node;
  if (node->core != NULL && node->life == broken->life &&
      node_core_wish (node->core, broken->broker).generation == broken->generation) {
    if (mesh_node_frozen (node))
      return;
    mesh_trace (mesh, "node %u.%u sees that the connection to broker %u broke", node->index, node->life,
                broken->broker);
    mesh_node_step (node, &(node_event_t){.kind = NODE_DISCONNECTED, .broker = broken->broker});
  }
  free (broken);
}

void
mesh_connection_break (mesh_node_t *node, unsigned broker)
{
  mesh_t *mesh = node->mesh;
  if (node->lines[broker] == 0)
    return;
  mesh_connection_t *connection = &mesh->connections[node->lines[broker]];
  int64_t now = mesh->clock.now;
  mesh_trace (mesh, "the connection %u of node %u.%u to broker %u breaks", node->lines[broker], node->index,
              node->life, broker);
  unsigned generation = connection->generation;
  end (mesh, connection, now + mesh_between (&mesh->clock, 0, MS), now + mesh_between (&mesh->clock, 0, MS));
  connect_after (node, broker, generation, mesh_between (&mesh->clock, 20 * MS, 60 * MS));
  broken_t *broken = mesh_need (malloc (sizeof *broken));
  *broken = (broken_t){node, node->life, broker, generation};
  mesh_clock_at (&mesh->clock, now + mesh_between (&mesh->clock, MS, 40 * MS), say_broken, broken, free);
}

void
mesh_connection_broker_died (mesh_broker_t *broker)
{
  mesh_t *mesh = broker->mesh;
  for (unsigned i = 0; i < mesh_nodes (mesh); i++)
    if (mesh->nodes[i].core != NULL)
      mesh_connection_break (&mesh->nodes[i], broker->index);
  for (unsigned i = 1; i < mesh->connections_count; i++) { // what was under way to it is lost
    mesh_connection_t *connection = &mesh->connections[i];
    if (connection->broker == broker->index && connection->up_end != MESH_NEVER &&
        connection->up_end > mesh->clock.now)
      connection->up_end = mesh->clock.now;
  }
}

void
mesh_connection_node_died (mesh_node_t *node)
{
  for (unsigned i = 0; i < node->mesh->shape.brokers; i++)
    if (node->lines[i] != 0)
      mesh_connection_close (node, i, mesh_chance (&node->mesh->clock, 500));
}

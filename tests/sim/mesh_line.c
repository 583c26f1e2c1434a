// SPDX-License-Identifier: Apache-2.0
//
// The network: messages between DEALERs of nodes and ROUTERs of brokers, as ZeroMQ behaves over TCP and unix sockets.
// How connections begin and end is mesh_connection.c.
//
//   - On one connection messages keep their order; connections know nothing of each other's.
//   - A broker that is not there finds what nodes said to a socket of theirs that is still open.
//   - A cut delays everything until it ends. What a frozen process is sent waits for it.

#include "sim/mesh_state.h"

#include <stdlib.h>

typedef struct {
  unsigned connection;
  unsigned arrived_life; // of the frozen broker that it has reached; 0: none
  bool arrived;          // it has reached the node, which is frozen
  troupe_command_t command;
  size_t size;
  troupe_buffer_t *body;
  uint8_t bytes[];
} packet_t;

static void
free_packet (void *thing)
{
  packet_t *packet = thing;
  troupe_buffer_unref (&packet->body);
  free (packet);
}

static packet_t *
new_packet (mesh_t *mesh, unsigned connection, const void *bytes, size_t size, troupe_buffer_t *body)
{
  troupe_header_t header;
  troupe_error_t error;
  packet_t *packet = mesh_need (malloc (sizeof *packet + size));
  *packet = (packet_t){.connection = connection, .size = size, .body = troupe_buffer_ref (body)};
  memcpy (packet->bytes, bytes, size);
  if (troupe_header_decode (&header, bytes, size, &error) != TROUPE_OK)
    mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "a header can't be decoded: %s", error.why);
  packet->command = header.command;
  return packet;
}

static int64_t
delay (mesh_t *mesh)
{
  int64_t ordinary = 50 + (int64_t)mesh_dice (&mesh->clock, 350);
  if (mesh->faults && mesh_chance (&mesh->clock, mesh->shape.late))
    return ordinary + mesh_between (&mesh->clock, 1 * MS, 400 * MS);
  return ordinary;
}

// When a message that is sent now arrives, after those before it.
static int64_t
arrival (mesh_t *mesh, const mesh_connection_t *connection, int64_t *last)
{
  int64_t at = mesh->clock.now + delay (mesh);
  int64_t cut = mesh->nodes[connection->node].cut_until[connection->broker];
  if (at < cut)
    at = cut;
  if (at <= *last)
    at = *last + 1;
  return *last = at;
}

static void
trace (const mesh_t *mesh, const char *what, const packet_t *packet)
{
  troupe_header_t header;
  if (!mesh->options.traced || packet->command == TROUPE_CMD_HEARTBEAT)
    return;
  troupe_header_decode (&header, packet->bytes, packet->size, NULL);
  const mesh_connection_t *connection = &mesh->connections[packet->connection];
  bool call = troupe_header_has (&header, TROUPE_F (CALL)), attempt = troupe_header_has (&header, TROUPE_F (ATTEMPT));
  mesh_trace (mesh, "%s node %u.%u broker %u connection %u: %s %s attempt %d", what, connection->node,
              connection->node_life, connection->broker, packet->connection, troupe_command_name (packet->command),
              call ? mesh_id_text (&header.call) : "-", attempt ? (int)header.attempt : -1);
}

// -- To a broker -----------------------------------------------------------------------------------------------------

static void
forget_offer (mesh_connection_t *connection, const troupe_id_t *call)
{
  for (unsigned s = 0; s < MESH_SERVICES; s++)
    for (unsigned i = 0; i < connection->offers_count[s]; i++)
      if (troupe_id_equal (&connection->offers[s][i], call))
        connection->offers[s][i--] = connection->offers[s][--connection->offers_count[s]];
}

// What the broker is told, noted; its credit may be inflated by a mutation.
static void
note_up (mesh_t *mesh, mesh_connection_t *connection, packet_t *packet)
{
  troupe_header_t header;
  troupe_header_decode (&header, packet->bytes, packet->size, NULL);
  if (header.command == TROUPE_CMD_SETTLE)
    forget_offer (connection, &header.call);
  if (header.command == TROUPE_CMD_AWAIT && troupe_header_has (&header, TROUPE_F (ATTEMPT)))
    mesh_call_find (mesh, &header.call)->stray = true;
  if (header.command == TROUPE_CMD_HELLO) { // anew
    memset (connection->credit, 0, sizeof connection->credit);
    memset (connection->offers_count, 0, sizeof connection->offers_count);
  }
  if (header.command != TROUPE_CMD_REGISTER && header.command != TROUPE_CMD_GRANT)
    return;
  unsigned *credit = &connection->credit[mesh_service_of (header.service)];
  if (header.credit > *credit)
    *credit = (unsigned)header.credit;
  if (mesh_flawed (mesh, MESH_FLAW_CREDIT_INFLATED)) { // as many bytes: both are of one
    header.credit = header.credit * 3 < 127 ? header.credit * 3 : 127;
    packet->size = troupe_header_encode (&header, packet->bytes, packet->size);
  }
}

static void
arrive_up (mesh_t *mesh, void *thing)
{
  packet_t *packet = thing;
  mesh_connection_t *connection = &mesh->connections[packet->connection];
  mesh_broker_t *broker = &mesh->brokers[connection->broker];
  bool arrived = packet->arrived_life != 0 && packet->arrived_life == broker->life;
  if (!arrived && mesh->clock.now > connection->up_end) {
    trace (mesh, "LOST to broker,", packet);
    free_packet (packet);
    return;
  }
  if (broker->core == NULL) { // the socket at the node holds it
    mesh_clock_defer (&mesh->clock, mesh->clock.now + 40 * MS);
    return;
  }
  if (mesh_broker_frozen (broker)) {
    packet->arrived_life = broker->life;
    return;
  }
  trace (mesh, "to broker,", packet);
  note_up (mesh, connection, packet);
  broker->received++;
  mesh->tally.messages++;
  mesh_broker_step (broker, &(broker_event_t){.kind = BROKER_FRAME,
                                              .connection = packet->connection,
                                              .header = packet->bytes,
                                              .header_size = packet->size,
                                              .body = packet->body});
  free_packet (packet);
}

void
mesh_line_send (mesh_node_t *node, unsigned broker, const node_frame_t *frame)
{
  mesh_t *mesh = node->mesh;
  unsigned number = node->lines[broker];
  mesh_connection_t *connection = &mesh->connections[number];
  packet_t *packet = new_packet (mesh, number, frame->header, frame->header_size, frame->body);
  if (packet->command == TROUPE_CMD_CALL)
    mesh_loss_check_call (mesh, packet->bytes, packet->size);
  mesh_clock_at (&mesh->clock, arrival (mesh, connection, &connection->up_last), arrive_up, packet, free_packet);
}

// -- To a node -------------------------------------------------------------------------------------------------------

static bool
current (const mesh_t *mesh, const mesh_connection_t *connection)
{
  const mesh_node_t *node = &mesh->nodes[connection->node];
  return node->core != NULL && node->life == connection->node_life && node->lines[connection->broker] != 0 &&
         mesh->connections[node->lines[connection->broker]].generation == connection->generation &&
         node_core_wish (node->core, connection->broker).generation == connection->generation;
}

static void
note_down (const mesh_t *mesh, const packet_t *packet)
{
  troupe_header_t header;
  if (packet->command != TROUPE_CMD_ACCEPTED)
    return;
  troupe_header_decode (&header, packet->bytes, packet->size, NULL);
  mesh_call_t *call = troupe_header_has (&header, TROUPE_F (CALL)) ? mesh_call_find (mesh, &header.call) : NULL;
  if (call != NULL)
    call->accepted = true;
}

static void
give (mesh_t *mesh, packet_t *packet)
{
  const mesh_connection_t *connection = &mesh->connections[packet->connection];
  mesh_node_t *node = &mesh->nodes[connection->node];
  mesh->tally.messages++;
  note_down (mesh, packet);
  mesh_node_step (node, &(node_event_t){.kind = NODE_RECEIVED,
                                        .broker = connection->broker,
                                        .header = packet->bytes,
                                        .header_size = packet->size,
                                        .body = packet->body});
}

// The body of another one that came by.
static void
mix (mesh_t *mesh, packet_t *packet)
{
  troupe_buffer_t *mine = packet->body;
  if (mesh->mixed != NULL && mesh_chance (&mesh->clock, 200)) {
    packet->body = mesh->mixed;
    mesh->mixed = mine;
  } else {
    troupe_buffer_unref (&mesh->mixed);
    mesh->mixed = troupe_buffer_ref (mine);
  }
}

// What a mutation does to a message to a node; false: it is dropped.
static bool
spoil_down (mesh_t *mesh, packet_t *packet)
{
  if (packet->command == TROUPE_CMD_SETTLED && mesh_flawed (mesh, MESH_FLAW_VALUES_MIXED))
    mix (mesh, packet);
  if (packet->command == TROUPE_CMD_PART && mesh_flawed (mesh, MESH_FLAW_PARTS_MIXED))
    mix (mesh, packet);
  return !mesh_flawed (mesh, MESH_FLAW_MESSAGES_DROPPED) || !mesh_chance (&mesh->clock, 10);
}

static void
arrive_down (mesh_t *mesh, void *thing)
{
  packet_t *packet = thing;
  const mesh_connection_t *connection = &mesh->connections[packet->connection];
  mesh_node_t *node = &mesh->nodes[connection->node];
  if (!current (mesh, connection) || (!packet->arrived && mesh->clock.now > connection->down_end)) {
    trace (mesh, "LOST to", packet);
    free_packet (packet);
    return;
  }
  if (mesh_node_frozen (node)) {
    packet->arrived = true;
    return;
  }
  trace (mesh, "to", packet);
  if (spoil_down (mesh, packet))
    give (mesh, packet);
  free_packet (packet);
}

typedef struct {
  mesh_broker_t *broker;
  unsigned life, connection;
  troupe_command_t command;
  bool full;
} unsent_t;

static void
say_unsent (mesh_t *mesh, void *thing)
{
  unsent_t *unsent = thing;
  mesh_broker_t *broker = unsent->broker;
  if (broker->core != NULL && broker->life == unsent->life) {
    if (mesh_broker_frozen (broker))
      return;
    bool part = unsent->command == TROUPE_CMD_PART && unsent->full;
    broker->parts_full += part;
    broker->unsent += !part;
    mesh_trace (mesh, "broker %u connection %u: %s is not sent%s", broker->index, unsent->connection,
                troupe_command_name (unsent->command), unsent->full ? ", the queue is full" : "");
    mesh_broker_step (broker, &(broker_event_t){.kind = BROKER_UNSENT,
                                                .connection = unsent->connection,
                                                .command = unsent->command,
                                                .full = unsent->full});
  }
  free (unsent);
}

static bool
full (mesh_t *mesh, troupe_command_t command)
{
  return mesh->faults && mesh_dice (&mesh->clock, 10000) < (command == TROUPE_CMD_PART ? 300 : 2);
}

void
mesh_line_answer (mesh_broker_t *broker, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  mesh_t *mesh = broker->mesh;
  mesh_connection_t *connection = &mesh->connections[to];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (size == 0) {
    mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "a broker's %s can't be encoded", troupe_command_name (header->command));
    return;
  }
  if (header->command == TROUPE_CMD_CANCEL) // sent or not: that it wasn't, the broker hears later
    forget_offer (connection, &header->call);
  bool gone = connection->up_end != MESH_NEVER && mesh->clock.now >= connection->known_at;
  bool is_full = !gone && full (mesh, header->command);
  if (gone || is_full) {
    unsent_t *unsent = mesh_need (malloc (sizeof *unsent));
    *unsent = (unsent_t){broker, broker->life, (unsigned)to, header->command, is_full};
    mesh_clock_at (&mesh->clock, mesh->clock.now, say_unsent, unsent, free);
    return;
  }
  if (header->command == TROUPE_CMD_OFFER)
    mesh_check_offer (mesh, (unsigned)to, header);
  packet_t *packet = new_packet (mesh, (unsigned)to, bytes, size, body);
  mesh_clock_at (&mesh->clock, arrival (mesh, connection, &connection->down_last), arrive_down, packet, free_packet);
}

// SPDX-License-Identifier: Apache-2.0
//
// A peer is a connection that said hello. It lives as long as it is heard within the lease, and as long as what is sent
// to it can be sent: the heartbeat to a process that was killed fails at once, so most deaths are noticed within one
// heartbeat, and the lease is for what freezes or is cut off. Any message counts as a heartbeat, in both directions.
//
// A peer that was taken for lost and isn't finds out by itself: its next message is a stranger's, which is answered by
// reset. Strangers are remembered in a small table of the last ones, so that a flood of their messages causes a trickle
// of answers; when two share a place there, one of them gets an answer more.
//
// If the broker itself stood still (a suspended machine, a debugger), the silence was its own: everyone gets a new
// lease. Those who left it meanwhile come back within a second, in any order, as when it had just begun: until then no
// service is called unknown.

#include "broker/peers.h"

#include "broker/answer.h"
#include "broker/awaiting.h"
#include "broker/hearing.h"
#include "broker/placement.h"
#include "broker/registry.h"
#include "broker/rights.h"

#include "error/utf8.h"
#include "troupe/run.h"

#include <inttypes.h>
#include <stdlib.h>

peer_t *
peers_find (const broker_core_t *core, broker_connection_t connection)
{
  table_link_t *link = table_first (&core->peers, table_hash_number (connection));
  for (; link != NULL; link = table_next (link)) {
    peer_t *peer = LIST_ITEM (link, peer_t, by_connection);
    if (peer->connection == connection)
      return peer;
  }
  return NULL;
}

const broker_line_t *
peers_line (const broker_core_t *core, broker_connection_t connection)
{
  const peer_t *peer = peers_find (core, connection);
  return peer != NULL ? &peer->line : NULL;
}

bool
peers_take_runs (const broker_core_t *core, broker_connection_t connection)
{
  const peer_t *peer = peers_find (core, connection);
  return peer != NULL && peer->minor >= TROUPE_MINOR_RUNS;
}

// Copies the text at `key`, cut to what fits between characters.
static void
take_text (char *out, size_t capacity, const json_t *map, const char *key)
{
  const char *text = json_string_value (json_object_get (map, key));
  size_t size = 0;
  for (size_t next; text != NULL && text[size] != '\0'; size += next) {
    next = utf8_size (text + size, strlen (text + size));
    if (next == 0 || size + next >= capacity)
      break;
  }
  if (size > 0)
    memcpy (out, text, size);
  out[size] = '\0';
}

static troupe_err_t
read_hello (peer_t *peer, troupe_buffer_t *body, troupe_error_t *error)
{
  json_t *map = NULL;
  if (troupe_buffer_size (body) > INFO_SIZE_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, peer->name, NULL, "the body of hello is larger than %d bytes",
                             INFO_SIZE_MAX);
  if (troupe_buffer_size (body) > 0) {
    troupe_err_t err = troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &map, error);
    if (err != TROUPE_OK)
      return err;
  }
  take_text (peer->program, sizeof peer->program, map, "program");
  take_text (peer->version, sizeof peer->version, map, "version");
  take_text (peer->host, sizeof peer->host, map, "host");
  peer->pid = json_integer_value (json_object_get (map, "pid"));
  json_decref (map);
  return TROUPE_OK;
}

static troupe_err_t
make_peer (broker_core_t *core, peer_t **out, const broker_event_t *event, troupe_text_t name, troupe_buffer_t *body,
           troupe_error_t *error)
{
  if (core->peers.count >= PEERS_MAX) {
    core->drops[BROKER_QUEUE_PEERS]++;
    troupe_error_set (error, TROUPE_OVERLOADED, core->name, "add a broker to the configuration",
                      "the broker has %d peers, which is its limit", PEERS_MAX);
    error->retry_after_ms = RETRY_AFTER_MS;
    return TROUPE_OVERLOADED;
  }
  peer_t *peer = calloc (1, sizeof *peer + name.size + 1);
  if (peer == NULL)
    return answer_no_memory (core, core->name, error);
  memcpy (peer->name, name.data, name.size);
  troupe_err_t err = read_hello (peer, body, error);
  if (err != TROUPE_OK) {
    free (peer);
    return err;
  }
  peer->connection = event->connection;
  peer->line = event->line;
  peer->identity = troupe_identity_ref (event->identity);
  peer->since = core->now;
  list_init (&peer->instances);
  list_init (&peer->waiters);
  list_init (&peer->hearers);
  list_init (&peer->in_unconfirmed);
  if (core->peers.count == 0)
    core->ticked = core->now;
  table_insert (&core->peers, &peer->by_connection, table_hash_number (event->connection));
  list_append (&core->all_peers, &peer->in_core);
  *out = peer;
  return TROUPE_OK;
}

static void
send_welcome (broker_core_t *core, const peer_t *peer)
{
  const broker_limits_t *limits = &core->options.limits;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text (core->name));
  troupe_header_set_heartbeat (&header, (uint64_t)limits->heartbeat);
  troupe_header_set_lease (&header, (uint64_t)limits->lease);
  troupe_header_set_limit (&header, limits->message);
  if (core->mesh != NULL)
    troupe_header_set_mesh (&header, troupe_text (core->mesh));
  if (core->endpoint != NULL)
    troupe_header_set_endpoint (&header, troupe_text (core->endpoint));
  troupe_header_set_minor (&header, TROUPE_PROTOCOL_MINOR);
  answer_send (core, peer->connection, &header, NULL);
}

// An endpoint that was mixed up: without this, its calls would find other services of the same names.
static bool
is_of_other_mesh (const broker_core_t *core, const troupe_header_t *header, troupe_error_t *error)
{
  bool told = core->mesh != NULL && troupe_header_has (header, TROUPE_F (MESH));
  if (!told || troupe_text_equal (header->mesh, core->mesh))
    return false;
  troupe_error_set (error, TROUPE_WRONG_MESH, core->name, "check the brokers' endpoints, and `mesh` in the configuration",
                    "this broker is of the mesh %s, and the peer of %.*s", core->mesh, (int)header->mesh.size,
                    header->mesh.data);
  return true;
}

void
peers_on_hello (broker_core_t *core, const broker_event_t *event, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t wrong;
  broker_connection_t connection = event->connection;
  if (is_of_other_mesh (core, header, &wrong) || rights_to_come (core, event->identity, &wrong) != TROUPE_OK) {
    answer_refuse (core, connection, TROUPE_CMD_HELLO, NULL, &wrong);
    return;
  }
  peer_t *peer = peers_find (core, connection);
  if (peer != NULL && !troupe_text_equal (header->peer, peer->name)) {
    peers_end (core, peer, "lost", "it says hello under another id");
    peer = NULL;
  }
  if (peer == NULL) {
    troupe_error_t error = {0};
    if (make_peer (core, &peer, event, header->peer, body, &error) != TROUPE_OK) {
      answer_refuse (core, connection, TROUPE_CMD_HELLO, NULL, &error);
      return;
    }
    core->counters[BROKER_COUNT_PEERS_WELCOMED]++;
    answer_note (core, TROUPE_LOG_DEBUG, "peer connected", "peer", peer->name, "program", peer->program);
  }
  peer->heard = core->now;
  peer->minor = troupe_header_minor (header);
  send_welcome (core, peer);
}

static stranger_t *
stranger_of (broker_core_t *core, broker_connection_t connection)
{
  stranger_t *stranger = &core->strangers[table_hash_number (connection) % STRANGERS];
  if (stranger->connection != connection)
    *stranger = (stranger_t){.connection = connection, .reset = core->now - core->options.limits.heartbeat};
  return stranger;
}

void
peers_on_stranger (broker_core_t *core, broker_connection_t connection)
{
  core->counters[BROKER_COUNT_MESSAGES_STRANGE]++;
  stranger_t *stranger = stranger_of (core, connection);
  if (core->stopped || core->now - stranger->reset < core->options.limits.heartbeat)
    return;
  stranger->reset = core->now;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RESET);
  troupe_header_set_peer (&header, troupe_text (core->name));
  core->options.outlet.send (core->options.outlet.context, connection, &header, NULL);
}

void
peers_on_garbage (broker_core_t *core, broker_connection_t connection, unsigned of, const troupe_error_t *error)
{
  peer_t *peer = peers_find (core, connection);
  unsigned *garbage = peer != NULL ? &peer->garbage : &stranger_of (core, connection)->garbage;
  core->counters[BROKER_COUNT_MESSAGES_BAD]++;
  if (*garbage >= GARBAGE_ANSWERS_MAX)
    return;
  if (++*garbage == 1)
    answer_note (core, TROUPE_LOG_WARNING, "a peer breaks the protocol", "peer", peer != NULL ? peer->name : "unknown",
                 "why", error->why);
  answer_refuse (core, connection, of, NULL, error);
}

void
peers_end (broker_core_t *core, peer_t *peer, const char *event, const char *why)
{
  bool lost = strcmp (event, "lost") == 0;
  core->counters[lost ? BROKER_COUNT_PEERS_LOST : BROKER_COUNT_PEERS_LEFT]++;
  answer_note (core, lost ? TROUPE_LOG_WARNING : TROUPE_LOG_DEBUG, lost ? "peer lost" : "peer left", "peer", peer->name,
               "why", why);
  table_remove (&core->peers, &peer->by_connection); // from here on nothing is sent to it
  list_remove (&peer->in_core);
  list_remove (&peer->in_unconfirmed);
  for (list_link_t *link; (link = list_first (&peer->instances)) != NULL;)
    registry_end (core, LIST_ITEM (link, instance_t, in_peer), event, lost ? why : NULL);
  for (list_link_t *link; (link = list_first (&peer->waiters)) != NULL;)
    awaiting_leave (core, LIST_ITEM (link, waiter_t, in_peer));
  hearing_forget (core, peer);
  troupe_identity_unref (&peer->identity);
  free (peer);
}

void
peers_forget (broker_core_t *core, peer_t *peer)
{
  table_remove (&core->peers, &peer->by_connection);
  list_remove (&peer->in_core);
  list_remove (&peer->in_unconfirmed);
  for (list_link_t *link; (link = list_first (&peer->instances)) != NULL;)
    registry_forget (core, LIST_ITEM (link, instance_t, in_peer));
  hearing_forget (core, peer);
  troupe_identity_unref (&peer->identity);
  free (peer);
}

// A quarter of a heartbeat, so that whoever was sent something just now is sent a heartbeat after 3/4 to 1 of them.
static int64_t
tick_ms (const broker_core_t *core)
{
  return core->options.limits.heartbeat / 4 + 1;
}

// Tells an instance what waits for it here, as long as anything does, and once when nothing does any more: it gives its
// credit to the brokers where calls wait.
static void
report_queues (broker_core_t *core, peer_t *peer)
{
  if (core->now - peer->reported < core->options.limits.heartbeat - tick_ms (core))
    return;
  peer->reported = core->now;
  LIST_EACH (link, &peer->instances)
  {
    instance_t *instance = LIST_ITEM (link, instance_t, in_peer);
    bool waits = placement_queue_of (instance->service) > 0;
    if (instance->open && (waits || instance->queue_told))
      placement_report (core, instance);
  }
}

// One round through all peers. The outlet tells later what could not be sent, so none ends while it is being sent to.
static void
visit (broker_core_t *core, peer_t *peer)
{
  const broker_limits_t *limits = &core->options.limits;
  if (core->now - peer->heard > limits->lease) {
    char why[64];
    snprintf (why, sizeof why, "silent for %" PRId64 " ms", core->now - peer->heard);
    peers_end (core, peer, "lost", why);
    return;
  }
  report_queues (core, peer);
  if (core->now - peer->sent < limits->heartbeat - tick_ms (core))
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  answer_send (core, peer->connection, &header, NULL);
}

int64_t
peers_due (const broker_core_t *core)
{
  return core->peers.count == 0 ? TROUPE_LOOP_NEVER : core->ticked + tick_ms (core);
}

bool
peers_stood_still (const broker_core_t *core)
{
  return core->peers.count > 0 && core->now - core->ticked > core->options.limits.lease / 2 + tick_ms (core);
}

void
peers_renew (broker_core_t *core)
{
  core->ticked = core->now;
  LIST_EACH (link, &core->all_peers)
  LIST_ITEM (link, peer_t, in_core)->heard = core->now;
}

void
peers_on_time (broker_core_t *core)
{
  if (core->now - core->ticked < tick_ms (core))
    return;
  core->ticked = core->now;
  LIST_EACH (link, &core->all_peers)
  visit (core, LIST_ITEM (link, peer_t, in_core));
}

void
peers_bye (broker_core_t *core)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_BYE);
  LIST_EACH (link, &core->all_peers)
  answer_send (core, LIST_ITEM (link, peer_t, in_core)->connection, &header, NULL);
}

// SPDX-License-Identifier: Apache-2.0
//
// The storm's brokers, as small as they can be: a store that they share, who said hello, who waits for what, who has
// how much credit, and what each holds in its own memory only (volatile calls).

#include "storm.h"

#include <string.h>

const char *const storm_services[SERVICES] = {[ECHO] = "tool/echo", [FRONT] = "agent/front"};

static void
say (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, troupe_buffer_t *body)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  if (self->wires[node][broker].known || header->command == TROUPE_CMD_RESET)
    storm_post (self, &self->wires[node][broker].down, bytes, troupe_header_encode (header, bytes, sizeof bytes), body);
}

// -- The brokers -----------------------------------------------------------------------------------------------------

record_t *
storm_find (storm_t *self, const troupe_id_t *id, unsigned broker)
{
  for (unsigned i = 0; i < self->records_count; i++) {
    record_t *record = &self->records[i];
    bool here = record->owner < 0 || (record->owner == (int)broker && !record->lost);
    if (here && troupe_id_equal (&record->id, id))
      return record;
  }
  return NULL;
}

void
storm_broker_forget (storm_t *self, unsigned broker)
{
  for (unsigned i = 0; i < self->records_count; i++)
    self->records[i].lost = self->records[i].lost || self->records[i].owner == (int)broker;
}

static service_t
service_of (troupe_text_t name)
{
  return troupe_text_equal (name, storm_services[FRONT]) ? FRONT : ECHO;
}

static void
refuse (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *what, troupe_err_t code)
{
  troupe_header_t header;
  troupe_error_t error;
  troupe_buffer_t *body = NULL;
  troupe_error_set (&error, code, "call", NULL, "storm");
  json_t *json = troupe_error_to_json (&error);
  cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
  json_decref (json);
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, what->command);
  troupe_header_set_call (&header, &what->call);
  if (troupe_header_has (what, TROUPE_F (ATTEMPT)))
    troupe_header_set_attempt (&header, what->attempt);
  if (troupe_header_has (what, TROUPE_F (PARENT)) && storm_chance (self, 500))
    troupe_header_set_attempt (&header, what->parent); // a node gets on without
  say (self, broker, node, &header, body);
  troupe_buffer_unref (&body);
}

static void
tell_settled (storm_t *self, unsigned broker, unsigned node, const record_t *record)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, &record->id);
  troupe_header_set_status (&header, record->status);
  say (self, broker, node, &header, record->value);
}

static void
settle (storm_t *self, record_t *record, troupe_status_t status, troupe_buffer_t *value)
{
  record->status = status;
  record->value = troupe_buffer_ref (value);
  if (record->node >= 0 && status != TROUPE_STATUS_VALUE) {
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_CANCEL);
    troupe_header_set_call (&header, &record->id);
    troupe_header_set_attempt (&header, record->attempt);
    say (self, (unsigned)record->broker, (unsigned)record->node, &header, NULL);
  }
  record->node = -1;
  for (unsigned i = 0; i < self->records_count; i++)
    if (self->records[i].parent == record && self->records[i].status == TROUPE_STATUS_NONE)
      settle (self, &self->records[i], TROUPE_STATUS_CANCELLED, NULL);
  for (unsigned broker = 0; broker < BROKERS; broker++)
    for (unsigned node = 0; node < NODES; node++)
      if (record->waiters[broker][node])
        tell_settled (self, broker, node, record);
}

// The task's attempt under which a nested call is made must be the current one.
static bool
parent_runs (storm_t *self, const troupe_header_t *header, unsigned broker, record_t **parent)
{
  *parent = NULL;
  if (!troupe_header_has (header, TROUPE_F (PARENT)))
    return true;
  *parent = storm_find (self, &header->path[header->path_count - 1], broker);
  return *parent != NULL && (*parent)->status == TROUPE_STATUS_NONE && (*parent)->attempt == header->parent;
}

static record_t *
add_record (storm_t *self, unsigned broker, const troupe_header_t *header, record_t *parent, const mail_t *mail)
{
  bool is_volatile = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE);
  cr_assert (lt (uint, self->records_count, RECORDS));
  record_t *record = &self->records[self->records_count++];
  *record = (record_t){.id = header->call,
                       .service = service_of (header->service),
                       .input = troupe_buffer_ref (mail->body),
                       .parent = parent,
                       .owner = is_volatile ? (int)broker : -1,
                       .node = -1};
  memcpy (record->session, header->session.data, header->session.size);
  return record;
}

static void
accept (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, const mail_t *mail)
{
  troupe_header_t answer;
  record_t *record = storm_find (self, &header->call, broker), *parent;
  if (!parent_runs (self, header, broker, &parent)) {
    refuse (self, broker, node, header, TROUPE_STALE);
    return;
  }
  if (record == NULL && mail->copy)
    return; // a call that was refused must not come again by itself: ZeroMQ doesn't repeat
  if (record == NULL && storm_chance (self, self->trouble)) {
    refuse (self, broker, node, header, TROUPE_STORE_UNAVAILABLE);
    return;
  }
  if (record == NULL)
    record = add_record (self, broker, header, parent, mail);
  record->waiters[broker][node] = true;
  troupe_header_init (&answer, TROUPE_CMD_ACCEPTED);
  troupe_header_set_call (&answer, &record->id);
  say (self, broker, node, &answer, NULL);
  if (record->status != TROUPE_STATUS_NONE)
    tell_settled (self, broker, node, record);
}

static void
await (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header)
{
  record_t *record = storm_find (self, &header->call, broker);
  cr_assert_not_null (record); // only what was accepted is awaited
  record->waiters[broker][node] = true;
  if (record->status != TROUPE_STATUS_NONE)
    tell_settled (self, broker, node, record);
}

static void
take_outcome (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_header_t answer;
  record_t *record = storm_find (self, &header->call, broker);
  if (record == NULL) { // a volatile one, of another broker
    refuse (self, broker, node, header, TROUPE_UNKNOWN_CALL);
    return;
  }
  bool same = record->attempt == header->attempt;
  if (!same || (record->status != TROUPE_STATUS_NONE && record->status != header->status)) {
    refuse (self, broker, node, header, TROUPE_STALE);
    return;
  }
  if (record->status == TROUPE_STATUS_NONE)
    settle (self, record, (troupe_status_t)header->status, body);
  troupe_header_init (&answer, TROUPE_CMD_CONFIRMED);
  troupe_header_set_call (&answer, &record->id);
  troupe_header_set_attempt (&answer, header->attempt);
  say (self, broker, node, &answer, NULL);
}

static void
hello (storm_t *self, unsigned broker, unsigned node)
{
  troupe_header_t header;
  self->wires[node][broker].known = true;
  memset (self->wires[node][broker].serves, 0, sizeof self->wires[node][broker].serves);
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text ("broker"));
  troupe_header_set_heartbeat (&header, 500);
  troupe_header_set_lease (&header, 2500);
  troupe_header_set_limit (&header, 1000 * 1000);
  say (self, broker, node, &header, NULL);
}

static void
answer_service (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, troupe_command_t command)
{
  troupe_header_t answer;
  service_t service = service_of (header->service);
  self->wires[node][broker].serves[service] = command == TROUPE_CMD_REGISTERED;
  if (command == TROUPE_CMD_REGISTERED)
    self->wires[node][broker].credit[service] = (unsigned)header->credit;
  troupe_header_init (&answer, command);
  troupe_header_set_service (&answer, header->service);
  say (self, broker, node, &answer, NULL);
}

void
storm_broker_receive (storm_t *self, unsigned broker, unsigned node, const mail_t *mail)
{
  troupe_header_t header, answer;
  cr_assert (eq (int, troupe_header_decode (&header, mail->header, mail->header_size, NULL), TROUPE_OK));
  if (!self->wires[node][broker].known && header.command != TROUPE_CMD_HELLO) {
    troupe_header_init (&answer, TROUPE_CMD_RESET);
    troupe_header_set_peer (&answer, troupe_text ("broker"));
    say (self, broker, node, &answer, NULL);
    return;
  }
  switch (header.command) {
  case TROUPE_CMD_HELLO:
    hello (self, broker, node);
    break;
  case TROUPE_CMD_REGISTER:
    answer_service (self, broker, node, &header, TROUPE_CMD_REGISTERED);
    break;
  case TROUPE_CMD_UNREGISTER:
    answer_service (self, broker, node, &header, TROUPE_CMD_UNREGISTERED);
    break;
  case TROUPE_CMD_GRANT:
    self->wires[node][broker].credit[service_of (header.service)] = (unsigned)header.credit;
    break;
  case TROUPE_CMD_CALL:
    accept (self, broker, node, &header, mail);
    break;
  case TROUPE_CMD_AWAIT:
    await (self, broker, node, &header);
    break;
  case TROUPE_CMD_SETTLE:
    take_outcome (self, broker, node, &header, mail->body);
    break;
  case TROUPE_CMD_CANCEL: {
    record_t *record = storm_find (self, &header.call, broker);
    if (record != NULL && record->status == TROUPE_STATUS_NONE)
      settle (self, record, TROUPE_STATUS_CANCELLED, NULL);
    else if (record == NULL)
      refuse (self, broker, node, &header, TROUPE_UNKNOWN_CALL);
    break;
  }
  default:
    break;
  }
}

// -- Offering --------------------------------------------------------------------------------------------------------

static unsigned
running_at (const storm_t *self, service_t service, unsigned broker, unsigned node)
{
  unsigned count = 0;
  for (unsigned i = 0; i < self->records_count; i++) {
    const record_t *record = &self->records[i];
    count += record->status == TROUPE_STATUS_NONE && !record->lost && record->service == service &&
             record->broker == (int)broker && record->node == (int)node;
  }
  return count;
}

// Every call that nobody runs waits at both brokers.
static unsigned
queue_at (const storm_t *self, service_t service, unsigned broker)
{
  unsigned count = 0;
  for (unsigned i = 0; i < self->records_count; i++) {
    const record_t *record = &self->records[i];
    bool here = !record->lost && (record->owner < 0 || record->owner == (int)broker);
    count += here && record->status == TROUPE_STATUS_NONE && record->node < 0 && record->service == service;
  }
  return count;
}

void
storm_broker_beat (storm_t *self)
{
  troupe_header_t header;
  for (unsigned i = 0; i < NODES * BROKERS * SERVICES; i++) {
    unsigned node = i % NODES, broker = i / NODES % BROKERS;
    service_t service = (service_t)(i / NODES / BROKERS);
    troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
    troupe_header_set_service (&header, troupe_text (storm_services[service]));
    troupe_header_set_queue (&header, queue_at (self, service, broker));
    if (self->now >= self->frozen_until[broker])
      say (self, broker, node, &header, NULL);
  }
}

static void
offer (storm_t *self, record_t *record)
{
  troupe_header_t header;
  unsigned node = storm_pick (self, NODES), broker = storm_pick (self, BROKERS);
  const wire_t *wire = &self->wires[node][broker];
  if (record->owner >= 0 && record->owner != (int)broker)
    return;
  if (!wire->known || !wire->serves[record->service] || self->now < self->frozen_until[broker])
    return;
  // As to an actor's owner, now and then without credit.
  if (running_at (self, record->service, broker, node) >= wire->credit[record->service] && !storm_chance (self, 10))
    return;
  record->attempt++;
  record->node = (int)node;
  record->broker = (int)broker;
  record->offered_at = self->now;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &record->id);
  troupe_header_set_service (&header, troupe_text (storm_services[record->service]));
  troupe_header_set_session (&header, troupe_text (record->session));
  troupe_header_set_attempt (&header, record->attempt);
  troupe_header_set_queue (&header, queue_at (self, record->service, broker));
  if (record->owner >= 0)
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  say (self, broker, node, &header, record->input);
}

void
storm_broker_offer (storm_t *self)
{
  for (unsigned i = 0; i < self->records_count; i++) {
    record_t *record = &self->records[i];
    if (record->status != TROUPE_STATUS_NONE || record->lost)
      continue;
    bool gone = record->node >= 0 && (!self->wires[record->node][record->broker].known ||
                                      self->now - record->offered_at > OFFER_PATIENCE_MS);
    if (record->node < 0 || gone)
      offer (self, record);
  }
}

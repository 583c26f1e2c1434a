// SPDX-License-Identifier: Apache-2.0
//
// Nodes in a storm: three cores call each other through two brokers in virtual time, while frames are lost, repeated
// and reordered, connections break, and brokers restart or freeze, all from a seed. When the storm is over, every call
// must have settled or been refused exactly once, with the outcome that the store has, and nothing may be left over.
//
// The brokers here are as small as they can be: a store that they share, who said hello, and who waits for what.

#include "rig.h"

#include "node/list.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>

enum {
  NODES = 3,
  BROKERS = 2,
  CALLS = 60,
  STEP_MS = 10,
  STORM_MS = 40 * 1000,
  CALM_MS = 400 * 1000, // nothing may need longer than the longest patience of the node
  OFFER_PATIENCE_MS = 8000,
  SEEDS = 150,
};

typedef struct {
  node_list_t place;
  int64_t at; // when it arrives
  bool copy;  // a repetition
  size_t header_size;
  unsigned char header[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body;
} mail_t;

typedef struct {
  node_list_t up, down; // mail to the broker, to the node
  unsigned generation;
  bool known; // to the broker
  bool serves;
} wire_t;

typedef struct {
  troupe_id_t id;
  char session[64];
  troupe_buffer_t *input, *value;
  troupe_status_t status;
  bool accepted, waiters[BROKERS][NODES];
  uint32_t attempt;
  int node, broker; // who runs it; -1: nobody
  int64_t offered_at;
} record_t;

typedef struct storm storm_t;

typedef struct {
  storm_t *storm;
  node_core_t *core;
  troupe_task_t *tasks[CALLS * 4];
  unsigned tasks_count, drained;
} actor_t;

typedef struct {
  storm_t *storm;
  troupe_placeholder_t *placeholder;
  unsigned settled;
} client_t;

struct storm {
  unsigned seed, random;
  uint64_t ids;
  int64_t now, frozen_until[BROKERS];
  unsigned trouble; // of 1000 frames
  actor_t nodes[NODES];
  wire_t wires[NODES][BROKERS];
  record_t records[CALLS];
  client_t clients[CALLS];
  unsigned records_count, clients_count;
};

static bool
chance (storm_t *self, unsigned of_1000)
{
  return (unsigned)rand_r (&self->random) % 1000 < of_1000;
}

static unsigned
pick (storm_t *self, unsigned count)
{
  return (unsigned)rand_r (&self->random) % count;
}

// -- Mail ------------------------------------------------------------------------------------------------------------

static void
drop_mail (node_list_t *list)
{
  while (!node_list_empty (list)) {
    mail_t *mail = NODE_OF (list->next, mail_t, place);
    node_list_remove (&mail->place);
    troupe_buffer_unref (&mail->body);
    free (mail);
  }
}

// Perhaps not at all, perhaps twice, perhaps before what was sent earlier.
static void
post (storm_t *self, node_list_t *list, const void *header, size_t size, troupe_buffer_t *body)
{
  unsigned copies = chance (self, self->trouble) ? 0 : chance (self, self->trouble) ? 2 : 1;
  for (unsigned i = 0; i < copies; i++) {
    mail_t *mail = calloc (1, sizeof *mail);
    mail->copy = i > 0;
    node_list_init (&mail->place);
    mail->at = self->now + STEP_MS + (chance (self, self->trouble) ? (int64_t)pick (self, 500) : 0);
    mail->header_size = size;
    memcpy (mail->header, header, size);
    mail->body = troupe_buffer_ref (body);
    node_list_append (list, &mail->place);
  }
}

static mail_t *
arrived (storm_t *self, node_list_t *list)
{
  for (node_list_t *link = list->next; link != list; link = link->next) {
    mail_t *mail = NODE_OF (link, mail_t, place);
    if (mail->at > self->now)
      continue;
    node_list_remove (&mail->place);
    return mail;
  }
  return NULL;
}

static void
say (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, troupe_buffer_t *body)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  if (self->wires[node][broker].known || header->command == TROUPE_CMD_RESET)
    post (self, &self->wires[node][broker].down, bytes, troupe_header_encode (header, bytes, sizeof bytes), body);
}

// -- The brokers -----------------------------------------------------------------------------------------------------

static record_t *
find_record (storm_t *self, const troupe_header_t *header)
{
  for (unsigned i = 0; i < self->records_count; i++)
    if (troupe_id_equal (&self->records[i].id, &header->call))
      return &self->records[i];
  return NULL;
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
  for (unsigned broker = 0; broker < BROKERS; broker++)
    for (unsigned node = 0; node < NODES; node++)
      if (record->waiters[broker][node])
        tell_settled (self, broker, node, record);
}

static void
accept (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, const mail_t *mail)
{
  troupe_header_t answer;
  record_t *record = find_record (self, header);
  if (record == NULL && mail->copy)
    return; // a call that was refused must not come again by itself: ZeroMQ doesn't repeat
  if (record == NULL && chance (self, self->trouble)) {
    refuse (self, broker, node, header, TROUPE_STORE_UNAVAILABLE);
    return;
  }
  if (record == NULL) {
    cr_assert (lt (uint, self->records_count, CALLS));
    record = &self->records[self->records_count++];
    *record = (record_t){.id = header->call, .input = troupe_buffer_ref (mail->body), .node = -1};
    memcpy (record->session, header->session.data, header->session.size);
  }
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
  record_t *record = find_record (self, header);
  cr_assert_not_null (record); // only what was accepted is awaited
  record->waiters[broker][node] = true;
  if (record->status != TROUPE_STATUS_NONE)
    tell_settled (self, broker, node, record);
}

static void
take_outcome (storm_t *self, unsigned broker, unsigned node, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_header_t answer;
  record_t *record = find_record (self, header);
  cr_assert_not_null (record);
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
  self->wires[node][broker].serves = false;
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
  self->wires[node][broker].serves = command == TROUPE_CMD_REGISTERED;
  troupe_header_init (&answer, command);
  troupe_header_set_service (&answer, header->service);
  say (self, broker, node, &answer, NULL);
}

static void
broker_receive (storm_t *self, unsigned broker, unsigned node, const mail_t *mail)
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
    record_t *record = find_record (self, &header);
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

static void
offer (storm_t *self, record_t *record)
{
  troupe_header_t header;
  unsigned node = pick (self, NODES), broker = pick (self, BROKERS);
  if (!self->wires[node][broker].known || !self->wires[node][broker].serves || self->now < self->frozen_until[broker])
    return;
  record->attempt++;
  record->node = (int)node;
  record->broker = (int)broker;
  record->offered_at = self->now;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &record->id);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  troupe_header_set_session (&header, troupe_text (record->session));
  troupe_header_set_attempt (&header, record->attempt);
  say (self, broker, node, &header, record->input);
}

static void
offer_all (storm_t *self)
{
  for (unsigned i = 0; i < self->records_count; i++) {
    record_t *record = &self->records[i];
    if (record->status != TROUPE_STATUS_NONE)
      continue;
    bool lost = record->node >= 0 && (!self->wires[record->node][record->broker].known ||
                                      self->now - record->offered_at > OFFER_PATIENCE_MS);
    if (record->node < 0 || lost)
      offer (self, record);
  }
}

// -- The nodes -------------------------------------------------------------------------------------------------------

static troupe_id_t
next_id (void *context)
{
  storm_t *self = ((actor_t *)context)->storm;
  troupe_id_t id = {{0}};
  uint64_t number = ++self->ids;
  memcpy (id.bytes + 8, &number, sizeof number);
  return id;
}

static void
serve (void *context, troupe_task_t *task)
{
  actor_t *actor = context;
  cr_assert (lt (uint, actor->tasks_count, CALLS * 4));
  actor->tasks[actor->tasks_count++] = task;
}

static void
work (storm_t *self, actor_t *actor)
{
  for (unsigned i = 0; i < actor->tasks_count; i++) {
    if (!chance (self, self->seed % 2 == 0 ? 30 : 3)) // a third of a second, or three
      continue;
    troupe_task_t *task = actor->tasks[i];
    actor->tasks[i--] = actor->tasks[--actor->tasks_count];
    troupe_task_part (task, json_string ("part"));
    troupe_task_reply (&task, json_incref ((json_t *)(uintptr_t)troupe_task_input (task)));
  }
}

static void
settled (void *context, troupe_placeholder_t *placeholder)
{
  client_t *client = context;
  cr_assert (eq (ptr, client->placeholder, placeholder));
  client->settled++;
}

static void
call (storm_t *self)
{
  client_t *client = &self->clients[self->clients_count];
  json_t *input = json_integer (self->clients_count++);
  troupe_call_t made = {.service = "tool/echo", .input = input, .settled = settled, .context = client};
  client->storm = self;
  made.deadline_ms = chance (self, 300) ? 1000 + pick (self, 60 * 1000) : 0;
  cr_assert (eq (int,
                 node_core_call (self->nodes[pick (self, NODES)].core, &client->placeholder, &made, self->now, NULL),
                 TROUPE_OK));
  json_decref (input);
}

static void
break_wire (storm_t *self, unsigned node, unsigned broker, bool tell)
{
  wire_t *wire = &self->wires[node][broker];
  drop_mail (&wire->up);
  drop_mail (&wire->down);
  wire->known = false;
  if (tell)
    node_core_step (self->nodes[node].core, &(node_event_t){NODE_DISCONNECTED, broker}, self->now);
}

static void
exchange (storm_t *self, unsigned node, unsigned broker)
{
  wire_t *wire = &self->wires[node][broker];
  node_core_t *core = self->nodes[node].core;
  node_wish_t wish = node_core_wish (core, broker);
  const node_frame_t *frame;
  if (wish.generation != wire->generation) { // a new socket; the broker sees the old peer go
    break_wire (self, node, broker, false);
    wire->generation = wish.generation;
  }
  while (wish.open && (frame = node_core_frame (core, broker)) != NULL) {
    post (self, &wire->up, frame->header, frame->header_size, frame->body);
    node_core_frame_sent (core, broker);
  }
  if (self->now < self->frozen_until[broker])
    return;
  for (mail_t *mail; (mail = arrived (self, &wire->up)) != NULL; free (mail)) {
    broker_receive (self, broker, node, mail);
    troupe_buffer_unref (&mail->body);
  }
  for (mail_t *mail; (mail = arrived (self, &wire->down)) != NULL; free (mail)) {
    node_event_t event = {NODE_RECEIVED, broker, mail->header, mail->header_size, mail->body};
    if (wish.generation == node_core_wish (core, broker).generation)
      node_core_step (core, &event, self->now);
    troupe_buffer_unref (&mail->body);
  }
}

static void
make_trouble (storm_t *self)
{
  unsigned broker = pick (self, BROKERS);
  if (chance (self, 4)) // a connection breaks, noticed or not
    break_wire (self, pick (self, NODES), broker, chance (self, 500));
  if (chance (self, 2)) // a broker restarts: it knows nobody
    for (unsigned node = 0; node < NODES; node++)
      break_wire (self, node, broker, chance (self, 800));
  if (chance (self, 2))
    self->frozen_until[broker] = self->now + pick (self, 6000);
  if (chance (self, 20) && self->clients_count > 0) {
    client_t *client = &self->clients[pick (self, self->clients_count)];
    if (chance (self, 200))
      troupe_placeholder_cancel (client->placeholder);
  }
}

static void
beat (storm_t *self)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  for (unsigned node = 0; node < NODES; node++)
    for (unsigned broker = 0; broker < BROKERS; broker++)
      if (self->now >= self->frozen_until[broker])
        say (self, broker, node, &header, NULL);
}

static void
step (storm_t *self)
{
  self->now += STEP_MS;
  if (self->now % 500 == 0)
    beat (self);
  for (unsigned i = 0; i < NODES; i++) {
    node_core_step (self->nodes[i].core, &(node_event_t){NODE_TICK}, self->now);
    for (unsigned broker = 0; broker < BROKERS; broker++)
      exchange (self, i, broker);
    while (node_core_deliver (self->nodes[i].core, self->now, 100))
      continue;
    work (self, &self->nodes[i]);
  }
  offer_all (self);
}

// -- The story -------------------------------------------------------------------------------------------------------

static void
begin (storm_t *self, unsigned seed)
{
  static const char *const brokers[] = {"ipc://one", "ipc://two", NULL};
  *self = (storm_t){.seed = seed, .random = seed, .now = 1000 * 1000, .trouble = seed % 4 * 15};
  for (unsigned i = 0; i < NODES; i++) {
    actor_t *actor = &self->nodes[i];
    actor->storm = self;
    node_core_options_t options = {"storm", brokers, NULL, next_id, NULL, actor};
    cr_assert (eq (int, node_core_new (&actor->core, &options, self->now, NULL), TROUPE_OK));
    troupe_service_t service = {.name = "tool/echo", .credit = CALLS, .serve = serve, .context = actor};
    cr_assert (eq (int, node_core_serve (actor->core, &service, NULL), TROUPE_OK));
    for (unsigned broker = 0; broker < BROKERS; broker++) {
      node_list_init (&self->wires[i][broker].up);
      node_list_init (&self->wires[i][broker].down);
    }
  }
}

static void
check (storm_t *self)
{
  for (unsigned i = 0; i < self->records_count; i++)
    cr_assert (ne (int, self->records[i].status, TROUPE_STATUS_NONE), "seed %u: an accepted call is lost", self->seed);
  for (unsigned i = 0; i < self->clients_count; i++) {
    client_t *client = &self->clients[i];
    troupe_header_t header;
    header.call = *troupe_placeholder_id (client->placeholder);
    const record_t *record = find_record (self, &header);
    troupe_status_t status = troupe_placeholder_status (client->placeholder);
    cr_assert (eq (uint, client->settled, 1), "seed %u: call %u", self->seed, i);
    if (status == TROUPE_STATUS_VALUE) {
      cr_assert (eq (long, json_integer_value (troupe_placeholder_value (client->placeholder)), (long)i));
      cr_assert (eq (int, record->status, TROUPE_STATUS_VALUE));
    }
    // Refused means that nothing happened; cancelled by the store, or before it was sent.
    if (troupe_placeholder_state (client->placeholder) == TROUPE_CALL_REFUSED)
      cr_assert (record == NULL, "seed %u: call %u was refused and stored", self->seed, i);
    if (status == TROUPE_STATUS_CANCELLED)
      cr_assert (record == NULL || record->status == TROUPE_STATUS_CANCELLED);
  }
}

static void
drained (void *context)
{
  ((actor_t *)context)->drained++;
}

static void
end (storm_t *self)
{
  for (unsigned i = 0; i < NODES; i++)
    node_core_drain (self->nodes[i].core, drained, &self->nodes[i]);
  for (int64_t until = self->now + CALM_MS;
       self->now < until && !(self->nodes[0].drained && self->nodes[1].drained && self->nodes[2].drained);)
    step (self);
  for (unsigned i = 0; i < NODES; i++)
    cr_assert (eq (uint, self->nodes[i].drained, 1), "seed %u: node %u", self->seed, i);
  for (unsigned i = 0; i < self->clients_count; i++)
    troupe_placeholder_destroy (&self->clients[i].placeholder);
  for (unsigned i = 0; i < self->records_count; i++) {
    troupe_buffer_unref (&self->records[i].input);
    troupe_buffer_unref (&self->records[i].value);
  }
  for (unsigned i = 0; i < NODES; i++) {
    node_core_destroy (&self->nodes[i].core);
    for (unsigned broker = 0; broker < BROKERS; broker++) {
      drop_mail (&self->wires[i][broker].up);
      drop_mail (&self->wires[i][broker].down);
    }
  }
}

static bool
all_settled (const storm_t *self)
{
  for (unsigned i = 0; i < self->clients_count; i++)
    if (self->clients[i].settled == 0)
      return false;
  for (unsigned i = 0; i < self->records_count; i++)
    if (self->records[i].status == TROUPE_STATUS_NONE)
      return false;
  return true;
}

static void
rage (unsigned seed)
{
  static storm_t storm;
  storm_t *self = &storm;
  begin (self, seed);
  for (int64_t until = self->now + STORM_MS; self->now < until;) {
    step (self);
    make_trouble (self);
    if (self->clients_count < CALLS && chance (self, 40))
      call (self);
  }
  self->trouble = 0;
  for (int64_t until = self->now + CALM_MS; self->now < until && !all_settled (self);)
    step (self);
  check (self);
  end (self);
}

// TROUPE_SEED=n runs that seed alone.
Test (storm, every_call_ends_exactly_once)
{
  const char *chosen = getenv ("TROUPE_SEED");
  troupe_log_init (&(troupe_log_options_t){.program = "unit-node", .level = TROUPE_LOG_OFF});
  unsigned first = chosen != NULL ? (unsigned)strtoul (chosen, NULL, 10) : 1;
  unsigned last = chosen != NULL ? first : SEEDS;
  for (unsigned seed = first; seed <= last; seed++)
    rage (seed);
}

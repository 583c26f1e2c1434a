// SPDX-License-Identifier: Apache-2.0
//
// Nodes in a storm: three cores call each other through two brokers in virtual time, while frames are lost, repeated
// and reordered, connections break, and brokers restart or freeze, all from a seed. When the storm is over, every call
// must have settled or been refused exactly once, with the outcome that the store has, and nothing may be left over.
// Some calls make two calls of their own, which every attempt at them must make under the same ids; some are volatile.
// No instance ever has more tasks in hand than its credit.

#include "storm.h"

#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>

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
  cr_assert (lt (uint, actor->tasks_count, CREDIT), "seed %u: more than the credit", actor->storm->seed);
  actor->tasks[actor->tasks_count++] = task;
}

static void
work (storm_t *self, actor_t *actor)
{
  for (unsigned i = 0; i < actor->tasks_count; i++) {
    if (!storm_chance (self, self->seed % 8 < 4 ? 30 : 3)) // a third of a second, or three
      continue;
    troupe_task_t *task = actor->tasks[i];
    actor->tasks[i--] = actor->tasks[--actor->tasks_count];
    troupe_task_part (task, json_string ("part"));
    troupe_task_reply (&task, json_incref ((json_t *)(uintptr_t)troupe_task_input (task)));
  }
}

typedef struct {
  actor_t *actor;
  troupe_task_t *task;
  unsigned waiting, failed;
  troupe_placeholder_t *asked[2];
} front_t;

static void
end_front (front_t *front)
{
  troupe_error_t error = {.code = TROUPE_SERVICE_FAILED};
  json_t *input = (json_t *)(uintptr_t)troupe_task_input (front->task);
  if (front->failed == 0)
    troupe_task_reply (&front->task, json_incref (input));
  else
    troupe_task_fail (&front->task, &error);
  for (unsigned i = 0; i < 2; i++)
    troupe_placeholder_destroy (&front->asked[i]);
  front->actor->fronts_count--;
  free (front);
}

static void
front_heard (void *context, troupe_placeholder_t *placeholder)
{
  front_t *front = context;
  const json_t *value = troupe_placeholder_value (placeholder);
  front->failed += value == NULL;
  cr_assert (value == NULL || json_equal (value, troupe_task_input (front->task)));
  if (--front->waiting == 0)
    end_front (front);
}

// Asks twice the same: what it calls must not depend on the attempt.
static void
serve_front (void *context, troupe_task_t *task)
{
  actor_t *actor = context;
  front_t *front = calloc (1, sizeof *front);
  cr_assert (lt (uint, actor->fronts_count++, CREDIT), "seed %u: more than the credit", actor->storm->seed);
  *front = (front_t){.actor = actor, .task = task, .waiting = 2};
  troupe_call_t call = {.service = storm_services[ECHO],
                        .input = troupe_task_input (task),
                        .parent = task,
                        .settled = front_heard,
                        .context = front};
  for (unsigned i = 0; i < 2; i++)
    cr_assert (eq (int, node_core_call (actor->core, &front->asked[i], &call, actor->storm->now, NULL), TROUPE_OK));
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
  service_t service = storm_chance (self, 400) ? FRONT : ECHO;
  troupe_call_t made = {.service = storm_services[service], .input = input, .settled = settled, .context = client};
  client->storm = self;
  made.is_volatile = client->is_volatile = storm_chance (self, 250);
  made.deadline_ms = storm_chance (self, 300) ? 1000 + storm_pick (self, 60 * 1000) : 0;
  node_core_t *core = self->nodes[storm_pick (self, NODES)].core;
  cr_assert (eq (int, node_core_call (core, &client->placeholder, &made, self->now, NULL), TROUPE_OK));
  json_decref (input);
}

static void
break_wire (storm_t *self, unsigned node, unsigned broker, bool tell)
{
  wire_t *wire = &self->wires[node][broker];
  storm_drop_mail (&wire->up);
  storm_drop_mail (&wire->down);
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
    storm_post (self, &wire->up, frame->header, frame->header_size, frame->body);
    node_core_frame_sent (core, broker);
  }
  if (self->now < self->frozen_until[broker])
    return;
  for (mail_t *mail; (mail = storm_arrived (self, &wire->up)) != NULL; free (mail)) {
    storm_broker_receive (self, broker, node, mail);
    troupe_buffer_unref (&mail->body);
  }
  for (mail_t *mail; (mail = storm_arrived (self, &wire->down)) != NULL; free (mail)) {
    node_event_t event = {NODE_RECEIVED, broker, mail->header, mail->header_size, mail->body};
    if (wish.generation == node_core_wish (core, broker).generation)
      node_core_step (core, &event, self->now);
    troupe_buffer_unref (&mail->body);
  }
}

static void
make_trouble (storm_t *self)
{
  unsigned broker = storm_pick (self, BROKERS);
  if (storm_chance (self, 4)) // a connection breaks, noticed or not
    break_wire (self, storm_pick (self, NODES), broker, storm_chance (self, 500));
  if (storm_chance (self, 2)) { // a broker restarts: it knows nobody
    storm_broker_forget (self, broker);
    for (unsigned node = 0; node < NODES; node++)
      break_wire (self, node, broker, storm_chance (self, 800));
  }
  if (storm_chance (self, 2))
    self->frozen_until[broker] = self->now + storm_pick (self, 6000);
  if (storm_chance (self, 20) && self->clients_count > 0) {
    client_t *client = &self->clients[storm_pick (self, self->clients_count)];
    if (storm_chance (self, 200))
      troupe_placeholder_cancel (client->placeholder);
  }
}

static void
step (storm_t *self)
{
  self->now += STEP_MS;
  if (self->now % 500 == 0)
    storm_broker_beat (self);
  for (unsigned i = 0; i < NODES; i++) {
    node_core_step (self->nodes[i].core, &(node_event_t){NODE_TICK}, self->now);
    for (unsigned broker = 0; broker < BROKERS; broker++)
      exchange (self, i, broker);
    while (node_core_deliver (self->nodes[i].core, self->now, 100))
      continue;
    work (self, &self->nodes[i]);
  }
  storm_broker_offer (self);
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
    for (unsigned j = 0; j < SERVICES; j++) {
      troupe_service_t service = {.name = storm_services[j], .credit = CREDIT, .context = actor};
      service.serve = j == FRONT ? serve_front : serve;
      cr_assert (eq (int, node_core_serve (actor->core, &service, NULL), TROUPE_OK));
    }
    for (unsigned broker = 0; broker < BROKERS; broker++) {
      node_list_init (&self->wires[i][broker].up);
      node_list_init (&self->wires[i][broker].down);
    }
  }
}

// However many attempts there were, a call's journal holds its two calls.
static void
check_journal (const storm_t *self, const record_t *parent)
{
  unsigned nested = 0, values = 0;
  for (unsigned i = 0; i < self->records_count; i++) {
    nested += self->records[i].parent == parent;
    values += self->records[i].parent == parent && self->records[i].status == TROUPE_STATUS_VALUE;
  }
  cr_assert (le (uint, nested, 2), "seed %u: %u nested calls instead of two", self->seed, nested);
  if (parent->service == FRONT && parent->status == TROUPE_STATUS_VALUE && parent->owner < 0)
    cr_assert (eq (uint, values, 2), "seed %u: a reply without its answers", self->seed);
}

static void
check_client (storm_t *self, unsigned number)
{
  client_t *client = &self->clients[number];
  const record_t *record = storm_find (self, troupe_placeholder_id (client->placeholder), BROKERS);
  troupe_status_t status = troupe_placeholder_status (client->placeholder);
  cr_assert (eq (uint, client->settled, 1), "seed %u: call %u", self->seed, number);
  if (status == TROUPE_STATUS_VALUE)
    cr_assert (eq (long, json_integer_value (troupe_placeholder_value (client->placeholder)), (long)number));
  if (client->is_volatile)
    return;
  if (status == TROUPE_STATUS_VALUE)
    cr_assert (eq (int, record->status, TROUPE_STATUS_VALUE));
  // Refused means that nothing happened; cancelled by the store, or before it was sent.
  if (troupe_placeholder_state (client->placeholder) == TROUPE_CALL_REFUSED)
    cr_assert (record == NULL, "seed %u: call %u was refused and stored", self->seed, number);
  if (status == TROUPE_STATUS_CANCELLED)
    cr_assert (record == NULL || record->status == TROUPE_STATUS_CANCELLED);
}

// The whole credit is handed out, and no more. (Where frames get lost, a broker may have missed a share.)
static void
check_credit (const storm_t *self)
{
  for (unsigned i = 0; i < NODES * SERVICES && self->seed % 4 == 0; i++) {
    const wire_t *wires = self->wires[i % NODES];
    if (wires[0].known && wires[1].known)
      cr_assert (eq (uint, wires[0].credit[i / NODES] + wires[1].credit[i / NODES], CREDIT), "seed %u", self->seed);
  }
}

static void
check (storm_t *self)
{
  for (unsigned i = 0; i < self->records_count; i++) {
    const record_t *record = &self->records[i];
    cr_assert (record->lost || record->status != TROUPE_STATUS_NONE, "seed %u: an accepted call is lost", self->seed);
    check_journal (self, record);
  }
  for (unsigned i = 0; i < self->clients_count; i++)
    check_client (self, i);
  check_credit (self);
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
      storm_drop_mail (&self->wires[i][broker].up);
      storm_drop_mail (&self->wires[i][broker].down);
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
    if (self->records[i].status == TROUPE_STATUS_NONE && !self->records[i].lost)
      return false;
  // A task that its broker forgot still asks others, who are not to leave before.
  for (unsigned i = 0; i < NODES; i++)
    if (self->nodes[i].tasks_count > 0 || self->nodes[i].fronts_count > 0)
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
    if (self->clients_count < CALLS && storm_chance (self, 40))
      call (self);
  }
  self->trouble = 0;
  for (int64_t until = self->now + CALM_MS; self->now < until && !all_settled (self);)
    step (self);
  for (int64_t until = self->now + QUIET_MS; self->now < until;) // what is under way arrives
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

// SPDX-License-Identifier: Apache-2.0
//
// Calls, and those who wait for them. What a call's service is to do is in its input, the plan (mesh_plan.c).

#include "sim/mesh_state.h"

#include <stdlib.h>

enum { INPUTS_MAX = 2 };

static const table_key_t key = {{3, 4}};

unsigned
mesh_service_of (troupe_text_t name)
{
  unsigned s = 0;
  while (s < MESH_SERVICES && !troupe_text_equal (name, mesh_services[s].name))
    s++;
  return s;
}

mesh_call_t *
mesh_call_find (const mesh_t *self, const troupe_id_t *id)
{
  table_link_t *link = table_first (&self->calls_by_id, table_hash (&key, id, sizeof *id));
  for (; link != NULL; link = table_next (link)) {
    mesh_call_t *call = (mesh_call_t *)(void *)((char *)link - offsetof (mesh_call_t, by_id));
    if (troupe_id_equal (&call->id, id))
      return call;
  }
  return NULL;
}

// -- Records ---------------------------------------------------------------------------------------------------------

static mesh_call_t *
record (mesh_node_t *node, const troupe_id_t *id, unsigned service, unsigned session, unsigned number)
{
  mesh_t *mesh = node->mesh;
  mesh_call_t *call = mesh_call_find (mesh, id);
  if (call != NULL)
    return call;
  mesh->calls = mesh_need (realloc (mesh->calls, (mesh->calls_count + 1) * sizeof *mesh->calls));
  call = mesh->calls[mesh->calls_count] = mesh_need (calloc (1, sizeof *call));
  *call = (mesh_call_t){.id = *id,
                        .index = mesh->calls_count++,
                        .number = number,
                        .service = service,
                        .session = session,
                        .node = node->index,
                        .life = node->life,
                        .made_at = mesh->clock.now};
  table_insert (&mesh->calls_by_id, &call->by_id, table_hash (&key, id, sizeof *id));
  return call;
}

static mesh_wait_t *
new_wait (mesh_node_t *node)
{
  mesh_t *mesh = node->mesh;
  mesh_wait_t *wait = mesh_need (calloc (1, sizeof *wait));
  mesh->waits = mesh_need (realloc (mesh->waits, (mesh->waits_count + 1) * sizeof *mesh->waits));
  mesh->waits[mesh->waits_count++] = wait;
  wait->node = node;
  wait->life = node->life;
  wait->since = mesh->clock.now;
  return wait;
}

void
mesh_call_forget (mesh_wait_t *wait)
{
  troupe_placeholder_destroy (&wait->placeholder);
  wait->job = NULL;
}

void
mesh_call_node_died (mesh_node_t *node)
{
  mesh_t *mesh = node->mesh;
  for (unsigned i = 0; i < mesh->waits_count; i++)
    if (mesh->waits[i]->node == node)
      mesh_call_forget (mesh->waits[i]);
}

void
mesh_call_free_all (mesh_t *self)
{
  for (unsigned i = 0; i < self->waits_count; i++)
    free (self->waits[i]);
  for (unsigned i = 0; i < self->calls_count; i++) {
    for (unsigned o = 0; o < self->calls[i]->outcomes_count; o++)
      troupe_buffer_unref (&self->calls[i]->outcomes[o].value);
    free (self->calls[i]->offers);
    free (self->calls[i]->place.cuts);
    json_decref (self->calls[i]->place.op);
    free (self->calls[i]);
  }
  table_destroy (&self->calls_by_id);
  free (self->waits);
  free (self->calls);
}

mesh_call_t *
mesh_call_observe (mesh_t *self, const ledger_model_call_t *stored)
{
  unsigned session = 0;
  while (strcmp (mesh_sessions[session], stored->session) != 0)
    session++;
  mesh_call_t *call = record (&self->nodes[0], &stored->id, mesh_service_of (troupe_text (stored->service)), session, 0);
  call->observes = true;
  call->deadline_ms = stored->deadline - mesh_ms (self);
  mesh_trace (self, "the store has %s observe in %s: %s", stored->service, stored->session, mesh_id_text (&call->id));
  return call;
}

// -- What callers hear -----------------------------------------------------------------------------------------------

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  mesh_wait_t *wait = context;
  mesh_t *mesh = wait->node->mesh;
  if (placeholder != wait->placeholder || ++wait->told > 1) {
    mesh_found (mesh, MESH_CHECK_TOLD_ONCE, "node %u.%u is told twice how %s ended", wait->node->index,
                wait->node->life, mesh_id_text (&wait->call->id));
    return;
  }
  wait->refused = troupe_placeholder_state (placeholder) == TROUPE_CALL_REFUSED;
  mesh_trace (mesh, "node %u.%u is told that %s ended: %s %s%s", wait->node->index, wait->node->life,
              mesh_id_text (&wait->call->id), troupe_status_name (troupe_placeholder_status (placeholder)),
              troupe_err_name (troupe_placeholder_error (placeholder)->code), wait->refused ? " (refused)" : "");
  mesh_check_told (mesh, wait);
  if (wait->job != NULL)
    mesh_work_told (wait);
}

static void
on_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  mesh_wait_t *wait = context;
  unsigned index = (unsigned)json_integer_value (part);
  bool in_order = attempt > wait->part_attempt ||
                  (attempt == wait->part_attempt && (index >= wait->part_next || wait->call->is_volatile));
  (void)placeholder;
  if (!in_order)
    mesh_found (wait->node->mesh, MESH_CHECK_PARTS_IN_ORDER,
                "part %u of attempt %u of %s comes when part %u of attempt %u is expected", index, attempt,
                mesh_id_text (&wait->call->id), wait->part_next, wait->part_attempt);
  wait->part_attempt = attempt;
  wait->part_next = index + 1;
}

// -- Making calls ----------------------------------------------------------------------------------------------------

// Earlier calls of this caller in the session, as inputs; their references go into the plan.
static unsigned
choose_inputs (mesh_node_t *node, unsigned session, troupe_placeholder_t **out, json_t *plan)
{
  mesh_t *mesh = node->mesh;
  json_t *inputs = mesh_need (json_array ()), *from = mesh_need (json_array ());
  unsigned count = 0;
  for (unsigned i = mesh->waits_count; i > 0 && count < INPUTS_MAX; i--) {
    mesh_wait_t *wait = mesh->waits[i - 1];
    if (wait->node != node || wait->placeholder == NULL || wait->call->session != session || wait->refused ||
        wait->awaits || wait->call->is_volatile || wait->call->place.op != NULL || !mesh_chance (&mesh->clock, 300))
      continue;
    json_array_append_new (inputs, mesh_need (json_pack ("{s:i}", "$input", (int)count)));
    json_array_append_new (from, mesh_need (json_integer (wait->call->number)));
    out[count++] = wait->placeholder;
  }
  mesh_plan_put (plan, "inputs", inputs);
  mesh_plan_put (plan, "from", from);
  return count;
}

static void
describe (mesh_node_t *node, troupe_call_t *made, unsigned service, unsigned session, bool probe)
{
  mesh_clock_t *clock = &node->mesh->clock;
  made->service = mesh_services[service].name;
  made->session = mesh_sessions[session];
  made->settled = on_settled;
  made->part = mesh_chance (clock, 400) ? on_part : NULL;
  made->wait = probe || mesh_chance (clock, 300);
  made->deadline_ms = probe ? 40000 : mesh_chance (clock, 500) ? 0 : 500 + (int64_t)mesh_dice (clock, 25000);
  made->is_volatile = !probe && !mesh_services[service].actor && mesh_chance (clock, 300);
}

void
mesh_call_make (mesh_node_t *node, bool probe)
{
  mesh_t *mesh = node->mesh;
  troupe_placeholder_t *inputs[INPUTS_MAX];
  unsigned service = (unsigned)mesh_dice (&mesh->clock, MESH_PLAIN);
  unsigned session = (unsigned)mesh_dice (&mesh->clock, MESH_SESSIONS);
  troupe_call_t made = {0};
  describe (node, &made, service, session, probe);
  mesh->scriptless = session >= MESH_LASTING;
  json_t *plan = mesh_plan (mesh, service, 0, probe);
  mesh->scriptless = false;
  if (!probe && !made.is_volatile && mesh_chance (&mesh->clock, 200)) {
    made.inputs_count = choose_inputs (node, session, inputs, plan);
    made.inputs = inputs;
  }
  if (made.deadline_ms > 0 && !probe && mesh_chance (&mesh->clock, 60)) {
    mesh_plan_put (plan, "hang", json_true ());
    made.deadline_ms = 300 + made.deadline_ms / 5;
  }
  mesh_wait_t *wait = new_wait (node);
  made.input = plan;
  made.context = wait;
  troupe_error_t error;
  troupe_err_t err = node_core_call (node->core, &wait->placeholder, &made, mesh_ms (mesh), &error);
  if (err != TROUPE_OK) {
    mesh_trace (mesh, "node %u.%u may not call: %s", node->index, node->life, error.why);
    node->mesh->waits_count--;
    free (wait);
  } else {
    wait->call = record (node, troupe_placeholder_id (wait->placeholder), service, session,
                         (unsigned)json_integer_value (json_object_get (plan, "n")));
    wait->call->probe = probe;
    wait->call->is_volatile = made.is_volatile;
    wait->call->deadline_ms = made.deadline_ms;
    mesh->tally.calls++;
    mesh_trace (mesh, "node %u.%u calls %s in %s: %s%s, inputs %u", node->index, node->life, made.service,
                made.session, mesh_id_text (&wait->call->id), made.is_volatile ? ", volatile" : "", made.inputs_count);
  }
  json_decref (plan);
}

// Notes what the call has to do with hubs.
static void
place (mesh_call_t *call, const mesh_said_t *said)
{
  memcpy (call->place.hubs, said->hubs, sizeof said->hubs);
  call->place.hubs_count = said->hubs_count;
  call->place.fan = said->fan;
  if (said->op != NULL && call->place.op == NULL)
    call->place.op = json_incref ((json_t *)(uintptr_t)said->step);
}

static void
fill (troupe_call_t *made, const mesh_said_t *said)
{
  made->hubs = said->hubs;
  made->hubs_count = said->hubs_count;
  made->fan = troupe_id_is_zero (&said->fan) ? NULL : &said->fan;
  made->more = said->more;
  made->input = said->input;
  if (said->op != NULL)
    made->service = said->op;
}

static unsigned
plan_number (const json_t *plan, const char *name)
{
  return (unsigned)json_integer_value (json_object_get (plan, name));
}

static mesh_wait_t *
begin (mesh_node_t *node, mesh_wait_t *wait, troupe_call_t *made)
{
  troupe_error_t error;
  made->settled = on_settled;
  made->context = wait;
  if (node_core_call (node->core, &wait->placeholder, made, mesh_ms (node->mesh), &error) == TROUPE_OK)
    return wait;
  mesh_trace (node->mesh, "node %u.%u may not call: %s", node->index, node->life, error.why);
  node->mesh->waits_count--;
  free (wait);
  return NULL;
}

mesh_wait_t *
mesh_call_say (mesh_node_t *node, const mesh_said_t *said)
{
  mesh_t *mesh = node->mesh;
  unsigned service = said->op != NULL ? MESH_SERVICES : plan_number (said->step, "service");
  troupe_call_t made = {0};
  describe (node, &made, service, said->session, said->probe);
  made.is_volatile = false;
  made.wait |= mesh_chance (&mesh->clock, 700);
  made.deadline_ms = said->op != NULL ? 20000 : made.deadline_ms;
  fill (&made, said);
  mesh_wait_t *wait = begin (node, new_wait (node), &made);
  if (wait == NULL)
    return NULL;
  wait->call = record (node, troupe_placeholder_id (wait->placeholder), service, said->session,
                       plan_number (said->step, "n"));
  wait->call->probe = said->probe;
  wait->call->deadline_ms = made.deadline_ms;
  place (wait->call, said);
  mesh->tally.calls++;
  mesh_trace (mesh, "node %u.%u calls %s in %s: %s (%u) in %u hubs", node->index, node->life, made.service,
              made.session, mesh_id_text (&wait->call->id), wait->call->number, said->hubs_count);
  return wait;
}

static unsigned
session_of (const troupe_task_t *task)
{
  unsigned session = 0;
  while (session < MESH_SESSIONS - 1 && strcmp (mesh_sessions[session], troupe_task_session (task)) != 0)
    session++;
  return session;
}

mesh_wait_t *
mesh_call_nested (mesh_node_t *node, mesh_job_t *job, troupe_task_t *task, const json_t *plan, const mesh_said_t *said)
{
  mesh_t *mesh = node->mesh;
  unsigned service = said != NULL && said->op != NULL ? MESH_SERVICES : plan_number (plan, "service");
  troupe_call_t made = {.service = mesh_services[service].name, .input = plan, .parent = task, .wait = true};
  if (said != NULL)
    fill (&made, said);
  mesh_wait_t *wait = begin (node, new_wait (node), &made);
  if (wait == NULL)
    return NULL;
  wait->call =
    record (node, troupe_placeholder_id (wait->placeholder), service, session_of (task), plan_number (plan, "n"));
  wait->call->nested = true;
  wait->call->place.parent = mesh_call_find (mesh, troupe_task_call (task));
  wait->job = job;
  if (said != NULL)
    place (wait->call, said);
  mesh->tally.nested++;
  mesh_trace (mesh, "node %u.%u calls %s for %s attempt %u: %s (%u) in %u hubs", node->index, node->life, made.service,
              mesh_id_text (troupe_task_call (task)), troupe_task_attempt (task), mesh_id_text (&wait->call->id),
              wait->call->number, made.hubs_count);
  return wait;
}

void
mesh_call_await (mesh_node_t *node, mesh_call_t *call)
{
  mesh_t *mesh = node->mesh;
  mesh_wait_t *wait = new_wait (node);
  wait->call = call;
  wait->awaits = true;
  troupe_await_t await = {.id = &call->id,
                          .session = mesh_sessions[call->session],
                          .part = mesh_chance (&mesh->clock, 400) ? on_part : NULL,
                          .settled = on_settled,
                          .context = wait};
  if (node_core_await (node->core, &wait->placeholder, &await, mesh_ms (mesh), NULL) != TROUPE_OK)
    abort ();
  mesh->tally.awaited++;
  mesh_trace (mesh, "node %u.%u awaits %s", node->index, node->life, mesh_id_text (&call->id));
}

void
mesh_call_cancel (mesh_t *self)
{
  if (self->waits_count == 0)
    return;
  mesh_wait_t *wait = self->waits[mesh_dice (&self->clock, self->waits_count)];
  if (wait->placeholder == NULL || wait->told > 0 || wait->job != NULL || wait->node->core == NULL)
    return;
  mesh_trace (self, "node %u.%u cancels %s", wait->node->index, wait->node->life, mesh_id_text (&wait->call->id));
  wait->call->cancelled = true;
  troupe_placeholder_cancel (wait->placeholder);
}

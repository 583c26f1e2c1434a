// SPDX-License-Identifier: Apache-2.0
//
// A broker's way to the store: requests reach the model in their order and some time later, and their answers the
// broker some time after that, so that others' requests come in between. When the connection breaks, some of those
// under way are performed and some are not, and none is answered; what was answered and has not arrived is lost as
// well. A store that crashes forgets nothing that it did: it syncs before it answers.
//
// What actors remember is kept here, from the settles that the store took, since the model only counts it.
//
// Mutations change a request on its way to the model, what the model holds after it, or its answer.

#include "sim/ledger_model_state.h"
#include "sim/mesh_mail.h"

#include "troupe/value.h"

#include <stdlib.h>

static void
leave_list (mesh_mail_t *mail)
{
  mesh_mail_t **at = &mail->broker->first;
  while (*at != NULL && *at != mail)
    at = &(*at)->next;
  if (*at == NULL)
    return;
  *at = mail->next;
  if (*at == NULL)
    mail->broker->last = at;
}

// -- What actors remember --------------------------------------------------------------------------------------------

static mesh_memory_t *
memory_of (mesh_t *mesh, const char *session, const char *service)
{
  unsigned s = 0;
  while (s < MESH_SESSIONS - 1 && strcmp (mesh_sessions[s], session) != 0)
    s++;
  return &mesh->memories[s][mesh_service_of (troupe_text (service))];
}

static void
remember (mesh_t *mesh, const ledger_request_t *request, const char *service)
{
  mesh_memory_t *memory = memory_of (mesh, request->session, service);
  const char *bytes = troupe_buffer_data (request->body);
  size_t at = troupe_buffer_size (request->body);
  for (uint32_t i = 0; i < request->sizes_count; i++)
    at -= request->sizes[i];
  for (uint32_t i = 0; i < request->sizes_count; at += request->sizes[i++]) {
    json_t *entry = NULL;
    if (troupe_value_unpack (bytes + at, request->sizes[i], &entry, NULL) != TROUPE_OK)
      mesh_found (mesh, MESH_CHECK_SPOKEN_WELL, "a memory entry can't be unpacked");
    else if (memory->count < sizeof memory->numbers / sizeof *memory->numbers)
      memory->numbers[memory->count++] = (unsigned)json_integer_value (entry);
    json_decref (entry);
  }
}

static void
recall (mesh_t *mesh, mesh_mail_t *mail, const ledger_model_call_t *call)
{
  const mesh_memory_t *memory = memory_of (mesh, call->session, call->service);
  json_t *entries = mesh_need (json_array ());
  for (unsigned i = mail->request.from; i < memory->count && i < mail->request.from + mail->request.count; i++)
    json_array_append_new (entries, mesh_need (json_integer (memory->numbers[i])));
  troupe_buffer_unref (&mail->value);
  if (troupe_value_pack (entries, &mail->value, NULL) != TROUPE_OK)
    abort ();
  json_decref (entries);
  mail->result.body = mail->value;
}

static void
forget (mesh_t *mesh, const char *session)
{
  for (unsigned s = 0; s < MESH_SESSIONS; s++)
    for (unsigned i = 0; i < MESH_SERVICES && strcmp (mesh_sessions[s], session) == 0; i++)
      mesh->memories[s][i].count = 0;
}

// What the model only counts.
static void
keep_memory (mesh_mail_t *mail, bool was_open)
{
  mesh_t *mesh = mail->broker->mesh;
  if (mail->request.op == LEDGER_CLOSE && mail->result.outcome == LEDGER_OK && !mail->result.more)
    forget (mesh, mail->request.session);
  const ledger_model_call_t *call = ledger_model_find (mesh->model, &mail->request.call);
  if (call == NULL)
    return;
  if (mail->request.op == LEDGER_RECALL && mail->result.outcome == LEDGER_OK)
    recall (mesh, mail, call);
  if (mail->request.op != LEDGER_SETTLE || mail->request.sizes_count == 0)
    return;
  bool stored = was_open && call->status != TROUPE_STATUS_NONE;
  if (mesh_flawed (mesh, MESH_FLAW_MEMORY_APART))
    stored = true;
  if (mesh_flawed (mesh, MESH_FLAW_MEMORY_LOST) && mesh_chance (&mesh->clock, 100))
    stored = false;
  if (stored)
    remember (mesh, &mail->request, call->service);
}

static void
trace (const mesh_mail_t *mail)
{
  static const char *const ops[] = {"accept", "settle", "await",   "retry",    "recall",   "sweep",    "recover",
                                    "inputs", "claim",  "lease",   "hear",     "rouse",    "takeover", "letters",
                                    "letter", "resend", "discard", "sessions", "close"};
  static const char *const outcomes[] = {"ok",      "known",      "pending", "settled", "stale",
                                         "unknown", "overloaded", "lost",    "failed",  "cycle",
                                         "out of order"};
  if (mail->request.op == LEDGER_SWEEP || (mail->result.calls_count == 0 && mail->request.session == NULL))
    return;
  mesh_trace (mail->broker->mesh, "store of broker %u: %s %s attempt %u: %s attempt %u%s, %zu calls",
              mail->broker->index, ops[mail->request.op],
              mail->request.session != NULL ? mesh_id_text (&mail->request.call) : "-", mail->request.attempt,
              outcomes[mail->result.outcome], mail->result.attempt, mail->result.ready ? " ready" : "",
              mail->result.calls_count);
}

// -- Performing ------------------------------------------------------------------------------------------------------

static void
on_result (void *context, const ledger_result_t *result)
{
  mesh_broker_t *self = context;
  if (self->performing != NULL)
    mesh_mail_keep (self->performing, result);
}

static void poll_notices (mesh_t *mesh);

static void
perform (mesh_mail_t *mail)
{
  mesh_broker_t *broker = mail->broker;
  mesh_t *mesh = broker->mesh;
  mesh_flaw_before (mesh, &mail->request);
  const ledger_model_call_t *call = ledger_model_find (mesh->model, &mail->request.call);
  bool was_open = call != NULL && call->status == TROUPE_STATUS_NONE;
  broker->performing = mail;
  ledger_link_deliver (broker->link, mesh_ms (mesh));
  broker->performing = NULL;
  mail->performed = true;
  mesh_flaw_performed (mesh, &mail->request);
  trace (mail);
  keep_memory (mail, was_open);
  mesh_check_performed (mesh, &mail->request, &mail->result);
  mesh_flaw_after (mesh, broker->index, &mail->request, &mail->result);
  mail->value = mail->result.body;
  mesh->tally.requests++;
  poll_notices (mesh);
}

static void
answer (mesh_t *mesh, void *thing)
{
  mesh_mail_t *mail = thing;
  mesh_broker_t *broker = mail->broker;
  if (mail->gone) {
    mesh_mail_free (mail);
    return;
  }
  if (mesh_broker_frozen (broker))
    return;
  leave_list (mail);
  mail->gone = true;
  if (mail->result.calls_count > 0 || mail->result.outcome == LEDGER_LOST)
    mesh_trace (mesh, "broker %u is answered: %s, %zu calls", broker->index,
                mail->result.outcome == LEDGER_LOST ? "lost" : "done", mail->result.calls_count);
  broker->lost += mail->result.outcome == LEDGER_LOST;
  mesh_broker_step (broker, &(broker_event_t){.kind = BROKER_RESULT, .result = &mail->result});
  mesh_mail_free (mail);
}

static void
arrive (mesh_t *mesh, void *thing)
{
  mesh_mail_t *mail = thing;
  mesh_broker_t *broker = mail->broker;
  if (mail->gone) {
    mesh_mail_free (mail);
    return;
  }
  if (mesh->shape.store_errors && mesh->faults && mesh_chance (&mesh->clock, 3))
    ledger_link_fail_next (broker->link, "ERR of the simulation");
  perform (mail);
  int64_t at = mesh->clock.now + 30 + (int64_t)mesh_dice (&mesh->clock, 300);
  broker->answered_last = at > broker->answered_last ? at : broker->answered_last + 1;
  mesh_clock_at (&mesh->clock, broker->answered_last, answer, mail, mesh_mail_free);
}

static void
lose (mesh_mail_t *mail)
{
  mail->result = (ledger_result_t){.op = mail->request.op, .token = mail->request.token, .outcome = LEDGER_LOST};
  if (mesh_flawed (mail->broker->mesh, MESH_FLAW_LOST_IS_REFUSED)) {
    mail->result.outcome = LEDGER_FAILED;
    mail->result.why = "ERR it is said not to have been done";
  }
}

void
mesh_store_submit (mesh_broker_t *self, const ledger_request_t *request)
{
  mesh_t *mesh = self->mesh;
  mesh_mail_t *mail = mesh_mail_new (self, request);
  ledger_request_t spoiled = *request;
  self->requests++;
  *self->last = mail;
  self->last = &mail->next;
  if (!self->store_up) {
    lose (mail);
    self->answered_last = (self->answered_last > mesh->clock.now ? self->answered_last : mesh->clock.now) + 1;
    mesh_clock_at (&mesh->clock, self->answered_last, answer, mail, mesh_mail_free);
    return;
  }
  if (spoiled.hub_op != LEDGER_HUB_NONE)
    spoiled.lease_ms = mesh->shape.hub_lease_ms;
  mesh_flaw_request (mesh, &spoiled);
  ledger_link_submit (self->link, &spoiled);
  int64_t at = mesh->clock.now + 30 + (int64_t)mesh_dice (&mesh->clock, 300);
  if (at < self->store_slow_until)
    at = self->store_slow_until;
  self->performed_last = at > self->performed_last ? at : self->performed_last + 1;
  mesh_clock_at (&mesh->clock, self->performed_last, arrive, mail, mesh_mail_free);
}

// -- Notices ---------------------------------------------------------------------------------------------------------

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  mesh_broker_t *self = context;
  mesh_t *mesh = self->mesh;
  if (notice->kind == LEDGER_NOTICE_UP)
    self->met = *notice;
  if (notice->kind == LEDGER_NOTICE_UP || self->core == NULL || mesh_flaw_notice (mesh, notice))
    return;
  mesh_trace (mesh, "broker %u has the notice that %s %s", self->index, mesh_id_text (&notice->call.call),
              notice->kind == LEDGER_NOTICE_READY ? "has got its turn" : "has settled");
  for (unsigned times = mesh->faults && mesh_chance (&mesh->clock, 20) ? 2 : 1; times > 0; times--)
    mesh_broker_step (self, &(broker_event_t){.kind = BROKER_NOTICE, .notice = notice});
}

static void
fetch_notices (mesh_t *mesh, void *thing)
{
  mesh_broker_t *self = thing;
  if (self->core == NULL || !self->store_up) {
    self->notices_due = false;
    return;
  }
  if (mesh_broker_frozen (self))
    return;
  if (ledger_link_waiting (self->link) > 0) { // the model gives requests first
    mesh_clock_defer (&mesh->clock, mesh->clock.now + 100);
    return;
  }
  if (self->first != NULL) { // notices don't overtake the answers to what was performed before them
    int64_t soon = mesh->clock.now + 50;
    mesh_clock_defer (&mesh->clock, self->answered_last > soon ? self->answered_last + 1 : soon);
    return;
  }
  self->notices_due = false;
  ledger_link_deliver (self->link, mesh_ms (mesh));
  poll_notices (mesh);
}

static void
poll_notices (mesh_t *mesh)
{
  for (unsigned i = 0; i < mesh->shape.brokers; i++) {
    mesh_broker_t *broker = &mesh->brokers[i];
    if (broker->core == NULL || !broker->store_up || broker->notices_due || mesh->model->inboxes[i] == NULL)
      continue;
    broker->notices_due = true;
    int64_t after = mesh->faults && mesh_chance (&mesh->clock, 50) ? mesh_between (&mesh->clock, MS, 100 * MS) : 50;
    mesh_clock_at (&mesh->clock, mesh->clock.now + after + (int64_t)mesh_dice (&mesh->clock, 200), fetch_notices,
                   broker, NULL);
  }
}

// -- The connection --------------------------------------------------------------------------------------------------

static void
link_up (mesh_broker_t *self)
{
  self->link = ledger_model_connect (self->mesh->model, self->name, on_result, on_notice, self);
  ledger_link_up (self->link);
}

// The model numbers brokers as they come.
void
mesh_store_introduce (mesh_broker_t *self)
{
  snprintf (self->name, sizeof self->name, "broker-%u", self->index);
  self->link = ledger_model_connect (self->mesh->model, self->name, on_result, on_notice, self);
  ledger_link_close (&self->link);
}

void
mesh_store_connect (mesh_broker_t *self)
{
  self->first = NULL;
  self->last = &self->first;
  self->store_up = self->notices_due = false;
  self->mesh->model->met[self->index] = 0; // a new process knows no generation
  self->performed_last = self->answered_last = self->mesh->clock.now;
}

void
mesh_store_up (mesh_broker_t *self)
{
  if (self->core == NULL || self->store_up)
    return;
  mesh_trace (self->mesh, "the store of broker %u is there", self->index);
  link_up (self);
  self->store_up = true;
  if (mesh_flawed (self->mesh, MESH_FLAW_CHANGES_UNTOLD))
    self->met.changed = false;
  mesh_broker_step (self, &(broker_event_t){.kind = BROKER_NOTICE, .notice = &self->met});
  poll_notices (self->mesh);
}

// Some of the requests that the store has not performed yet take place, the others don't; returns all of them.
static mesh_mail_t *
cut_off (mesh_broker_t *self)
{
  size_t waiting = self->link != NULL ? ledger_link_waiting (self->link) : 0;
  size_t done = mesh_dice (&self->mesh->clock, waiting + 1);
  mesh_mail_t *all = self->first;
  for (mesh_mail_t *mail = all; mail != NULL; mail = mail->next)
    if (!mail->performed && !mail->gone && mail->result.outcome != LEDGER_LOST && done > 0) {
      done--;
      perform (mail);
    }
  ledger_link_close (&self->link);
  self->store_up = false;
  self->first = NULL;
  self->last = &self->first;
  for (mesh_mail_t *mail = all; mail != NULL; mail = mail->next)
    mail->gone = true; // the event that it waits for frees it
  return all;
}

void
mesh_store_break (mesh_broker_t *self)
{
  if (self->core == NULL || !self->store_up || self->mesh->clock.now < self->frozen_until)
    return;
  mesh_trace (self->mesh, "the store of broker %u breaks off", self->index);
  mesh_mail_t *all = cut_off (self);
  mesh_broker_step (self, &(broker_event_t){.kind = BROKER_NOTICE,
                                            .notice = &(ledger_notice_t){.kind = LEDGER_NOTICE_DOWN}});
  for (mesh_mail_t *mail = all, *next; mail != NULL; mail = next) {
    ledger_result_t kept = mail->result;
    next = mail->next;
    lose (mail);
    self->lost += mail->result.outcome == LEDGER_LOST;
    ledger_result_t lost = mail->result;
    mail->result = kept;
    mesh_broker_step (self, &(broker_event_t){.kind = BROKER_RESULT, .result = &lost});
  }
}

void
mesh_store_close (mesh_broker_t *self)
{
  mesh_broker_t *broker = self;
  broker_core_t *core = self->core;
  broker->core = NULL; // hears nothing of it
  cut_off (self);
  broker->core = core;
}

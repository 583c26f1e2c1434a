// SPDX-License-Identifier: Apache-2.0
//
// Calls in an array, looked up one by one: a simulation's run has some hundreds.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

void *
model_need (void *memory)
{
  if (memory == NULL)
    abort ();
  return memory;
}

troupe_buffer_t *
model_bytes (const void *data, size_t size)
{
  troupe_buffer_t *buffer = NULL;
  if (troupe_buffer_new (&buffer, data, size) != TROUPE_OK)
    abort ();
  return buffer;
}

// -- The store -------------------------------------------------------------------------------------------------------

ledger_model_t *
ledger_model_new (void)
{
  return model_need (calloc (1, sizeof (ledger_model_t)));
}

void
model_free_call (ledger_model_call_t *call)
{
  free (call->session);
  free (call->service);
  free (call->trace);
  for (size_t i = 0; i < call->wants_count; i++)
    free (call->wants[i].service);
  free (call->wants);
  free (call->path);
  free (call->inputs);
  free (call->scope.stands);
  free (call->clock.cuts);
  for (unsigned i = 0; i < call->deaths_count; i++)
    free (call->deaths[i]);
  free (call->deaths);
  troupe_buffer_unref (&call->body);
  troupe_buffer_unref (&call->value);
  free (call);
}

static void
free_actor (model_actor_t *actor)
{
  free (actor->session);
  free (actor->service);
  free (actor->owner);
  free (actor);
}

// All but the brokers' names.
static void
free_all (ledger_model_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    model_free_call (self->calls[i]);
  for (size_t i = 0; i < self->actors_count; i++)
    free_actor (self->actors[i]);
  for (unsigned i = 0; i < self->brokers_count; i++)
    for (model_notice_t *notice; (notice = self->inboxes[i]) != NULL;) {
      self->inboxes[i] = notice->next;
      free (notice);
    }
  model_letters_free (self);
  model_sessions_free (self);
  model_hub_free_all (self);
  free (self->calls);
  free (self->actors);
}

void
ledger_model_destroy (ledger_model_t **self_p)
{
  ledger_model_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  free_all (self);
  for (unsigned i = 0; i < self->brokers_count; i++)
    free (self->brokers[i]);
  free (self);
}

void
ledger_model_empty (ledger_model_t *self)
{
  free_all (self);
  ledger_model_t emptied = {
    .sequence = self->sequence, .brokers_count = self->brokers_count, .violations = self->violations,
    .page = self->page, .retention = self->retention, .spare = self->spare, .since = self->since};
  memcpy (emptied.brokers, self->brokers, sizeof emptied.brokers);
  memcpy (emptied.met, self->met, sizeof emptied.met);
  *self = emptied;
  ledger_model_begin_generation (self, 0);
}

size_t
ledger_model_count (const ledger_model_t *self)
{
  return self->count;
}

const ledger_model_call_t *
ledger_model_at (const ledger_model_t *self, size_t index)
{
  return self->calls[index];
}

ledger_model_call_t *
model_find (const ledger_model_t *self, const troupe_id_t *id)
{
  for (size_t i = 0; i < self->count; i++)
    if (troupe_id_equal (&self->calls[i]->id, id))
      return self->calls[i];
  return NULL;
}

const ledger_model_call_t *
ledger_model_find (const ledger_model_t *self, const troupe_id_t *id)
{
  return model_find (self, id);
}

static model_actor_t *
find_actor (const ledger_model_t *self, const char *session, const char *service)
{
  for (size_t i = 0; i < self->actors_count; i++)
    if (strcmp (self->actors[i]->session, session) == 0 && strcmp (self->actors[i]->service, service) == 0)
      return self->actors[i];
  return NULL;
}

model_actor_t *
model_actor (ledger_model_t *self, const char *session, const char *service)
{
  model_actor_t *actor = find_actor (self, session, service);
  if (actor != NULL)
    return actor;
  self->actors = model_need (realloc (self->actors, (self->actors_count + 1) * sizeof (model_actor_t *)));
  actor = model_need (calloc (1, sizeof *actor));
  actor->session = model_need (strdup (session));
  actor->service = model_need (strdup (service));
  self->actors[self->actors_count++] = actor;
  return actor;
}

uint32_t
ledger_model_memory (const ledger_model_t *self, const char *session, const char *service)
{
  const model_actor_t *actor = find_actor (self, session, service);
  return actor != NULL ? actor->entries : 0;
}

const char *
ledger_model_owner (const ledger_model_t *self, const char *session, const char *service)
{
  const model_actor_t *actor = find_actor (self, session, service);
  return actor != NULL ? actor->owner : NULL;
}

size_t
ledger_model_violations (const ledger_model_t *self)
{
  return self->violations;
}

void
ledger_model_set_page (ledger_model_t *self, size_t messages)
{
  self->page = messages;
}

void
ledger_model_set_retention (ledger_model_t *self, int64_t retention, int64_t spare)
{
  self->retention = retention;
  self->spare = spare;
}

void
ledger_model_lose (ledger_model_t *self, const troupe_id_t *id)
{
  size_t index = 0;
  while (index < self->count && !troupe_id_equal (&self->calls[index]->id, id))
    index++;
  if (index == self->count)
    return;
  model_free_call (self->calls[index]);
  memmove (&self->calls[index], &self->calls[index + 1], (self->count - index - 1) * sizeof (ledger_model_call_t *));
  self->count--;
}

// -- Answers ---------------------------------------------------------------------------------------------------------

void
model_tell (ledger_model_t *self, unsigned broker, ledger_notice_kind_t kind, const ledger_model_call_t *call)
{
  model_notice_t *notice = model_need (calloc (1, sizeof *notice));
  *notice = (model_notice_t){.kind = kind, .call = call->id};
  model_notice_t **last = &self->inboxes[broker];
  while (*last != NULL)
    last = &(*last)->next;
  *last = notice;
}

static int64_t
remaining (const ledger_model_call_t *call, int64_t now)
{
  if (call->deadline == 0)
    return 0;
  return call->deadline > now ? call->deadline - now : 1;
}

void
model_describe (ledger_model_t *self, ledger_call_t *out, const ledger_model_call_t *call, int64_t now, bool with_body)
{
  *out = (ledger_call_t){.call = call->id,
                         .session = call->session,
                         .service = call->service,
                         .actor = call->actor,
                         .ready = call->attempt > 0,
                         .attempt = call->attempt,
                         .flags = call->flags,
                         .deadline_ms = remaining (call, now),
                         .inputs = call->inputs_count,
                         .news = model_hub_news (call),
                         .stretch = model_hub_stretch (call),
                         .path = call->path,
                         .path_count = call->path_count,
                         .trace = call->trace,
                         .body = with_body ? call->body : NULL};
  if (!call->actor)
    return;
  const model_actor_t *actor = model_actor (self, call->session, call->service);
  out->memory = actor->entries;
  out->owner = actor->owner;
  out->epoch = actor->epoch;
}

void
model_standing (model_step_t *step, ledger_outcome_t outcome, const ledger_model_call_t *call, bool ready)
{
  ledger_result_t *result = step->result;
  ledger_call_t described;
  model_describe (step->model, &described, call, step->now, false);
  result->outcome = outcome;
  result->attempt = call->attempt;
  result->ready = ready && call->attempt > 0;
  result->deadline_ms = described.deadline_ms;
  result->memory = described.memory;
  result->news = described.news;
  result->stretch = described.stretch;
  result->owner = described.owner;
  result->epoch = described.epoch;
  result->inputs = call->inputs_count;
}

void
model_settled (model_step_t *step, const ledger_model_call_t *call)
{
  step->result->outcome = LEDGER_SETTLED;
  step->result->attempt = call->winner;
  step->result->status = call->status;
  step->result->body = call->value;
}

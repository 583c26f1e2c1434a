// SPDX-License-Identifier: Apache-2.0
//
// Deaths under calls, and dead letters. Letters are not thrown away for their age.

#include "sim/ledger_model_state.h"

#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

struct model_letter {
  troupe_id_t call;
  char *session, *service;
  bool actor;
  uint32_t flags, inputs_count;
  troupe_id_t *inputs;
  troupe_buffer_t *body;
};

static void
free_letter (model_letter_t *letter)
{
  free (letter->session);
  free (letter->service);
  free (letter->inputs);
  troupe_buffer_unref (&letter->body);
}

void
model_letters_free (ledger_model_t *self)
{
  for (size_t i = 0; i < self->letters_count; i++)
    free_letter (&self->letters[i]);
  free (self->letters);
}

size_t
ledger_model_letters (const ledger_model_t *self)
{
  return self->letters_count;
}

static size_t
find (const ledger_model_t *self, const troupe_id_t *call)
{
  size_t i = 0;
  while (i < self->letters_count && !troupe_id_equal (&self->letters[i].call, call))
    i++;
  return i;
}

static void
throw_away (ledger_model_t *self, size_t index)
{
  free_letter (&self->letters[index]);
  self->letters_count--;
  memmove (&self->letters[index], &self->letters[index + 1], (self->letters_count - index) * sizeof *self->letters);
}

// Those of a slot are bounded. Returns how many were too many.
static uint32_t
trim (ledger_model_t *self, unsigned slot, size_t most)
{
  size_t count = 0;
  for (size_t i = self->letters_count; i-- > 0;)
    if (ledger_slot (self->letters[i].session) == slot && ++count > most)
      throw_away (self, i);
  return count > most ? (uint32_t)(count - most) : 0;
}

static uint32_t
write_letter (ledger_model_t *self, const ledger_model_call_t *call, size_t most)
{
  self->letters = model_need (realloc (self->letters, (self->letters_count + 1) * sizeof *self->letters));
  troupe_id_t *inputs = model_need (calloc (call->inputs_count + 1, sizeof *inputs));
  if (call->inputs_count > 0)
    memcpy (inputs, call->inputs, call->inputs_count * sizeof *inputs);
  self->letters[self->letters_count++] = (model_letter_t){.call = call->id,
                                                          .session = model_need (strdup (call->session)),
                                                          .service = model_need (strdup (call->service)),
                                                          .actor = call->actor,
                                                          .flags = call->flags,
                                                          .inputs = inputs,
                                                          .inputs_count = call->inputs_count,
                                                          .body = troupe_buffer_ref (call->body)};
  return trim (self, ledger_slot (call->session), most);
}

// Returns how many instances have died.
static unsigned
note (ledger_model_call_t *call, const char *instance)
{
  for (unsigned i = 0; i < call->deaths_count; i++)
    if (strcmp (call->deaths[i], instance) == 0)
      return call->deaths_count;
  call->deaths = model_need (realloc (call->deaths, (call->deaths_count + 1) * sizeof *call->deaths));
  call->deaths[call->deaths_count++] = model_need (strdup (instance));
  return call->deaths_count;
}

bool
model_bury (model_step_t *step, ledger_model_call_t *call)
{
  const ledger_death_t *death = step->request->death;
  bool once = (call->flags & TROUPE_FLAG_ONCE) != 0;
  bool last = death != NULL && note (call, death->instance) >= death->deaths_max;
  if (!last && !once)
    return false;
  uint32_t dropped =
    step->request->letters_max > 0 ? write_letter (step->model, call, step->request->letters_max) : 0;
  step->result->inputs = step->request->op == LEDGER_RETRY ? dropped : 0;
  call->retryable = !once;
  bool heard = call->attempt > 0 && model_hub_news (call) == 0;
  if (heard)
    model_hub_pass (call);
  model_end_along (step->model, call, TROUPE_STATUS_ERROR, TROUPE_SERVICE_DIED, step->now);
  call->winner = call->attempt;
  if ((call->flags & TROUPE_FLAG_OBSERVE) != 0)
    model_rouse_rest (step->model, call, heard, step->now);
  return true;
}

// -- Letters ---------------------------------------------------------------------------------------------------------

static void
give (model_step_t *step, json_t *json)
{
  step->result->outcome = LEDGER_OK;
  if (troupe_value_pack (json, &step->room->body, NULL) != TROUPE_OK)
    abort ();
  json_decref (json);
  step->result->body = step->room->body;
}

static json_t *
describe (const model_letter_t *letter)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&letter->call, id);
  return json_pack ("{s:s, s:s, s:s, s:I}", "id", id, "session", letter->session, "service", letter->service, "bytes",
                    (json_int_t)troupe_buffer_size (letter->body));
}

void
model_letters (model_step_t *step)
{
  json_t *list = json_array ();
  for (size_t i = 0; i < step->model->letters_count; i++)
    if (ledger_slot (step->model->letters[i].session) == step->request->slot)
      json_array_append_new (list, describe (&step->model->letters[i]));
  give (step, list);
}

void
model_letter (model_step_t *step)
{
  size_t index = find (step->model, &step->request->call);
  json_t *input = NULL;
  if (index == step->model->letters_count) {
    step->result->outcome = LEDGER_UNKNOWN;
    return;
  }
  const model_letter_t *letter = &step->model->letters[index];
  troupe_value_unpack (troupe_buffer_data (letter->body), troupe_buffer_size (letter->body), &input, NULL);
  give (step, json_pack ("[o, o]", describe (letter), input != NULL ? input : json_null ()));
}

void
model_discard (model_step_t *step)
{
  size_t index = find (step->model, &step->request->call);
  bool known = index < step->model->letters_count;
  step->result->outcome = known ? LEDGER_OK : LEDGER_UNKNOWN;
  if (known)
    throw_away (step->model, index);
}

// The letter's call, under its new id. False: it can't be made, and the result says why.
static bool
make_again (model_step_t *step, const model_letter_t *letter)
{
  ledger_request_t accept = {.op = LEDGER_ACCEPT,
                             .session = letter->session,
                             .call = step->request->again,
                             .service = letter->service,
                             .actor = letter->actor,
                             .flags = letter->flags,
                             .default_deadline_ms = step->request->default_deadline_ms,
                             .mailbox_limit = step->request->mailbox_limit,
                             .inputs = letter->inputs,
                             .inputs_count = letter->inputs_count,
                             .retention_ms = step->request->retention_ms,
                             .body = letter->body};
  ledger_result_t result = {.op = LEDGER_ACCEPT};
  model_step_t inner = *step;
  inner.request = &accept;
  inner.result = &result;
  model_accept (&inner);
  bool made = result.outcome != LEDGER_UNKNOWN && result.outcome != LEDGER_OVERLOADED;
  if (!made)
    step->result->outcome = result.outcome == LEDGER_UNKNOWN ? LEDGER_STALE : LEDGER_OVERLOADED;
  return made;
}

void
model_resend (model_step_t *step)
{
  size_t index = find (step->model, &step->request->call);
  if (model_find (step->model, &step->request->again) == NULL) {
    if (index == step->model->letters_count) {
      step->result->outcome = LEDGER_UNKNOWN;
      return;
    }
    if (!make_again (step, &step->model->letters[index]))
      return;
    throw_away (step->model, index);
  }
  const ledger_model_call_t *call = model_find (step->model, &step->request->again);
  step->result->outcome = LEDGER_OK;
  if (!model_unsettled (call) || call->owner != step->broker)
    return;
  model_describe (step->model, &step->room->calls[0], call, step->now, true);
  step->result->calls = step->room->calls;
  step->result->calls_count = 1;
}

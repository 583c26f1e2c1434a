// SPDX-License-Identifier: Apache-2.0
//
// Sessions in the model: what broker/functions/sessions.lua and closing.lua do. Whether a call is open is looked up
// whenever that is asked, and a session ends in one step; that there is none takes two, as if very many calls were open.
// Its hubs stay as they are remembered by calls, but empty.

#include "sim/ledger_model_hub.h"

#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

static model_session_t *
find (const ledger_model_t *self, const char *name)
{
  for (size_t i = 0; i < self->sessions_count; i++)
    if (strcmp (self->sessions[i].name, name) == 0)
      return &self->sessions[i];
  return NULL;
}

static model_session_t *
need (ledger_model_t *self, const char *name)
{
  model_session_t *session = find (self, name);
  if (session != NULL)
    return session;
  self->sessions = model_need (realloc (self->sessions, (self->sessions_count + 1) * sizeof *self->sessions));
  session = &self->sessions[self->sessions_count++];
  *session = (model_session_t){.name = model_need (strdup (name))};
  return session;
}

void
model_session_keep (ledger_model_t *self, const char *name, int64_t now)
{
  model_session_t *session = need (self, name);
  session->touched = session->kept ? session->touched : now;
  session->kept = true;
}

void
model_session_touch (ledger_model_t *self, const char *name, int64_t now)
{
  model_session_t *session = find (self, name);
  if (session != NULL)
    session->touched = now;
}

static size_t
open_calls (const ledger_model_t *self, const char *name)
{
  size_t count = 0;
  for (size_t i = 0; i < self->count; i++)
    count += model_unsettled (self->calls[i]) && strcmp (self->calls[i]->session, name) == 0;
  return count;
}

// -- Ending ----------------------------------------------------------------------------------------------------------

// Those whose turn has not come first, so that none begins.
static void
cancel_calls (ledger_model_t *self, const char *name, bool begun, int64_t now)
{
  for (size_t i = self->count; i > 0; i--) {
    ledger_model_call_t *call = self->calls[i - 1];
    if (model_unsettled (call) && strcmp (call->session, name) == 0 && (call->attempt > 0) == begun)
      model_end_along (self, call, TROUPE_STATUS_CANCELLED, TROUPE_CANCELLED, now);
  }
}

static void
forget_actors (ledger_model_t *self, const char *name)
{
  for (size_t i = 0; i < self->actors_count; i++) {
    model_actor_t *actor = self->actors[i];
    if (strcmp (actor->session, name) != 0)
      continue;
    free (actor->owner);
    actor->owner = NULL;
    actor->entries = 0;
    actor->epoch = 0;
    actor->failures = 0;
    actor->rest = 0;
  }
}

static void
end (ledger_model_t *self, const char *name, int64_t now)
{
  model_session_t *session = find (self, name);
  cancel_calls (self, name, false, now);
  cancel_calls (self, name, true, now);
  model_hub_end_session (self, name);
  forget_actors (self, name);
  if (session != NULL)
    session->kept = false;
}

void
model_close (model_step_t *step)
{
  const char *name = step->request->session;
  const model_session_t *session = find (step->model, name);
  bool known = (session != NULL && session->kept) || open_calls (step->model, name) > 0;
  bool looking = !known && step->request->position == 0;
  step->result->outcome = known || looking ? LEDGER_OK : LEDGER_UNKNOWN;
  step->result->more = looking;
  step->result->position = looking;
  if (known)
    end (step->model, name, step->now);
}

void
model_sessions_sweep (model_step_t *step)
{
  ledger_model_t *self = step->model;
  int64_t idle = step->request->idle_ms;
  for (size_t i = 0; i < self->sessions_count && idle > 0; i++) {
    model_session_t *session = &self->sessions[i];
    bool due = session->kept && session->touched + idle <= step->now &&
               ledger_slot (session->name) == step->request->slot && open_calls (self, session->name) == 0;
    if (due)
      end (self, session->name, step->now);
    step->result->inputs += due;
  }
}

// -- Looking ---------------------------------------------------------------------------------------------------------

void
model_sessions (model_step_t *step)
{
  ledger_model_t *self = step->model;
  json_t *list = json_array ();
  for (size_t i = 0; i < self->sessions_count; i++) {
    const model_session_t *session = &self->sessions[i];
    json_int_t open = (json_int_t)open_calls (self, session->name);
    if (ledger_slot (session->name) == step->request->slot && (session->kept || open > 0))
      json_array_append_new (list, json_pack ("{s:s, s:I, s:b}", "session", session->name, "open", open, "ending", 0));
  }
  step->result->outcome = LEDGER_OK;
  if (troupe_value_pack (list, &step->room->body, NULL) != TROUPE_OK)
    abort ();
  json_decref (list);
  step->result->body = step->room->body;
}

void
model_sessions_free (ledger_model_t *self)
{
  for (size_t i = 0; i < self->sessions_count; i++)
    free (self->sessions[i].name);
  free (self->sessions);
}

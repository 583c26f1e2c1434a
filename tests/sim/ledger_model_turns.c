// SPDX-License-Identifier: Apache-2.0
//
// Mailboxes: the begun call of an actor, and those that wait, by the acceptance of their roots and then their own. And
// the graph of who waits for whom, followed depth first.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

bool
model_unsettled (const ledger_model_call_t *call)
{
  return call->status == TROUPE_STATUS_NONE;
}

bool
model_same_actor (const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  return a->actor && b->actor && strcmp (a->session, b->session) == 0 && strcmp (a->service, b->service) == 0;
}

ledger_model_call_t *
model_running (const ledger_model_t *self, const ledger_model_call_t *of)
{
  for (size_t i = 0; i < self->count; i++)
    if (model_same_actor (self->calls[i], of) && model_unsettled (self->calls[i]) && self->calls[i]->attempt > 0)
      return self->calls[i];
  return NULL;
}

bool
model_before (const ledger_model_call_t *a, const ledger_model_call_t *b)
{
  if (a->order != b->order)
    return a->order < b->order;
  const uint64_t *left = a->rank_count > 0 ? a->rank : &a->sequence;
  const uint64_t *right = b->rank_count > 0 ? b->rank : &b->sequence;
  uint32_t lefts = a->rank_count > 0 ? a->rank_count : 1, rights = b->rank_count > 0 ? b->rank_count : 1;
  for (uint32_t i = 0; i < lefts && i < rights; i++)
    if (left[i] != right[i])
      return left[i] < right[i];
  return lefts < rights;
}

static bool
waits_in_box (const ledger_model_call_t *call, const ledger_model_call_t *of)
{
  return model_same_actor (call, of) && model_unsettled (call) && call->attempt == 0;
}

void
model_start (ledger_model_t *self, ledger_model_call_t *call, int64_t now)
{
  call->attempt = model_attempt_after (self, call, call->base);
  model_renew_epoch (self, call);
  if (call->deadline == 0 && call->default_deadline > 0)
    call->deadline = now + call->default_deadline;
}

ledger_model_call_t *
model_first (const ledger_model_t *self, const ledger_model_call_t *of)
{
  ledger_model_call_t *first = NULL;
  if (model_running (self, of) != NULL)
    return NULL;
  for (size_t i = 0; i < self->count; i++)
    if (waits_in_box (self->calls[i], of) && (first == NULL || model_before (self->calls[i], first)))
      first = self->calls[i];
  return first == NULL || first->missing || model_hub_waits (first) ? NULL : first;
}

ledger_model_call_t *
model_advance (ledger_model_t *self, const ledger_model_call_t *of, int64_t now)
{
  ledger_model_call_t *first = model_first (self, of);
  if (first == NULL)
    return NULL;
  model_start (self, first, now);
  return first;
}

// -- Who waits for whom ----------------------------------------------------------------------------------------------

static bool
listed (const troupe_id_t *ids, uint32_t count, const troupe_id_t *id)
{
  for (uint32_t i = 0; i < count; i++)
    if (troupe_id_equal (&ids[i], id))
      return true;
  return false;
}

// `a` itself waits for `b`; both unsettled.
static bool
waits_for (const ledger_model_call_t *a, const ledger_model_call_t *b, uint64_t since)
{
  if (strcmp (a->session, b->session) != 0)
    return false;
  if (a->attempt == 0)
    return listed (a->inputs, a->inputs_count, &b->id) ||
           (model_same_actor (a, b) && a != b && (b->attempt > 0 || model_before (b, a))) || model_hub_waits_for (a, b);
  if (listed (a->awaits, a->awaits_count, &b->id) || (since > 0 && model_wants_room_of (a, b, since)))
    return true;
  return b->under > 0 && troupe_id_equal (&b->path[b->path_count - 1], &a->id);
}

static bool
reaches (const ledger_model_t *self, const ledger_model_call_t *goal, const ledger_model_call_t *from, uint64_t since,
         bool *seen)
{
  for (size_t i = 0; i < self->count; i++) {
    const ledger_model_call_t *next = self->calls[i];
    if (seen[i] || !model_unsettled (next) || !waits_for (from, next, since))
      continue;
    if (next == goal)
      return true;
    seen[i] = true;
    if (reaches (self, goal, next, since, seen))
      return true;
  }
  return false;
}

bool
model_ring (const ledger_model_t *self, const ledger_model_call_t *goal, const ledger_model_call_t *from,
            uint64_t since)
{
  bool *seen = model_need (calloc (self->count, sizeof *seen));
  bool found = reaches (self, goal, from, since, seen);
  free (seen);
  return found;
}

// SPDX-License-Identifier: Apache-2.0
//
// The store comes back with less than it had.
//
// With a little less: attempts that began are followed by those of other numbers, so that one which somebody runs already
// is nobody else's.
//
// With nothing: what had been accepted is lost, but not unnoticed. Whoever waits for it is told, and who has heard that it
// was accepted doesn't make it again. What was on its way when that happened, or is sent again because nothing was heard
// of it, may be stored anew: then it is another call, of the same name.

#include "sim/ledger_model_state.h"
#include "sim/mesh_state.h"

#include <string.h>

enum { ON_ITS_WAY_MS = 12000 }; // a node or its connection may stand still for 7 s, and it asks again

void
mesh_loss (mesh_t *self)
{
  unsigned lost = 0;
  for (unsigned i = 0; i < self->calls_count; i++) {
    mesh_call_t *call = self->calls[i];
    if (ledger_model_find (self->model, &call->id) == NULL)
      continue;
    call->gone = call->settled_at != 0;
    call->lost_at = call->gone ? 0 : self->clock.now;
    call->begun = false;
    lost++;
  }
  ledger_model_empty (self->model);
  ledger_model_set_since (self->model, mesh_ms (self));
  memset (self->memories, 0, sizeof self->memories);
  mesh_trace (self, "the store has lost %u calls, and what was remembered", lost);
}

// The end of its history: some of the attempts after a call's first have not begun. (What else happened since would be
// gone as well; but it does no harm here that it isn't.)
void
mesh_loss_of_attempts (mesh_t *self)
{
  for (size_t i = 0; i < self->model->count; i++) {
    ledger_model_call_t *call = self->model->calls[i];
    if (!mesh_check_open (call) || call->attempt % 1000 < call->base % 1000 + 2 || !mesh_chance (&self->clock, 500))
      continue;
    call->attempt--;
    mesh_trace (self, "the store has lost attempt %u of %s", call->attempt + 1, mesh_id_text (&call->id));
  }
}

void
mesh_loss_check_call (mesh_t *self, const void *bytes, size_t size)
{
  troupe_header_t header;
  troupe_header_decode (&header, bytes, size, NULL);
  const mesh_call_t *record = mesh_call_find (self, &header.call);
  if (record != NULL && record->accepted && !record->nested && (record->lost_at != 0 || record->gone))
    mesh_found (self, MESH_CHECK_LOST_IS_TOLD, "%s was accepted and lost, and is sent again",
                mesh_id_text (&record->id));
}

// Sent before its caller heard that it was accepted.
void
mesh_loss_found (const mesh_t *self, mesh_call_t *record)
{
  record->anew_at = self->clock.now;
  record->lost_at = record->settled_at = 0;
  record->gone = false;
  record->unsure = true;
  record->offers_count = 0;
}

// That of one which was stored once more afterwards may still be on its way.
bool
mesh_loss_tells (const mesh_t *self, const mesh_wait_t *wait, const troupe_error_t *error)
{
  const mesh_call_t *call = wait->call;
  bool late = call->anew_at != 0 && self->clock.now < call->anew_at + (int64_t)ON_ITS_WAY_MS * MS;
  return (call->lost_at != 0 || call->gone || late) && error->code == TROUPE_STORE_LOST;
}

// SPDX-License-Identifier: Apache-2.0
//
// Calls for which attempts ask room in mailboxes, again and again: what broker/functions/rings.lua notes of them.

#include "sim/ledger_model_state.h"

#include <stdlib.h>
#include <string.h>

enum { WANTS_MAX = 16 };

uint64_t
model_wanted_since (const ledger_model_call_t *parent, const troupe_id_t *id)
{
  for (size_t i = 0; i < parent->wants_count; i++)
    if (parent->wants[i].attempt == parent->attempt && troupe_id_equal (&parent->wants[i].id, id))
      return parent->wants[i].since;
  return 0;
}

static void
drop (ledger_model_call_t *parent, size_t index)
{
  free (parent->wants[index].service);
  parent->wants_count--;
  memmove (&parent->wants[index], &parent->wants[index + 1], (parent->wants_count - index) * sizeof *parent->wants);
}

void
model_forget_wanted (ledger_model_call_t *parent, const troupe_id_t *id)
{
  for (size_t i = parent->wants_count; i-- > 0;)
    if (parent->wants[i].attempt != parent->attempt || troupe_id_equal (&parent->wants[i].id, id))
      drop (parent, i);
}

void
model_note_wanted (ledger_model_t *self, ledger_model_call_t *parent, const troupe_id_t *id, const char *service)
{
  uint64_t since = model_wanted_since (parent, id), asked = ++self->asks;
  model_forget_wanted (parent, id);
  if (parent->wants_count == WANTS_MAX)
    drop (parent, 0);
  parent->wants = model_need (realloc (parent->wants, (parent->wants_count + 1) * sizeof *parent->wants));
  parent->wants[parent->wants_count++] = (model_want_t){.id = *id,
                                                        .service = model_need (strdup (service)),
                                                        .attempt = parent->attempt,
                                                        .since = since > 0 ? since : asked,
                                                        .last = asked};
}

bool
model_wants_room_of (const ledger_model_call_t *a, const ledger_model_call_t *b, uint64_t moment)
{
  for (size_t i = 0; i < a->wants_count; i++) {
    const model_want_t *want = &a->wants[i];
    bool waited = want->attempt == a->attempt && want->since <= moment && moment <= want->last;
    if (waited && b->actor && strcmp (b->service, want->service) == 0 && (b->attempt > 0 || b->order <= a->order))
      return true;
  }
  return false;
}

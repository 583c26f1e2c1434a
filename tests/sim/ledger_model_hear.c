// SPDX-License-Identifier: Apache-2.0
//
// What the actor of a call hears, in the model: what broker/functions/hear.lua does, and news_of and pass_cuts.

#include "sim/ledger_model_hub.h"

#include <stdlib.h>
#include <string.h>

enum { NEWS_MAX = 4096 };

static int
by_sequence (const void *a, const void *b)
{
  const model_entry_t *const *left = a, *const *right = b;
  return ((*left)->sequence > (*right)->sequence) - ((*left)->sequence < (*right)->sequence);
}

// Collects what the call has to hear, in order; with what was said in two hubs twice.
static size_t
collect (const ledger_model_call_t *call, const model_entry_t *news[NEWS_MAX])
{
  size_t count = 0;
  for (size_t i = 0; i < call->clock.count; i++) {
    const model_hub_t *hub = call->clock.cuts[i].hub;
    for (size_t j = 0; j < hub->entries_count; j++)
      if (hub->entries[j].said != NULL && model_hub_hears (hub, call->service, &hub->entries[j], call->clock.cuts[i].at)) {
        if (count == NEWS_MAX)
          abort ();
        news[count++] = &hub->entries[j];
      }
  }
  qsort (news, count, sizeof *news, by_sequence);
  return count;
}

uint32_t
model_hub_news (const ledger_model_call_t *call)
{
  const model_entry_t *news[NEWS_MAX];
  return call->attempt > 0 && call->clock.count > 0 ? (uint32_t)collect (call, news) : 0;
}

void
model_hub_pass (ledger_model_call_t *call)
{
  for (size_t i = 0; i < call->clock.count; i++) {
    model_member_t *member = model_hub_member (call->clock.cuts[i].hub, call->service);
    if (member->cursor < call->clock.cuts[i].at)
      member->cursor = call->clock.cuts[i].at;
  }
}

static size_t
page_of (const ledger_model_t *self)
{
  return self->page > 0 ? self->page : LEDGER_HEAR_MAX;
}

void
model_hear (model_step_t *step)
{
  const ledger_model_call_t *call = model_running_attempt (step);
  const model_entry_t *news[NEWS_MAX];
  if (call == NULL)
    return;
  size_t all = collect (call, news), count = 0, size = 3;
  unsigned char *bytes = model_need (malloc (3));
  for (size_t i = 0; i < all && step->result->position == 0; i++) {
    if (news[i]->sequence <= step->request->position || (i > 0 && news[i]->sequence == news[i - 1]->sequence))
      continue;
    size_t more = troupe_buffer_size (news[i]->said);
    bytes = model_need (realloc (bytes, size + more));
    memcpy (bytes + size, troupe_buffer_data (news[i]->said), more);
    size += more;
    if (++count == page_of (step->model) && i + 1 < all)
      step->result->position = news[i]->sequence;
  }
  bytes[0] = 0xdc; // a list of up to 65535 items
  bytes[1] = (unsigned char)(count >> 8);
  bytes[2] = (unsigned char)count;
  step->result->body = step->room->body = model_bytes (bytes, size);
  free (bytes);
}

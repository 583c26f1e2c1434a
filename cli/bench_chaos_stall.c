// SPDX-License-Identifier: Apache-2.0
//
// Times without progress (bench_chaos_stall.h). A part that is back isn't at work at once (Redis reads its file, nodes
// connect again), so a fault counts for some time longer than it lasted.
#include "cli/bench_chaos_stall.h"

enum {
  AFTER_MS = 3000, // that a fault has effects after its end
  STALL_MS = 300   // below that, it is no standing still
};

void
chaos_stalls_begin (chaos_stalls_t *self, int64_t now)
{
  *self = (chaos_stalls_t){.all_since = now};
  for (unsigned i = 0; i < CHAOS_CALLERS_MAX; i++)
    self->since[i] = now;
}

void
chaos_stalls_fault (chaos_stalls_t *self, const chaos_part_t *part, bool freeze, int64_t now)
{
  self->spans[self->spans_count++ % CHAOS_FAULTS_KEPT] =
    (chaos_span_t){.kind = part->kind, .freeze = freeze, .part = part, .start = now};
  self->of[part->kind][freeze].count++;
}

static void
end_spans (chaos_stalls_t *self, int64_t now)
{
  for (unsigned i = 0; i < CHAOS_FAULTS_KEPT; i++)
    if (self->spans[i].part && self->spans[i].end == 0 && self->spans[i].part->heal == 0)
      self->spans[i].end = now;
}

// The fault that was there alone between two times; NULL and the number of them otherwise.
static const chaos_span_t *
fault_of (const chaos_stalls_t *self, int64_t from, int64_t to, unsigned *count)
{
  const chaos_span_t *found = NULL;
  *count = 0;
  for (unsigned i = 0; i < CHAOS_FAULTS_KEPT; i++) {
    const chaos_span_t *span = &self->spans[i];
    if (!span->part || span->start > to || (span->end > 0 && span->end + AFTER_MS < from))
      continue;
    found = span;
    ++*count;
  }
  return *count == 1 ? found : NULL;
}

static void
note (chaos_stalls_t *self, int64_t from, int64_t to)
{
  unsigned count;
  const chaos_span_t *span = fault_of (self, from, to, &count);
  if (count == 0 && to - from > self->quiet)
    self->quiet = to - from;
  if (!span)
    return;
  chaos_stalls_of_t *of = &self->of[span->kind][span->freeze];
  of->alone++;
  if (to - from > of->worst)
    of->worst = to - from;
}

void
chaos_stalls_look (chaos_stalls_t *self, const chaos_board_t *board, int64_t now)
{
  uint64_t all = 0;
  end_spans (self, now);
  for (unsigned i = 0; i < board->head->callers; i++) {
    uint64_t settled = board->head->settled[i];
    all += settled;
    // What isn't asked for can't be answered: a caller with nothing open doesn't stand still.
    if (settled == self->settled[i] && board->head->begun[i] > settled)
      continue;
    if (now - self->since[i] >= STALL_MS && settled != self->settled[i])
      note (self, self->since[i], now);
    self->settled[i] = settled;
    self->since[i] = now;
  }
  if (all == self->all)
    return;
  if (now - self->all_since > self->longest)
    self->longest = now - self->all_since;
  self->all = all;
  self->all_since = now;
}

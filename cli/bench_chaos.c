// SPDX-License-Identifier: Apache-2.0
//
// The run of `troupe bench chaos` (bench_chaos.h): calls and messages go on, faults come from the seed, until all
// callers have been told of everything; then all parts are brought back, and the checker looks.
#include "cli/bench_chaos.h"

#include "cli/bench_chaos_stage.h"

#include <stdlib.h>
#include <string.h>

enum {
  STUCK_MS = 90 * 1000, // without any answer while nothing is harmed: longer than every lease and retry
  HARMED_MOST = 2,      // at a time
  SPARE_MS = 2000,      // before the first fault
  CALM_MS = 4000,       // before and after a fault that is to be alone: until the one before has no effects any more
  SETTLE_MS = 4000      // after the last: a lease and a heartbeat
};

typedef struct {
  bench_chaos_t *chaos;
  chaos_stage_t stage;
  chaos_counts_t counts;
  chaos_chance_t chance;
  chaos_fault_t next;
  int64_t start, due, well_since;
} run_t;

static void
tell_fault (const run_t *self, const chaos_part_t *part, int64_t now)
{
  if (!self->chaos->quiet)
    fprintf (stderr, "%8.3f  %s %s for %.3f s\n", (double)(now - self->start) / 1000,
             self->next.freeze ? "freeze" : "kill", part->name, (double)self->next.ms / 1000);
}

// The next one that is of the kind that is to be harmed.
static void
draw (run_t *self)
{
  do
    self->next = chaos_fault_next (&self->chance, CHAOS_PARTS);
  while (self->chaos->harm != CHAOS_KINDS && (int)self->stage.parts.at[self->next.part].kind != self->chaos->harm);
}

// A fault that the seed draws for a part that is harmed already, or when too many are, is passed over; one that is to
// be alone waits until it is.
static void
harm (run_t *self, int64_t now)
{
  chaos_parts_t *parts = &self->stage.parts;
  chaos_part_t *part = &parts->at[self->next.part];
  bool alone = self->next.alone;
  int64_t lasts = self->next.ms;
  if (alone && (chaos_parts_harmed (parts) > 0 || now - self->well_since < CALM_MS))
    return;
  if (part->heal == 0 && part->pid != 0 && chaos_parts_harmed (parts) < HARMED_MOST) {
    tell_fault (self, part, now);
    chaos_stalls_fault (&self->chaos->stalls, part, self->next.freeze, now);
    if (self->next.freeze)
      chaos_parts_freeze (part, now + self->next.ms);
    else
      chaos_parts_kill (part, now + self->next.ms);
  }
  draw (self);
  self->due = now + (alone ? lasts + CALM_MS : self->next.after_ms);
}

static bool
is_stuck (run_t *self, int64_t now)
{
  if (chaos_parts_harmed (&self->stage.parts) > 0)
    self->well_since = now;
  int64_t since = self->chaos->stalls.all_since > self->well_since ? self->chaos->stalls.all_since : self->well_since;
  return now - since > STUCK_MS;
}

static troupe_err_t
play (run_t *self, troupe_error_t *error)
{
  troupe_err_t err = chaos_stage_go (&self->stage, error);
  self->start = self->well_since = troupe_loop_now ();
  chaos_stalls_begin (&self->chaos->stalls, self->start);
  draw (self);
  self->due = self->start + SPARE_MS;
  while (err == TROUPE_OK && !chaos_stage_done (&self->stage) && !self->chaos->stuck) {
    int64_t now = troupe_loop_now ();
    // A mesh that seems to be stuck is left in peace, to see whether it is.
    if (!self->chaos->no_faults && now >= self->due && now - self->chaos->stalls.all_since < STUCK_MS)
      harm (self, now);
    chaos_counts_look (&self->counts, now);
    chaos_stalls_look (&self->chaos->stalls, &self->stage.board, now);
    self->chaos->stuck = is_stuck (self, now);
    err = chaos_stage_turn (&self->stage, error);
  }
  self->chaos->faulty_ms = troupe_loop_now () - self->start;
  return err;
}

// All parts are brought back, and have found each other again.
static troupe_err_t
recover (run_t *self, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  chaos_parts_t *parts = &self->stage.parts;
  for (unsigned i = 0; i < CHAOS_PARTS; i++)
    if (parts->at[i].heal > 0)
      parts->at[i].heal = 1;
  int64_t end = troupe_loop_now () + SETTLE_MS;
  while (err == TROUPE_OK && troupe_loop_now () < end) {
    chaos_counts_look (&self->counts, troupe_loop_now ());
    err = chaos_stage_turn (&self->stage, error);
  }
  return err;
}

static void
sum_up (run_t *self)
{
  bench_chaos_t *chaos = self->chaos;
  memcpy (chaos->counts, self->counts.sums, sizeof chaos->counts);
  chaos->crashed = self->stage.parts.crashed;
  if (chaos->crashed > 0)
    fprintf (stderr, "troupe: %s\n", self->stage.parts.last);
  chaos->took_ms = troupe_loop_now () - self->start;
}

// The board and Redis's files stay for whoever looks for the cause.
static void
keep (run_t *self)
{
  if (!self->chaos->keep)
    return;
  snprintf (self->chaos->kept, sizeof self->chaos->kept, "%s", self->stage.field.directory);
  *self->stage.field.directory = '\0';
}

troupe_err_t
bench_chaos_run (bench_chaos_t *self, const char *parent, troupe_error_t *error)
{
  run_t *run = calloc (1, sizeof *run);
  if (!run)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  run->chaos = self;
  run->chance = (chaos_chance_t){.state = self->seed, .longest_ms = self->freeze_ms};
  chaos_play_t actors = {.calls = self->calls,
                         .messages = self->messages,
                         .ms = self->ms,
                         .fsync = self->everysec ? "everysec" : "always",
                         .retention = "2m"};
  troupe_err_t err = chaos_stage_open (&run->stage, &actors, parent, error);
  if (err == TROUPE_OK)
    err = chaos_counts_open (&run->counts, run->stage.field.crew.loop, error);
  if (err == TROUPE_OK)
    err = play (run, error);
  if (err == TROUPE_OK)
    err = recover (run, error);
  if (err == TROUPE_OK)
    err = chaos_audit (&self->figures, &run->stage.board, &run->stage.store, error);
  if (err == TROUPE_OK)
    sum_up (run);
  keep (run);
  chaos_counts_close (&run->counts);
  chaos_stage_close (&run->stage);
  free (run);
  return err;
}

// With everysec, what Redis forgot when it was killed is told and not held against it.
bool
bench_chaos_broken (const bench_chaos_t *self)
{
  return self->crashed > 0 || self->stuck || (!self->everysec && chaos_audit_broken (&self->figures));
}

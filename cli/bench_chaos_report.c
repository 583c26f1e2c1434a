// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench chaos` tells: a table for people, JSON for machines.
#include "cli/bench_chaos.h"

#include "cli/table.h"

#include <inttypes.h>
#include <stddef.h>

#define FIGURE(name, promise, text)                                                                                    \
  {                                                                                                                    \
#name, text, offsetof(chaos_figures_t, name), promise                                                              \
  }

// In the table's order.
static const struct {
  const char *name, *text;
  size_t offset;
  bool promise; // must be 0
} figures[] = {
  FIGURE (made, false, "calls and messages made"),
  FIGURE (accepted, false, "accepted"),
  FIGURE (settled, false, "settled"),
  FIGURE (values, false, "  with a value"),
  FIGURE (cancelled, false, "  cancelled, as asked"),
  FIGURE (maybe, false, "told that it isn't known whether they were accepted"),
  FIGURE (refused, false, "refused, and made anew"),
  FIGURE (reruns, false, "re-run: attempts beyond a call's first"),
  FIGURE (payments, false, "nested calls"),
  FIGURE (payments_again, false, "  that ran again"),
  FIGURE (reused, false, "journal answers reused by a later attempt"),
  FIGURE (given_up, false, "failed: they may be attempted once only, and that was lost"),
  FIGURE (heard, false, "messages heard, by all members"),
  FIGURE (lost, true, "accepted and lost"),
  FIGURE (failed, true, "accepted, and failed"),
  FIGURE (twice, true, "settled twice"),
  FIGURE (repeated, true, "remembered twice"),
  FIGURE (invented, true, "remembered, but not settled so"),
  FIGURE (disordered, true, "out of their caller's order"),
  FIGURE (differing, true, "hub order differing between two members"),
  FIGURE (overrun, true, "attempted twice, though once only was allowed"),
  FIGURE (contradicted, true, "nested calls with two outcomes"),
};
enum { FIGURES = sizeof figures / sizeof *figures };

static const struct {
  const char *name, *text;
} counts[CHAOS_COUNTS] = {
  {"came_again", "duplicates suppressed: calls that came again"},
  {"fenced", "duplicates suppressed: outcomes of attempts that were over"},
  {"attempts_lost", "attempts whose worker was lost"},
  {"taken_over", "calls taken over from another broker"},
  {"recovered", "calls that a broker took up again"},
};

static uint64_t
figure (const bench_chaos_t *self, unsigned index)
{
  return *(const uint64_t *)((const char *)&self->figures + figures[index].offset);
}

// -- For people -------------------------------------------------------------------------------------------------------

static void
print_number (const char *text, uint64_t number)
{
  printf ("%12" PRIu64 "  %s\n", number, text);
}

static void
print_codes (const char *text, const uint64_t *codes)
{
  for (unsigned i = 0; i < CHAOS_CODES_MAX; i++)
    if (codes[i] > 0)
      printf ("%12" PRIu64 "    %s %s\n", codes[i], text, troupe_err_name ((troupe_err_t)i));
}

static void
print_figures (const bench_chaos_t *self, bool promises)
{
  for (unsigned i = 0; i < FIGURES; i++)
    if (figures[i].promise == promises)
      print_number (figures[i].text, figure (self, i));
  if (!promises)
    for (unsigned i = 0; i < CHAOS_COUNTS; i++)
      print_number (counts[i].text, self->counts[i]);
  print_codes (promises ? "failed as" : "perhaps accepted:", promises ? self->figures.failures : self->figures.maybes);
}

static void
print_stalls (const chaos_stalls_t *stalls)
{
  static const char *const heads[] = {"harmed", "how", "times", "alone", "a caller stood still for at most"};
  table_t table;
  table_init (&table, heads, 5);
  for (unsigned kind = 0; kind < CHAOS_KINDS; kind++)
    for (unsigned freeze = 0; freeze < 2; freeze++) {
      const chaos_stalls_of_t *of = &stalls->of[kind][freeze];
      char times[24], alone[24], worst[24];
      snprintf (times, sizeof times, "%u", of->count);
      snprintf (alone, sizeof alone, "%u", of->alone);
      snprintf (worst, sizeof worst, "%.2f s", (double)of->worst / 1000);
      table_add (&table, (const char *[]){chaos_kind_name (kind), freeze ? "frozen" : "killed", times, alone,
                                          of->alone > 0 ? worst : "-"});
    }
  table_print (&table, stdout);
  table_free (&table);
}

void
bench_chaos_print (const bench_chaos_t *self)
{
  printf ("seed %" PRIu64 ", appendfsync %s, %.1f s (%.1f s until the last answer)\n\n", self->seed,
          self->everysec ? "everysec" : "always", (double)self->took_ms / 1000, (double)self->faulty_ms / 1000);
  print_figures (self, false);
  printf ("%10.2f s  the longest time without progress\n", (double)self->stalls.longest / 1000);
  printf ("%10.2f s  that a caller stood still while nothing was harmed\n\n", (double)self->stalls.quiet / 1000);
  print_stalls (&self->stalls);
  putchar ('\n');
  print_figures (self, true);
  print_number ("crashed", self->crashed);
  if (*self->kept)
    printf ("\nKept: %s\n", self->kept);
  puts (self->stuck                            ? "\nIt stood still, with calls open."
        : bench_chaos_broken (self)            ? "\nA promise was broken."
        : !chaos_audit_broken (&self->figures) ? "\nEvery promise held."
                                               : "\nWith everysec, this is what Redis forgot.");
}

// -- For machines -----------------------------------------------------------------------------------------------------

static json_t *
stalls_json (const chaos_stalls_t *stalls)
{
  json_t *list = json_array ();
  for (unsigned kind = 0; kind < CHAOS_KINDS; kind++)
    for (unsigned freeze = 0; freeze < 2; freeze++) {
      const chaos_stalls_of_t *of = &stalls->of[kind][freeze];
      json_array_append_new (list, json_pack ("{s:s, s:s, s:i, s:i, s:I}", "part", chaos_kind_name (kind), "fault",
                                              freeze ? "frozen" : "killed", "times", (int)of->count, "alone",
                                              (int)of->alone, "stood_still_ms", (json_int_t)of->worst));
    }
  return list;
}

json_t *
bench_chaos_json (const bench_chaos_t *self)
{
  json_t *out = json_pack ("{s:s, s:I, s:s, s:I, s:b, s:b, s:i, s:I, s:I}", "bench", "chaos", "seed",
                           (json_int_t)self->seed, "fsync", self->everysec ? "everysec" : "always", "took_ms",
                           (json_int_t)self->took_ms, "broken", (int)bench_chaos_broken (self), "stuck",
                           (int)self->stuck, "crashed", (int)self->crashed, "longest_without_progress_ms",
                           (json_int_t)self->stalls.longest, "quiet_stood_still_ms", (json_int_t)self->stalls.quiet);
  for (unsigned i = 0; out && i < FIGURES; i++)
    json_object_set_new (out, figures[i].name, json_integer ((json_int_t)figure (self, i)));
  for (unsigned i = 0; out && i < CHAOS_COUNTS; i++)
    json_object_set_new (out, counts[i].name, json_integer ((json_int_t)self->counts[i]));
  if (out)
    json_object_set_new (out, "faults", stalls_json (&self->stalls));
  return out;
}

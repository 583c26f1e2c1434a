// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench soak` tells: a table for people, JSON for machines.
#include "cli/bench_soak.h"

#include "cli/table.h"

void
bench_soak_print (const bench_soak_t *self)
{
  static const char *const heads[] = {"", "first half", "second half", "after the warm-up"};
  table_t table;
  printf ("%.0f s, %llu calls and messages, %u samples. Means:\n\n", (double)self->ms / 1000,
          (unsigned long long)self->calls, self->samples);
  table_init (&table, heads, 4);
  for (unsigned i = 0; i < self->series_count; i++) {
    const soak_series_t *series = &self->series[i];
    char early[32], late[32];
    snprintf (early, sizeof early, "%.1f", series->early);
    snprintf (late, sizeof late, "%.1f", series->late);
    table_add (&table, (const char *[]){series->name, early, late, series->grows ? "grows" : ""});
  }
  table_print (&table, stdout);
  table_free (&table);
  if (self->left > 0)
    printf ("\n%lld keys are left in Redis that nothing needs, such as %s\n", (long long)self->left, self->example);
  puts (bench_soak_broken (self) ? "\nSomething grows." : "\nNothing grows.");
}

json_t *
bench_soak_json (const bench_soak_t *self)
{
  json_t *list = json_array ();
  for (unsigned i = 0; i < self->series_count; i++) {
    const soak_series_t *series = &self->series[i];
    json_array_append_new (list, json_pack ("{s:s, s:f, s:f, s:b}", "what", series->name, "first", series->early,
                                            "second", series->late, "grows", (int)series->grows));
  }
  return json_pack ("{s:s, s:I, s:I, s:b, s:I, s:s, s:o}", "bench", "soak", "ms", (json_int_t)self->ms, "calls",
                    (json_int_t)self->calls, "broken", (int)bench_soak_broken (self), "left", (json_int_t)self->left,
                    "example", self->example, "series", list);
}

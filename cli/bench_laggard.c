// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench laggard` (bench_laggard.h). The messages are those of `troupe bench hub` (bench_numbers.h), one every
// few milliseconds: each hearer sees by their numbers whether it heard each once and in order, and by their times how
// long that took. The first hearer is frozen for the second half, which is longer than a lease: it is taken for dead,
// and then comes back.
#include "cli/bench_laggard.h"

#include "cli/bench_chaos_parts.h"
#include "cli/bench_field.h"
#include "cli/bench_numbers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
  FIRST_SKIPPED = 20, // messages: of buffers that are touched for the first time
  HALF = LAGGARD_MESSAGES / 2,
  TURN_MS = 20,
  HEAR_MS = 60 * 1000
};

// What may differ between two times of some seconds, on a machine with other work.
static const double FACTOR = 2, SLACK_MS = 50, MEMORY_SLACK = 8 * 1024;

typedef struct {
  bench_field_t field;
  chaos_parts_t parts;
  bench_member_t speaker, hearers[LAGGARD_HEARERS];
  unsigned started; // hearers
} laggard_t;

static json_t *
parameters_of (const char *agent, unsigned number)
{
  return json_pack ("{s:s, s:i, s:i, s:i, s:i, s:b, s:o}", "agent", agent, "count", LAGGARD_MESSAGES, "window",
                    LAGGARD_MESSAGES, "pause_ms", LAGGARD_PAUSE_MS, "members", LAGGARD_HEARERS, "waits", 1, "brokers",
                    chaos_brokers (number));
}

// All stand and are connected then.
static troupe_err_t
start (laggard_t *self, troupe_error_t *error)
{
  bench_crew_t *crew = &self->field.crew;
  troupe_err_t err = chaos_parts_open (&self->parts, "always", "1m", true, error);
  for (unsigned i = 0; i <= CHAOS_BROKERS && err == TROUPE_OK; i++) // no workers
    err = chaos_parts_start (&self->parts, &self->parts.at[i], error);
  while (self->started < LAGGARD_HEARERS && err == TROUPE_OK) {
    char agent[32];
    unsigned i = self->started++;
    snprintf (agent, sizeof agent, "bench-%u", i + 1);
    err = bench_crew_start (crew, &self->hearers[i], "hearer", parameters_of (agent, i), error);
  }
  if (err == TROUPE_OK)
    err = bench_crew_hear (crew, self->hearers, self->started, BENCH_READY_MS, error);
  if (err == TROUPE_OK)
    err = bench_crew_go (crew, self->hearers, self->started, error);
  if (err == TROUPE_OK)
    err = bench_crew_start (crew, &self->speaker, "speaker", parameters_of ("bench", 0), error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (crew, &self->speaker, 1, BENCH_READY_MS, error);
  return err == TROUPE_OK ? bench_crew_hear (crew, self->hearers, self->started, BENCH_READY_MS, error) : err;
}

static void
look_at_memory (const laggard_t *self, laggard_half_t *half)
{
  for (unsigned i = 1; i <= CHAOS_BROKERS; i++) {
    double memory = chaos_memory_of (self->parts.at[i].pid);
    half->memory = memory > half->memory ? memory : half->memory;
  }
}

static troupe_err_t
play (laggard_t *self, bench_laggard_t *out, troupe_error_t *error)
{
  bench_crew_t *crew = &self->field.crew;
  pid_t laggard = self->hearers[0].pid;
  troupe_err_t err = bench_crew_go (crew, self->hearers, self->started, error);
  if (err == TROUPE_OK)
    err = bench_crew_go (crew, &self->speaker, 1, error);
  int64_t now = troupe_loop_now (), half = now + (int64_t)HALF * LAGGARD_PAUSE_MS, frozen = 0;
  while (err == TROUPE_OK && !self->speaker.said) {
    now = troupe_loop_now ();
    if (frozen == 0 && now >= half && kill (laggard, SIGSTOP) == 0)
      frozen = now;
    look_at_memory (self, frozen > 0 ? &out->frozen : &out->before);
    err = bench_crew_check (crew, error);
    if (err == TROUPE_OK && (err = troupe_loop_turn (crew->loop, TURN_MS)) != TROUPE_OK)
      troupe_error_set (error, err, "loop", NULL, "failed");
  }
  if (err == TROUPE_OK)
    err = bench_crew_hear (crew, self->hearers + 1, self->started - 1, HEAR_MS, error);
  kill (laggard, SIGCONT);
  now = troupe_loop_now ();
  if (err == TROUPE_OK)
    err = bench_crew_hear (crew, self->hearers, 1, HEAR_MS, error);
  out->frozen_ms = (double)(now - frozen);
  out->caught_up_ms = (double)(troupe_loop_now () - now);
  return err;
}

// -- What came of it --------------------------------------------------------------------------------------------------

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Of the messages from `first` on up to `last`, as all but the frozen one heard them.
static troupe_err_t
sum_up (const laggard_t *self, size_t first, size_t last, laggard_half_t *out, troupe_error_t *error)
{
  size_t count = 0;
  double *waits = calloc (LAGGARD_HEARERS * (last - first), sizeof *waits);
  if (!waits)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  for (unsigned i = 1; i < self->started; i++)
    for (size_t j = first; j < last; j++)
      waits[count++] = json_number_value (json_array_get (json_object_get (self->hearers[i].said, "waits"), j)) / 1000;
  qsort (waits, count, sizeof *waits, compare);
  out->p50_ms = waits[count / 2];
  out->p99_ms = waits[count * 99 / 100];
  free (waits);
  return TROUPE_OK;
}

static unsigned
count_missing (const laggard_t *self)
{
  unsigned missing = 0;
  for (unsigned i = 0; i < self->started; i++) {
    const json_t *said = self->hearers[i].said;
    missing += json_integer_value (json_object_get (said, "received")) != LAGGARD_MESSAGES ||
               json_integer_value (json_object_get (said, "wrong")) != 0;
  }
  return missing;
}

troupe_err_t
bench_laggard_run (bench_laggard_t *self, const char *parent, troupe_error_t *error)
{
  static laggard_t laggard; // static: large, and one a process
  laggard.parts.store_input = -1;
  laggard.speaker = (bench_member_t){.input = -1, .output = -1};
  troupe_err_t err = bench_field_open (&laggard.field, parent, error);
  if (err == TROUPE_OK)
    err = start (&laggard, error);
  if (err == TROUPE_OK)
    err = play (&laggard, self, error);
  if (err == TROUPE_OK)
    err = sum_up (&laggard, FIRST_SKIPPED, HALF, &self->before, error);
  if (err == TROUPE_OK)
    err = sum_up (&laggard, HALF, LAGGARD_MESSAGES, &self->frozen, error);
  if (err == TROUPE_OK)
    self->missing = count_missing (&laggard);
  bench_crew_end (&laggard.field.crew, &laggard.speaker, 1);
  bench_crew_end (&laggard.field.crew, laggard.hearers, laggard.started);
  chaos_parts_close (&laggard.parts);
  bench_field_close (&laggard.field);
  return err;
}

bool
bench_laggard_broken (const bench_laggard_t *self)
{
  return self->missing > 0 || self->frozen.p99_ms > self->before.p99_ms * FACTOR + SLACK_MS ||
         self->frozen.memory > self->before.memory + MEMORY_SLACK;
}

void
bench_laggard_print (const bench_laggard_t *self)
{
  printf ("%d processes hear %d messages, one every %d ms; one of them is frozen for the last %.1f s.\n\n",
          LAGGARD_HEARERS, LAGGARD_MESSAGES, LAGGARD_PAUSE_MS, self->frozen_ms / 1000);
  printf ("the others, from said to heard:   before  p50 %.1f ms, p99 %.1f ms\n", self->before.p50_ms,
          self->before.p99_ms);
  printf ("                                  then    p50 %.1f ms, p99 %.1f ms\n", self->frozen.p50_ms,
          self->frozen.p99_ms);
  printf ("a broker's memory:                before  %.0f KiB, then %.0f KiB\n", self->before.memory,
          self->frozen.memory);
  printf ("it had caught up after:           %.2f s\n\n", self->caught_up_ms / 1000);
  if (self->missing > 0)
    printf ("%u processes did not hear every message once and in order.\n", self->missing);
  else
    puts ("Every process heard every message once, in order.");
}

static json_t *
half_json (const laggard_half_t *half)
{
  return json_pack ("{s:f, s:f, s:f}", "p50_ms", half->p50_ms, "p99_ms", half->p99_ms, "broker_kib", half->memory);
}

json_t *
bench_laggard_json (const bench_laggard_t *self)
{
  return json_pack ("{s:s, s:o, s:o, s:f, s:f, s:i, s:b}", "bench", "laggard", "before", half_json (&self->before),
                    "frozen", half_json (&self->frozen), "frozen_ms", self->frozen_ms, "caught_up_ms",
                    self->caught_up_ms, "missing", (int)self->missing, "broken", (int)bench_laggard_broken (self));
}

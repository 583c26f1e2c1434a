// SPDX-License-Identifier: Apache-2.0
//
// The measurements of `troupe bench calls` (bench_calls.h).
//
// Side by side: in each round every contestant is measured once, so that what else the machine does meanwhile hits all
// of them, and ratios are made within a round. Growing: for each point the same, with one number that grows and the
// rest as it is; the mesh has three brokers then, of which the clients and workers use as many as the point says.
#include "cli/bench_calls.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

// What is compared, in the table's order. Volatile calls use the mesh of the first fsync: they reach no Redis.
static const struct {
  bench_kind_t kind;
  bench_fsync_t fsync;
} contestants[] = {{BENCH_RAW, BENCH_ALWAYS},     {BENCH_VOLATILE, BENCH_ALWAYS},    {BENCH_FUNCTIONS, BENCH_ALWAYS},
                   {BENCH_DURABLE, BENCH_ALWAYS}, {BENCH_FUNCTIONS, BENCH_EVERYSEC}, {BENCH_DURABLE, BENCH_EVERYSEC}};
static const unsigned in_flights[] = {1, 100};

enum {
  SESSIONS = 1000,        // over all 64 slots
  GROWING_CLIENTS = 6,    // a multiple of 1, 2 and 3 brokers
  GROWING_IN_FLIGHT = 16, // of each: about 100 together
  CLIENT_IN_FLIGHT = 10,  // while clients grow: from 10 to 640 together
  POINTS_MAX = 8
};

// What grows. A point's value is put into the cell at `offset`.
static const struct {
  const char *grows;
  size_t offset;
  unsigned in_flight;
  bool actors; // calls to actors as well: with few sessions they wait for each other
  unsigned points[POINTS_MAX];
} sweeps[] = {
  {"clients", offsetof (bench_cell_t, clients), CLIENT_IN_FLIGHT, false, {1, 2, 4, 8, 16, 32, 64}},
  {"workers", offsetof (bench_cell_t, workers), GROWING_IN_FLIGHT, false, {1, 2, 4, 8}},
  {"brokers", offsetof (bench_cell_t, brokers), GROWING_IN_FLIGHT, false, {1, 2, 3}},
  {"sessions", offsetof (bench_cell_t, sessions), GROWING_IN_FLIGHT, true, {1, 10, 100, 1000, 10000, 100000}},
};

const bench_series_t *
bench_calls_find (const bench_calls_t *self, bench_kind_t kind, bench_fsync_t fsync, unsigned in_flight)
{
  for (size_t i = 0; i < self->count; i++) {
    const bench_series_t *series = &self->series[i];
    if (!series->grows && series->cell.kind == kind && series->cell.fsync == fsync &&
        series->cell.in_flight == in_flight)
      return series;
  }
  return NULL;
}

static void
add (bench_calls_t *self, const char *grows, const bench_cell_t *cell)
{
  if (self->count == BENCH_SERIES_MAX)
    return;
  bench_series_t *series = &self->series[self->count++];
  series->grows = grows;
  series->cell = *cell;
}

static void
add_side_by_side (bench_calls_t *self)
{
  for (size_t i = 0; i < sizeof in_flights / sizeof *in_flights; i++)
    for (size_t j = 0; j < sizeof contestants / sizeof *contestants; j++)
      add (self, NULL,
           &(bench_cell_t){.kind = contestants[j].kind,
                           .fsync = contestants[j].fsync,
                           .in_flight = in_flights[i],
                           .clients = 1,
                           .workers = 1,
                           .brokers = 1,
                           .sessions = SESSIONS});
}

// The series of one point.
static void
add_point (bench_calls_t *self, size_t sweep, unsigned value)
{
  bench_cell_t cell = {.kind = BENCH_VOLATILE,
                       .in_flight = sweeps[sweep].in_flight,
                       .clients = GROWING_CLIENTS,
                       .workers = 1,
                       .brokers = 1,
                       .sessions = SESSIONS};
  *(unsigned *)((char *)&cell + sweeps[sweep].offset) = value;
  add (self, sweeps[sweep].grows, &cell);
  cell.kind = BENCH_DURABLE;
  add (self, sweeps[sweep].grows, &cell);
  cell.actor = true;
  if (sweeps[sweep].actors)
    add (self, sweeps[sweep].grows, &cell);
}

static void
tell_progress (const bench_calls_t *self, const bench_series_t *series, unsigned round)
{
  if (isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[K%s, round %u of %u: measurement %zu of %zu",
             series->grows ? series->grows : "side by side", round + 1, self->rounds,
             (size_t)(series - self->series) + 1, self->count);
}

// Each of the `count` series from `first` on, in turn, as often as there are rounds.
static troupe_err_t
run_rounds (bench_calls_t *self, bench_field_t *field, size_t first, size_t count, troupe_error_t *error)
{
  for (unsigned round = 0; round < self->rounds; round++)
    for (size_t i = first; i < first + count; i++) {
      bench_series_t *series = &self->series[i];
      if (*series->missing)
        continue;
      tell_progress (self, series, round);
      troupe_err_t err = bench_cell_run (field, &series->cell, &self->span, &series->samples[series->count], error);
      if (err == TROUPE_SERVICE_FAILED)
        snprintf (series->missing, sizeof series->missing, "%s", error->why);
      else if (err != TROUPE_OK)
        return err;
      else
        series->count++;
    }
  return TROUPE_OK;
}

static troupe_err_t
run_side_by_side (bench_calls_t *self, bench_field_t *field, size_t count, troupe_error_t *error)
{
  troupe_err_t err = bench_field_raw (field, error);
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS && err == TROUPE_OK; fsync++)
    err = bench_field_mesh (field, fsync, 1, error);
  return err == TROUPE_OK ? run_rounds (self, field, 0, count, error) : err;
}

static troupe_err_t
run_sweeps (bench_calls_t *self, bench_field_t *field, size_t first, troupe_error_t *error)
{
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS; fsync++)
    bench_field_end_mesh (field, fsync);
  troupe_err_t err = bench_field_mesh (field, BENCH_ALWAYS, BENCH_BROKERS_MAX, error);
  for (size_t i = first, count; i < self->count && err == TROUPE_OK; i += count) {
    for (count = 1; i + count < self->count && self->series[i + count].cell.kind != BENCH_VOLATILE;)
      count++; // a point begins with its volatile series
    err = run_rounds (self, field, i, count, error);
  }
  return err;
}

troupe_err_t
bench_calls_run (bench_calls_t *self, const char *parent, troupe_error_t *error)
{
  bench_field_t field;
  add_side_by_side (self);
  size_t sweep = self->count;
  for (size_t i = 0; self->sweep && i < sizeof sweeps / sizeof *sweeps; i++)
    for (size_t j = 0; j < POINTS_MAX && sweeps[i].points[j] > 0; j++)
      add_point (self, i, sweeps[i].points[j]);
  troupe_err_t err = bench_field_open (&field, parent, error);
  if (err == TROUPE_OK) {
    self->unsafe = bench_field_unsafe ();
    err = run_side_by_side (self, &field, sweep, error);
  }
  if (err == TROUPE_OK && self->sweep)
    err = run_sweeps (self, &field, sweep, error);
  if (isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[K");
  bench_field_close (&field);
  return err;
}

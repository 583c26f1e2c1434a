// SPDX-License-Identifier: Apache-2.0
//
// The measurements of `troupe bench hub` (bench_hub.h). In each round every contestant is measured once, so that what
// else the machine does meanwhile hits all of them. The processes of one measurement are started for it; the word is
// given once each hearer has heard something.
#include "cli/bench_hub.h"

#include "cli/bench_meter.h"
#include "cli/bench_numbers.h"

#include <stdlib.h>
#include <unistd.h>

#define FRONT "ipc://hub-front.ipc"
#define BACK "ipc://hub-back.ipc"

enum { HEAR_MS = 60 * 1000 }; // a whole measurement

// The processes of a measurement.
typedef struct {
  bench_crew_t *crew;
  bench_member_t proxy, speaker;
  bench_member_t hearers[BENCH_HUB_HEARERS_MAX];
  unsigned hearers_count; // that were started
  char name[32];          // of the session, and of its agents
  unsigned messages;
} cast_t;

// -- The processes ----------------------------------------------------------------------------------------------------

static json_t *
parameters_of (const cast_t *cast, const bench_hub_series_t *series)
{
  return json_pack ("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:o}", "front", FRONT, "back", BACK, "store",
                    bench_field_store (series->fsync), "agent", cast->name, "count", (int)cast->messages, "window",
                    BENCH_HUB_WINDOW, "pause_ms", series->paced ? BENCH_HUB_PAUSE_MS : 0, "members",
                    (int)series->hearers, "retention_ms", BENCH_RETENTION_MS, "waits", (int)series->paced, "brokers",
                    bench_field_brokers (series->fsync, 1, 0));
}

static troupe_err_t
start_hearers (cast_t *cast, const bench_hub_series_t *series, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  while (cast->hearers_count < series->hearers && err == TROUPE_OK) {
    unsigned i = cast->hearers_count++;
    json_t *parameters = parameters_of (cast, series);
    json_object_set_new (parameters, "agent", json_sprintf ("%s-%u", cast->name, i + 1));
    err = bench_crew_start (cast->crew, &cast->hearers[i], series->kind == BENCH_HUB_RAW ? "raw-hearer" : "hearer",
                            parameters, error);
  }
  if (err == TROUPE_OK)
    err = bench_crew_hear (cast->crew, cast->hearers, cast->hearers_count, BENCH_READY_MS, error);
  return err == TROUPE_OK ? bench_crew_go (cast->crew, cast->hearers, cast->hearers_count, error) : err;
}

// All stand and are connected then.
static troupe_err_t
start_all (cast_t *cast, const bench_hub_series_t *series, troupe_error_t *error)
{
  static const char *const speakers[] = {"raw-speaker", "hub-functions", "speaker"};
  troupe_err_t err = TROUPE_OK;
  if (series->kind == BENCH_HUB_RAW) {
    err = bench_crew_start (cast->crew, &cast->proxy, "raw-hub", parameters_of (cast, series), error);
    if (err == TROUPE_OK)
      err = bench_crew_hear (cast->crew, &cast->proxy, 1, BENCH_READY_MS, error);
  }
  if (err == TROUPE_OK)
    err = start_hearers (cast, series, error);
  if (err == TROUPE_OK)
    err = bench_crew_start (cast->crew, &cast->speaker, speakers[series->kind], parameters_of (cast, series), error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (cast->crew, &cast->speaker, 1, BENCH_READY_MS, error);
  return err == TROUPE_OK ? bench_crew_hear (cast->crew, cast->hearers, cast->hearers_count, BENCH_READY_MS, error)
                          : err;
}

static troupe_err_t
play (cast_t *cast, troupe_error_t *error)
{
  troupe_err_t err = bench_crew_go (cast->crew, cast->hearers, cast->hearers_count, error);
  if (err == TROUPE_OK)
    err = bench_crew_go (cast->crew, &cast->speaker, 1, error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (cast->crew, &cast->speaker, 1, HEAR_MS, error);
  return err == TROUPE_OK ? bench_crew_hear (cast->crew, cast->hearers, cast->hearers_count, HEAR_MS, error) : err;
}

static void
end_all (cast_t *cast)
{
  bench_crew_end (cast->crew, &cast->speaker, 1);
  bench_crew_end (cast->crew, cast->hearers, cast->hearers_count);
  bench_crew_end (cast->crew, &cast->proxy, 1);
}

// -- What came of it --------------------------------------------------------------------------------------------------

static json_int_t
number_of (const bench_member_t *member, const char *name)
{
  return json_integer_value (json_object_get (member->said, name));
}

static troupe_err_t
check (const cast_t *cast, troupe_error_t *error)
{
  for (unsigned i = 0; i < cast->hearers_count; i++) {
    json_int_t received = number_of (&cast->hearers[i], "received"), wrong = number_of (&cast->hearers[i], "wrong");
    if (received != (json_int_t)cast->messages || wrong != 0)
      return troupe_error_set (error, TROUPE_SERVICE_FAILED, "hub", NULL,
                               "hearer %u received %lld of %u messages, %lld of them not behind the one before", i + 1,
                               (long long)received, cast->messages, (long long)wrong);
  }
  return TROUPE_OK;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Of each message the time until the last hearer had it; of these the median.
static double
median_wait (const cast_t *cast)
{
  double waits[BENCH_HUB_PACED] = {0};
  for (unsigned i = 0; i < cast->hearers_count; i++) {
    const json_t *list = json_object_get (cast->hearers[i].said, "waits");
    for (size_t j = 0; j < BENCH_HUB_PACED; j++) {
      double wait = json_number_value (json_array_get (list, j));
      if (wait > waits[j])
        waits[j] = wait;
    }
  }
  qsort (waits, BENCH_HUB_PACED, sizeof *waits, compare);
  return (waits[(BENCH_HUB_PACED - 1) / 2] + waits[BENCH_HUB_PACED / 2]) / 2;
}

// What all of them have used so far.
static void
read_meters (const cast_t *cast, const bench_field_t *field, const bench_hub_series_t *series, bench_meters_t *out)
{
  *out = (bench_meters_t){0};
  out->cpu_us[BENCH_CPU_CLIENT] = bench_meter_process (cast->speaker.pid);
  for (unsigned i = 0; i < cast->hearers_count; i++)
    out->cpu_us[BENCH_CPU_WORKER] += bench_meter_process (cast->hearers[i].pid);
  if (series->kind == BENCH_HUB_RAW)
    out->cpu_us[BENCH_CPU_BROKER] = bench_meter_process (cast->proxy.pid);
  else
    bench_meters_mesh (out, &field->meshes[series->fsync]);
}

static void
sum_up (const cast_t *cast, const bench_hub_series_t *series, const bench_meters_t *before, const bench_meters_t *after,
        bench_hub_sample_t *out)
{
  json_int_t start = number_of (&cast->speaker, "start"), last = number_of (&cast->speaker, "last");
  for (unsigned i = 0; i < cast->hearers_count; i++)
    if (number_of (&cast->hearers[i], "last") > last)
      last = number_of (&cast->hearers[i], "last");
  *out = (bench_hub_sample_t){.said = last > start ? cast->messages * 1e9 / (double)(last - start) : 0};
  out->received = out->said * cast->hearers_count;
  if (series->paced)
    out->p50_us = median_wait (cast);
  for (bench_cpu_t who = 0; who < BENCH_CPUS; who++)
    out->cpu_us[who] = (after->cpu_us[who] - before->cpu_us[who]) / cast->messages;
}

static troupe_err_t
measure (bench_hub_t *self, bench_field_t *field, bench_hub_series_t *series, troupe_error_t *error)
{
  static unsigned number;
  cast_t *cast = calloc (1, sizeof *cast);
  if (!cast)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  cast->crew = &field->crew;
  cast->messages = series->paced                   ? BENCH_HUB_PACED
                   : series->kind == BENCH_HUB_RAW ? self->messages * BENCH_HUB_RAW_FACTOR
                                                   : self->messages;
  cast->proxy = cast->speaker = (bench_member_t){.input = -1, .output = -1};
  snprintf (cast->name, sizeof cast->name, "bench-%u", ++number);
  bench_meters_t before, after;
  troupe_err_t err = start_all (cast, series, error);
  read_meters (cast, field, series, &before);
  if (err == TROUPE_OK)
    err = play (cast, error);
  read_meters (cast, field, series, &after);
  if (err == TROUPE_OK)
    err = check (cast, error);
  if (err == TROUPE_OK)
    sum_up (cast, series, &before, &after, &series->samples[series->count++]);
  end_all (cast);
  free (cast);
  return err;
}

// -- All of it --------------------------------------------------------------------------------------------------------

static void
add (bench_hub_t *self, bench_hub_kind_t kind, bench_fsync_t fsync, unsigned hearers, bool paced)
{
  if (self->count < BENCH_HUB_SERIES_MAX)
    self->series[self->count++] =
      (bench_hub_series_t){.kind = kind, .fsync = fsync, .hearers = hearers, .paced = paced};
}

// In the table's order.
static void
add_all (bench_hub_t *self)
{
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS; fsync++)
    add (self, BENCH_HUB_FUNCTIONS, fsync, 0, false);
  for (size_t i = 0; i < self->sizes_count; i++) {
    add (self, BENCH_HUB_RAW, BENCH_ALWAYS, self->sizes[i], false);
    for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS; fsync++)
      add (self, BENCH_HUB_MESH, fsync, self->sizes[i], false);
  }
  add (self, BENCH_HUB_RAW, BENCH_ALWAYS, BENCH_HUB_PACED_HEARERS, true);
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS; fsync++)
    add (self, BENCH_HUB_MESH, fsync, BENCH_HUB_PACED_HEARERS, true);
}

static troupe_err_t
run_rounds (bench_hub_t *self, bench_field_t *field, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (unsigned round = 0; round < self->rounds && err == TROUPE_OK; round++)
    for (size_t i = 0; i < self->count && err == TROUPE_OK; i++) {
      if (isatty (STDERR_FILENO))
        fprintf (stderr, "\r\033[Kround %u of %u: measurement %zu of %zu", round + 1, self->rounds, i + 1, self->count);
      err = measure (self, field, &self->series[i], error);
    }
  return err;
}

troupe_err_t
bench_hub_run (bench_hub_t *self, const char *parent, troupe_error_t *error)
{
  bench_field_t field;
  add_all (self);
  troupe_err_t err = bench_field_open (&field, parent, error);
  if (err == TROUPE_OK)
    self->unsafe = bench_field_unsafe ();
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS && err == TROUPE_OK; fsync++)
    err = bench_field_mesh (&field, fsync, 1, error);
  if (err == TROUPE_OK)
    err = run_rounds (self, &field, error);
  if (isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[K");
  bench_field_close (&field);
  return err;
}

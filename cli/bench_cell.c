// SPDX-License-Identifier: Apache-2.0
//
// A measurement (bench_cell.h). The clients are started for it and warm up; only when all stand are the meters read and
// the word given, so neither connecting nor the difference between the first client and the last is measured. Each
// client measures its own time; the rate is the sum of theirs.
//
// The meters: each process's clock of processor time, and how often Redis's Functions were called, asked of
// Redis.
#include "cli/bench_cell.h"

#include "cli/bench_meter.h"
#include "cli/bench_role.h"

#include <stdlib.h>

enum { GRACE_MS = 30 * 1000 }; // beyond the time itself, for what is in flight

// A volatile call costs Redis nothing; brokers ask it a few times a second for themselves.
static const double STORED_MAX = 0.1;

// -- Clients -----------------------------------------------------------------------------------------------------------

static json_t *
parameters_of (const bench_cell_t *cell, const bench_span_t *span, unsigned number)
{
  // All clients use all sessions, each beginning elsewhere.
  unsigned first_session = (unsigned)((uint64_t)number * cell->sessions / cell->clients);
  json_t *parameters =
    json_pack ("{s:i, s:I, s:I, s:i, s:i}", "in_flight", (int)cell->in_flight, "count", (json_int_t)span->count, "ms",
               (json_int_t)span->ms, "sessions", (int)cell->sessions, "first_session", (int)first_session);
  if (cell->kind == BENCH_RAW)
    json_object_set_new (parameters, "front", json_string (BENCH_RAW_FRONT));
  else if (cell->kind == BENCH_FUNCTIONS) {
    json_object_set_new (parameters, "store", json_string (bench_field_store (cell->fsync)));
    json_object_set_new (parameters, "retention_ms", json_integer (BENCH_RETENTION_MS));
  } else {
    json_object_set_new (parameters, "service", json_string (cell->actor ? BENCH_ACTOR : BENCH_SERVICE));
    json_object_set_new (parameters, "volatile", json_boolean (cell->kind == BENCH_VOLATILE));
    json_object_set_new (parameters, "brokers", bench_field_brokers (cell->fsync, cell->brokers, number));
  }
  return parameters;
}

static troupe_err_t
start_clients (bench_crew_t *crew, bench_member_t *clients, const bench_cell_t *cell, const bench_span_t *span,
               troupe_error_t *error)
{
  static const char *const roles[] = {"raw-client", "client", "functions", "client"};
  troupe_err_t err = TROUPE_OK;
  for (unsigned i = 0; i < cell->clients && err == TROUPE_OK; i++)
    err = bench_crew_start (crew, &clients[i], roles[cell->kind], parameters_of (cell, span, i), error);
  return err == TROUPE_OK ? bench_crew_hear (crew, clients, cell->clients, BENCH_READY_MS, error) : err;
}

// -- What came of it ---------------------------------------------------------------------------------------------------

static double
number_of (const json_t *said, const char *name)
{
  return json_number_value (json_object_get (said, name));
}

// Returns how many calls ended in all, with those after the time.
static double
sum_up (const bench_member_t *clients, size_t count, bench_sample_t *out)
{
  double all = 0;
  bench_histogram_t *histogram = calloc (1, sizeof *histogram);
  for (size_t i = 0; i < count; i++) {
    const json_t *said = clients[i].said;
    double ns = number_of (said, "ns");
    out->rate += ns > 0 ? number_of (said, "calls") * 1e9 / ns : 0;
    out->cpu_us[BENCH_CPU_CLIENT] += number_of (said, "cpu_us");
    all += number_of (said, "all");
    if (histogram)
      bench_histogram_add_json (histogram, json_object_get (said, "histogram"));
  }
  if (histogram) {
    out->p50_us = bench_histogram_quantile (histogram, 0.5) / 1e3;
    out->p99_us = bench_histogram_quantile (histogram, 0.99) / 1e3;
  }
  free (histogram);
  return all;
}

static void
take_meters (bench_sample_t *out, const bench_meters_t *before, const bench_meters_t *after, double calls)
{
  out->stored = after->functions - before->functions;
  for (bench_cpu_t who = BENCH_CPU_CLIENT + 1; who < BENCH_CPUS; who++)
    out->cpu_us[who] = after->cpu_us[who] - before->cpu_us[who];
  if (calls <= 0)
    return;
  out->stored /= calls;
  for (bench_cpu_t who = 0; who < BENCH_CPUS; who++)
    out->cpu_us[who] /= calls;
}

static troupe_err_t
measure (bench_field_t *field, bench_member_t *clients, const bench_cell_t *cell, const bench_span_t *span,
         bench_sample_t *out, troupe_error_t *error)
{
  bench_meters_t before, after;
  troupe_err_t err = start_clients (&field->crew, clients, cell, span, error);
  if (err != TROUPE_OK)
    return err;
  bench_meters_read (&before, field, cell);
  err = bench_crew_go (&field->crew, clients, cell->clients, error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (&field->crew, clients, cell->clients, span->ms + GRACE_MS, error);
  if (err != TROUPE_OK)
    return err;
  bench_meters_read (&after, field, cell);
  *out = (bench_sample_t){0};
  take_meters (out, &before, &after, sum_up (clients, cell->clients, out));
  if (cell->kind == BENCH_VOLATILE && out->stored > STORED_MAX)
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, "volatile", "run brokers of this build",
                             "the broker stored the calls (%.1f requests to Redis for each)", out->stored);
  return TROUPE_OK;
}

troupe_err_t
bench_cell_run (bench_field_t *field, const bench_cell_t *cell, const bench_span_t *span, bench_sample_t *out,
                troupe_error_t *error)
{
  bench_member_t clients[BENCH_CLIENTS_MAX] = {0};
  troupe_err_t err = TROUPE_OK;
  if (cell->kind == BENCH_VOLATILE || cell->kind == BENCH_DURABLE)
    err = bench_field_workers (field, cell->fsync, cell->workers, cell->brokers, error);
  if (err == TROUPE_OK)
    err = measure (field, clients, cell, span, out, error);
  bench_crew_end (&field->crew, clients, cell->clients);
  return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench hub` tells: a table for people, JSON for machines. Of repeated measurements the median, with the
// least and the most; ratios are made within a round before their median is taken.
#include "cli/bench_hub.h"
#include "cli/bench_load.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELL_TEXT = 64 };

typedef struct {
  double least, median, most;
} hub_spread_t;

typedef double (hub_value_fn) (const bench_hub_sample_t *sample);

static double
said_of (const bench_hub_sample_t *sample)
{
  return sample->said;
}

static double
received_of (const bench_hub_sample_t *sample)
{
  return sample->received;
}

static double
p50_of (const bench_hub_sample_t *sample)
{
  return sample->p50_us;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static hub_spread_t
spread_of (double *values, size_t count)
{
  if (count == 0)
    return (hub_spread_t){NAN, NAN, NAN};
  qsort (values, count, sizeof *values, compare);
  return (hub_spread_t){values[0], (values[(count - 1) / 2] + values[count / 2]) / 2, values[count - 1]};
}

static hub_spread_t
spread (const bench_hub_series_t *series, hub_value_fn *value)
{
  double values[BENCH_HUB_ROUNDS_MAX];
  for (unsigned i = 0; i < series->count; i++)
    values[i] = value (&series->samples[i]);
  return spread_of (values, series->count);
}

// -- Ratios -----------------------------------------------------------------------------------------------------------

static const bench_hub_series_t *
find (const bench_hub_t *self, bench_hub_kind_t kind, bench_fsync_t fsync, unsigned hearers, bool paced)
{
  for (size_t i = 0; i < self->count; i++) {
    const bench_hub_series_t *at = &self->series[i];
    if (at->kind == kind && at->fsync == fsync && at->hearers == hearers && at->paced == paced)
      return at;
  }
  return NULL;
}

static hub_spread_t
ratio_to (const bench_hub_series_t *above, const bench_hub_series_t *below, hub_value_fn *value)
{
  double values[BENCH_HUB_ROUNDS_MAX];
  unsigned count = !below ? 0 : above->count < below->count ? above->count : below->count;
  for (unsigned i = 0; i < count; i++)
    values[i] = value (&above->samples[i]) / value (&below->samples[i]);
  return spread_of (values, count);
}

// To libzmq's of the same shape; of what is paced, of the times.
static hub_spread_t
ratio_to_raw (const bench_hub_t *self, const bench_hub_series_t *series)
{
  const bench_hub_series_t *raw = find (self, BENCH_HUB_RAW, BENCH_ALWAYS, series->hearers, series->paced);
  return ratio_to (series, raw, series->paced ? p50_of : received_of);
}

static hub_spread_t
ratio_to_function (const bench_hub_t *self, const bench_hub_series_t *series)
{
  return ratio_to (series, find (self, BENCH_HUB_FUNCTIONS, series->fsync, 0, false), said_of);
}

// -- For people -------------------------------------------------------------------------------------------------------

static const char *const names[] = {"a  libzmq alone", "b  Function alone", "c  hub"};

static void
name_of (char out[CELL_TEXT], const bench_hub_series_t *series)
{
  bool redis = series->kind != BENCH_HUB_RAW;
  snprintf (out, CELL_TEXT, "%s%s%s", names[series->kind], redis ? ", " : "",
            redis ? bench_fsync_name (series->fsync) : "");
}

static void
write_spread (char out[CELL_TEXT], hub_spread_t spread, int digits)
{
  char least[CELL_TEXT / 4], median[CELL_TEXT / 4], most[CELL_TEXT / 4];
  snprintf (least, sizeof least, "%.*f", digits, spread.least);
  snprintf (median, sizeof median, "%.*f", digits, spread.median);
  snprintf (most, sizeof most, "%.*f", digits, spread.most);
  snprintf (out, CELL_TEXT, spread.least < spread.most ? "%s (%s-%s)" : "%s", median, least, most);
}

static void
print_rates (const bench_hub_t *self)
{
  static const char *const heads[] = {"hearers", "", "broadcasts/s", "received/s", "c / a", "c / b"};
  char texts[6][CELL_TEXT];
  const char *cells[6];
  table_t table;
  table_init (&table, heads, 6);
  for (size_t i = 0; i < self->count; i++) {
    const bench_hub_series_t *series = &self->series[i];
    if (series->paced)
      continue;
    for (size_t j = 0; j < 6; j++)
      cells[j] = strcpy (texts[j], "");
    name_of (texts[1], series);
    write_spread (texts[2], spread (series, said_of), 0);
    if (series->hearers > 0) {
      snprintf (texts[0], CELL_TEXT, "%u", series->hearers);
      write_spread (texts[3], spread (series, received_of), 0);
    }
    if (series->kind == BENCH_HUB_MESH) {
      write_spread (texts[4], ratio_to_raw (self, series), 3);
      write_spread (texts[5], ratio_to_function (self, series), 2);
    }
    table_add (&table, cells);
  }
  table_print (&table, stdout);
  table_free (&table);
}

// The median of the rounds, of a role; or of all of them together (BENCH_CPUS).
static double
cpu_of (const bench_hub_series_t *series, bench_cpu_t who)
{
  double values[BENCH_HUB_ROUNDS_MAX] = {0};
  for (unsigned i = 0; i < series->count; i++)
    for (bench_cpu_t at = 0; at < BENCH_CPUS; at++)
      values[i] += at == who || who == BENCH_CPUS ? series->samples[i].cpu_us[at] : 0;
  return spread_of (values, series->count).median;
}

static void
print_processors (const bench_hub_t *self)
{
  static const char *const heads[] = {"hearers", "", "speaker", "broker", "Redis", "a hearer", "all"};
  static const bench_cpu_t roles[] = {BENCH_CPU_CLIENT, BENCH_CPU_BROKER, BENCH_CPU_REDIS, BENCH_CPU_WORKER,
                                      BENCH_CPUS};
  char texts[7][CELL_TEXT];
  const char *cells[7];
  table_t table;
  table_init (&table, heads, 7);
  for (size_t i = 0; i < self->count; i++) {
    const bench_hub_series_t *series = &self->series[i];
    if (series->paced)
      continue;
    for (size_t j = 0; j < 7; j++)
      cells[j] = strcpy (texts[j], "");
    name_of (texts[1], series);
    if (series->hearers > 0)
      snprintf (texts[0], CELL_TEXT, "%u", series->hearers);
    for (size_t j = 0; j < 5; j++) {
      double us = cpu_of (series, roles[j]);
      if (roles[j] == BENCH_CPU_WORKER)
        us = series->hearers > 0 ? us / series->hearers : 0;
      if (us > 0)
        snprintf (texts[j + 2], CELL_TEXT, "%.*f", us < 10 ? 2 : 0, us);
    }
    table_add (&table, cells);
  }
  table_print (&table, stdout);
  table_free (&table);
}

static void
print_waits (const bench_hub_t *self)
{
  static const char *const heads[] = {"", "p50, ms", "c / a"};
  char texts[3][CELL_TEXT];
  const char *cells[3];
  table_t table;
  table_init (&table, heads, 3);
  for (size_t i = 0; i < self->count; i++) {
    const bench_hub_series_t *series = &self->series[i];
    if (!series->paced)
      continue;
    for (size_t j = 0; j < 3; j++)
      cells[j] = strcpy (texts[j], "");
    hub_spread_t waits = spread (series, p50_of);
    name_of (texts[0], series);
    write_spread (texts[1], (hub_spread_t){waits.least / 1e3, waits.median / 1e3, waits.most / 1e3}, 2);
    if (series->kind == BENCH_HUB_MESH)
      write_spread (texts[2], ratio_to_raw (self, series), 1);
    table_add (&table, cells);
  }
  table_print (&table, stdout);
  table_free (&table);
}

void
bench_hub_print (const bench_hub_t *self)
{
  printf ("%d-byte messages, %u processors, %u round%s; %u broadcasts, %d under way at once (libzmq: %u, as fast as "
          "they go).\n",
          BENCH_BODY, (unsigned)sysconf (_SC_NPROCESSORS_ONLN), self->rounds, self->rounds == 1 ? "" : "s",
          self->messages, BENCH_HUB_WINDOW, self->messages * BENCH_HUB_RAW_FACTOR);
  if (self->unsafe)
    printf ("Redis's files are on %s: `always` waits for no disk here.\n", self->unsafe);
  puts ("Every process received every message once, in order.\n");
  print_rates (self);
  puts ("\nMicroseconds of processor time for each broadcast (of one hearer; `all`: of all of them together):\n");
  print_processors (self);
  printf ("\nFrom said to received by the last of %d, one message every %d ms:\n\n", BENCH_HUB_PACED_HEARERS,
          BENCH_HUB_PAUSE_MS);
  print_waits (self);
}

// -- For machines -----------------------------------------------------------------------------------------------------

static json_t *
spread_json (hub_spread_t spread)
{
  return isnan (spread.median)
           ? json_null ()
           : json_pack ("{s:f, s:f, s:f}", "median", spread.median, "least", spread.least, "most", spread.most);
}

// For each broadcast, as bench_hub_sample_t has it.
static json_t *
processors_json (const bench_hub_series_t *series)
{
  return json_pack ("{s:f, s:f, s:f, s:f}", "speaker", cpu_of (series, BENCH_CPU_CLIENT), "broker",
                    cpu_of (series, BENCH_CPU_BROKER), "redis", cpu_of (series, BENCH_CPU_REDIS), "hearers",
                    cpu_of (series, BENCH_CPU_WORKER));
}

static json_t *
series_json (const bench_hub_t *self, const bench_hub_series_t *series)
{
  static const char *const kinds[] = {"libzmq", "function", "hub"};
  bool mesh = series->kind == BENCH_HUB_MESH, heard = series->hearers > 0;
  return json_pack ("{s:s, s:s?, s:i, s:b, s:o, s:o, s:o*, s:o*, s:o*, s:o*}", "what", kinds[series->kind], "fsync",
                    series->kind == BENCH_HUB_RAW ? NULL : bench_fsync_name (series->fsync), "hearers",
                    (int)series->hearers, "paced", (int)series->paced, "broadcasts_per_second",
                    spread_json (spread (series, said_of)), "cpu_us", processors_json (series), "received_per_second",
                    heard ? spread_json (spread (series, received_of)) : NULL, "p50_us",
                    series->paced ? spread_json (spread (series, p50_of)) : NULL, "to_libzmq",
                    mesh ? spread_json (ratio_to_raw (self, series)) : NULL, "to_function",
                    mesh && !series->paced ? spread_json (ratio_to_function (self, series)) : NULL);
}

json_t *
bench_hub_json (const bench_hub_t *self)
{
  json_t *series = json_array ();
  for (size_t i = 0; i < self->count; i++)
    json_array_append_new (series, series_json (self, &self->series[i]));
  return json_pack ("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s?, s:o}", "bench", "hub", "body_bytes", BENCH_BODY,
                    "rounds", (int)self->rounds, "messages", (int)self->messages, "libzmq_messages",
                    (int)self->messages * BENCH_HUB_RAW_FACTOR, "window", BENCH_HUB_WINDOW, "processors",
                    (int)sysconf (_SC_NPROCESSORS_ONLN), "unsafe_files", self->unsafe, "series", series);
}

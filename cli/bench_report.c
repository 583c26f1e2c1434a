// SPDX-License-Identifier: Apache-2.0
//
// What a benchmark tells: a table for people, JSON for machines. Of repeated measurements the median, with the least
// and the most, since on a machine with other work no single one means much; percentiles are the medians of the
// rounds'.
#include "cli/bench_calls.h"
#include "cli/bench_load.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELL_TEXT = 64 };

typedef struct {
  double least, median, most;
} spread_t;

typedef double (value_fn) (const bench_sample_t *sample);

static double
rate_of (const bench_sample_t *sample)
{
  return sample->rate;
}

static double
p50_of (const bench_sample_t *sample)
{
  return sample->p50_us;
}

static double
p99_of (const bench_sample_t *sample)
{
  return sample->p99_us;
}

static double
stored_of (const bench_sample_t *sample)
{
  return sample->stored;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static spread_t
spread_of (double *values, size_t count)
{
  if (count == 0)
    return (spread_t){NAN, NAN, NAN};
  qsort (values, count, sizeof *values, compare);
  return (spread_t){values[0], (values[(count - 1) / 2] + values[count / 2]) / 2, values[count - 1]};
}

static spread_t
spread (const bench_series_t *series, value_fn *value)
{
  double values[BENCH_ROUNDS_MAX];
  for (unsigned i = 0; i < series->count; i++)
    values[i] = value (&series->samples[i]);
  return spread_of (values, series->count);
}

static double
cpu_median (const bench_series_t *series, bench_cpu_t who)
{
  double values[BENCH_ROUNDS_MAX];
  for (unsigned i = 0; i < series->count; i++)
    values[i] = series->samples[i].cpu_us[who];
  return spread_of (values, series->count).median;
}

// -- Ratios --------------------------------------------------------------------------------------------------------------

static const struct {
  const char *name; // "b" and so on are the table's letters
  bench_kind_t above, below;
  bench_fsync_t fsync;
  unsigned in_flight;
  value_fn *value;
  double aim;
  bool most; // the aim is a most, else a least
} ratios[] = {
  {"b / a, calls a second, 100 in flight", BENCH_VOLATILE, BENCH_RAW, BENCH_ALWAYS, 100, rate_of, 0.6, false},
  {"b / a, p50, 1 in flight", BENCH_VOLATILE, BENCH_RAW, BENCH_ALWAYS, 1, p50_of, 1.5, true},
  {"d / c, always, calls a second, 100 in flight", BENCH_DURABLE, BENCH_FUNCTIONS, BENCH_ALWAYS, 100, rate_of, 0.5,
   false},
  {"d / c, everysec, calls a second, 100 in flight", BENCH_DURABLE, BENCH_FUNCTIONS, BENCH_EVERYSEC, 100, rate_of, 0.5,
   false},
};
enum { RATIOS = sizeof ratios / sizeof *ratios };

// Made within each round. False: one of the two wasn't measured.
static bool
ratio_of (spread_t *out, const bench_calls_t *self, size_t index)
{
  double values[BENCH_ROUNDS_MAX];
  const bench_series_t *above =
    bench_calls_find (self, ratios[index].above, ratios[index].fsync, ratios[index].in_flight);
  const bench_series_t *below =
    bench_calls_find (self, ratios[index].below, ratios[index].fsync, ratios[index].in_flight);
  unsigned count = above && below ? above->count < below->count ? above->count : below->count : 0;
  for (unsigned i = 0; i < count; i++)
    values[i] = ratios[index].value (&above->samples[i]) / ratios[index].value (&below->samples[i]);
  *out = spread_of (values, count);
  return count > 0;
}

static bool
ratio_met (const spread_t *ratio, size_t index)
{
  return ratios[index].most ? ratio->median <= ratios[index].aim : ratio->median >= ratios[index].aim;
}

// -- For people ----------------------------------------------------------------------------------------------------------

static void
name_of (char out[CELL_TEXT], const bench_cell_t *cell)
{
  static const char *const names[] = {"a  libzmq alone", "b  volatile", "c  Functions alone", "d  durable"};
  bool redis = cell->kind == BENCH_FUNCTIONS || cell->kind == BENCH_DURABLE;
  snprintf (out, CELL_TEXT, "%s%s%s%s", names[cell->kind], cell->actor ? ", actors" : "", redis ? ", " : "",
            redis ? bench_fsync_name (cell->fsync) : "");
}

// "12 345": digits in groups of three.
static void
print_rate (char out[CELL_TEXT], double value)
{
  if (isnan (value))
    snprintf (out, CELL_TEXT, "-");
  else if (value < 10000)
    snprintf (out, CELL_TEXT, "%.0f", value);
  else
    snprintf (out, CELL_TEXT, "%.0f %03.0f", floor (round (value) / 1000), fmod (round (value), 1000));
}

static void
print_time (char out[CELL_TEXT], double us)
{
  if (isnan (us))
    snprintf (out, CELL_TEXT, "-");
  else
    snprintf (out, CELL_TEXT, us < 1000 ? "%.0f us" : "%.2f ms", us < 1000 ? us : us / 1000);
}

static void
add_rates (table_t *table, const bench_series_t *series, const char *first, const char *second)
{
  char texts[6][CELL_TEXT];
  spread_t rate = spread (series, rate_of);
  print_rate (texts[0], rate.median);
  print_rate (texts[1], rate.least);
  print_rate (texts[2], rate.most);
  print_time (texts[3], spread (series, p50_of).median);
  print_time (texts[4], spread (series, p99_of).median);
  snprintf (texts[5], CELL_TEXT, "%.1f", spread (series, stored_of).median);
  const char *cells[] = {first, second, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5]};
  table_add (table, series->count > 0 ? cells : (const char *[]){first, second, "-", "-", "-", "-", "-", "-"});
}

// The series that grow by `grows`; NULL: those side by side.
static void
print_rates (const bench_calls_t *self, const char *grows)
{
  table_t table;
  table_init (&table,
              (const char *[]){grows ? grows : "in flight", "", "calls/s", "least", "most", "p50", "p99", "stored"}, 8);
  for (size_t i = 0; i < self->count; i++) {
    const bench_series_t *series = &self->series[i];
    const bench_cell_t *cell = &series->cell;
    char name[CELL_TEXT], number[CELL_TEXT];
    if ((grows == NULL) != (series->grows == NULL) || (grows && strcmp (grows, series->grows) != 0))
      continue;
    unsigned value = !grows                           ? cell->in_flight
                     : strcmp (grows, "clients") == 0 ? cell->clients
                     : strcmp (grows, "workers") == 0 ? cell->workers
                     : strcmp (grows, "brokers") == 0 ? cell->brokers
                                                      : cell->sessions;
    name_of (name, cell);
    snprintf (number, sizeof number, "%u", value);
    add_rates (&table, series, number, name);
  }
  table_print (&table, stdout);
  table_free (&table);
}

// Why there are dashes: once for each reason, which are few.
static void
print_missing (const bench_calls_t *self)
{
  for (size_t i = 0; i < self->count; i++) {
    const char *why = self->series[i].missing;
    bool told = *why == '\0';
    for (size_t j = 0; j < i && !told; j++)
      told = strcmp (self->series[j].missing, why) == 0;
    char name[CELL_TEXT];
    name_of (name, &self->series[i].cell);
    if (!told)
      printf ("\n%s: not measured: %s\n", name, why);
  }
}

static void
print_cpu (const bench_calls_t *self)
{
  table_t table;
  table_init (&table,
              (const char *[]){"in flight", "processor time a call", "client", "broker", "worker", "redis", "all"}, 7);
  for (size_t i = 0; i < self->count; i++) {
    const bench_series_t *series = &self->series[i];
    char name[CELL_TEXT], number[CELL_TEXT], texts[BENCH_CPUS + 1][CELL_TEXT];
    if (series->grows || series->count == 0)
      continue;
    double all = 0;
    for (bench_cpu_t who = 0; who < BENCH_CPUS; who++) {
      double used = cpu_median (series, who);
      all += used;
      snprintf (texts[who], CELL_TEXT, "%.1f us", used);
    }
    name_of (name, &series->cell);
    snprintf (number, sizeof number, "%u", series->cell.in_flight);
    snprintf (texts[BENCH_CPUS], CELL_TEXT, "%.1f us", all);
    table_add (&table, (const char *[]){number, name, texts[0], texts[1], texts[2], texts[3], texts[4]});
  }
  table_print (&table, stdout);
  table_free (&table);
}

static void
print_ratios (const bench_calls_t *self)
{
  table_t table;
  table_init (&table, (const char *[]){"ratio", "median", "least", "most", "aim", ""}, 6);
  for (size_t i = 0; i < RATIOS; i++) {
    char texts[4][CELL_TEXT];
    spread_t ratio;
    bool known = ratio_of (&ratio, self, i);
    const double values[] = {ratio.median, ratio.least, ratio.most};
    for (size_t j = 0; j < 3; j++)
      snprintf (texts[j], CELL_TEXT, known ? "%.2f" : "-", values[j]);
    snprintf (texts[3], CELL_TEXT, "%s %.1f", ratios[i].most ? "at most" : "at least", ratios[i].aim);
    table_add (&table, (const char *[]){ratios[i].name, texts[0], texts[1], texts[2], texts[3],
                                        !known                  ? "not measured"
                                        : ratio_met (&ratio, i) ? "met"
                                                                : "missed"});
  }
  table_print (&table, stdout);
  table_free (&table);
}

void
bench_report_print (const bench_calls_t *self)
{
  static const char *const sweeps[] = {"clients", "workers", "brokers", "sessions"};
  printf ("%d-byte bodies, %u rounds of ", BENCH_BODY, self->rounds);
  if (self->span.count > 0)
    printf ("%lld calls", (long long)self->span.count);
  else
    printf ("%.3g s", (double)self->span.ms / 1000);
  printf (", %ld processors\n", sysconf (_SC_NPROCESSORS_ONLN));
  if (self->unsafe)
    printf ("Redis writes to %s, where `always` costs nothing and keeps nothing: choose a disk with --directory\n",
            self->unsafe);
  putchar ('\n');
  print_rates (self, NULL);
  print_missing (self);
  putchar ('\n');
  print_cpu (self);
  putchar ('\n');
  print_ratios (self);
  for (size_t i = 0; self->sweep && i < sizeof sweeps / sizeof *sweeps; i++) {
    putchar ('\n');
    print_rates (self, sweeps[i]);
  }
}

// -- For machines --------------------------------------------------------------------------------------------------------

static json_t *
spread_json (spread_t value)
{
  return isnan (value.median)
           ? json_null ()
           : json_pack ("{s:f, s:f, s:f}", "min", value.least, "median", value.median, "max", value.most);
}

static json_t *
cpu_json (const bench_series_t *series)
{
  static const char *const names[] = {"client", "broker", "worker", "redis"};
  json_t *cpu = json_object ();
  for (bench_cpu_t who = 0; who < BENCH_CPUS && series->count > 0; who++)
    json_object_set_new (cpu, names[who], json_real (cpu_median (series, who)));
  return cpu;
}

static json_t *
series_json (const bench_series_t *series)
{
  static const char *const kinds[] = {"libzmq", "volatile", "functions", "durable"};
  const bench_cell_t *cell = &series->cell;
  bool redis = cell->kind == BENCH_FUNCTIONS || cell->kind == BENCH_DURABLE;
  return json_pack ("{s:s, s:s?, s:s?, s:b, s:i, s:i, s:i, s:i, s:i, s:s?, s:o, s:o, s:o, s:o, s:o}", "what",
                    kinds[cell->kind], "fsync", redis ? bench_fsync_name (cell->fsync) : NULL, "grows", series->grows,
                    "actors", cell->actor, "in_flight", (int)cell->in_flight, "clients", (int)cell->clients, "workers",
                    (int)cell->workers, "brokers", (int)cell->brokers, "sessions", (int)cell->sessions, "missing",
                    *series->missing ? series->missing : NULL, "calls_per_second",
                    spread_json (spread (series, rate_of)), "p50_us", spread_json (spread (series, p50_of)), "p99_us",
                    spread_json (spread (series, p99_of)), "stored_per_call", spread_json (spread (series, stored_of)),
                    "processor_us_per_call", cpu_json (series));
}

json_t *
bench_report_json (const bench_calls_t *self)
{
  json_t *series = json_array (), *list = json_array ();
  for (size_t i = 0; i < self->count; i++)
    json_array_append_new (series, series_json (&self->series[i]));
  for (size_t i = 0; i < RATIOS; i++) {
    spread_t ratio;
    bool known = ratio_of (&ratio, self, i);
    json_array_append_new (list, json_pack ("{s:s, s:o, s:s, s:f, s:o}", "ratio", ratios[i].name, "value",
                                            spread_json (ratio), "aim_is", ratios[i].most ? "at most" : "at least",
                                            "aim", ratios[i].aim, "met",
                                            known ? json_boolean (ratio_met (&ratio, i)) : json_null ()));
  }
  return json_pack ("{s:s, s:i, s:i, s:I, s:I, s:i, s:s?, s:o, s:o}", "bench", "calls", "body_bytes", BENCH_BODY,
                    "rounds", (int)self->rounds, "ms", (json_int_t)self->span.ms, "count", (json_int_t)self->span.count,
                    "processors", (int)sysconf (_SC_NPROCESSORS_ONLN), "unsafe_files", self->unsafe, "series", series,
                    "ratios", list);
}

// SPDX-License-Identifier: Apache-2.0
//
// The run of `troupe bench soak` (bench_soak.h). The load is paced, well below what a machine can do, so that what is
// in flight, and what is kept for the retention, is the same all the time: then a mean of the last part of the run that
// is above that of the part before says that something grows. The first part is for getting warm: buffers, pages,
// pools.
#include "cli/bench_soak.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  CALLS_PER_SECOND = 400,
  MESSAGES_PER_SECOND = 60,
  BOARD_SECONDS = 100, // numbers on the board, which then begin again
  SAMPLE_LEAST_MS = 500,
  LEFT_MS = 45 * 1000 // a hub's lease, the retention, and some rounds of sweeps
};

// A mean of hundreds of samples moves by less than these when nothing grows. Of memory: what one page table or one
// buffer more costs; a leak of some bytes a call is more than that within minutes.
static const double MEMORY_SLACK = 1024, FILES_SLACK = 0.75, STORE_SLACK = 50;
static const double MEMORY_PART = 0.02, STORE_PART = 0.05;

static const char retention[] = "3s";

// Kinds of keys that stay: an actor's epoch and its session's entries, as long as that isn't ended; what a slot knows of
// itself; and inboxes, which go after days.
static const char left_script[] =
  "local count, example, stay = 0, '', { actor = true, sessions = true, parts = true, sequence = true, "
  "  store = true, inbox = true } "
  "for _, key in ipairs (redis.call ('KEYS', 'troupe:{*')) do "
  "  if not stay[key:match ('^troupe:{%d%d}:(%a+)')] then count, example = count + 1, key end "
  "end "
  "return { count, example }";

static const char store_script[] =
  "local streams, logs, open = 0, 0, 0 "
  "for slot = 0, 63 do "
  "  local prefix = string.format ('troupe:{%02d}:', slot) "
  "  for broker = 1, tonumber (ARGV[1]) do "
  "    streams = streams + redis.call ('XLEN', prefix .. 'inbox:broker-' .. broker) "
  "  end "
  "  open = open + redis.call ('ZCARD', prefix .. 'open') "
  "end "
  "for _, key in ipairs (redis.call ('KEYS', 'troupe:*:log:*')) do logs = logs + redis.call ('ZCARD', key) end "
  "return { redis.call ('DBSIZE'), streams, logs, open }";

// -- Samples ----------------------------------------------------------------------------------------------------------

static soak_series_t *
add_series (bench_soak_t *self, const char *of, const char *what, double slack, double part)
{
  soak_series_t *series = &self->series[self->series_count++];
  snprintf (series->name, sizeof series->name, "%s: %s", of, what);
  series->slack = slack;
  series->part = part;
  return series;
}

static void
add_all (bench_soak_t *self, const chaos_stage_t *stage)
{
  for (unsigned i = 0; i < CHAOS_PARTS + stage->callers_count; i++) {
    char caller[24];
    snprintf (caller, sizeof caller, "caller-%u", i - CHAOS_PARTS + 1);
    const char *name = i < CHAOS_PARTS ? stage->parts.at[i].name : caller;
    add_series (self, name, "memory, KiB", MEMORY_SLACK, MEMORY_PART);
    add_series (self, name, "open files", FILES_SLACK, 0);
  }
  add_series (self, "redis", "its own count of memory, KiB", MEMORY_SLACK, STORE_PART);
  add_series (self, "redis", "keys", STORE_SLACK, STORE_PART);
  add_series (self, "redis", "entries of inboxes", STORE_SLACK, STORE_PART);
  add_series (self, "redis", "entries of logs", 2 * STORE_SLACK, STORE_PART); // trimmed now and then
  add_series (self, "redis", "open calls", STORE_SLACK, STORE_PART);
}

static double
files_of (pid_t pid)
{
  char path[32];
  int count = 0;
  snprintf (path, sizeof path, "/proc/%ld/fd", (long)pid);
  DIR *directory = opendir (path);
  while (directory && readdir (directory))
    count++;
  if (directory)
    closedir (directory);
  return count - 2; // . and ..
}

static void
take_memory (void *context, const struct redisReply *reply)
{
  const char *line = reply->str ? strstr (reply->str, "used_memory:") : NULL;
  *(double *)context = line ? strtod (line + strlen ("used_memory:"), NULL) / 1024 : 0;
}

static void
take_store (void *context, const struct redisReply *reply)
{
  double *values = context;
  for (size_t i = 0; i < reply->elements && i < SOAK_STORE - 1; i++)
    values[i] = (double)reply->element[i]->integer;
}

static troupe_err_t
sample (bench_soak_t *self, chaos_stage_t *stage, troupe_error_t *error)
{
  char brokers[8];
  double store[SOAK_STORE] = {0};
  snprintf (brokers, sizeof brokers, "%d", CHAOS_BROKERS);
  troupe_err_t err =
    chaos_store_ask (&stage->store, take_memory, &store[0], 2, (const char *[]){"INFO", "memory"}, error);
  if (err == TROUPE_OK)
    err = chaos_store_ask (&stage->store, take_store, &store[1], 4,
                           (const char *[]){"EVAL", store_script, "0", brokers}, error);
  if (err != TROUPE_OK)
    return err;
  soak_series_t *series = self->series;
  for (unsigned i = 0; i < CHAOS_PARTS + stage->callers_count; i++) {
    pid_t pid = i < CHAOS_PARTS ? stage->parts.at[i].pid : stage->callers[i - CHAOS_PARTS].pid;
    series++->values[self->samples] = chaos_memory_of (pid);
    series++->values[self->samples] = files_of (pid);
  }
  for (unsigned i = 0; i < SOAK_STORE; i++)
    series++->values[self->samples] = store[i];
  self->samples++;
  return TROUPE_OK;
}

static double
mean (const double *values, unsigned count)
{
  double sum = 0;
  for (unsigned i = 0; i < count; i++)
    sum += values[i];
  return count > 0 ? sum / count : 0;
}

static void
judge (bench_soak_t *self)
{
  unsigned warm = self->samples * 2 / 5, half = (self->samples - warm) / 2;
  for (unsigned i = 0; i < self->series_count; i++) {
    soak_series_t *series = &self->series[i];
    series->early = mean (series->values + warm, half);
    series->late = mean (series->values + self->samples - half, half);
    double part = series->early * series->part;
    series->grows = series->late - series->early > (part > series->slack ? part : series->slack);
  }
}

// -- The run ----------------------------------------------------------------------------------------------------------

static troupe_err_t
load (bench_soak_t *self, chaos_stage_t *stage, troupe_error_t *error)
{
  troupe_err_t err = chaos_stage_go (stage, error);
  int64_t start = troupe_loop_now (), step = self->ms / SOAK_SAMPLES_MAX + 1;
  step = step > SAMPLE_LEAST_MS ? step : SAMPLE_LEAST_MS;
  while (err == TROUPE_OK && troupe_loop_now () - start < self->ms) {
    err = chaos_stage_turn (stage, error);
    bool due = troupe_loop_now () - start >= self->samples * step;
    if (err == TROUPE_OK && due && self->samples < SOAK_SAMPLES_MAX)
      err = sample (self, stage, error);
    if (err == TROUPE_OK && stage->parts.crashed > 0)
      err = troupe_error_set (error, TROUPE_SERVICE_DIED, "mesh", NULL, "%s", stage->parts.last);
  }
  for (unsigned i = 0; i < stage->board.head->callers; i++)
    self->calls += stage->board.head->settled[i];
  return err;
}

static void
take_left (void *context, const struct redisReply *reply)
{
  bench_soak_t *self = context;
  if (reply->elements < 2)
    return;
  self->left = reply->element[0]->integer;
  snprintf (self->example, sizeof self->example, "%s", reply->element[1]->str);
}

// When nobody calls any more, all that calls and hubs have stored goes.
static troupe_err_t
count_left (bench_soak_t *self, chaos_stage_t *stage, troupe_error_t *error)
{
  bench_crew_end (&stage->field.crew, stage->callers, stage->callers_count);
  stage->callers_count = 0;
  troupe_err_t err = TROUPE_OK;
  int64_t end = troupe_loop_now () + LEFT_MS;
  self->left = 1;
  while (err == TROUPE_OK && self->left > 0 && troupe_loop_now () < end) {
    err = chaos_stage_turn (stage, error);
    if (err == TROUPE_OK)
      err = chaos_store_ask (&stage->store, take_left, self, 3, (const char *[]){"EVAL", left_script, "0"}, error);
  }
  return err;
}

troupe_err_t
bench_soak_run (bench_soak_t *self, const char *parent, troupe_error_t *error)
{
  static chaos_stage_t stage; // static: large, and one a process
  chaos_play_t actors = {.calls = CALLS_PER_SECOND * BOARD_SECONDS,
                         .messages = MESSAGES_PER_SECOND * BOARD_SECONDS,
                         .ms = BOARD_SECONDS * 1000,
                         .endless = true,
                         .fsync = "always",
                         .retention = retention};
  troupe_err_t err = chaos_stage_open (&stage, &actors, parent, error);
  if (err == TROUPE_OK) {
    add_all (self, &stage);
    err = load (self, &stage, error);
  }
  if (err == TROUPE_OK)
    err = count_left (self, &stage, error);
  if (err == TROUPE_OK)
    judge (self);
  chaos_stage_close (&stage);
  return err;
}

bool
bench_soak_broken (const bench_soak_t *self)
{
  bool grows = self->left > 0;
  for (unsigned i = 0; i < self->series_count; i++)
    grows = grows || self->series[i].grows;
  return grows;
}

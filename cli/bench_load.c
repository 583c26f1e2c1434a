// SPDX-License-Identifier: Apache-2.0
//
// The load (bench_load.h). The rate is that of the calls that ended before the time was over; the open ones of the end
// are waited for, so that the next measurement begins in quiet, and their durations count, so that a stall at the end
// isn't lost.
#include "cli/bench_load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
  WARM_PER_SLOT = 10, // calls before it is warm: buffers have grown, pages are there
  WARM_MIN = 50,
  WARM_MAX = 2000
};

static int64_t
now_ns (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t
cpu_us (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

troupe_err_t
bench_load_init (bench_load_t *self, const json_t *parameters, troupe_error_t *error)
{
  json_int_t in_flight, count, ms, sessions, first_session;
  json_error_t why;
  *self = (bench_load_t){0};
  if (json_unpack_ex ((json_t *)(uintptr_t)parameters, &why, 0, "{s:I, s:I, s:I, s:I, s:I}", "in_flight", &in_flight,
                      "count", &count, "ms", &ms, "sessions", &sessions, "first_session", &first_session) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "bench-role", NULL, "%s", why.text);
  if (in_flight < 1 || count < 0 || ms < 0 || sessions < 1 || first_session < 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "bench-role", NULL, "a number is out of range");
  self->in_flight = (uint64_t)in_flight;
  self->count = (uint64_t)count;
  self->ns = ms * 1000000;
  self->sessions = (uint64_t)sessions;
  self->next_session = (uint64_t)first_session;
  self->starts = calloc (self->in_flight, sizeof *self->starts);
  return self->starts ? TROUPE_OK : troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
}

void
bench_load_free (bench_load_t *self)
{
  free (self->starts);
  self->starts = NULL;
}

static uint64_t
warm_calls (const bench_load_t *self)
{
  uint64_t calls = self->in_flight * WARM_PER_SLOT;
  return calls < WARM_MIN ? WARM_MIN : calls > WARM_MAX ? WARM_MAX : calls;
}

// Whether the phase still begins calls at `now`.
static bool
begins (const bench_load_t *self, int64_t now)
{
  if (self->phase == BENCH_WARMING)
    return self->begun < warm_calls (self);
  if (self->phase != BENCH_RUNNING)
    return false;
  return self->count > 0 ? self->begun < self->count : now - self->start < self->ns;
}

static bool
begin (bench_load_t *self, uint64_t slot, int64_t now)
{
  if (!begins (self, now))
    return false;
  self->starts[slot] = now;
  self->begun++;
  self->open++;
  return true;
}

bool
bench_load_begin (bench_load_t *self, uint64_t slot)
{
  return begin (self, slot, now_ns ());
}

bool
bench_load_next (bench_load_t *self, uint64_t slot)
{
  int64_t now = now_ns (); // once: reading the clock is a part of what is measured
  self->open--;
  self->ended++;
  self->last = now;
  if (self->phase == BENCH_RUNNING) {
    bench_histogram_add (&self->histogram, now - self->starts[slot]);
    self->inside += self->count > 0 || now - self->start <= self->ns;
  }
  return begin (self, slot, now);
}

bool
bench_load_idle (const bench_load_t *self)
{
  return self->open == 0 && !begins (self, self->last);
}

static void
say (json_t *line)
{
  if (line)
    json_dumpf (line, stdout, JSON_COMPACT);
  putchar ('\n');
  fflush (stdout);
  json_decref (line);
}

void
bench_load_tell (bench_load_t *self)
{
  if (self->phase == BENCH_WARMING) {
    self->phase = BENCH_STANDING;
    say (json_pack ("{s:b}", "ready", 1));
  } else if (self->phase == BENCH_RUNNING) {
    self->phase = BENCH_OVER;
    int64_t ns = self->count > 0 ? self->last - self->start : self->ns;
    say (json_pack ("{s:I, s:I, s:I, s:I, s:o}", "calls", (json_int_t)self->inside, "all", (json_int_t)self->ended,
                    "ns", (json_int_t)ns, "cpu_us", (json_int_t)(cpu_us () - self->cpu_start), "histogram",
                    bench_histogram_to_json (&self->histogram)));
  }
}

void
bench_load_go (bench_load_t *self)
{
  self->phase = BENCH_RUNNING;
  self->begun = self->ended = self->inside = 0;
  self->cpu_start = cpu_us ();
  self->start = self->last = now_ns ();
}

void
bench_load_session (bench_load_t *self, char session[BENCH_SESSION_MAX])
{
  snprintf (session, BENCH_SESSION_MAX, "bench-%llu", (unsigned long long)(self->next_session++ % self->sessions));
}

const char *
bench_load_text (void)
{
  static char text[BENCH_TEXT + 1];
  if (!*text)
    memset (text, 'x', BENCH_TEXT);
  return text;
}

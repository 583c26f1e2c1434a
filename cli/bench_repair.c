// SPDX-License-Identifier: Apache-2.0
//
// Measuring repair (bench_repair.h), in this process and in its processor time, so that what else the machine does
// disturbs little. In each round every way of reading has its turn, so that what disturbs hits all of them.
//
// Of hostile replies the fastest round counts: a slow one tells of the machine, a fast one of what was asked for. Time
// for a byte may grow a little with the size, for the processor's caches end somewhere; a quadratic step would double
// it with each step, that is, make it 16 times as much over all. GROWTH_MAX lies between.
#include "cli/bench_repair.h"
#include "troupe/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  PLAIN_NS = 20 * 1000 * 1000, // that a measurement of plain replies takes at least
  GROWTH_MAX = 5               // time for a byte at the last size, to that at the first
};

static const double SHORT = 0.002; // seconds: too short a time to tell anything by

// Each makes some part of the reader look ahead, go back, or nest.
static const char *const pieces[] = {"{",
                                     "[",
                                     "{\"a\":\"",
                                     "\"",
                                     "\"#",
                                     "\"/*",
                                     "\\\"",
                                     "\n```json\n{\"a\":\"",
                                     "{\"a\":1",
                                     "{\"a\":1}",
                                     "[1,",
                                     "{a:b",
                                     "{'",
                                     "<think>",
                                     "</think>",
                                     "<think>{",
                                     "\", \"",
                                     "[\"a\" ",
                                     "{\"a\":\"b\" c",
                                     "[...",
                                     "[(",
                                     "[}",
                                     "{\xE2\x80\x9C",
                                     "[{\"a\":1,",
                                     "{\"a\":\"b\"+",
                                     "\"\"\"",
                                     "{\"\xFF",
                                     "[ ",
                                     "~~~\n[",
                                     "[\"a\":",
                                     "{\"a\":{",
                                     "a\xE2\x80\x83"};

static double
now (void)
{
  struct timespec spent;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &spent);
  return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
}

// -- Replies as they come -----------------------------------------------------------------------------------------------

// A reply with this many members under "items", as JSON has it or with something wrong in each.
static char *
make_reply (unsigned members, bool wrong, size_t *size)
{
  char *text = NULL;
  FILE *out = open_memstream (&text, size);
  if (!out)
    return NULL;
  fputs (wrong ? "Sure, here it is:\n```json\n{items: [" : "{\"items\": [", out);
  for (unsigned i = 0; i < members; i++)
    fprintf (
      out,
      wrong ? "\n{'id': %u, 'thought': 'Let\\'s see what the \"others\" say', done: %s, score: .5,}%s"
            : "\n{\"id\": %u, \"thought\": \"Let's see what the \\\"others\\\" say\", \"done\": %s, \"score\": 0.5}%s",
      i, wrong ? "True" : "true", i + 1 < members && !(wrong && i % 4 == 0) ? "," : "");
  fputs (wrong ? "\n" : "\n]}", out);
  if (fclose (out) == 0)
    return text;
  free (text);
  return NULL;
}

static troupe_err_t
read_once (unsigned kind, const char *text, size_t size, troupe_error_t *error)
{
  troupe_repair_t *repair = NULL;
  if (kind > 0) {
    troupe_err_t err = troupe_repair_new (&repair, text, size, TROUPE_REPAIR_WANT_OBJECT, error);
    troupe_repair_destroy (&repair);
    return err;
  }
  json_t *value = json_loadb (text, size, 0, NULL);
  json_decref (value);
  return value ? TROUPE_OK : no_memory (error);
}

// Reads it again and again. *speed: MB/s.
static troupe_err_t
measure (double *speed, unsigned kind, const char *text, size_t size, troupe_error_t *error)
{
  double start = now (), spent;
  size_t count = 0;
  do {
    troupe_err_t err = read_once (kind, text, size, error);
    if (err != TROUPE_OK)
      return err;
    count++;
    spent = now () - start;
  } while (spent < PLAIN_NS / 1e9);
  *speed = (double)size * (double)count / spent / 1e6;
  return TROUPE_OK;
}

static troupe_err_t
run_plain (bench_repair_t *self, unsigned n, troupe_error_t *error)
{
  static const unsigned members[BENCH_REPAIR_PLAIN] = {3, 200, 10 * 1000}; // 250 bytes, 16 kB, 0.8 MB
  size_t size[2];
  char *right = make_reply (members[n], false, &size[0]), *wrong = make_reply (members[n], true, &size[1]);
  troupe_err_t err = right && wrong ? TROUPE_OK : no_memory (error);
  self->plain[n].bytes = size[0];
  for (unsigned round = 0; round < self->rounds; round++)
    for (unsigned kind = 0; err == TROUPE_OK && kind < BENCH_REPAIR_KINDS; kind++)
      err = measure (&self->plain[n].speed[kind][round], kind, kind < 2 ? right : wrong, size[kind == 2], error);
  free (right);
  free (wrong);
  return err;
}

// -- Replies that are made to cost much ---------------------------------------------------------------------------------

static double
time_hostile (const char *text, size_t size)
{
  troupe_repair_t *repair = NULL;
  double start = now ();
  troupe_repair_new (&repair, text, size, TROUPE_REPAIR_WANT_ANY, NULL);
  troupe_repair_destroy (&repair);
  return now () - start;
}

static troupe_err_t
run_hostile (bench_repair_t *self, const char *piece, char *text, troupe_error_t *error)
{
  double *seconds = self->hostile[self->hostile_count].seconds;
  size_t last = BENCH_REPAIR_STEPS - 1, length = strlen (piece);
  self->hostile[self->hostile_count++].piece = piece;
  for (size_t i = 0; i < (size_t)BENCH_REPAIR_FIRST << last; i++)
    text[i] = piece[i % length];
  for (unsigned round = 0; round < self->rounds; round++)
    for (size_t step = 0; step <= last; step++) {
      double spent = time_hostile (text, (size_t)BENCH_REPAIR_FIRST << step);
      seconds[step] = round == 0 || spent < seconds[step] ? spent : seconds[step];
    }
  if (seconds[last] > SHORT && seconds[last] > GROWTH_MAX * seconds[0] * (1 << last))
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, "repair", "please report this, with the reply",
                             "%d KiB of a repeated text take %.1f ms, and %d times as many %.1f ms",
                             BENCH_REPAIR_FIRST / 1024, seconds[0] * 1e3, 1 << last, seconds[last] * 1e3);
  return TROUPE_OK;
}

troupe_err_t
bench_repair_run (bench_repair_t *self, troupe_error_t *error)
{
  char *text = malloc ((size_t)BENCH_REPAIR_FIRST << (BENCH_REPAIR_STEPS - 1));
  troupe_err_t err = text ? TROUPE_OK : no_memory (error);
  for (unsigned n = 0; err == TROUPE_OK && n < BENCH_REPAIR_PLAIN; n++)
    err = run_plain (self, n, error);
  for (size_t i = 0; err == TROUPE_OK && i < sizeof pieces / sizeof *pieces; i++)
    err = run_hostile (self, pieces[i], text, error);
  free (text);
  return err;
}

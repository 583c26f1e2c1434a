// SPDX-License-Identifier: Apache-2.0
//
// sim: runs the simulated mesh over many seeds, replays one, or shows that every mutation is caught.
//
//   sim --seeds 2000            seeds 1 to 2000; stops at the first that finds something (--keep-on: goes on)
//   sim --seed 17 --trace       that one, and what happens in it
//   sim --kept                  seeds that found something once
//   sim --mutation list         the mutations; with a name, runs seeds with that one
//   sim --mutations 300         each mutation, over up to 300 seeds, until it is caught; fails if one isn't
//
// Seeds run in as many processes as there are processors (--jobs N). Everything is decided by the seed: the same
// program says the same again. Fails with 1 when something was found.

#include "sim/mesh.h"
#include "sim/pool.h"

#include "troupe/log.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAULT_SIZE = 512 };

typedef struct {
  uint64_t first, count, mutations, jobs;
  mesh_flaw_t flaw;
  bool traced, on, kept;
} options_t;

static double
seconds (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
add (mesh_tally_t *sum, const mesh_tally_t *run)
{
  sum->seeds += run->seeds;
  sum->calls += run->calls;
  sum->values += run->values;
  sum->errors += run->errors;
  sum->cancelled += run->cancelled;
  sum->deadlines += run->deadlines;
  sum->refused += run->refused;
  sum->faults += run->faults;
  sum->attempts += run->attempts;
  sum->nested += run->nested;
  sum->awaited += run->awaited;
  sum->hubs += run->hubs;
  sum->places += run->places;
  sum->voids += run->voids;
  sum->heard += run->heard;
  sum->published += run->published;
  sum->heard_published += run->heard_published;
  sum->heard_logged += run->heard_logged;
  sum->messages += run->messages;
  sum->requests += run->requests;
  sum->virtual_ms += run->virtual_ms;
}

// True: something was found, which `fault` says.
static bool
run (uint64_t seed, mesh_flaw_t flaw, bool traced, mesh_tally_t *sum, char fault[FAULT_SIZE])
{
  mesh_t *mesh = mesh_new (&(mesh_options_t){.seed = seed, .flaw = flaw, .traced = traced});
  mesh_run (mesh);
  add (sum, mesh_tally (mesh));
  sum->seeds++;
  snprintf (fault, FAULT_SIZE, "%s", mesh_fault (mesh));
  mesh_destroy (&mesh);
  return fault[0] != '\0';
}

// -- Seeds -----------------------------------------------------------------------------------------------------------

typedef struct {
  options_t options;
  struct {
    mesh_tally_t sum;
    unsigned found;
    uint64_t seed; // the first that found something
    char fault[FAULT_SIZE];
  } jobs[POOL_JOBS_MAX];
} seeds_t;

static const struct {
  uint64_t seed;
  const char *found;
} kept[] = {
#define MESH_KEPT(seed, sentence) {seed, sentence},
#include "sim/mesh_kept.def"
#undef MESH_KEPT
};

// With --kept, the number of one of those.
static bool
run_seed (void *shared, unsigned job, uint64_t seed)
{
  char fault[FAULT_SIZE];
  seeds_t *seeds = shared;
  const options_t *options = &seeds->options;
  const char *once = options->kept ? kept[seed].found : NULL;
  seed = options->kept ? kept[seed].seed : seed;
  if (!run (seed, options->flaw, options->traced, &seeds->jobs[job].sum, fault))
    return true;
  if (seeds->jobs[job].found++ == 0) {
    seeds->jobs[job].seed = seed;
    memcpy (seeds->jobs[job].fault, fault, FAULT_SIZE);
  }
  if (options->on) {
    printf ("%s%s%s\n", fault, once != NULL ? "; once: " : "", once != NULL ? once : "");
    fflush (stdout);
  }
  return options->on;
}

static void
report (const mesh_tally_t *sum, uint64_t seeds, double took)
{
  printf ("%" PRIu64 " seeds in %.1f s (%.0f a second; %.0f hours of virtual time)\n", seeds, took,
          (double)seeds / took, (double)sum->virtual_ms / 3.6e6);
  printf ("%u calls and %u nested ones, %u awaited by others, %u attempts, %u faults, %" PRIu64 " messages, %" PRIu64
          " requests to the store\n",
          sum->calls, sum->nested, sum->awaited, sum->attempts, sum->faults, sum->messages, sum->requests);
  printf ("settled: %u values, %u errors, %u cancelled, %u deadlines; %u refused\n", sum->values, sum->errors,
          sum->cancelled, sum->deadlines, sum->refused);
  printf ("%u hubs, %u places in them, %u void, %u times heard: %u from subscriptions, %u from logs (%u messages came)\n",
          sum->hubs, sum->places, sum->voids, sum->heard, sum->heard_published, sum->heard_logged, sum->published);
}

static int
run_seeds (const options_t *options)
{
  mesh_tally_t sum = {0};
  unsigned found = 0, first = POOL_JOBS_MAX;
  seeds_t *seeds = pool_memory (sizeof *seeds);
  double begin = seconds ();
  seeds->options = *options;
  bool sound = pool_run ((unsigned)options->jobs, options->first, options->count, run_seed, seeds);
  for (unsigned job = 0; job < POOL_JOBS_MAX; job++) {
    add (&sum, &seeds->jobs[job].sum);
    found += seeds->jobs[job].found;
    if (seeds->jobs[job].found > 0 && (first == POOL_JOBS_MAX || seeds->jobs[job].seed < seeds->jobs[first].seed))
      first = job;
  }
  if (found > 0 && !options->on)
    printf ("%s\n", seeds->jobs[first].fault);
  report (&sum, sum.seeds, seconds () - begin);
  if (found > 0)
    printf ("%u found; replay one with --seed N --trace\n", found);
  return found > 0 || !sound ? EXIT_FAILURE : EXIT_SUCCESS;
}

// -- Mutations -------------------------------------------------------------------------------------------------------

static int
list_mutations (void)
{
  for (unsigned flaw = MESH_FLAW_NONE + 1; flaw < MESH_FLAWS; flaw++)
    printf ("%-24s %s\n", mesh_flaw_name (flaw), mesh_flaw_sentence (flaw));
  return EXIT_SUCCESS;
}

typedef struct {
  options_t options;
  struct {
    uint64_t seeds; // that it took; 0: not caught
    double took;
    char fault[FAULT_SIZE];
  } flaws[MESH_FLAWS];
} mutations_t;

static bool
run_mutation (void *shared, unsigned job, uint64_t flaw)
{
  mesh_tally_t sum = {0};
  mutations_t *mutations = shared;
  const options_t *options = &mutations->options;
  double begin = seconds ();
  (void)job;
  for (uint64_t seed = options->first; seed < options->first + options->mutations; seed++)
    if (run (seed, (mesh_flaw_t)flaw, false, &sum, mutations->flaws[flaw].fault)) {
      mutations->flaws[flaw].seeds = seed - options->first + 1;
      break;
    }
  mutations->flaws[flaw].took = seconds () - begin;
  return true;
}

static int
run_mutations (const options_t *options)
{
  unsigned missed = 0;
  mutations_t *mutations = pool_memory (sizeof *mutations);
  mutations->options = *options;
  bool sound = pool_run ((unsigned)options->jobs, MESH_FLAW_NONE + 1, MESH_FLAWS - 1, run_mutation, mutations);
  for (unsigned flaw = MESH_FLAW_NONE + 1; flaw < MESH_FLAWS; flaw++) {
    if (mutations->flaws[flaw].seeds > 0)
      printf ("%-24s caught after %" PRIu64 " seeds, %.2f s: %s\n", mesh_flaw_name (flaw), mutations->flaws[flaw].seeds,
              mutations->flaws[flaw].took, mutations->flaws[flaw].fault);
    else
      printf ("%-24s NOT CAUGHT by %" PRIu64 " seeds\n", mesh_flaw_name (flaw), options->mutations);
    missed += mutations->flaws[flaw].seeds == 0;
  }
  printf ("%u mutations, %u not caught\n", MESH_FLAWS - 1, missed);
  return missed > 0 || !sound ? EXIT_FAILURE : EXIT_SUCCESS;
}

// -- Options ---------------------------------------------------------------------------------------------------------

static int
usage (void)
{
  fprintf (stderr, "usage: sim [--seeds N] [--from SEED] [--keep-on] [--jobs N] [--mutation NAME|list]\n"
                   "       sim --kept [--jobs N]\n"
                   "       sim --seed N [--trace] [--mutation NAME]\n"
                   "       sim --mutations N [--jobs N]\n");
  return 2;
}

static bool
read_number (uint64_t *out)
{
  char *end = NULL;
  *out = strtoull (optarg, &end, 10);
  return end != optarg && *end == '\0';
}

static bool
read_option (options_t *options, int option)
{
  switch (option) {
  case 'n':
    return read_number (&options->count);
  case 'f':
    return read_number (&options->first);
  case 's':
    options->count = 1;
    return read_number (&options->first);
  case 'a':
    return read_number (&options->mutations);
  case 'j':
    return read_number (&options->jobs) && options->jobs > 0 && options->jobs <= POOL_JOBS_MAX;
  case 'm':
    options->flaw = mesh_flaw_of_name (optarg);
    return options->flaw != MESH_FLAWS;
  case 't':
    return options->traced = true;
  case 'k':
    return options->on = true;
  case 'o':
    options->first = 0;
    options->count = sizeof kept / sizeof *kept;
    return options->on = options->kept = true;
  default:
    return false;
  }
}

int
main (int argc, char **argv)
{
  static const struct option long_options[] = {
    {"seeds", required_argument, NULL, 'n'},    {"seed", required_argument, NULL, 's'},
    {"from", required_argument, NULL, 'f'},     {"mutation", required_argument, NULL, 'm'},
    {"mutations", required_argument, NULL, 'a'}, {"trace", no_argument, NULL, 't'},
    {"keep-on", no_argument, NULL, 'k'},        {"jobs", required_argument, NULL, 'j'},
    {"kept", no_argument, NULL, 'o'},           {NULL, 0, NULL, 0}};
  options_t options = {.first = 1, .count = 100, .jobs = pool_jobs ()};
  troupe_log_init (&(troupe_log_options_t){.program = "sim", .level = TROUPE_LOG_OFF});
  for (int option; (option = getopt_long (argc, argv, "", long_options, NULL)) != -1;) {
    if (option == 'm' && strcmp (optarg, "list") == 0)
      return list_mutations ();
    if (!read_option (&options, option))
      return usage ();
  }
  if (optind < argc)
    return usage ();
  return options.mutations > 0 ? run_mutations (&options) : run_seeds (&options);
}

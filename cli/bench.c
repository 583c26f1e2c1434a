// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench`: how fast calls, hubs and repair are, and next to what; and whether the promises hold while parts of
// the mesh are killed and frozen. It only reads the command line; bench_calls.h, bench_hub.h, bench_repair.h,
// bench_chaos.h, bench_laggard.h and bench_soak.h say what is measured, the files named *_report.c print it.
#include "cli/bench_calls.h"
#include "cli/bench_chaos.h"
#include "cli/bench_hub.h"
#include "cli/bench_laggard.h"
#include "cli/bench_repair.h"
#include "cli/bench_soak.h"

#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static troupe_err_t
number (double *out, const troupe_args_t *args, const char *name, double least, double most, troupe_error_t *error)
{
  const char *text = troupe_args_value (args, name);
  char *end;
  *out = 0;
  if (!text)
    return TROUPE_OK;
  *out = strtod (text, &end);
  if (end == text || *end || !(*out >= least && *out <= most))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, NULL, "\"%s\" is no number from %g to %g", text, least,
                             most);
  return TROUPE_OK;
}

// -- Calls ------------------------------------------------------------------------------------------------------------

enum { CALLS_ROUNDS = 5, CALLS_MS = 1000 };

static troupe_err_t
read_calls (bench_calls_t *out, const troupe_args_t *args, troupe_error_t *error)
{
  double rounds, seconds, count;
  troupe_err_t err = number (&rounds, args, "rounds", 1, BENCH_ROUNDS_MAX, error);
  if (err == TROUPE_OK)
    err = number (&seconds, args, "seconds", 0.05, 3600, error);
  if (err == TROUPE_OK)
    err = number (&count, args, "count", 1, 1e9, error);
  if (err != TROUPE_OK)
    return err;
  out->rounds = rounds > 0 ? (unsigned)rounds : CALLS_ROUNDS;
  out->span.ms = seconds > 0 ? (int64_t)(seconds * 1000) : CALLS_MS;
  out->span.count = (int64_t)count;
  out->sweep = troupe_args_flag (args, "sweep");
  return TROUPE_OK;
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
}

// `report` is given up.
static troupe_err_t
write_json (json_t *report, troupe_error_t *error)
{
  bool written = report && output_json (report);
  json_decref (report);
  return written
           ? TROUPE_OK
           : troupe_error_set (error, TROUPE_IO, "standard output", NULL, "can't be written: %s", strerror (errno));
}

static troupe_err_t
run_calls (const troupe_args_t *args, const char *parent, troupe_error_t *error)
{
  bench_calls_t *calls = calloc (1, sizeof *calls);
  troupe_err_t err = calls ? read_calls (calls, args, error) : no_memory (error);
  if (err == TROUPE_OK)
    err = bench_calls_run (calls, parent, error);
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_report_json (calls), error);
  else if (err == TROUPE_OK)
    bench_report_print (calls);
  free (calls);
  return err;
}

// -- Hubs -------------------------------------------------------------------------------------------------------------

enum {
  HUB_MESSAGES = 20 * 1000 // one to two seconds: members rest for up to 0.1 s before they hear the last of them
};

// "1,8,50"
static troupe_err_t
read_sizes (bench_hub_t *out, const char *text, troupe_error_t *error)
{
  const char *at = text;
  char *end;
  do {
    unsigned long size = strtoul (at, &end, 10);
    if (end == at || (*end && *end != ',') || size < 1 || size > BENCH_HUB_HEARERS_MAX ||
        out->sizes_count == BENCH_HUB_SIZES_MAX)
      return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "subscribers", "write it like 1,8,50",
                               "\"%s\" is no list of at most %d numbers from 1 to %d", text, BENCH_HUB_SIZES_MAX,
                               BENCH_HUB_HEARERS_MAX);
    out->sizes[out->sizes_count++] = (unsigned)size;
    at = end + 1;
  } while (*end);
  return TROUPE_OK;
}

static troupe_err_t
read_hub (bench_hub_t *out, const troupe_args_t *args, troupe_error_t *error)
{
  double rounds, messages;
  troupe_err_t err = number (&rounds, args, "rounds", 1, BENCH_HUB_ROUNDS_MAX, error);
  if (err == TROUPE_OK)
    err = number (&messages, args, "messages", 1, BENCH_HUB_MESSAGES_MAX, error);
  if (err == TROUPE_OK)
    err = read_sizes (out, troupe_args_value (args, "subscribers"), error);
  if (err != TROUPE_OK)
    return err;
  out->rounds = rounds > 0 ? (unsigned)rounds : 1;
  out->messages = messages > 0 ? (unsigned)messages : HUB_MESSAGES;
  return TROUPE_OK;
}

static troupe_err_t
run_hub (const troupe_args_t *args, const char *parent, troupe_error_t *error)
{
  bench_hub_t *hub = calloc (1, sizeof *hub);
  troupe_err_t err = hub ? read_hub (hub, args, error) : no_memory (error);
  if (err == TROUPE_OK)
    err = bench_hub_run (hub, parent, error);
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_hub_json (hub), error);
  else if (err == TROUPE_OK)
    bench_hub_print (hub);
  free (hub);
  return err;
}

// -- Chaos ------------------------------------------------------------------------------------------------------------

// The kind of parts that is harmed.
static troupe_err_t
read_harm (bench_chaos_t *out, const char *text, troupe_error_t *error)
{
  for (out->harm = 0; out->harm < CHAOS_KINDS; out->harm++)
    if (strcmp (text, chaos_kind_name ((chaos_kind_t)out->harm)) == 0)
      return TROUPE_OK;
  return strcmp (text, "all") == 0 ? TROUPE_OK
                                   : troupe_error_set (error, TROUPE_BAD_ARGUMENT, "harm",
                                                       "use all, redis, broker or worker", "\"%s\" is none of these", text);
}

static troupe_err_t
read_chaos (bench_chaos_t *out, const troupe_args_t *args, troupe_error_t *error)
{
  double calls, messages, seconds, seed, freeze;
  troupe_err_t err = number (&calls, args, "calls", 1, CHAOS_NUMBERS_MAX / 2, error);
  if (err == TROUPE_OK)
    err = number (&messages, args, "messages", 1, CHAOS_NUMBERS_MAX / 2, error);
  if (err == TROUPE_OK)
    err = number (&seconds, args, "seconds", 1, BENCH_CHAOS_SECONDS_MAX, error);
  if (err == TROUPE_OK)
    err = number (&seed, args, "seed", 0, 1e15, error);
  if (err == TROUPE_OK)
    err = number (&freeze, args, "freeze", 1, 3600, error);
  if (err != TROUPE_OK)
    return err;
  const char *fsync = troupe_args_value (args, "fsync");
  out->everysec = strcmp (fsync, "everysec") == 0;
  if (!out->everysec && strcmp (fsync, "always") != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "fsync", "use always or everysec", "\"%s\" is neither", fsync);
  if ((err = read_harm (out, troupe_args_value (args, "harm"), error)) != TROUPE_OK)
    return err;
  out->calls = calls > 0 ? (uint64_t)calls : BENCH_CHAOS_CALLS;
  out->messages = messages > 0 ? (uint64_t)messages : BENCH_CHAOS_MESSAGES;
  out->ms = (int64_t)(seconds * 1000);
  out->freeze_ms = freeze > 0 ? (int64_t)(freeze * 1000) : BENCH_CHAOS_FREEZE_MS;
  out->seed = troupe_args_value (args, "seed") ? (uint64_t)seed : (uint64_t)time (NULL);
  out->no_faults = troupe_args_flag (args, "no-faults");
  out->keep = troupe_args_flag (args, "keep");
  return TROUPE_OK;
}

// *broken: a promise.
static troupe_err_t
run_chaos (const troupe_args_t *args, const char *parent, bool *broken, troupe_error_t *error)
{
  bench_chaos_t *chaos = calloc (1, sizeof *chaos);
  troupe_err_t err = chaos ? read_chaos (chaos, args, error) : no_memory (error);
  if (err == TROUPE_OK) {
    fprintf (stderr, "seed %llu\n", (unsigned long long)chaos->seed);
    err = bench_chaos_run (chaos, parent, error);
  }
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_chaos_json (chaos), error);
  else if (err == TROUPE_OK)
    bench_chaos_print (chaos);
  *broken = err == TROUPE_OK && bench_chaos_broken (chaos);
  free (chaos);
  return err;
}

// -- Laggard ----------------------------------------------------------------------------------------------------------

// *broken: the others noticed, or it did not catch up.
static troupe_err_t
run_laggard (const troupe_args_t *args, const char *parent, bool *broken, troupe_error_t *error)
{
  bench_laggard_t laggard = {0};
  troupe_err_t err = bench_laggard_run (&laggard, parent, error);
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_laggard_json (&laggard), error);
  else if (err == TROUPE_OK)
    bench_laggard_print (&laggard);
  *broken = err == TROUPE_OK && bench_laggard_broken (&laggard);
  return err;
}

// -- Soak -------------------------------------------------------------------------------------------------------------

// *broken: something grows.
static troupe_err_t
run_soak (const troupe_args_t *args, const char *parent, bool *broken, troupe_error_t *error)
{
  double seconds;
  bench_soak_t *soak = calloc (1, sizeof *soak);
  troupe_err_t err = soak ? number (&seconds, args, "seconds", 10, BENCH_CHAOS_SECONDS_MAX, error) : no_memory (error);
  if (err == TROUPE_OK) {
    soak->ms = (int64_t)((seconds > 0 ? seconds : BENCH_SOAK_SECONDS) * 1000);
    err = bench_soak_run (soak, parent, error);
  }
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_soak_json (soak), error);
  else if (err == TROUPE_OK)
    bench_soak_print (soak);
  *broken = err == TROUPE_OK && bench_soak_broken (soak);
  free (soak);
  return err;
}

// -- Repair -----------------------------------------------------------------------------------------------------------

enum { REPAIR_ROUNDS = 9 };

static troupe_err_t
run_repair (const troupe_args_t *args, troupe_error_t *error)
{
  double rounds;
  troupe_err_t err = number (&rounds, args, "rounds", 1, BENCH_REPAIR_ROUNDS_MAX, error);
  bench_repair_t *repair = err == TROUPE_OK ? calloc (1, sizeof *repair) : NULL;
  if (err == TROUPE_OK && !repair)
    err = no_memory (error);
  if (err == TROUPE_OK) {
    repair->rounds = rounds > 0 ? (unsigned)rounds : REPAIR_ROUNDS;
    err = bench_repair_run (repair, error);
  }
  if (err == TROUPE_OK && troupe_args_flag (args, "json"))
    err = write_json (bench_repair_json (repair), error);
  else if (err == TROUPE_OK)
    bench_repair_print (repair);
  free (repair);
  return err;
}

// ---------------------------------------------------------------------------------------------------------------------

int
bench_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  const char *what = troupe_args_operand (args, 0), *parent = troupe_args_value (args, "directory");
  if (!parent)
    parent = getenv ("TMPDIR");
  if (!parent || !*parent)
    parent = "/tmp";
  troupe_log_init (&(troupe_log_options_t){.program = "bench", .level = TROUPE_LOG_ERROR});
  troupe_err_t err;
  bool broken = false;
  if (strcmp (what, "calls") == 0)
    err = run_calls (args, parent, &error);
  else if (strcmp (what, "hub") == 0)
    err = run_hub (args, parent, &error);
  else if (strcmp (what, "repair") == 0)
    err = run_repair (args, &error);
  else if (strcmp (what, "chaos") == 0)
    err = run_chaos (args, parent, &broken, &error);
  else if (strcmp (what, "laggard") == 0)
    err = run_laggard (args, parent, &broken, &error);
  else if (strcmp (what, "soak") == 0)
    err = run_soak (args, parent, &broken, &error);
  else
    err = troupe_error_set (&error, TROUPE_BAD_ARGUMENT, what, "use: troupe bench calls, hub, repair, chaos, laggard or soak",
                            "there is no such benchmark");
  return err == TROUPE_OK ? broken : output_error (&error);
}

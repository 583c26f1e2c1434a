// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench`: how fast calls and hubs are, and next to what. It only reads the command line; bench_calls.h and
// bench_hub.h say what is measured, bench_report.c and bench_hub_report.c print it.
#include "cli/bench_calls.h"
#include "cli/bench_hub.h"

#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

enum { CALLS_ROUNDS = 5 };

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
  out->span.ms = (int64_t)(seconds * 1000);
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
  out->messages = (unsigned)messages;
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
  if (strcmp (what, "calls") == 0)
    err = run_calls (args, parent, &error);
  else if (strcmp (what, "hub") == 0)
    err = run_hub (args, parent, &error);
  else
    err = troupe_error_set (&error, TROUPE_BAD_ARGUMENT, what, "use: troupe bench calls, or troupe bench hub",
                            "there is no such benchmark");
  return err == TROUPE_OK ? 0 : output_error (&error);
}

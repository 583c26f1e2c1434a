// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench`: how fast calls are, and next to what. It only reads the command line; bench_calls.h says what is
// measured, bench_report.c prints it.
#include "cli/bench_calls.h"

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

static troupe_err_t
read_options (bench_calls_t *out, const troupe_args_t *args, troupe_error_t *error)
{
  double rounds, seconds, count;
  const char *what = troupe_args_operand (args, 0);
  troupe_err_t err = TROUPE_OK;
  if (strcmp (what, "calls") != 0)
    err = troupe_error_set (error, TROUPE_BAD_ARGUMENT, what, "use: troupe bench calls", "there is no such benchmark");
  if (err == TROUPE_OK)
    err = number (&rounds, args, "rounds", 1, BENCH_ROUNDS_MAX, error);
  if (err == TROUPE_OK)
    err = number (&seconds, args, "seconds", 0.05, 3600, error);
  if (err == TROUPE_OK)
    err = number (&count, args, "count", 1, 1e9, error);
  if (err != TROUPE_OK)
    return err;
  out->rounds = (unsigned)rounds;
  out->span.ms = (int64_t)(seconds * 1000);
  out->span.count = (int64_t)count;
  out->sweep = troupe_args_flag (args, "sweep");
  return TROUPE_OK;
}

static troupe_err_t
show (const bench_calls_t *calls, bool json, troupe_error_t *error)
{
  if (!json) {
    bench_report_print (calls);
    return TROUPE_OK;
  }
  json_t *report = bench_report_json (calls);
  bool written = report && output_json (report);
  json_decref (report);
  return written
           ? TROUPE_OK
           : troupe_error_set (error, TROUPE_IO, "standard output", NULL, "can't be written: %s", strerror (errno));
}

int
bench_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  const char *parent = troupe_args_value (args, "directory");
  if (!parent)
    parent = getenv ("TMPDIR");
  troupe_log_init (&(troupe_log_options_t){.program = "bench", .level = TROUPE_LOG_ERROR});
  bench_calls_t *calls = calloc (1, sizeof *calls);
  troupe_err_t err = calls ? read_options (calls, args, &error)
                           : troupe_error_set (&error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  if (err == TROUPE_OK)
    err = bench_calls_run (calls, parent && *parent ? parent : "/tmp", &error);
  if (err == TROUPE_OK)
    err = show (calls, troupe_args_flag (args, "json"), &error);
  free (calls);
  return err == TROUPE_OK ? 0 : output_error (&error);
}

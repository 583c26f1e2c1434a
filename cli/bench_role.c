// SPDX-License-Identifier: Apache-2.0
//
// The roles' table and what they share: parameters, and the pipe to the process that measures. Whatever fails is said
// on standard error, which is that process's, and ends the role; there the pipe's end is the failure.
#include "cli/bench_role.h"

#include "cli/bench_chaos_cast.h"
#include "cli/output.h"
#include "troupe/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

static const struct {
  const char *name;
  troupe_err_t (*run) (const json_t *parameters, troupe_error_t *error);
} roles[] = {{"raw-proxy", bench_raw_proxy},   {"raw-worker", bench_raw_worker},
             {"raw-client", bench_raw_client}, {"functions", bench_functions},
             {"worker", bench_worker},         {"client", bench_client},
             {"raw-hub", bench_raw_hub},       {"raw-speaker", bench_raw_speaker},
             {"raw-hearer", bench_raw_hearer}, {"hub-functions", bench_hub_functions},
             {"speaker", bench_speaker},       {"hearer", bench_hearer},
             {"chaos-worker", bench_chaos_worker}, {"chaos-caller", bench_chaos_caller}};

static troupe_err_t
run (int argc, char **argv, troupe_error_t *error)
{
  json_error_t why;
  json_t *parameters = argc == 2 ? json_loads (argv[1], 0, &why) : NULL;
  if (!parameters)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "bench-role", "use `troupe bench`",
                             "usage: troupe bench-role ROLE PARAMETERS");
  troupe_err_t err = troupe_error_set (error, TROUPE_NOT_FOUND, argv[0], "use `troupe bench`", "no such role");
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
    if (strcmp (roles[i].name, argv[0]) == 0)
      err = roles[i].run (parameters, error);
  json_decref (parameters);
  return err;
}

int
bench_role (int argc, char **argv)
{
  troupe_error_t error = {0};
  signal (SIGPIPE, SIG_IGN);
  troupe_log_init (&(troupe_log_options_t){.program = "bench", .level = TROUPE_LOG_ERROR});
  return run (argc, argv, &error) == TROUPE_OK ? 0 : output_error (&error);
}

void
bench_role_ready (void)
{
  puts ("{\"ready\":true}");
  fflush (stdout);
}

bool
bench_role_wait (void)
{
  char word[16];
  ssize_t got;
  do
    got = read (STDIN_FILENO, word, sizeof word);
  while (got < 0 && errno == EINTR);
  return got > 0;
}

static void
on_input (void *context, short events)
{
  bench_role_ear_t *self = context;
  (void)events;
  if (!bench_role_wait ())
    troupe_loop_stop (self->loop);
  else if (self->word)
    self->word (self->context);
}

troupe_err_t
bench_role_listen (bench_role_ear_t *self)
{
  return troupe_loop_add_fd (self->loop, STDIN_FILENO, ZMQ_POLLIN, on_input, self);
}

troupe_err_t
bench_role_text (const char **out, const json_t *parameters, const char *name, troupe_error_t *error)
{
  *out = json_string_value (json_object_get (parameters, name));
  return *out ? TROUPE_OK : troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, NULL, "the role needs this text");
}

troupe_err_t
bench_role_brokers (const char **out, size_t capacity, const json_t *parameters, troupe_error_t *error)
{
  size_t i, count = 0;
  json_t *endpoint;
  json_array_foreach (json_object_get (parameters, "brokers"), i, endpoint) {
    if (json_is_string (endpoint) && count + 1 < capacity)
      out[count++] = json_string_value (endpoint);
  }
  out[count] = NULL;
  return count > 0 ? TROUPE_OK : troupe_error_set (error, TROUPE_BAD_ARGUMENT, "brokers", NULL, "the role needs some");
}

// SPDX-License-Identifier: Apache-2.0
//
// troupe-broker: reads the configuration, opens the log, and runs one broker of it until SIGTERM or SIGINT.

#include "broker/edge.h"

#include "troupe/config.h"
#include "troupe/option.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  troupe_config_t *config;
  const json_t *settings; // this broker's part of `brokers`
  const char *name;
  troupe_loop_t *loop;
  broker_edge_t *edge;
  bool stopping;
} process_t;

static troupe_err_t
load (process_t *self, const char *path, troupe_error_t *error)
{
  json_t *errors = NULL;
  troupe_err_t err = troupe_config_load_part (&self->config, path, "store", &errors, error);
  if (json_array_size (errors) > 0)
    troupe_config_print_errors (errors, stderr);
  else if (err != TROUPE_OK)
    troupe_error_print (error, stderr);
  json_decref (errors);
  return err;
}

static troupe_err_t
not_found (process_t *self, const json_t *brokers, troupe_error_t *error)
{
  char next[TROUPE_ERROR_NEXT_MAX] = "see `brokers` in the configuration";
  const char **words = calloc (json_array_size (brokers) + 1, sizeof *words);
  for (size_t i = 0; words != NULL && i < json_array_size (brokers); i++)
    words[i] = json_string_value (json_object_get (json_array_get (brokers, i), "name"));
  const char *near = words != NULL ? troupe_did_you_mean (self->name, words) : NULL;
  if (near != NULL)
    snprintf (next, sizeof next, "did you mean %s?", near);
  troupe_error_set (error, TROUPE_NOT_FOUND, self->name, next, "%s has no broker of this name",
                    troupe_config_path (self->config));
  free (words);
  return TROUPE_NOT_FOUND;
}

// Without a name: the first one.
static troupe_err_t
choose (process_t *self, troupe_error_t *error)
{
  const json_t *brokers = troupe_config_get (self->config, "brokers");
  for (size_t i = 0; i < json_array_size (brokers); i++) {
    const json_t *settings = json_array_get (brokers, i);
    const char *name = json_string_value (json_object_get (settings, "name"));
    if (self->name != NULL && strcmp (name, self->name) != 0)
      continue;
    self->settings = settings;
    self->name = name;
    return TROUPE_OK;
  }
  return not_found (self, brokers, error);
}

static void
open_log (const process_t *self)
{
  troupe_log_options_t options = {.program = self->name, .level = TROUPE_LOG_INFO, .format = TROUPE_LOG_AUTO};
  troupe_log_level_of_name (&options.level, troupe_config_text (self->config, "log.level"));
  troupe_log_format_of_name (&options.format, troupe_config_text (self->config, "log.format"));
  troupe_log_init (&options);
  troupe_config_hide_secrets (self->config);
}

// A connection is a descriptor, and libzmq doesn't survive running out of them: take as many as we may. With fewer than
// the door keeps in reserve twice (door.c), a burst of connections may use them up before the door closes.
static void
raise_descriptors (void)
{
  enum { ENOUGH = 8500 };
  struct rlimit limit;
  char shown[24];
  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= ENOUGH)
    return;
  snprintf (shown, sizeof shown, "%ju", (uintmax_t)limit.rlim_max);
  troupe_log (TROUPE_LOG_WARNING, "few open files are allowed", "open files at most", shown, "why",
              "a burst of connections may use them up", "next", "allow 8,500 or more (ulimit -n)", NULL);
}

static void
stopped (void *context)
{
  process_t *self = context;
  troupe_log (TROUPE_LOG_INFO, "stopped", NULL);
  troupe_loop_stop (self->loop);
}

static void
on_signal (void *context, int signal)
{
  process_t *self = context;
  if (self->stopping || self->edge == NULL)
    _exit (troupe_err_exit (TROUPE_CANCELLED)); // asked twice: at once, everything that matters is stored
  self->stopping = true;
  troupe_log (TROUPE_LOG_INFO, "stopping", "signal", strsignal (signal), NULL);
  broker_edge_stop (self->edge, stopped, self);
}

static troupe_err_t
open_loop (process_t *self, troupe_error_t *error)
{
  static const int signals[] = {SIGTERM, SIGINT};
  signal (SIGPIPE, SIG_IGN);
  troupe_err_t err = troupe_loop_new (&self->loop);
  if (err == TROUPE_OK)
    err = troupe_loop_on_signals (self->loop, signals, sizeof signals / sizeof *signals, on_signal, self);
  if (err != TROUPE_OK)
    troupe_error_set (error, err, self->name, NULL, "the event loop can't be made: %s", troupe_err_text (err));
  return err;
}

static void
on_ready (void *context)
{
  const process_t *self = context;
  troupe_log (TROUPE_LOG_INFO, "ready", "endpoint", broker_edge_endpoint (self->edge), "publish",
              broker_edge_publish (self->edge), NULL);
}

static broker_limits_t
limits_of (const troupe_config_t *config)
{
  return (broker_limits_t){.message = (size_t)troupe_config_int (config, "limits.message"),
                           .open_calls = (size_t)troupe_config_int (config, "limits.open_calls"),
                           .open_bytes = (size_t)troupe_config_int (config, "limits.open_bytes"),
                           .mailbox = (unsigned)troupe_config_int (config, "limits.mailbox"),
                           .attempts = (unsigned)troupe_config_int (config, "limits.attempts"),
                           .deadline = troupe_config_int (config, "limits.deadline"),
                           .retention = troupe_config_int (config, "limits.retention"),
                           .heartbeat = troupe_config_int (config, "limits.heartbeat"),
                           .lease = troupe_config_int (config, "limits.lease")};
}

static troupe_err_t
open_edge (process_t *self, troupe_error_t *error)
{
  broker_edge_options_t options = {.name = self->name,
                                   .mesh = troupe_config_text (self->config, "mesh"),
                                   .endpoint = json_string_value (json_object_get (self->settings, "endpoint")),
                                   .publish = json_string_value (json_object_get (self->settings, "publish")),
                                   .store = troupe_config_text (self->config, "store.url"),
                                   .password = json_string_value (troupe_config_get (self->config, "store.password")),
                                   .limits = limits_of (self->config),
                                   .ready = on_ready,
                                   .context = self};
  return broker_edge_new (&self->edge, self->loop, &options, error);
}

static troupe_err_t
run_broker (process_t *self, troupe_error_t *error)
{
  troupe_err_t err = choose (self, error);
  if (err != TROUPE_OK)
    return err;
  open_log (self);
  raise_descriptors ();
  umask (077); // sockets and what lies next to them are this user's
  err = open_loop (self, error);
  if (err == TROUPE_OK)
    err = open_edge (self, error);
  return err == TROUPE_OK ? troupe_loop_run (self->loop) : err;
}

static int
run (const troupe_args_t *args)
{
  process_t self = {.name = troupe_args_value (args, "name")};
  troupe_error_t error = {0};
  troupe_err_t err = load (&self, troupe_args_value (args, "file"), &error);
  if (err == TROUPE_OK) {
    err = run_broker (&self, &error);
    if (error.code != TROUPE_OK)
      troupe_error_print (&error, stderr);
  }
  broker_edge_destroy (&self.edge);
  troupe_loop_destroy (&self.loop);
  troupe_config_destroy (&self.config);
  return troupe_err_exit (err);
}

int
main (int argc, char **argv)
{
  static const troupe_option_t options[] = {
    {"file", 'f', "FILE", "the mesh's configuration", "troupe.yaml"},
    {"name", 'n', "NAME", "which of its brokers this is; without it the first one"},
    {NULL}};
  static const char details[] =
    "Logs \"ready\" once Redis is there. SIGTERM and SIGINT say bye to its peers and end it; everything that\n"
    "matters is stored, so a second signal, or a kill, loses nothing.\n"
    "\n"
    "Exit status: 0 ended by a signal, 2 wrong command line, 3 wrong configuration or address in use,\n"
    "4 no such name.";
  static const char summary[] = "carries calls between agents, models and tools";
  const troupe_verb_t verbs[] = {{.details = details, .options = options, .run = run}, {NULL}};
  return troupe_option_main (&(troupe_program_t){"troupe-broker", summary, verbs}, argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
//
// troupe-broker: reads the configuration, opens the log, and runs one broker of it until SIGTERM or SIGINT.

#include "broker/edge.h"
#include "broker/metrics.h"

#include "troupe/config.h"
#include "troupe/health.h"
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
  const char *listen;      // of its health endpoint; NULL: none
  troupe_health_t *health; // NULL: none
  json_t *tokens;          // NULL: none
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

// One may have what all may.
static size_t
total_of_unread (const troupe_config_t *config)
{
  int64_t one = troupe_config_int (config, "limits.unread"), all = troupe_config_int (config, "limits.unread_total");
  return (size_t)(all > one ? all : one);
}

static broker_limits_t
limits_of (const troupe_config_t *config)
{
  return (broker_limits_t){.message = (size_t)troupe_config_int (config, "limits.message"),
                           .open_calls = (size_t)troupe_config_int (config, "limits.open_calls"),
                           .open_bytes = (size_t)troupe_config_int (config, "limits.open_bytes"),
                           .unread = (size_t)troupe_config_int (config, "limits.unread"),
                           .unread_total = total_of_unread (config),
                           .mailbox = (unsigned)troupe_config_int (config, "limits.mailbox"),
                           .attempts = (unsigned)troupe_config_int (config, "limits.attempts"),
                           .deadline = troupe_config_int (config, "limits.deadline"),
                           .retention = troupe_config_int (config, "limits.retention"),
                           .dead_letters = (unsigned)troupe_config_int (config, "limits.dead_letters"),
                           .dead_retention = troupe_config_int (config, "limits.dead_retention"),
                           .heartbeat = troupe_config_int (config, "limits.heartbeat"),
                           .lease = troupe_config_int (config, "limits.lease"),
                           .session_idle = troupe_config_int (config, "sessions.idle")};
}

// Those who may come over ipc, from standard input: they stand neither in the process list nor on the disk.
static troupe_err_t
read_tokens (process_t *self, troupe_error_t *error)
{
  json_error_t where;
  self->tokens = json_loadf (stdin, 0, &where);
  if (self->tokens != NULL)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--tokens", "see `troupe-broker --help`",
                           "standard input isn't a list of tokens: %s", where.text);
}

static troupe_err_t
open_edge (process_t *self, troupe_error_t *error)
{
  broker_edge_options_t options = {.name = self->name,
                                   .mesh = troupe_config_text (self->config, "mesh"),
                                   .endpoint = json_string_value (json_object_get (self->settings, "endpoint")),
                                   .publish = json_string_value (json_object_get (self->settings, "publish")),
                                   .bind = json_string_value (json_object_get (self->settings, "bind")),
                                   .store = troupe_config_text (self->config, "store.url"),
                                   .password = json_string_value (troupe_config_get (self->config, "store.password")),
                                   .sentinel_password =
                                     json_string_value (troupe_config_get (self->config, "store.sentinel_password")),
                                   .keys = troupe_config_text (self->config, "keys.directory"),
                                   .tokens = self->tokens,
                                   .insecure = json_is_true (json_object_get (self->settings, "insecure")),
                                   .limits = limits_of (self->config),
                                   .ready = on_ready,
                                   .context = self};
  return broker_edge_new (&self->edge, self->loop, &options, error);
}

// -- Health ----------------------------------------------------------------------------------------------------------

static troupe_err_t
check_broker (void *context, troupe_error_t *error)
{
  const process_t *self = context;
  return broker_metrics_ready (broker_edge_core (self->edge), error);
}

static void
write_metrics (void *context, troupe_metrics_t *metrics)
{
  const process_t *self = context;
  broker_metrics_write (broker_edge_core (self->edge), metrics);
}

static troupe_err_t
open_health (process_t *self, troupe_error_t *error)
{
  if (self->listen == NULL)
    return TROUPE_OK;
  troupe_err_t err = troupe_health_new (&self->health, self->loop, self->listen, error);
  if (err != TROUPE_OK)
    return err;
  troupe_health_add_check (self->health, "broker", check_broker, self);
  troupe_health_add_metrics (self->health, write_metrics, self);
  troupe_log (TROUPE_LOG_INFO, "health", "url", troupe_health_url (self->health), NULL);
  return TROUPE_OK;
}

static void
choose_health (process_t *self, const troupe_args_t *args)
{
  self->listen = troupe_args_value (args, "health");
  if (self->listen == NULL)
    self->listen = json_string_value (troupe_config_get (self->config, "health.listen"));
}

// -- The program -----------------------------------------------------------------------------------------------------

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
  if (err == TROUPE_OK)
    err = open_health (self, error);
  return err == TROUPE_OK ? troupe_loop_run (self->loop) : err;
}

static int
run (const troupe_args_t *args)
{
  process_t self = {.name = troupe_args_value (args, "name")};
  troupe_error_t error = {0};
  troupe_err_t err = load (&self, troupe_args_value (args, "file"), &error);
  if (err == TROUPE_OK)
    choose_health (&self, args);
  if (err == TROUPE_OK && troupe_args_flag (args, "probe")) {
    int status = troupe_health_probe_main (self.listen);
    troupe_config_destroy (&self.config);
    return status;
  }
  if (err == TROUPE_OK) {
    err = troupe_args_flag (args, "tokens") ? read_tokens (&self, &error) : TROUPE_OK;
    if (err == TROUPE_OK)
      err = run_broker (&self, &error);
    if (error.code != TROUPE_OK)
      troupe_error_print (&error, stderr);
  }
  troupe_health_destroy (&self.health);
  broker_edge_destroy (&self.edge);
  troupe_loop_destroy (&self.loop);
  troupe_config_destroy (&self.config);
  json_decref (self.tokens);
  return troupe_err_exit (err);
}

int
main (int argc, char **argv)
{
  static const troupe_option_t options[] = {
    {"file", 'f', "FILE", "the mesh's configuration", "troupe.yaml", false, "TROUPE_CONFIG"},
    {"name", 'n', "NAME", "which of its brokers this is; without it the first one"},
    {"tokens", 0, NULL, "read from standard input who may come over ipc: a JSON list of name, token, serves, operator"},
    {"health", 0, "HOST:PORT", "where it says whether it is ready, instead of `health.listen`"},
    {"probe", 0, NULL, "ask the broker that runs there whether it is ready, and say what it answers"},
    {NULL}};
  static const char details[] =
    "Logs \"ready\" once Redis is there. SIGTERM and SIGINT say bye to its peers and end it; everything that\n"
    "matters is stored, so a second signal, or a kill, loses nothing.\n"
    "\n"
    "Exit status: 0 ended by a signal, 2 wrong command line, 3 wrong configuration or address in use,\n"
    "4 no such name. With --probe: 0 ready, 1 not ready.";
  static const char summary[] = "carries calls between agents, models and tools";
  const troupe_verb_t verbs[] = {{.details = details, .options = options, .run = run}, {NULL}};
  return troupe_option_main (&(troupe_program_t){"troupe-broker", summary, verbs}, argc, argv);
}

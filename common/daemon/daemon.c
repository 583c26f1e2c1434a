// SPDX-License-Identifier: Apache-2.0
//
// A serving program's life: configuration, log, loop, signals, node, service; then the loop, then all that backwards.
// Each step is a function that fills a member of `process_t`; `close_all` releases what was filled, in the reverse
// order, however far it came.

#include "troupe/daemon.h"

#include "troupe/log.h"
#include "troupe/option.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BROKERS_MAX = 16 }; // as in troupe/node.h

typedef struct {
  const troupe_daemon_t *daemon;
  const char *name;
  char *service; // "agent/alice", the log's name for this process
  troupe_config_t *config;
  const json_t *settings;
  troupe_loop_t *loop;
  troupe_node_t *node;
  troupe_credentials_t *credentials;
  void *served;
  troupe_health_t *health; // NULL: none
  bool draining;
} process_t;

// The one of this process: the option table's functions take no context.
static const troupe_daemon_t *program;

static troupe_err_t
load (process_t *self, const char *path, troupe_error_t *error)
{
  json_t *errors = NULL;
  char *part;
  if (asprintf (&part, "%s.%s", self->daemon->section, self->name) < 0)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  troupe_err_t code = troupe_config_load_part (&self->config, path, part, &errors, error);
  free (part);
  if (code != TROUPE_OK && json_array_size (errors) > 0)
    troupe_config_print_errors (errors, stderr);
  else if (code != TROUPE_OK)
    troupe_error_print (error, stderr);
  json_decref (errors);
  return code;
}

// The one of the section's names that is nearest; NULL: none is near.
static const char *
nearest_name (json_t *section, const char *name)
{
  const char **words = calloc (json_object_size (section) + 1, sizeof *words);
  if (!words)
    return NULL;
  size_t count = 0;
  for (void *i = json_object_iter (section); i; i = json_object_iter_next (section, i))
    words[count++] = json_object_iter_key (i);
  const char *nearest = troupe_did_you_mean (name, words);
  free (words);
  return nearest;
}

static troupe_err_t
choose (process_t *self, troupe_error_t *error)
{
  json_t *section = json_object_get (troupe_config_root (self->config), self->daemon->section);
  self->settings = json_object_get (section, self->name);
  if (self->settings)
    return TROUPE_OK;
  const char *nearest = nearest_name (section, self->name);
  char next[TROUPE_ERROR_NEXT_MAX] = "add it there, or check the name";
  if (nearest)
    snprintf (next, sizeof next, "did you mean %s?", nearest);
  return troupe_error_set (error, TROUPE_NOT_FOUND, self->name, next, "%s has no %s of this name under %s",
                           troupe_config_path (self->config), self->daemon->kind, self->daemon->section);
}

static troupe_err_t
open_log (process_t *self, troupe_error_t *error)
{
  if (asprintf (&self->service, "%s/%s", self->daemon->kind, self->name) < 0) {
    self->service = NULL;
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->name, NULL, "out of memory");
  }
  troupe_log_options_t options = { .program = self->service, .level = TROUPE_LOG_INFO, .format = TROUPE_LOG_AUTO };
  troupe_log_level_of_name (&options.level, troupe_config_text (self->config, "log.level"));
  troupe_log_format_of_name (&options.format, troupe_config_text (self->config, "log.format"));
  troupe_log_init (&options);
  troupe_config_hide_secrets (self->config);
  return TROUPE_OK;
}

static void
drained (void *context)
{
  process_t *self = context;
  troupe_log (TROUPE_LOG_INFO, "drained", NULL);
  troupe_loop_stop (self->loop);
}

static void
on_signal (void *context, int signal)
{
  process_t *self = context;
  if (self->draining)
    _exit (troupe_err_exit (TROUPE_CANCELLED)); // asked twice: now, whatever runs is offered to others
  self->draining = true;
  troupe_log (TROUPE_LOG_INFO, "draining", "signal", strsignal (signal), NULL);
  if (self->node)
    troupe_node_drain (self->node, drained, self);
  else
    troupe_loop_stop (self->loop);
}

static troupe_err_t
open_loop (process_t *self, troupe_error_t *error)
{
  static const int signals[] = { SIGTERM, SIGINT };
  signal (SIGPIPE, SIG_IGN);
  troupe_err_t code = troupe_loop_new (&self->loop);
  if (code == TROUPE_OK)
    code = troupe_loop_on_signals (self->loop, signals, sizeof signals / sizeof *signals, on_signal, self);
  if (code != TROUPE_OK)
    troupe_error_set (error, code, self->service, NULL, "the event loop can't be made: %s", troupe_err_text (code));
  return code;
}

// The command line's brokers, or else the configuration's. At most BROKERS_MAX, and a NULL.
static void
list_brokers (const process_t *self, const troupe_args_t *args, const char *brokers[BROKERS_MAX + 1])
{
  const json_t *described = troupe_config_get (self->config, "brokers");
  size_t count = 0;
  while (count < BROKERS_MAX && troupe_args_nth (args, "broker", count)) {
    brokers[count] = troupe_args_nth (args, "broker", count);
    count++;
  }
  bool given = count > 0;
  for (size_t i = 0; !given && i < json_array_size (described) && i < BROKERS_MAX; i++)
    brokers[count++] = json_string_value (json_object_get (json_array_get (described, i), "endpoint"));
  brokers[count] = NULL;
}

static troupe_err_t
serve (process_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *brokers[BROKERS_MAX + 1];
  list_brokers (self, args, brokers);
  char key[TROUPE_ERROR_OBJECT_MAX];
  snprintf (key, sizeof key, "%s-%s", self->daemon->kind, self->name);
  troupe_err_t code = troupe_credentials_new (&self->credentials, self->config, key, error);
  troupe_node_options_t options = { .name = self->name,
                                    .mesh = troupe_config_text (self->config, "mesh"),
                                    .brokers = brokers,
                                    .credentials = self->credentials };
  if (code == TROUPE_OK)
    code = troupe_node_new (&self->node, self->loop, &options, error);
  if (code != TROUPE_OK)
    return code;
  return self->daemon->start (&self->served, self->node, self->config, self->name, self->settings, error);
}

// -- Health ----------------------------------------------------------------------------------------------------------

static troupe_err_t
check_mesh (void *context, troupe_error_t *error)
{
  const process_t *self = context;
  return troupe_node_ready (self->node, error);
}

static troupe_err_t
check_served (void *context, troupe_error_t *error)
{
  const process_t *self = context;
  return self->daemon->ready (self->served, error);
}

static void
write_metrics (void *context, troupe_metrics_t *metrics)
{
  const process_t *self = context;
  troupe_node_write_metrics (self->node, metrics);
  if (self->daemon->metrics)
    self->daemon->metrics (self->served, metrics);
}

// NULL: nowhere.
static const char *
health_address (const process_t *self, const troupe_args_t *args)
{
  const char *given = troupe_args_value (args, "health");
  return given ? given : json_string_value (troupe_config_get (self->config, "health.listen"));
}

static troupe_err_t
open_health (process_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *listen = health_address (self, args);
  if (!listen)
    return TROUPE_OK;
  troupe_err_t code = troupe_health_new (&self->health, self->loop, listen, error);
  if (code != TROUPE_OK)
    return code;
  troupe_health_add_check (self->health, "mesh", check_mesh, self);
  if (self->daemon->ready)
    troupe_health_add_check (self->health, self->daemon->kind, check_served, self);
  troupe_health_add_metrics (self->health, write_metrics, self);
  troupe_log (TROUPE_LOG_INFO, "health", "url", troupe_health_url (self->health), NULL);
  return TROUPE_OK;
}

// -- The program -----------------------------------------------------------------------------------------------------

static void
close_all (process_t *self)
{
  troupe_health_destroy (&self->health);
  if (self->served)
    self->daemon->stop (&self->served);
  troupe_node_destroy (&self->node);
  troupe_credentials_destroy (&self->credentials);
  troupe_loop_destroy (&self->loop);
  troupe_config_destroy (&self->config);
  free (self->service);
}

static int
run (const troupe_args_t *args)
{
  process_t self = { .daemon = program, .name = troupe_args_value (args, "name") };
  troupe_error_t error;
  if (!self.name) {
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, "--name", "see --help", "which one to serve must be said");
    troupe_error_print (&error, stderr);
    return troupe_err_exit (error.code);
  }
  troupe_err_t code = load (&self, troupe_args_value (args, "file"), &error);
  if (code == TROUPE_OK && troupe_args_flag (args, "probe")) {
    int status = troupe_health_probe_main (health_address (&self, args));
    close_all (&self);
    return status;
  }
  if (code == TROUPE_OK) {
    code = choose (&self, &error);
    if (code == TROUPE_OK)
      code = open_log (&self, &error);
    if (code == TROUPE_OK)
      code = open_loop (&self, &error);
    if (code == TROUPE_OK)
      code = serve (&self, args, &error);
    if (code == TROUPE_OK)
      code = open_health (&self, args, &error);
    if (code == TROUPE_OK)
      code = troupe_loop_run (self.loop);
    else
      troupe_error_print (&error, stderr);
  }
  close_all (&self);
  return troupe_err_exit (code);
}

int
troupe_daemon_main (const troupe_daemon_t *self, int argc, char **argv)
{
  static const troupe_option_t options[] = {
    { "file", 'f', "FILE", "the mesh's configuration", "troupe.yaml", false, "TROUPE_CONFIG" },
    { "name", 'n', "NAME", "which one of the configuration to serve" },
    { "broker", 'b', "ENDPOINT", "a broker to connect to, instead of the configuration's", NULL, true },
    { "health", 0, "HOST:PORT", "where it says whether it is ready, instead of `health.listen`", NULL, false },
    { "probe", 0, NULL, "ask the process that runs there whether it is ready, and say what it answers", NULL, false },
    { NULL }
  };
  static const char details[] =
    "SIGTERM and SIGINT drain: no more calls are taken, those that run end. A second signal ends it at once.\n"
    "\n"
    "Exit status: 0 ended by a signal, 2 wrong command line, 3 wrong configuration, 4 no such name. With --probe: "
    "0 ready, 1 not ready.";
  const troupe_verb_t verbs[] = { { .details = details, .options = options, .run = run },
                                  { NULL } };
  program = self;
  return troupe_option_main (&(troupe_program_t){ self->program, self->summary, verbs }, argc, argv);
}

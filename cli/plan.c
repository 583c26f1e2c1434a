// SPDX-License-Identifier: Apache-2.0
//
// From the configuration to a list of processes. Each service gets the configuration's path and its own name and reads
// its part by itself, so a plan holds no settings but how many instances there are.
//
// The private Redis gets its settings on standard input (`redis-server -`), from a memory file: a password stands
// neither in the process list nor on the disk.
#include "cli/plan.h"

#include "cli/lock.h"
#include "cli/process.h"
#include "cli/supervisor.h"
#include "troupe/keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLAN_SERVICE_ARGUMENTS = 5 }; // program, -f FILE, --name NAME

static char *text (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

static char *
text (const char *format, ...)
{
  char *out;
  va_list arguments;
  va_start (arguments, format);
  int size = vasprintf (&out, format, arguments);
  va_end (arguments);
  return size < 0 ? NULL : out;
}

static plan_item_t *
grow (plan_t *self, plan_kind_t kind)
{
  plan_item_t *items = realloc (self->items, (self->count + 1) * sizeof *items);
  if (!items)
    return NULL;
  self->items = items;
  items[self->count] = (plan_item_t){.kind = kind};
  return &items[self->count++];
}

static bool
whole (const plan_item_t *item, size_t arguments)
{
  for (size_t i = 0; i < arguments; i++)
    if (!item->arguments[i])
      return false;
  return item->service && item->label && item->log;
}

static bool
add_store (plan_t *self, const troupe_config_t *config)
{
  plan_item_t *item = grow (self, PLAN_STORE);
  if (!item)
    return false;
  item->service = text ("redis");
  item->label = text ("redis");
  item->log = text ("redis.log");
  item->arguments[0] = text ("%s", troupe_config_text (config, "store.program"));
  item->arguments[1] = text ("-");
  return whole (item, 2);
}

static bool
set_service_arguments (plan_item_t *item, const char *program, const char *file, const char *name)
{
  item->arguments[0] = process_sibling (program);
  item->arguments[1] = text ("-f");
  item->arguments[2] = text ("%s", file);
  item->arguments[3] = text ("--name");
  item->arguments[4] = text ("%s", name);
  return whole (item, PLAN_SERVICE_ARGUMENTS);
}

static bool
add_broker (plan_t *self, const troupe_config_t *config, size_t index, const char *name)
{
  plan_item_t *item = grow (self, PLAN_BROKER);
  if (!item)
    return false;
  item->broker = index;
  item->service = text ("%s", name);
  item->label = text ("%s", name);
  item->log = text ("%s.log", name);
  if (!set_service_arguments (item, "troupe-broker", troupe_config_path (config), name))
    return false;
  item->arguments[PLAN_SERVICE_ARGUMENTS] = text ("--tokens");
  return item->arguments[PLAN_SERVICE_ARGUMENTS] != NULL;
}

// The session that an agent is made for; NULL: it serves all.
static const char *
agent_session (const troupe_config_t *config, const char *name)
{
  const json_t *agents = json_object_get (troupe_config_root (config), "agents");
  return json_string_value (json_object_get (json_object_get (agents, name), "session"));
}

static bool
add_instance (plan_t *self, const troupe_config_t *config, plan_kind_t kind, const char *name, json_int_t number,
              json_int_t count)
{
  plan_item_t *item = grow (self, kind);
  if (!item)
    return false;
  const char *what = kind == PLAN_MODEL ? "model" : "agent";
  const char *session = kind == PLAN_AGENT ? agent_session (config, name) : NULL;
  item->service = text ("%s/%s%s%s", what, name, session ? "#" : "", session ? session : "");
  item->label = count == 1 ? text ("%s/%s", what, name)
                           : text ("%s/%s %lld of %lld", what, name, (long long)number, (long long)count);
  item->log = count == 1 ? text ("%s-%s.log", what, name) : text ("%s-%s-%lld.log", what, name, (long long)number);
  return set_service_arguments (item, kind == PLAN_MODEL ? "troupe-model" : "troupe-agent", troupe_config_path (config),
                                name);
}

static bool
add_services (plan_t *self, const troupe_config_t *config, plan_kind_t kind)
{
  const char *name;
  json_t *service;
  json_t *services = json_object_get (troupe_config_root (config), kind == PLAN_MODEL ? "models" : "agents");
  json_object_foreach (services, name, service) {
    json_int_t count = json_integer_value (json_object_get (service, "instances"));
    for (json_int_t i = 1; i <= count; i++)
      if (self->count > SUPERVISOR_UNITS_MAX || !add_instance (self, config, kind, name, i, count))
        return false;
  }
  return true;
}

static bool
add_brokers (plan_t *self, const troupe_config_t *config)
{
  size_t i;
  json_t *broker;
  json_array_foreach (troupe_config_get (config, "brokers"), i, broker)
    if (!add_broker (self, config, i, json_string_value (json_object_get (broker, "name"))))
      return false;
  return true;
}

// Where each process has its health endpoint: one has the port in the configuration, and each further one the next,
// since they share this machine's.
static troupe_err_t
add_health (plan_t *self, const troupe_config_t *config, troupe_error_t *error)
{
  const char *listen = json_string_value (troupe_config_get (config, "health.listen"));
  const char *colon = listen ? strrchr (listen, ':') : NULL;
  unsigned long port = colon ? strtoul (colon + 1, NULL, 10) : 0, step = port > 0;
  for (size_t i = 0; colon && i < self->count; i++) {
    plan_item_t *item = &self->items[i];
    size_t at = 0;
    if (item->kind == PLAN_STORE)
      continue;
    while (item->arguments[at])
      at++;
    item->arguments[at] = text ("--health");
    item->arguments[at + 1] = text ("%.*s:%lu", (int)(colon - listen), listen, port);
    if (!whole (item, at + 2))
      return TROUPE_NO_MEMORY;
    if (port > UINT16_MAX)
      return troupe_error_set (error, TROUPE_BAD_CONFIG, listen, "choose a lower port for health.listen",
                               "there are not enough ports above it for all processes");
    port += step;
  }
  return TROUPE_OK;
}

troupe_err_t
plan_make (plan_t *out, const troupe_config_t *config, troupe_error_t *error)
{
  *out = (plan_t){0};
  bool own_store = json_is_true (troupe_config_get (config, "store.private"));
  bool made = (!own_store || add_store (out, config)) && add_brokers (out, config) &&
              add_services (out, config, PLAN_MODEL) && add_services (out, config, PLAN_AGENT);
  troupe_err_t err = made && out->count <= SUPERVISOR_UNITS_MAX ? add_health (out, config, error) : TROUPE_OK;
  if (err == TROUPE_BAD_CONFIG) {
    plan_free (out);
    return err;
  }
  if (made && out->count <= SUPERVISOR_UNITS_MAX && err == TROUPE_OK)
    return TROUPE_OK;
  bool many = out->count > SUPERVISOR_UNITS_MAX;
  plan_free (out);
  if (many)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, troupe_config_path (config), "lower `instances`",
                             "more than %d processes", SUPERVISOR_UNITS_MAX);
  return troupe_error_set (error, TROUPE_NO_MEMORY, troupe_config_path (config), NULL, "out of memory");
}

void
plan_free (plan_t *self)
{
  for (size_t i = 0; i < self->count; i++) {
    plan_item_t *item = &self->items[i];
    free (item->service);
    free (item->label);
    free (item->log);
    if (item->token)
      explicit_bzero (item->token, strlen (item->token));
    free (item->token);
    for (size_t j = 0; j < PLAN_ARGUMENTS_MAX; j++)
      free (item->arguments[j]);
  }
  free (self->items);
  *self = (plan_t){0};
}

// -- Tokens ----------------------------------------------------------------------------------------------------------

static bool
add_token (json_t *list, plan_item_t *item)
{
  char token[TROUPE_TOKEN_SIZE];
  if (troupe_token_make (token, NULL) != TROUPE_OK)
    return false;
  item->token = text (TROUPE_TOKEN_VARIABLE "=%s:%s", item->label, token);
  json_t *entry = json_pack ("{s:s, s:s, s:[s]}", "name", item->label, "token", token, "serves", item->service);
  explicit_bzero (token, sizeof token);
  return json_array_append_new (list, entry) == 0 && item->token;
}

// Whoever may read the file next to the socket is the one whom the mesh belongs to.
static bool
add_operator (json_t *list)
{
  char token[TROUPE_TOKEN_SIZE];
  if (troupe_token_make (token, NULL) != TROUPE_OK)
    return false;
  json_t *entry = json_pack ("{s:s, s:s, s:[s], s:b}", "name", TROUPE_TOKEN_OPERATOR, "token", token, "serves", "*",
                             "operator", 1);
  explicit_bzero (token, sizeof token);
  return json_array_append_new (list, entry) == 0;
}

troupe_err_t
plan_tokens (int *out, plan_t *self, troupe_error_t *error)
{
  json_t *list = json_array ();
  bool made = list && add_operator (list);
  for (size_t i = 0; made && i < self->count; i++)
    if (self->items[i].kind == PLAN_MODEL || self->items[i].kind == PLAN_AGENT)
      made = add_token (list, &self->items[i]);
  int fd = made ? memfd_create ("tokens.json", MFD_CLOEXEC) : -1;
  bool written = fd >= 0 && json_dumpfd (list, fd, 0) == 0;
  json_decref (list);
  if (written) {
    *out = fd;
    return TROUPE_OK;
  }
  if (fd >= 0)
    close (fd);
  return troupe_error_set (error, TROUPE_IO, "tokens", NULL, "can't be made: %s", strerror (errno));
}

// -- Redis -----------------------------------------------------------------------------------------------------------

// A text as redis.conf quotes it: every byte in hexadecimal, so that none means anything.
static void
print_quoted (FILE *file, const char *value)
{
  fputc ('"', file);
  for (; *value; value++)
    fprintf (file, "\\x%02x", (unsigned)(unsigned char)*value);
  fputs ("\"\n", file);
}

static void
print_store_settings (FILE *file, const troupe_config_t *config, const char *data)
{
  fprintf (file, "dir ");
  print_quoted (file, data);
  fprintf (file,
           "port 0\n"
           "unixsocket ../redis.sock\n" // from `dir`; a relative path stays within a socket's 107 bytes
           "unixsocketperm 700\n"
           "save \"\"\n"
           "appendonly yes\n"
           "appendfsync %s\n"
           "daemonize no\n"
           "loglevel notice\n",
           troupe_config_text (config, "store.fsync"));
  const char *password = json_string_value (troupe_config_get (config, "store.password"));
  if (password && *password) {
    fprintf (file, "requirepass ");
    print_quoted (file, password);
  }
}

troupe_err_t
plan_store_input (int *out, const troupe_config_t *config, const char *directory, troupe_error_t *error)
{
  char *data = text ("%s/redis", directory);
  int fd = data ? memfd_create ("redis.conf", MFD_CLOEXEC) : -1;
  FILE *file = fd >= 0 ? fdopen (dup (fd), "w") : NULL;
  troupe_err_t err = data ? lock_make_directory (data, error) : TROUPE_NO_MEMORY;
  if (err == TROUPE_OK && !file)
    err = troupe_error_set (error, TROUPE_IO, "redis.conf", NULL, "no memory file: %s", strerror (errno));
  if (err == TROUPE_OK)
    print_store_settings (file, config, data);
  if (file && fclose (file) != 0 && err == TROUPE_OK)
    err = troupe_error_set (error, TROUPE_IO, "redis.conf", NULL, "no memory file: %s", strerror (errno));
  free (data);
  if (err == TROUPE_OK)
    *out = fd;
  else if (fd >= 0)
    close (fd);
  return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// Defaults that follow from other keys: the sockets of brokers, the private store, and paths that are relative to the
// configuration file. What they follow from may have been wrong and so be absent; then they are left out too, and
// nobody sees them, because there is an error.

#include "config/config.h"
#include "config/endpoint.h"
#include "error/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static const char first_broker[] = "broker-1";

static const char *
text (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

// Sets object[key] to a text made by `format` of three parts. False: a part is absent.
static void
set_path (config_report_t *report, json_t *object, const char *key, const char *const parts[], size_t count)
{
  size_t size = 1;
  for (size_t i = 0; i < count; i++) {
    if (parts[i] == NULL)
      return;
    size += strlen (parts[i]);
  }
  char *path = malloc (size), *at = path;
  for (size_t i = 0; path != NULL && i < count; i++)
    at = stpcpy (at, parts[i]);
  config_report_set (report, object, key, path != NULL ? json_string (path) : NULL);
  free (path);
}

static void
derive_endpoint (troupe_config_t *self, json_t *broker, const char *key, const char *suffix, config_report_t *report)
{
  const char *const parts[] = {"ipc://", text (self->root, "state"), "/",   text (self->root, "mesh"),
                               "/",      text (broker, "name"),      suffix};
  set_path (report, broker, key, parts, sizeof parts / sizeof *parts);
}

// One port above the endpoint's, on the same address; the same path with -pub before its suffix.
static void
derive_publish_from (json_t *broker, const char *path, config_report_t *report, config_mark_t mark)
{
  config_endpoint_t endpoint;
  config_fault_t fault;
  char made[CONFIG_ENDPOINT_SIZE];
  if (!config_endpoint_parse (&endpoint, text (broker, "endpoint"), &fault))
    return;
  if (endpoint.path != NULL) {
    size_t size = strlen (endpoint.path), suffix = size > 4 && strcmp (endpoint.path + size - 4, ".ipc") == 0 ? 4 : 0;
    snprintf (made, sizeof made, "ipc://%.*s-pub.ipc", (int)(size - suffix), endpoint.path);
  } else if (endpoint.port == 0) {
    return; // an endpoint of any port is an error of its own
  } else if (endpoint.port == PORT_MAX) {
    config_report_add (report, mark, path, "give publish", "it would publish on the next port, and there is none");
    return;
  } else {
    endpoint.port++;
    config_endpoint_print (&endpoint, made);
  }
  config_report_set (report, broker, "publish", json_string (made));
}

static void
derive_broker (troupe_config_t *self, json_t *broker, size_t index, config_report_t *report)
{
  char path[64];
  snprintf (path, sizeof path, "brokers.%zu.endpoint", index);
  bool given = config_is_given (self, path);
  if (!given)
    derive_endpoint (self, broker, "endpoint", ".ipc", report);
  if (json_object_get (broker, "publish") != NULL)
    return;
  if (!given)
    derive_endpoint (self, broker, "publish", "-pub.ipc", report);
  else if (text (broker, "endpoint") != NULL)
    derive_publish_from (broker, path, report, config_place (self, path));
}

static void
derive_brokers (troupe_config_t *self, config_report_t *report)
{
  size_t i;
  json_t *broker, *brokers = json_object_get (self->root, "brokers");
  if (brokers == NULL && config_is_given (self, "brokers"))
    return;
  if (json_array_size (brokers) == 0 && report->count == 0) {
    brokers = json_pack ("[{s:s, s:b}]", "name", first_broker, "insecure", 0);
    config_report_set (report, self->root, "brokers", brokers);
  }
  json_array_foreach (brokers, i, broker)
  {
    derive_broker (self, broker, i, report);
  }
}

static void
derive_store (troupe_config_t *self, config_report_t *report)
{
  json_t *store = json_object_get (self->root, "store");
  bool given = json_object_get (store, "url") != NULL;
  if (!json_is_object (store))
    return;
  const char *const parts[] = {"unix://", text (self->root, "state"), "/", text (self->root, "mesh"), "/redis.sock"};
  if (!given)
    set_path (report, store, "url", parts, sizeof parts / sizeof *parts);
  config_report_set (report, store, "private", json_boolean (!given));
}

void
config_derive_path (troupe_config_t *self, json_t *part, const char *key, const char *section, config_report_t *report)
{
  const char *given = text (part, key), *slash = strrchr (self->path, '/');
  if (given == NULL || *given == '/')
    return;
  char *directory = strndup (self->path, slash != NULL ? (size_t)(slash - self->path) + 1 : 0);
  if (directory == NULL)
    report->no_memory = true;
  else if (utf8_valid (directory, strlen (directory)))
    set_path (report, part, key, (const char *const[]){directory, given}, 2);
  else {
    char next[64];
    snprintf (next, sizeof next, "give %s by an absolute path", key);
    config_report_add (report, config_place (self, section), section, next,
                       "the name of the directory that this file is in isn't UTF-8");
  }
  free (directory);
}

// `model: [a, b]` is `model: a` with `fallback: [b]`.
static void
derive_fallback (json_t *agent, config_report_t *report)
{
  json_t *models = json_incref (json_object_get (agent, "model")), *given = json_object_get (agent, "fallback");
  if (json_array_size (models) > 0) {
    json_t *others = json_copy (models);
    if (others == NULL || json_array_remove (others, 0) != 0 ||
        (given != NULL && json_array_extend (others, given) != 0))
      report->no_memory = true;
    config_report_set (report, agent, "model", json_incref (json_array_get (models, 0)));
    config_report_set (report, agent, "fallback", others);
  } else if (json_is_array (models))
    json_object_del (agent, "model"); // an error that is told already
  json_decref (models);
}

static void
derive_agents (troupe_config_t *self, config_report_t *report)
{
  const char *name;
  json_t *agent;
  json_object_foreach (json_object_get (self->root, "agents"), name, agent)
  {
    config_derive_path (self, agent, "file", "agents", report);
    derive_fallback (agent, report);
  }
}

void
config_derive (troupe_config_t *self, config_report_t *report)
{
  json_t *keys = json_object_get (self->root, "keys");
  config_derive_path (self, keys, "directory", "keys", report);
  config_derive_path (self, keys, "file", "keys", report);
  derive_brokers (self, report);
  derive_store (self, report);
  config_derive_models (self, report);
  derive_agents (self, report);
}

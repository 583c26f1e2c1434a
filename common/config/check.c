// SPDX-License-Identifier: Apache-2.0
//
// What concerns several keys, or the world outside the file. Runs also when single keys were wrong, on those that
// were right, so that all errors show at once; what is absent because it was wrong is passed over.

#include "config/config.h"
#include "config/endpoint.h"
#include "troupe/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEARTBEATS_MIN = 3, PATH_SIZE = 3 * CONFIG_NAME_MAX };

static const char *
text (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

// The nearest of an object's keys, as a hint.
static void
nearest (char hint[TROUPE_ERROR_NEXT_MAX], const char *word, json_t *object, config_report_t *report)
{
  size_t count = 0;
  const char **names = calloc (json_object_size (object) + 1, sizeof *names), *name;
  json_t *value;
  hint[0] = '\0';
  if (names == NULL) {
    report->no_memory = true;
    return;
  }
  json_object_foreach (object, name, value)
  {
    names[count++] = name;
  }
  const char *near = troupe_did_you_mean (word, names);
  if (near != NULL)
    snprintf (hint, TROUPE_ERROR_NEXT_MAX, "did you mean %s?", near);
  free (names);
}

void
config_check_file (troupe_config_t *self, const char *path, const char *file, config_report_t *report)
{
  struct stat status;
  const char *why = NULL;
  if (stat (file, &status) != 0 || (!S_ISDIR (status.st_mode) && access (file, R_OK) != 0))
    why = strerror (errno);
  else if (S_ISDIR (status.st_mode))
    why = strerror (EISDIR);
  if (why != NULL)
    config_report_add (report, config_place (self, path), path, "the path is relative to this file",
                       "the file \"%s\" can't be read: %s", file, why);
}

// What an agent's type asks for, and what is another's.
static void
check_type (troupe_config_t *self, const char *name, const json_t *agent, config_report_t *report)
{
  static const struct {
    const char *key, *type;
  } special[] = {{"file", "script"},          {"config", "script"},        {"keys", "dict_dialog"},
                 {"max_retries", "dict_dialog"}, {"to_content", "dict_dialog"}, {"to_memory", "dict_dialog"},
                 {"to_metadata", "dict_dialog"}};
  char path[PATH_SIZE], around[PATH_SIZE];
  const char *type = text (agent, "type"), *file = text (agent, "file");
  bool script = type != NULL && strcmp (type, "script") == 0;
  const char *required = script ? "file" : "model";
  if (type == NULL)
    return;
  snprintf (path, sizeof path, "agents.%s.%s", name, required);
  snprintf (around, sizeof around, "agents.%s", name);
  if (text (agent, required) == NULL && !config_is_given (self, path))
    config_report_add (report, config_place (self, around), path, NULL, "required, but missing");
  else if (script && file != NULL)
    config_check_file (self, path, file, report);
  for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
    snprintf (path, sizeof path, "agents.%s.%s", name, special[i].key);
    if (strcmp (type, special[i].type) != 0 && config_is_given (self, path))
      config_report_add (report, config_place (self, path), path, NULL, "only for agents of type %s", special[i].type);
  }
}

static void
check_model (troupe_config_t *self, const char *path, const char *model, json_t *models, config_report_t *report)
{
  char hint[TROUPE_ERROR_NEXT_MAX];
  if (model == NULL || json_object_get (models, model) != NULL)
    return;
  nearest (hint, model, models, report);
  config_report_add (report, config_place (self, path), path, hint, "there is no model \"%s\" in models", model);
}

// The models of an agent must be in the file, unless the file leaves models to other processes altogether.
static void
check_agents (troupe_config_t *self, config_report_t *report)
{
  const char *name;
  json_t *agent, *models = json_object_get (self->root, "models");
  json_object_foreach (json_object_get (self->root, "agents"), name, agent)
  {
    check_type (self, name, agent, report);
  }
  if (!json_is_object (models) || !config_is_given (self, "models"))
    return;
  json_object_foreach (json_object_get (self->root, "agents"), name, agent)
  {
    size_t i;
    json_t *other;
    char path[PATH_SIZE];
    snprintf (path, sizeof path, "agents.%s.model", name);
    check_model (self, path, text (agent, "model"), models, report);
    json_array_foreach (json_object_get (agent, "fallback"), i, other)
    {
      snprintf (path, sizeof path, "agents.%s.fallback", name);
      if (!config_is_given (self, path))
        snprintf (path, sizeof path, "agents.%s.model", name);
      check_model (self, path, json_string_value (other), models, report);
    }
  }
}

static void
check_store (troupe_config_t *self, config_report_t *report)
{
  config_fault_t fault;
  const json_t *store = json_object_get (self->root, "store");
  const char *url = text (store, "url");
  if (url != NULL && !config_redis_check (url, &fault))
    config_report_add (report, config_place (self, "store.url"), "store.url", fault.hint, "%s", fault.why);
  if (!json_is_false (json_object_get (store, "private")))
    return;
  static const char *const only_private[] = {"store.fsync", "store.program"};
  for (size_t i = 0; i < 2; i++)
    if (config_is_given (self, only_private[i]))
      config_report_add (report, config_place (self, only_private[i]), only_private[i],
                         "set it where that Redis is configured", "only for the private Redis, but store.url is given");
}

static void
check_limits (troupe_config_t *self, config_report_t *report)
{
  const json_t *limits = json_object_get (self->root, "limits");
  const json_t *lease = json_object_get (limits, "lease"), *heartbeat = json_object_get (limits, "heartbeat");
  const json_t *message = json_object_get (limits, "message"), *open_bytes = json_object_get (limits, "open_bytes");
  json_int_t least = HEARTBEATS_MIN * json_integer_value (heartbeat);
  const char *at = config_is_given (self, "limits.lease") ? "limits.lease" : "limits.heartbeat";
  if (lease != NULL && heartbeat != NULL && json_integer_value (lease) < least)
    config_report_add (report, config_place (self, at), at, NULL,
                       "the lease (%lldms) must be at least three heartbeats (%lldms each)",
                       (long long)json_integer_value (lease), (long long)json_integer_value (heartbeat));
  at = config_is_given (self, "limits.open_bytes") ? "limits.open_bytes" : "limits.message";
  if (message != NULL && open_bytes != NULL && json_integer_value (open_bytes) < json_integer_value (message))
    config_report_add (report, config_place (self, at), at, NULL,
                       "the largest message must fit into limits.open_bytes");
  const json_t *unread = json_object_get (limits, "unread");
  at = config_is_given (self, "limits.unread") ? "limits.unread" : "limits.message";
  if (message != NULL && unread != NULL && json_integer_value (unread) < json_integer_value (message))
    config_report_add (report, config_place (self, at), at, NULL, "the largest message must fit into limits.unread");
  const json_t *total = json_object_get (limits, "unread_total");
  at = "limits.unread_total";
  if (config_is_given (self, at) && unread != NULL && json_integer_value (total) < json_integer_value (unread))
    config_report_add (report, config_place (self, at), at, NULL, "all together have less than limits.unread, for one");
}

void
config_check (troupe_config_t *self, config_report_t *report)
{
  config_check_brokers (self, report);
  check_store (self, report);
  config_check_models (self, report);
  check_agents (self, report);
  check_limits (self, report);
}

// SPDX-License-Identifier: Apache-2.0
//
// Brokers against each other: names and sockets must differ, what is open to others must have keys, and a socket's path
// must fit. A socket may be given, or derived from the state directory or from the other socket; the
// error stands where the reader can change it.

#include "config/config.h"
#include "config/endpoint.h"

#include <string.h>

enum { SOCKETS = 2, PATH_SIZE = 64 };

static const char *const sockets[SOCKETS] = {"endpoint", "publish"};

static const char *
text (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

static void
path_of (char out[PATH_SIZE], size_t broker, const char *key)
{
  snprintf (out, PATH_SIZE, "brokers.%zu.%s", broker, key);
}

static void
check_socket (troupe_config_t *self, size_t index, const json_t *broker, const char *key, config_report_t *report)
{
  config_endpoint_t endpoint;
  config_fault_t fault;
  char path[PATH_SIZE];
  const char *value = text (broker, key);
  path_of (path, index, key);
  if (value == NULL)
    return;
  config_mark_t mark = config_place (self, path);
  if (!config_endpoint_parse (&endpoint, value, &fault)) { // given ones were checked: only a derived path too long
    config_report_add (report, mark, path, config_is_given (self, path) ? fault.hint : "choose a shorter state", "%s",
                       fault.why);
    return;
  }
  if (endpoint.path == NULL && endpoint.port == 0 && strcmp (key, "endpoint") == 0)
    config_report_add (report, mark, path, "name a port", "others couldn't find it on a free port");
  if (endpoint.path == NULL && troupe_config_text (self, "keys.directory") == NULL &&
      !json_is_true (json_object_get (broker, "insecure")) &&
      (strcmp (key, "endpoint") == 0 || config_is_given (self, path)))
    config_report_add (report, mark, path, "make keys by `troupe keygen --mesh` and set keys.directory, or use ipc",
                       "%s is open to whoever reaches it: tcp needs keys", value);
}

static void
check_bind (troupe_config_t *self, size_t index, const json_t *broker, config_report_t *report)
{
  config_endpoint_t bind, endpoint;
  config_fault_t fault;
  char path[PATH_SIZE];
  const char *value = text (broker, "bind"), *given = text (broker, "endpoint");
  path_of (path, index, "bind");
  if (value == NULL)
    return;
  config_mark_t mark = config_place (self, path);
  if (!config_bind_parse (&bind, value, &fault))
    config_report_add (report, mark, path, fault.hint, "%s", fault.why);
  else if (given == NULL || !config_endpoint_parse (&endpoint, given, &fault)) // wrong ones were reported
    return;
  else if (endpoint.path != NULL)
    config_report_add (report, mark, path, "give it an endpoint such as tcp://host:7100",
                       "%s has no address to listen on", given);
}

static void
check_names (troupe_config_t *self, const json_t *brokers, size_t index, config_report_t *report)
{
  char path[PATH_SIZE];
  const char *name = text (json_array_get (brokers, index), "name");
  path_of (path, index, "name");
  for (size_t i = 0; i < index && name != NULL; i++) {
    const char *other = text (json_array_get (brokers, i), "name");
    if (other == NULL || strcmp (name, other) != 0)
      continue;
    config_report_add (report, config_place (self, path), path, "names must differ", "broker %zu has the name %s too",
                       i + 1, name);
    return;
  }
}

// One socket against all those before it: those of earlier brokers, and the same broker's endpoint. Two that both come
// from a broker's name clash only because the names do, which is reported as that.
static void
check_clash (troupe_config_t *self, const json_t *brokers, size_t index, size_t socket, config_report_t *report)
{
  const json_t *broker = json_array_get (brokers, index);
  const char *value = text (broker, sockets[socket]);
  char path[PATH_SIZE];
  size_t before = index * SOCKETS + socket;
  bool any = value != NULL && value[strlen (value) - 1] == '*';
  path_of (path, index, sockets[socket]);
  for (size_t i = 0; i < before && value != NULL && !any; i++) {
    const json_t *other = json_array_get (brokers, i / SOCKETS);
    const char *taken = text (other, sockets[i % SOCKETS]), *name = text (other, "name");
    char other_path[PATH_SIZE];
    path_of (other_path, i / SOCKETS, sockets[i % SOCKETS]);
    bool chosen = config_is_given (self, path) || config_is_given (self, other_path);
    if (taken == NULL || strcmp (taken, value) != 0 || !chosen)
      continue;
    config_report_add (report, config_place (self, path), path, "sockets must differ",
                       "%s is the %s of broker %zu (%s) already", value, sockets[i % SOCKETS], i / SOCKETS + 1,
                       name != NULL ? name : "?");
    return;
  }
}

void
config_check_brokers (troupe_config_t *self, config_report_t *report)
{
  size_t index;
  json_t *broker;
  const json_t *brokers = json_object_get (self->root, "brokers");
  json_array_foreach (brokers, index, broker)
  {
    check_names (self, brokers, index, report);
    check_bind (self, index, broker, report);
    for (size_t socket = 0; socket < SOCKETS; socket++) {
      check_socket (self, index, broker, sockets[socket], report);
      check_clash (self, brokers, index, socket, report);
    }
  }
}

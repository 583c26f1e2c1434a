// SPDX-License-Identifier: Apache-2.0
//
// troupe-agent: serves one agent of the configuration. It only wires; see troupe/agent.h, troupe/script.h and
// troupe/daemon.h.

#include "troupe/daemon.h"
#include "troupe/script.h"

#include <string.h>

static const troupe_agent_type_t *
find_type (const char *name)
{
  return strcmp (name, troupe_agent_script.name) == 0 ? &troupe_agent_script : troupe_agent_type_of_name (name);
}

static troupe_err_t
start (void **out, troupe_node_t *node, const troupe_config_t *config, const char *name, const json_t *settings,
       troupe_error_t *error)
{
  (void) config;
  const char *type = json_string_value (json_object_get (settings, "type"));
  troupe_agent_options_t options = {
    .name = name,
    .session = json_string_value (json_object_get (settings, "session")),
    .type = type ? find_type (type) : NULL,
    .settings = settings,
    .description = json_string_value (json_object_get (settings, "description")),
    .concurrency = (unsigned) json_integer_value (json_object_get (settings, "concurrency")),
  };
  if (!options.type)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, name, "see docs/reference/configuration.md",
                             "agents of type %s aren't served by this program", type ? type : "(none)");
  troupe_agent_t *agent;
  troupe_err_t code = troupe_agent_new (&agent, node, &options, error);
  if (code == TROUPE_OK)
    *out = agent;
  return code;
}

static void
stop (void **self_p)
{
  troupe_agent_t *agent = *self_p;
  troupe_agent_destroy (&agent);
  *self_p = NULL;
}

static void
metrics (void *self, troupe_metrics_t *out)
{
  troupe_agent_write_metrics (self, out);
}

int
main (int argc, char **argv)
{
  static const troupe_daemon_t daemon = { .program = "troupe-agent",
                                          .summary = "serves an agent of the configuration",
                                          .kind = "agent",
                                          .section = "agents",
                                          .start = start,
                                          .stop = stop,
                                          .metrics = metrics };
  return troupe_daemon_main (&daemon, argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
//
// AgentScope's agent configurations, read as they are: a JSON list of {"class": "DialogAgent", "args": {"name",
// "sys_prompt", "model_config_name", ...}}, as its load_agent takes them. Classes that are programs (a user at a
// terminal, an agent with tools or a library of documents) have no counterpart in a file; they are errors, since a
// play without one of its actors isn't the same play.

#include "config/agentscope.h"
#include "troupe/log.h"

#include <string.h>

static const struct {
  const char *class, *type;
} types[] = {{"DialogAgent", "dialog"}, {"DictDialogAgent", "dict_dialog"}};

// What becomes of an argument; NULL: it has no counterpart.
static const struct {
  const char *old, *key;
} arguments[] = {{"sys_prompt", "prompt"},           {"model_config_name", "model"},    {"description", "description"},
                 {"max_retries", "max_retries"},     {"keys_to_content", "to_content"}, {"keys_to_memory", "to_memory"},
                 {"keys_to_metadata", "to_metadata"}, {"use_memory", "memory"}};

static void
note (const char *agent, const char *what)
{
  troupe_log (TROUPE_LOG_INFO, "an AgentScope agent configuration is read in today's terms", "agent", agent, "argument",
              what, "note", "it has no counterpart, and is left out", NULL);
}

static bool
is_usual (const char *old, const json_t *value)
{
  return strcmp (old, "name") == 0 || json_is_null (value) ||
         (strcmp (old, "to_dist") == 0 && json_is_false (value));
}

static json_t *
convert (const char *agent, const char *type, const json_t *args)
{
  const char *old;
  json_t *value, *out = json_pack ("{s:s}", "type", type);
  json_object_foreach ((json_t *)(uintptr_t)args, old, value) {
    size_t i = 0;
    while (i < sizeof arguments / sizeof *arguments && strcmp (arguments[i].old, old) != 0)
      i++;
    if (is_usual (old, value))
      continue;
    if (i < sizeof arguments / sizeof *arguments)
      json_object_set_new (out, arguments[i].key, agentscope_quote (value));
    else
      note (agent, old);
  }
  return out;
}

static void
take (const troupe_config_t *self, json_t *agents, size_t i, const json_t *config, config_report_t *report)
{
  static const char key[] = "agent_configs";
  const json_t *args = json_object_get (config, "args");
  const char *class = json_string_value (json_object_get (config, "class")),
             *name = json_string_value (json_object_get (args, "name"));
  size_t type = 0;
  while (class != NULL && type < sizeof types / sizeof *types && strcmp (types[type].class, class) != 0)
    type++;
  if (class == NULL || name == NULL)
    agentscope_wrong (self, key, i, report, "class and args with a name are needed");
  else if (type == sizeof types / sizeof *types)
    agentscope_wrong (self, key, i, report, "of the classes, DialogAgent and DictDialogAgent are read");
  else if (json_object_get (agents, name) != NULL)
    agentscope_wrong (self, key, i, report, "there is another one of that name");
  else
    json_object_set_new (agents, name, convert (name, types[type].type, args));
}

void
config_read_agentscope_agents (troupe_config_t *self, config_report_t *report)
{
  size_t i;
  json_t *config, *list = agentscope_read (self, "agent_configs", report);
  if (list == NULL)
    return;
  json_t *agents = json_object ();
  json_array_foreach (list, i, config)
    take (self, agents, i, config, report);
  if (report->count == 0)
    agentscope_merge (self, "agent_configs", "agents", agents, report);
  json_decref (agents);
  json_decref (list);
  json_object_del (self->root, "agent_configs"); // they stand in agents now
}

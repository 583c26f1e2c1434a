// SPDX-License-Identifier: Apache-2.0
//
// AgentScope's model configurations, read as they are: a JSON list of {"config_name", "model_type", ...}, or one of
// these. Each becomes what a file of ours would say. Names that AgentScope has given up are taken, with a note in the
// log, as is what has no counterpart here.

#include "config/agentscope.h"
#include "troupe/log.h"

#include <string.h>

static const struct {
  const char *old, *type, *task, *api, *base_url, *answer;
} types[] = {
  {"openai_chat", "openai_chat", "chat", NULL, NULL, NULL},
  {"openai", "openai_chat", "chat", NULL, NULL, NULL},
  {"openai_dall_e", "openai", "image", NULL, NULL, NULL},
  {"openai_embedding", "openai_chat", "embedding", NULL, NULL, NULL},
  {"dashscope_chat", "dashscope", "chat", NULL, NULL, NULL},
  {"tongyi_chat", "dashscope", "chat", NULL, NULL, NULL},
  {"dashscope_multimodal", "dashscope", "chat", NULL, NULL, NULL},
  {"dashscope_image_synthesis", "dashscope", "image", NULL, NULL, NULL},
  {"dashscope_text_embedding", "dashscope", "embedding", NULL, NULL, NULL},
  {"gemini_chat", "gemini", "chat", NULL, NULL, NULL},
  {"gemini_embedding", "gemini", "embedding", NULL, NULL, NULL},
  {"ollama_chat", "ollama", "chat", NULL, NULL, NULL},
  {"ollama_generate", "ollama", "chat", "completion", NULL, NULL},
  {"ollama_embedding", "ollama", "embedding", NULL, NULL, NULL},
  {"anthropic_chat", "anthropic", "chat", NULL, NULL, NULL},
  {"litellm_chat", "openai_chat", "chat", NULL, NULL, NULL},
  {"yi_chat", "openai_chat", "chat", NULL, "https://api.lingyiwanwu.com/v1", NULL},
  {"zhipuai_chat", "openai_chat", "chat", NULL, "https://open.bigmodel.cn/api/paas/v4", NULL},
  {"zhipuai_embedding", "openai_chat", "embedding", NULL, "https://open.bigmodel.cn/api/paas/v4", NULL},
  {"post_api", "post_api", "chat", NULL, NULL, "data.response.choices.0.message.content"},
  {"post_api_chat", "post_api", "chat", NULL, NULL, "data.response.choices.0.message.content"},
  {"post_api_dall_e", "post_api", "image", NULL, NULL, "data.response.data"},
  {"post_api_embedding", "post_api", "embedding", NULL, NULL, "data.response.data"},
};

enum { TYPES = sizeof types / sizeof *types };

typedef enum { AS_IT_IS, SECONDS, GENERATE, CLIENT, BODY, MESSAGES_KEY, OPTION, NOTHING, KNOWN } rule_t;

// What becomes of a member.
static const struct {
  const char *old, *key;
  rule_t rule;
} members[] = {
  {"config_name", NULL, KNOWN},
  {"model_type", NULL, KNOWN},
  {"model_name", "model", AS_IT_IS},
  {"model", "model", AS_IT_IS}, // until 2023
  {"api_key", "api_key", AS_IT_IS},
  {"organization", "organization", AS_IT_IS},
  {"api_url", "base_url", AS_IT_IS},
  {"host", "base_url", AS_IT_IS},
  {"base_url", "base_url", AS_IT_IS},
  {"headers", "headers", AS_IT_IS},
  {"default_headers", "headers", AS_IT_IS},
  {"max_length", "window", AS_IT_IS},
  {"max_retries", "retries", AS_IT_IS},
  {"stream", "stream", AS_IT_IS},
  {"timeout", "timeout", SECONDS},
  {"retry_interval", "retry_pause", SECONDS},
  {"generate_args", NULL, GENERATE},
  {"client_args", NULL, CLIENT},
  {"json_args", NULL, BODY},
  {"messages_key", NULL, MESSAGES_KEY},
  {"options", "options.options", OPTION},
  {"keep_alive", "options.keep_alive", OPTION},
  {"post_args", NULL, NOTHING},
  {"budget", NULL, NOTHING},
};

enum { MEMBERS = sizeof members / sizeof *members };

static const char *const parameters[] = {
  "temperature", "top_p", "top_k", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty", NULL};

// -- Parts of a model ------------------------------------------------------------------------------------------------

static json_t *
map_in (json_t *object, const char *key)
{
  if (json_object_get (object, key) == NULL)
    json_object_set_new (object, key, json_object ());
  return json_object_get (object, key);
}

static void
note (const char *name, const char *what, const char *why)
{
  troupe_log (TROUPE_LOG_INFO, "an AgentScope model configuration is read in today's terms", "model", name, "member",
              what, "note", why, NULL);
}

static void take (json_t *model, const char *name, const json_t *config);

// Parameters that mean the same for all providers, and what is the provider's own.
static void
take_generate (json_t *model, const json_t *arguments)
{
  const char *key;
  json_t *value;
  json_object_foreach ((json_t *)(uintptr_t)arguments, key, value) {
    const char *const *known = parameters;
    while (*known != NULL && strcmp (*known, key) != 0)
      known++;
    json_object_set_new (map_in (model, *known != NULL ? "parameters" : "options"), key, agentscope_quote (value));
  }
}

static void
take_member (json_t *model, const char *name, const char *old, const json_t *value)
{
  size_t i = 0;
  while (i < MEMBERS && strcmp (members[i].old, old) != 0)
    i++;
  rule_t rule = i < MEMBERS ? members[i].rule : NOTHING;
  if (rule == AS_IT_IS)
    json_object_set_new (model, members[i].key, agentscope_quote (value));
  else if (rule == SECONDS)
    json_object_set_new (model, members[i].key, json_sprintf ("%.0fms", json_number_value (value) * 1000));
  else if (rule == GENERATE)
    take_generate (model, value);
  else if (rule == CLIENT)
    take (model, name, value);
  else if (rule == BODY)
    json_object_update_new (map_in (model, "body"), agentscope_quote (value));
  else if (rule == MESSAGES_KEY)
    json_object_set_new (map_in (model, "body"), json_string_value (value) ? json_string_value (value) : "messages",
                         json_string ("{{messages}}"));
  else if (rule == OPTION)
    json_object_set_new (map_in (model, "options"), members[i].key + strlen ("options."), agentscope_quote (value));
  else if (rule == NOTHING)
    note (name, old, "it has no counterpart, and is left out");
}

static void
take (json_t *model, const char *name, const json_t *config)
{
  const char *old;
  json_t *value;
  json_object_foreach ((json_t *)(uintptr_t)config, old, value) {
    if (!json_is_null (value))
      take_member (model, name, old, value);
  }
}

static void
finish (json_t *model, size_t type, const json_t *config)
{
  json_object_set_new (model, "type", json_string (types[type].type));
  json_object_set_new (model, "task", json_string (types[type].task));
  if (types[type].api != NULL)
    json_object_set_new (model, "api", json_string (types[type].api));
  if (types[type].base_url != NULL && json_object_get (model, "base_url") == NULL)
    json_object_set_new (model, "base_url", json_string (types[type].base_url));
  if (strcmp (types[type].type, "openai") != 0 && strcmp (types[type].type, "openai_chat") != 0)
    json_object_del (model, "organization");
  if (types[type].answer == NULL)
    return;
  json_object_set_new (model, "answer", json_string (types[type].answer));
  if (json_object_get (config, "messages_key") == NULL)
    json_object_set_new (map_in (model, "body"), strcmp (types[type].task, "chat") == 0 ? "messages" : "prompt",
                         json_string (strcmp (types[type].task, "chat") == 0 ? "{{messages}}" : "{{prompt}}"));
}

// -- The file --------------------------------------------------------------------------------------------------------

static void
convert (const troupe_config_t *self, json_t *models, size_t i, const json_t *config, config_report_t *report)
{
  size_t type = 0;
  const char *name = json_string_value (json_object_get (config, "config_name"));
  const char *old = json_string_value (json_object_get (config, "model_type"));
  while (old != NULL && type < TYPES && strcmp (types[type].old, old) != 0)
    type++;
  if (name == NULL || old == NULL)
    agentscope_wrong (self, "model_configs", i, report, "config_name and model_type are needed");
  else if (type == TYPES)
    agentscope_wrong (self, "model_configs", i, report, "there is no such model_type");
  else if (json_object_get (models, name) != NULL)
    agentscope_wrong (self, "model_configs", i, report, "there is another one of that config_name");
  else {
    json_t *model = map_in (models, name);
    take (model, name, config);
    finish (model, type, config);
    if (strcmp (types[type].type, old) != 0)
      note (name, old, types[type].type);
  }
}

void
config_read_agentscope_models (troupe_config_t *self, config_report_t *report)
{
  size_t i;
  json_t *config, *list = agentscope_read (self, "model_configs", report);
  if (list == NULL)
    return;
  json_t *models = json_object ();
  json_array_foreach (list, i, config)
    convert (self, models, i, config, report);
  if (report->count == 0)
    agentscope_merge (self, "model_configs", "models", models, report);
  json_decref (models);
  json_decref (list);
  json_object_del (self->root, "model_configs"); // they stand in models now
}

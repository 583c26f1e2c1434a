// SPDX-License-Identifier: Apache-2.0
//
// AgentScope's model configurations, as its tutorial has them.

#include "unit/config/load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/troupe-agentscope-XXXXXX";

static void
enter (void)
{
  cr_assert_not_null (mkdtemp (folder));
}

static void
leave (void)
{
  char path[64];
  snprintf (path, sizeof path, "%s/m.json", folder);
  unlink (path);
  rmdir (folder);
}

TestSuite (agentscope, .init = enter, .fini = leave);

static troupe_err_t
load_models (const char *json, const char *more, troupe_config_t **config, troupe_error_t *error)
{
  char path[64], yaml[256];
  snprintf (path, sizeof path, "%s/m.json", folder);
  FILE *file = fopen (path, "w");
  cr_assert_not_null (file);
  fputs (json, file);
  fclose (file);
  snprintf (path, sizeof path, "%s/t.yaml", folder);
  snprintf (yaml, sizeof yaml, "model_configs: m.json\n%s", more);
  return troupe_config_parse (config, path, yaml, strlen (yaml), NULL, error);
}

static void
expect (const troupe_config_t *config, const char *path, const char *wanted)
{
  char *text = json_dumps (troupe_config_get (config, path), JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
  cr_expect_str_eq (text, wanted, "%s: %s", path, text);
  free (text);
}

Test (agentscope, reads_model_configurations_as_they_are)
{
  troupe_config_t *config;
  troupe_error_t error = {0};
  troupe_err_t code = load_models (
    "[{\"config_name\": \"gpt-4-temperature-0.0\", \"model_type\": \"openai_chat\", \"model_name\": \"gpt-4\", "
    "\"api_key\": \"sk-$x\","
    "  \"organization\": \"org-1\", \"client_args\": {\"max_retries\": 5, \"timeout\": 30, \"base_url\": "
    "\"http://h/v1\"},"
    "  \"generate_args\": {\"temperature\": 0.0, \"logprobs\": true}, \"stream\": false, \"budget\": 10},"
    " {\"config_name\": \"qwen\", \"model_type\": \"dashscope_text_embedding\", \"model_name\": \"text-embedding-v2\"},"
    " {\"config_name\": \"llama\", \"model_type\": \"ollama_generate\", \"model_name\": \"llama2\", \"host\": "
    "\"http://o:11434\","
    "  \"options\": {\"num_ctx\": 9}, \"keep_alive\": \"5m\"},"
    " {\"config_name\": \"own\", \"model_type\": \"post_api_chat\", \"api_url\": \"https://x/y\", \"headers\": {\"A\": "
    "\"b\"},"
    "  \"max_length\": 2048, \"timeout\": 30, \"json_args\": {\"k\": 1}, \"post_args\": {}, \"max_retries\": 3,"
    "  \"messages_key\": \"inputs\", \"retry_interval\": 1}]",
    "models: {local: {type: rehearsal}}\nagents: {alice: {model: qwen}}\n", &config, &error);
  cr_assert_eq (code, TROUPE_OK, "%s: %s", error.object, error.why);
  expect (config, "models.gpt-4-temperature-0.0.model", "\"gpt-4\"");
  expect (config, "models.gpt-4-temperature-0.0.api_key", "\"sk-$x\"");
  expect (config, "models.gpt-4-temperature-0.0.organization", "\"org-1\"");
  expect (config, "models.gpt-4-temperature-0.0.retries", "5");
  expect (config, "models.gpt-4-temperature-0.0.timeout", "30000");
  expect (config, "models.gpt-4-temperature-0.0.base_url", "\"http://h/v1\"");
  expect (config, "models.gpt-4-temperature-0.0.parameters", "{\"temperature\":0.0}");
  expect (config, "models.gpt-4-temperature-0.0.options", "{\"logprobs\":true}");
  expect (config, "models.gpt-4-temperature-0.0.stream", "false");
  expect (config, "models.gpt-4-temperature-0.0.instances", "1");
  expect (config, "models.qwen.type", "\"dashscope\"");
  expect (config, "models.qwen.task", "\"embedding\"");
  expect (config, "models.llama.api", "\"completion\"");
  expect (config, "models.llama.options", "{\"keep_alive\":\"5m\",\"options\":{\"num_ctx\":9}}");
  expect (config, "models.own.body", "{\"inputs\":\"{{messages}}\",\"k\":1}");
  expect (config, "models.own.answer", "\"data.response.choices.0.message.content\"");
  expect (config, "models.own.window", "2048");
  expect (config, "models.own.retry_pause", "1000");
  expect (config, "models.own.headers", "{\"A\":\"b\"}");
  expect (config, "models.local.type", "\"rehearsal\"");
  json_t *shown = troupe_config_redacted (config);
  char *text = json_dumps (shown, 0);
  cr_expect_null (strstr (text, "sk-$x"));
  free (text);
  json_decref (shown);
  troupe_config_destroy (&config);
}

Test (agentscope, takes_one_configuration_alone)
{
  troupe_config_t *config;
  troupe_error_t error = {0};
  cr_assert_eq (
    load_models ("{\"config_name\": \"a\", \"model_type\": \"gemini_chat\", \"model_name\": \"gemini-pro\"}", "",
                 &config, &error),
    TROUPE_OK, "%s", error.why);
  expect (config, "models.a.type", "\"gemini\"");
  troupe_config_destroy (&config);
}

static void
expect_wrong (const char *json, const char *more, const char *why)
{
  troupe_config_t *config;
  troupe_error_t error = {0};
  cr_assert_eq (load_models (json, more, &config, &error), TROUPE_BAD_CONFIG, "%s", json);
  cr_assert (strstr (error.why, why), "%s: %s", json, error.why);
}

Test (agentscope, says_what_is_wrong)
{
  expect_wrong ("[{]", "", "m.json:1:");
  expect_wrong ("[{\"config_name\": \"a\"}]", "", "[0]: config_name and model_type are needed");
  expect_wrong ("[{\"config_name\": \"a\", \"model_type\": \"x\"}]", "", "[0]: there is no such model_type");
  expect_wrong ("[{\"config_name\": \"a b\", \"model_type\": \"openai_chat\"}]", "", "a name has 1 to 64");
  expect_wrong ("[{\"config_name\": \"a\", \"model_type\": \"openai_chat\", \"max_retries\": 1000}]", "",
                "models.a.retries");
  expect_wrong ("[{\"config_name\": \"a\", \"model_type\": \"openai_chat\"}]", "models: {a: {type: rehearsal}}\n",
                "the model a is in this file too");
}

Test (agentscope, reads_agent_configurations_as_they_are)
{
  troupe_config_t *config;
  troupe_error_t error = {0};
  char path[64];
  snprintf (path, sizeof path, "%s/a.json", folder);
  FILE *file = fopen (path, "w");
  fputs ("[{\"class\": \"DictDialogAgent\", \"args\": {\"name\": \"Player1\", \"sys_prompt\": \"You cost $5.\","
         " \"model_config_name\": \"gpt-4\", \"use_memory\": true, \"max_retries\": 2, \"parse_func\": \"x\"}},"
         " {\"class\": \"DialogAgent\", \"args\": {\"name\": \"Player2\", \"model_config_name\": \"local\","
         " \"use_memory\": false}}]",
         file);
  fclose (file);
  troupe_err_t code = load_models (
    "[{\"config_name\": \"gpt-4\", \"model_type\": \"openai_chat\"}]",
    "agent_configs: a.json\nmodels: {local: {type: rehearsal}}\nagents: {alice: {model: local}}\n", &config, &error);
  unlink (path);
  cr_assert_eq (code, TROUPE_OK, "%s: %s", error.object, error.why);
  expect (config, "agents.Player1.type", "\"dict_dialog\"");
  expect (config, "agents.Player1.prompt", "\"You cost $5.\"");
  expect (config, "agents.Player1.model", "\"gpt-4\"");
  expect (config, "agents.Player1.max_retries", "2");
  expect (config, "agents.Player1.memory", "true");
  expect (config, "agents.Player2.type", "\"dialog\"");
  expect (config, "agents.Player2.memory", "false");
  expect (config, "agents.Player2.concurrency", "256");
  expect (config, "agents.alice.model", "\"local\"");
  cr_expect_null (troupe_config_get (config, "agent_configs"));
  troupe_config_destroy (&config);
}

Test (agentscope, says_which_agent_is_wrong)
{
  static const char *const cases[][2] = {
    {"[{\"class\": \"UserAgent\", \"args\": {\"name\": \"u\"}}]",
     "[0]: of the classes, DialogAgent and DictDialogAgent are"},
    {"[{\"args\": {\"name\": \"u\"}}]", "[0]: class and args with a name are needed"},
    {"[{\"class\": \"DialogAgent\", \"args\": {\"name\": \"a b\", \"model_config_name\": \"m\"}}]", "a b"},
    {"[{\"class\": \"DialogAgent\", \"args\": {\"name\": \"u\", \"model_config_name\": \"m\"}},"
     " {\"class\": \"DialogAgent\", \"args\": {\"name\": \"u\", \"model_config_name\": \"m\"}}]",
     "[1]: there is another one"},
    {"[{\"class\": \"DialogAgent\", \"args\": {\"name\": \"alice\", \"model_config_name\": \"m\"}}]",
     "the agent alice is in this file too"},
    {"[", "a.json:1:"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    troupe_config_t *config;
    troupe_error_t error = {0};
    char path[64];
    snprintf (path, sizeof path, "%s/a.json", folder);
    FILE *file = fopen (path, "w");
    fputs (cases[i][0], file);
    fclose (file);
    troupe_err_t code = load_models ("[{\"config_name\": \"m\", \"model_type\": \"openai_chat\"}]",
                                     "agent_configs: a.json\nagents: {alice: {model: m}}\n", &config, &error);
    unlink (path);
    cr_expect_eq (code, TROUPE_BAD_CONFIG);
    cr_expect (strstr (error.why, cases[i][1]), "%s: %s", cases[i][1], error.why);
  }
}

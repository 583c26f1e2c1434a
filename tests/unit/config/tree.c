// SPDX-License-Identifier: Apache-2.0
//
// What a right file becomes: types, defaults, places, secrets.

#include "config/config.h"
#include "config/key.h"
#include "config/scalar.h"
#include "load.h"
#include "troupe/log.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
expect_text (const troupe_config_t *config, const char *path, const char *text)
{
  const char *found = troupe_config_text (config, path);
  cr_expect (found != NULL && strcmp (found, text) == 0, "%s: %s", path, found != NULL ? found : "nothing");
}

static void
expect_where (const troupe_config_t *config, const char *path, const char *place)
{
  char *found = troupe_config_where (config, path);
  cr_expect_str_eq (found, place);
  free (found);
}

Test (tree, empty_files)
{
  static const char *const yamls[] = {"",
                                      "\n",
                                      "# nothing\n",
                                      "{}\n",
                                      "---\n",
                                      "--- {}\n...\n",
                                      "\xef\xbb\xbf{}\n",
                                      "brokers:\nmodels:\nlimits: ~\n",
                                      "brokers: []\n"};
  for (size_t i = 0; i < sizeof yamls / sizeof *yamls; i++) {
    troupe_config_t *config = load (yamls[i]);
    expect_text (config, "mesh", "troupe");
    expect_text (config, "brokers.0.name", "broker-1");
    expect_text (config, "brokers.0.endpoint", "ipc://.troupe/troupe/broker-1.ipc");
    expect_text (config, "brokers.0.publish", "ipc://.troupe/troupe/broker-1-pub.ipc");
    expect_text (config, "store.url", "unix://.troupe/troupe/redis.sock");
    cr_expect (troupe_config_bool (config, "store.private"));
    cr_expect_eq (troupe_config_int (config, "limits.lease"), 2500);
    cr_expect_eq (troupe_config_int (config, "limits.message"), 16 * 1024 * 1024);
    cr_expect_eq (json_object_size (troupe_config_get (config, "agents")), 0u);
    troupe_config_destroy (&config);
  }
}

Test (tree, brokers)
{
  troupe_config_t *config = load ("mesh: m\nstate: /var/s\nkeys: {directory: k}\nbrokers:\n"
                                  "- { name: a, endpoint: \"tcp://localhost:7100\" }\n"
                                  "- { name: b }\n"
                                  "- { name: c, endpoint: \"ipc://c.ipc\" }\n"
                                  "- { name: d, endpoint: \"ipc://d\", publish: \"tcp://127.0.0.1:*\" }\n"
                                  "- { name: e, endpoint: \"tcp://[::1]:7300\", insecure: true }\n");
  expect_text (config, "brokers.0.endpoint", "tcp://127.0.0.1:7100");
  expect_text (config, "brokers.0.publish", "tcp://127.0.0.1:7101");
  expect_text (config, "brokers.1.endpoint", "ipc:///var/s/m/b.ipc");
  expect_text (config, "brokers.2.publish", "ipc://c-pub.ipc");
  expect_text (config, "brokers.3.publish", "tcp://127.0.0.1:*");
  expect_text (config, "brokers.4.publish", "tcp://[::1]:7301");
  cr_expect_not (troupe_config_bool (config, "brokers.0.insecure"));
  cr_expect (troupe_config_bool (config, "brokers.4.insecure"));
  cr_expect_null (troupe_config_get (config, "brokers.5"));
  troupe_config_destroy (&config);
}

Test (tree, types_come_from_the_keys)
{
  troupe_config_t *config = load ("mesh: no\nmodels: {1e3: {type: rehearsal, seed: \"7\"}}\n"
                                  "agents: {yes: {model: 1e3, prompt: 0x10, description: \"null\"}}\n"
                                  "limits: {lease: 0.5m, heartbeat: 0.5s, message: 1.5MiB, deadline: 30d}\n");
  expect_text (config, "mesh", "no");
  expect_text (config, "agents.yes.model", "1e3");
  expect_text (config, "agents.yes.prompt", "0x10");
  expect_text (config, "agents.yes.description", "null");
  cr_expect_eq (troupe_config_int (config, "models.1e3.seed"), 7);
  cr_expect_eq (troupe_config_int (config, "limits.heartbeat"), 500);
  cr_expect_eq (troupe_config_int (config, "limits.message"), 3 * 512 * 1024);
  cr_expect_eq (troupe_config_int (config, "limits.deadline"), 30LL * 24 * 3600 * 1000);
  troupe_config_destroy (&config);
}

Test (tree, options_are_as_in_json)
{
  setenv ("TEMPERATURE", "0.5", 1);
  troupe_config_t *config =
    load ("models:\n  m:\n    type: openai_chat\n    base_url: https://h:8443/v1/\n"
          "    options:\n      t2: ${TEMPERATURE}\n      temperature: \"${TEMPERATURE}\"\n      more: {max_tokens: 10, "
          "stop: [\"a\", b, 'null', null, ~], deep: {\"a.b\": true, n: -1.5e3, y: yes, v: 1.2.3, "
          "w: 1e, e: \"\", q: \"5\"}}\n");
  static const char expected[] = "{\"t2\": 0.5, \"temperature\": \"0.5\", \"more\": {\"max_tokens\": 10, \"stop\": "
                                 "[\"a\", \"b\", \"null\", null, null], \"deep\": {\"a.b\": true, \"n\": -1500.0, "
                                 "\"y\": \"yes\", \"v\": \"1.2.3\", \"w\": \"1e\", \"e\": \"\", \"q\": \"5\"}}}";
  char *found = json_dumps (troupe_config_get (config, "models.m.options"), 0);
  cr_expect_str_eq (found, expected);
  free (found);
  expect_text (config, "models.m.base_url", "https://h:8443/v1");
  expect_text (config, "models.m.model", "m");
  cr_expect (troupe_config_bool (config, "models.m.options.more.deep.a.b"));
  troupe_config_destroy (&config);
  expect_errors ("models: {m: {type: openai_chat, options: {x: 1e999}}}\n",
                 "t.yaml:1:46: models.m.options.x: a number that is too large, quote it if it is a text\n");
}

Test (tree, names_with_dots)
{
  troupe_config_t *config = load ("models:\n  gpt-4.1:\n    type: openai_chat\n  gpt-4:\n    type: rehearsal\n"
                                  "    instances: 5\nagents: {a: {model: gpt-4.1}}\n");
  expect_text (config, "models.gpt-4.1.type", "openai_chat");
  expect_text (config, "models.gpt-4.type", "rehearsal");
  cr_expect_null (troupe_config_get (config, "models.gpt-4.2.type"));
  cr_expect_null (troupe_config_get (config, "models.gpt-4.1.nothing"));
  cr_expect_null (troupe_config_get (config, "models.gpt-4.1.type.more"));
  expect_where (config, "models.gpt-4.1.type", "t.yaml:3:5");
  expect_where (config, "models.gpt-4.instances", "t.yaml:6:5");
  expect_where (config, "models.gpt-4.concurrency", "t.yaml");
  expect_where (config, "agents.a", "t.yaml:7:10");
  cr_expect_str_eq (troupe_config_path (config), "t.yaml");
  troupe_config_destroy (&config);
}

Test (tree, secrets)
{
  setenv ("KEY_OF_TEST", "sk-secret", 1);
  troupe_config_t *config = load ("models: {m: {type: openai_chat, api_key: \"${KEY_OF_TEST}\"}}\n"
                                  "store: {url: \"redis://h\", password: hunter22}\n");
  expect_text (config, "models.m.api_key", "sk-secret");
  json_t *shown = troupe_config_redacted (config);
  char *text = json_dumps (shown, 0);
  cr_expect_null (strstr (text, "sk-secret"));
  cr_expect_null (strstr (text, "hunter22"));
  cr_expect_not_null (strstr (text, "\"api_key\": \"***\""));
  expect_text (config, "models.m.api_key", "sk-secret");
  troupe_config_hide_secrets (config);
  int ends[2], saved = dup (STDERR_FILENO);
  char line[512];
  cr_assert_eq (pipe (ends), 0);
  dup2 (ends[1], STDERR_FILENO);
  troupe_log (TROUPE_LOG_INFO, "seen", "key", "Bearer sk-secret", "password", "hunter22", NULL);
  ssize_t size = read (ends[0], line, sizeof line - 1);
  dup2 (saved, STDERR_FILENO);
  cr_assert_gt (size, 0);
  line[size] = '\0';
  cr_expect_not_null (strstr (line, "key=\"Bearer ***\" password=***\n"), "%s", line);
  free (text);
  json_decref (shown);
  troupe_config_destroy (&config);
}

Test (tree, secrets_are_not_quoted_in_errors)
{
  setenv ("KEY_OF_TEST", "sk-line\nbreak", 1);
  expect_errors ("models: {m: {type: openai_chat, api_key: \"${KEY_OF_TEST}\"}}\n",
                 "t.yaml:1:42: models.m.api_key: it must be one line without control characters\n");
  // Nor what a variable holds that was meant for another key.
  expect_errors ("limits: {attempts: \"${KEY_OF_TEST}\"}\n",
                 "t.yaml:1:20: limits.attempts: \"${KEY_OF_TEST}\" is wrong: a whole number is expected\n");
}

Test (tree, files)
{
  troupe_config_t *config;
  json_t *errors;
  troupe_error_t error = {0};
  cr_expect_eq (troupe_config_load (&config, "/nonexistent/t.yaml", &errors, &error), TROUPE_NOT_FOUND);
  cr_expect_null (config);
  cr_expect_eq (json_array_size (errors), 1u);
  cr_expect_str_eq (error.object, "/nonexistent/t.yaml");
  json_decref (errors);
  cr_expect_eq (troupe_config_load (&config, "/nonexistent/\xff\n.yaml", &errors, &error), TROUPE_NOT_FOUND);
  cr_expect_str_eq (error.object, "/nonexistent/??.yaml");
  cr_expect_eq (json_array_size (errors), 1u);
  json_decref (errors);
  cr_expect_eq (troupe_config_load (&config, "/", NULL, &error), TROUPE_IO);
  cr_expect_eq (troupe_config_load (&config, "/dev/zero", NULL, &error), TROUPE_BAD_CONFIG);
  cr_expect_eq (troupe_config_load (&config, "/dev/null", NULL, &error), TROUPE_OK);
  troupe_config_destroy (&config);
  troupe_config_destroy (&config);
}

// The table is right: every default is of its key's type and range, and every list has items.
Test (tree, the_table)
{
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    config_fault_t fault = {0};
    json_t *value = key->fallback != NULL ? config_scalar (key, key->fallback, key->fallback, &fault) : NULL;
    cr_expect (key->fallback == NULL || value != NULL, "%s: %s", key->path, fault.why);
    json_decref (value);
    if (key->type == CONFIG_LIST)
      cr_expect_str_eq (config_key_item (key)->path + strlen (key->path), "[]");
    cr_expect (key->fallback == NULL || !(key->flags & CONFIG_REQUIRED), "%s", key->path);
    size_t size = strlen (key->help);
    cr_expect (size > 0 && key->help[size - 1] == '.', "%s", key->path);
  }
}

// -- The way back ----------------------------------------------------------------------------------------------------

static const char everything[] =
  "mesh: m\nstate: /var/s\n"
  "brokers:\n- { name: a, endpoint: \"tcp://localhost:7100\", insecure: true }\n- { name: b }\n"
  "store: { password: \"${REDIS_PASSWORD}\" }\n"
  "models:\n"
  "  gpt: { type: openai_chat, api_key: \"${OPENAI_KEY:-}\", timeout: 90s,\n"
  "         options: { temperature: 0.5, stop: [\"$$5\", \"a: b\", \"no\"], \"odd: key\": { n: 1, y: null } } }\n"
  "  local: { type: openai_chat, api_key: sk-very-secret }\n"
  "  both: { type: openai_chat, api_key: \"sk-${OPENAI_KEY}\" }\n"
  "  fallback: { type: openai_chat, api_key: \"${NOWHERE:-sk-very-secret}\" }\n"
  "  talker: { type: rehearsal, rules: %s, seed: 7 }\n"
  "agents:\n  alice: { model: gpt, prompt: \"You cost $$5.\\nSay \\\"no\\\".\" }\n"
  "limits: { lease: 2500ms, message: 1.5MiB }\n";

static void
set_keys (void)
{
  setenv ("REDIS_PASSWORD", "r3dis", 1);
  setenv ("OPENAI_KEY", "sk-very-secret", 1);
}

Test (tree, what_is_written_loads_as_the_same)
{
  char path[] = "rules-XXXXXX", yaml[sizeof everything + sizeof path];
  set_keys ();
  close (mkstemp (path));
  snprintf (yaml, sizeof yaml, everything, path);
  troupe_config_t *config = load (yaml);
  json_t *written = troupe_config_written (config);
  char *text = json_dumps (written, 0); // JSON is YAML
  cr_assert_null (strstr (text, "secret"), "%s", text);
  cr_expect_null (strstr (text, "r3dis"));
  cr_expect_str_eq (json_string_value (config_find (written, "store.password")), "${REDIS_PASSWORD}");
  cr_expect_str_eq (json_string_value (config_find (written, "models.gpt.api_key")), "${OPENAI_KEY:-}");
  cr_expect_str_eq (json_string_value (config_find (written, "models.local.api_key")), "${MODELS_LOCAL_API_KEY}");
  cr_expect_str_eq (json_string_value (config_find (written, "models.both.api_key")), "${MODELS_BOTH_API_KEY}");
  cr_expect_str_eq (json_string_value (config_find (written, "models.fallback.api_key")), "${NOWHERE}");
  cr_expect_str_eq (json_string_value (config_find (written, "limits.lease")), "2500ms");
  cr_expect_str_eq (json_string_value (config_find (written, "limits.message")), "1536KiB");
  cr_expect_eq (*json_string_value (config_find (written, "models.talker.rules")), '/');

  setenv ("MODELS_LOCAL_API_KEY", "sk-very-secret", 1);
  setenv ("MODELS_BOTH_API_KEY", "sk-sk-very-secret", 1);
  setenv ("NOWHERE", "sk-very-secret", 1);
  troupe_config_t *again = load (text);
  json_t *twice = troupe_config_written (again);
  json_t *one = json_deep_copy (troupe_config_root (config)), *other = json_deep_copy (troupe_config_root (again));
  json_object_del (config_find (one, "models.talker"), "rules"); // relative, absolute
  json_object_del (config_find (other, "models.talker"), "rules");
  cr_expect (json_equal (one, other));
  json_object_del (config_find (written, "models.both"), "api_key");
  json_object_del (config_find (twice, "models.both"), "api_key");
  cr_expect (json_equal (written, twice));
  json_decref (one);
  json_decref (other);
  json_decref (written);
  json_decref (twice);
  free (text);
  troupe_config_destroy (&config);
  troupe_config_destroy (&again);
  unlink (path);
}

Test (tree, a_store_of_ones_own_stays_one)
{
  troupe_config_t *config = load ("store: { url: \"redis://localhost:7\" }\n");
  json_t *written = troupe_config_written (config);
  cr_expect_str_eq (json_string_value (config_find (written, "store.url")), "redis://localhost:7");
  cr_expect_null (config_find (written, "store.private"));
  json_decref (written);
  troupe_config_destroy (&config);
}

// SPDX-License-Identifier: Apache-2.0
//
// Errors that concern several keys, or files.

#include "load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test (cross, models_of_agents)
{
  expect_errors ("models: {gpt: {type: rehearsal}}\nagents: {alice: {model: gtp}}\n",
                 "t.yaml:2:18: agents.alice.model: there is no model \"gtp\" in models, did you mean gpt?\n");
  expect_errors ("models:\nagents: {alice: {model: gpt}}\n",
                 "t.yaml:2:18: agents.alice.model: there is no model \"gpt\" in models\n");
  troupe_config_t *config = load ("agents: {alice: {model: elsewhere}}\n");
  troupe_config_destroy (&config);
  expect_errors ("models: {gpt: {type: rehearsal}}\nagents: {alice: {model: [gpt, gtp]}}\n",
                 "t.yaml:2:18: agents.alice.model: there is no model \"gtp\" in models, did you mean gpt?\n");
  expect_errors ("agents: {alice: {model: []}}\n", "t.yaml:1:25: agents.alice.model: 0 items: at least 1 are needed\n");
  config = load ("agents: {alice: {model: [a, b, c], fallback: [d]}}\n");
  cr_expect_str_eq (troupe_config_text (config, "agents.alice.model"), "a");
  cr_expect_str_eq (troupe_config_text (config, "agents.alice.fallback.0"), "b");
  cr_expect_str_eq (troupe_config_text (config, "agents.alice.fallback.2"), "d");
  troupe_config_destroy (&config);
  // A model that is wrong itself is there all the same.
  expect_errors ("models: {gpt: {type: x}}\nagents: {alice: {model: gpt}}\n",
                 "t.yaml:1:22: models.gpt.type: \"x\" is wrong: "
                 "openai, openai_chat, azure_openai, anthropic, gemini, dashscope, ollama, modelscope, huggingface, vllm, "
                 "fastchat, llamacpp, post_api or rehearsal is expected\n");
}

Test (cross, keys_of_model_types)
{
  expect_errors ("models:\n  a: {type: rehearsal, api_key: abcdef}\n  b: {type: openai_chat, seed: 5}\n",
                 "t.yaml:2:24: models.a.api_key: models of the type rehearsal don't have this key\n"
                 "t.yaml:3:26: models.b.seed: models of the type openai_chat don't have this key\n");
}

Test (cross, limits)
{
  expect_errors ("limits: {heartbeat: 1s, lease: 2999ms}\n",
                 "t.yaml:1:25: limits.lease: the lease (2999ms) must be at least three heartbeats (1000ms each)\n");
  expect_errors ("limits: {heartbeat: 1s}\n",
                 "t.yaml:1:10: limits.heartbeat: the lease (2500ms) must be at least three heartbeats (1000ms each)\n");
  expect_errors ("limits: {open_bytes: 1MiB}\n",
                 "t.yaml:1:10: limits.open_bytes: the largest message must fit into limits.open_bytes\n");
  expect_errors ("limits: {unread: 1MiB}\n",
                 "t.yaml:1:10: limits.unread: the largest message must fit into limits.unread\n");
  expect_errors ("limits: {unread_total: 32MiB}\n",
                 "t.yaml:1:10: limits.unread_total: all together have less than limits.unread, for one\n");
}

Test (cross, brokers)
{
  expect_errors ("brokers: [{name: a}, {name: b}, {name: a}]\n",
                 "t.yaml:1:34: brokers.2.name: broker 1 has the name a too, names must differ\n");
}

Test (cross, sockets)
{
  expect_errors (
    "brokers:\n- {name: a, endpoint: 'tcp://127.0.0.1:7100', insecure: true}\n- {name: b, endpoint: 'tcp://localhost:7100', "
    "publish: 'tcp://127.0.0.1:7200', insecure: true}\n",
    "t.yaml:3:13: brokers.1.endpoint: tcp://127.0.0.1:7100 is the endpoint of broker 1 (a) already, sockets "
    "must differ\n");
  expect_errors (
    "brokers:\n- {name: a, endpoint: 'tcp://127.0.0.1:7100', insecure: true}\n- {name: b, endpoint: "
    "'tcp://127.0.0.1:7101', insecure: true}\n",
    "t.yaml:3:13: brokers.1.endpoint: tcp://127.0.0.1:7101 is the publish of broker 1 (a) already, sockets "
    "must differ\n");
  expect_errors (
    "brokers: [{name: a, endpoint: 'tcp://127.0.0.1:65535', insecure: true}]\n",
    "t.yaml:1:21: brokers.0.endpoint: it would publish on the next port, and there is none, give publish\n");
  expect_errors ("brokers: [{name: a, endpoint: 'tcp://127.0.0.1:*', insecure: true}]\n",
                 "t.yaml:1:21: brokers.0.endpoint: others couldn't find it on a free port, name a port\n");
}

Test (cross, tcp_needs_keys)
{
  static const char *const open[] = {"tcp://*:7100",         "tcp://0.0.0.0:7100",  "tcp://10.0.0.1:7100",
                                     "tcp://[::]:7100",      "tcp://broker-1:7100", "tcp://128.0.0.1:7100",
                                     "tcp://127.0.0.1:7100", "tcp://[::1]:7100"};
  static const char *const local[] = {"ipc:///tmp/x.ipc", "ipc://x.ipc"};
  char yaml[256], lines[512];
  for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
    snprintf (yaml, sizeof yaml, "brokers: [{name: a, endpoint: \"%s\"}]\n", open[i]);
    snprintf (lines, sizeof lines,
              "t.yaml:1:21: brokers.0.endpoint: %s is open to whoever reaches it: tcp needs keys, make keys by `troupe "
              "keygen --mesh` and set keys.directory, or use ipc\n",
              open[i]);
    expect_errors (yaml, lines);
    snprintf (yaml, sizeof yaml, "brokers: [{name: a, endpoint: \"%s\", insecure: true}]\n", open[i]);
    troupe_config_t *config = load (yaml);
    troupe_config_destroy (&config);
    snprintf (yaml, sizeof yaml, "keys: {directory: k}\nbrokers: [{name: a, endpoint: \"%s\"}]\n", open[i]);
    config = load (yaml);
    troupe_config_destroy (&config);
  }
  for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
    snprintf (yaml, sizeof yaml, "brokers: [{name: a, endpoint: \"%s\"}]\n", local[i]);
    troupe_config_t *config = load (yaml);
    troupe_config_destroy (&config);
  }
}

Test (cross, keys_lie_where_the_file_says)
{
  troupe_config_t *config = load ("keys: {directory: k, file: /etc/troupe/me.key}\n");
  cr_expect_str_eq (troupe_config_text (config, "keys.directory"), "k");
  cr_expect_str_eq (troupe_config_text (config, "keys.file"), "/etc/troupe/me.key");
  troupe_config_destroy (&config);
  expect_errors ("keys: {directry: k}\n", "t.yaml:1:8: keys.directry: unknown key, did you mean directory?\n");
}

Test (cross, bind)
{
  troupe_config_t *config = load ("brokers: [{name: a, endpoint: 'tcp://b:7100', bind: '*', insecure: true}]\n");
  cr_expect_str_eq (troupe_config_text (config, "brokers.0.bind"), "*");
  cr_expect_str_eq (troupe_config_text (config, "brokers.0.publish"), "tcp://b:7101");
  troupe_config_destroy (&config);
  config = load ("keys: {directory: k}\nbrokers: [{name: a, endpoint: 'tcp://localhost:7100', bind: '127.0.0.2'}]\n");
  troupe_config_destroy (&config);
  expect_errors ("brokers: [{name: a, endpoint: 'ipc://x.ipc', bind: eth0}]\n",
                 "t.yaml:1:46: brokers.0.bind: ipc://x.ipc has no address to listen on, give it an endpoint such as "
                 "tcp://host:7100\n");
  expect_errors ("brokers: [{name: a, endpoint: 'tcp://b:7100', bind: '10.0.0.1:7100', insecure: true}]\n",
                 "t.yaml:1:47: brokers.0.bind: not an address, nor an interface, write *, 0.0.0.0, 10.0.0.5 or eth0\n");
}

Test (cross, malformed_endpoints)
{
  static const char *const wrong[] = {"tcp://127.0.0.1",
                                      "tcp://:7100",
                                      "tcp://127.0.0.1:0",
                                      "tcp://127.0.0.1:65536",
                                      "tcp://127.0.0.1:x",
                                      "tcp://a b:1",
                                      "tcp://[::zz]:1",
                                      "tcp://a/b:1",
                                      "inproc://x",
                                      "127.0.0.1:7100",
                                      "ipc://",
                                      "ipc://*",
                                      "tcp://127.0.0.1:7100/"};
  char yaml[256];
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf (yaml, sizeof yaml, "brokers: [{name: a, endpoint: \"%s\"}]\n", wrong[i]);
    char *lines = load_errors (yaml, strlen (yaml));
    cr_expect_eq (strncmp (lines, "t.yaml:1:31: brokers.0.endpoint: \"", 34), 0, "%s", lines);
    free (lines);
  }
}

Test (cross, long_sockets)
{
  char yaml[256], lines[1024], state[100];
  memset (state, 's', sizeof state);
  state[90] = '\0';
  // ipc path: 90 + "/troupe/broker-1.ipc" (20) is too long, as is its publish socket and that of Redis (18).
  snprintf (yaml, sizeof yaml, "state: %s\n", state);
  snprintf (lines, sizeof lines,
            "t.yaml:1:1: brokers.0.endpoint: the socket's path \"%s/troupe/broker-1.ipc\" has 110 bytes, the system "
            "allows 107, choose a shorter state\n"
            "t.yaml:1:1: brokers.0.publish: the socket's path \"%s/troupe/broker-1-pub.ipc\" has 114 bytes, the system "
            "allows 107, choose a shorter state\n"
            "t.yaml:1:1: store.url: the socket's path \"%s/troupe/redis.sock\" has 108 bytes, the system allows 107, "
            "choose a shorter path, relative ones count as written\n",
            state, state, state);
  expect_errors (yaml, lines);
}

Test (cross, store)
{
  static const char *const right[] = {"redis://localhost",  "redis://localhost:6379", "redis://user@10.0.0.1:6379/2",
                                      "redis://[::1]:6379", "unix:///run/redis.sock", "unix://redis.sock",
                                      "redis+sentinel://s1/troupe", "redis+sentinel://u@s1:1,[::1],s3/troupe/2"};
  char yaml[256];
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    snprintf (yaml, sizeof yaml, "store: {url: \"%s\"}\n", right[i]);
    troupe_config_t *config = load (yaml);
    cr_expect_str_eq (troupe_config_text (config, "store.url"), right[i]);
    cr_expect_not (troupe_config_bool (config, "store.private"));
    troupe_config_destroy (&config);
  }
  static const char *const wrong[] = {"localhost:6379", "http://localhost", "redis://",      "redis://a b",
                                      "redis://h:0",    "redis://h/x",      "redis://:pw@h", "redis://u:pw@h",
                                      "rediss://h",     "unix://",          "redis+sentinel://h",
                                      "redis+sentinel://h/", "redis+sentinel://h,/troupe", "redis+sentinel://u:pw@h/m",
                                      "redis+sentinel://h/m/x"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf (yaml, sizeof yaml, "store: {url: \"%s\"}\n", wrong[i]);
    char *lines = load_errors (yaml, strlen (yaml));
    cr_expect_eq (strncmp (lines, "t.yaml:1:9: store.url: ", 23), 0, "%s", lines);
    cr_expect_null (strstr (lines, "pw@"), "%s", lines);
    free (lines);
  }
  expect_errors (
    "store: {url: \"redis://h\", fsync: everysec}\n",
    "t.yaml:1:27: store.fsync: only for the private Redis, but store.url is given, set it where that Redis is "
    "configured\n");
}

Test (cross, urls)
{
  static const char *const wrong[] = {"api.openai.com",    "ftp://x",        "http://",         "https://a b/",
                                      "https://u:pw@h/v1", "https://h/?x=1", "https://h:99999", "https://h/\xc3\xa9"};
  char yaml[256];
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf (yaml, sizeof yaml, "models: {m: {type: openai_chat, base_url: \"%s\"}}\n", wrong[i]);
    char *lines = load_errors (yaml, strlen (yaml));
    cr_expect_eq (strncmp (lines, "t.yaml:1:43: models.m.base_url: \"", 33), 0, "%s", lines);
    free (lines);
  }
}

Test (cross, rules_are_relative_to_the_file)
{
  char folder[] = "/tmp/config-XXXXXX", path[64], rules[64];
  troupe_config_t *config;
  json_t *errors;
  cr_assert_not_null (mkdtemp (folder));
  snprintf (path, sizeof path, "%s/mesh.yaml", folder);
  snprintf (rules, sizeof rules, "%s/rules.yaml", folder);
  FILE *file = fopen (path, "w");
  fputs ("models: {m: {type: rehearsal, rules: rules.yaml}}\n", file);
  fclose (file);
  cr_assert_eq (troupe_config_load (&config, path, &errors, NULL), TROUPE_BAD_CONFIG);
  cr_expect_str_eq (json_string_value (json_object_get (json_array_get (errors, 0), "path")), "models.m.rules");
  json_decref (errors);
  fclose (fopen (rules, "w"));
  cr_assert_eq (troupe_config_load (&config, path, &errors, NULL), TROUPE_OK);
  cr_expect_str_eq (troupe_config_text (config, "models.m.rules"), rules);
  cr_expect_eq (json_array_size (errors), 0u);
  json_decref (errors);
  troupe_config_destroy (&config);
  unlink (rules);
  unlink (path);
  rmdir (folder);
}

Test (cross, rules_in_a_directory_of_an_odd_name)
{
  static const char yaml[] = "models: {m: {type: rehearsal, rules: r.yaml}}\n";
  troupe_config_t *config;
  troupe_error_t error = {0};
  cr_expect_eq (troupe_config_parse (&config, "/a\xff/t.yaml", yaml, strlen (yaml), NULL, &error), TROUPE_BAD_CONFIG);
  cr_expect_str_eq (error.object, "/a?/t.yaml:1:1");
}

Test (cross, rules_that_cannot_be_read)
{
  expect_errors (
    "models: {m: {type: rehearsal, rules: /nonexistent/r.yaml}}\n",
    "t.yaml:1:31: models.m.rules: the file \"/nonexistent/r.yaml\" can't be read: No such file or directory, "
    "the path is relative to this file\n");
  expect_errors (
    "models: {m: {type: rehearsal, rules: /}}\n",
    "t.yaml:1:31: models.m.rules: the file \"/\" can't be read: Is a directory, the path is relative to this "
    "file\n");
}

Test (cross, keys_of_agent_types)
{
  troupe_config_t *config = load ("agents:\n"
                                  "  a: {type: dict_dialog, model: m, keys: {speak: string, n: [integer, 'null']}, max_retries: 0}\n"
                                  "  b: {type: dict_dialog, model: m, keys: [speak], to_content: speak, to_memory: false}\n");
  cr_expect_str_eq (troupe_config_text (config, "agents.a.keys.n.0"), "integer");
  cr_expect_str_eq (troupe_config_text (config, "agents.b.keys.0"), "speak");
  cr_expect_str_eq (troupe_config_text (config, "agents.b.to_content"), "speak");
  troupe_config_destroy (&config);
  expect_errors ("agents:\n  a: {model: m, keys: [speak], config: {x: 1}}\n",
                 "t.yaml:2:17: agents.a.keys: only for agents of type dict_dialog\n"
                 "t.yaml:2:32: agents.a.config: only for agents of type script\n");
  expect_errors ("agents:\n  a: {type: dict_dialog, max_retries: 17}\n",
                 "t.yaml:2:3: agents.a.model: required, but missing\n"
                 "t.yaml:2:39: agents.a.max_retries: \"17\" is wrong: it must be from 0 to 16\n");
}

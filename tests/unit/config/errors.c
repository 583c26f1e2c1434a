// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a file, to the letter and the column.

#include "load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *yaml, *errors;
} row_t;

static void
expect_all (const row_t *rows, size_t count)
{
  for (size_t i = 0; i < count; i++)
    expect_errors (rows[i].yaml, rows[i].errors);
}

#define EXPECT_ALL(rows) expect_all (rows, sizeof rows / sizeof *rows)

Test (errors, keys)
{
  static const row_t rows[] = {
    {"agnets: {}\n", "t.yaml:1:1: agnets: unknown key, did you mean agents?\n"},
    {"xyzzy: {}\n", "t.yaml:1:1: xyzzy: unknown key\n"},
    {"mesh: a\nmesh: b\n", "t.yaml:2:1: mesh: given already in line 1, keep one of them\n"},
    {"limits:\n  laese: 5s\n", "t.yaml:2:3: limits.laese: unknown key, did you mean lease?\n"},
    {"agents:\n  alice: {}\n", "t.yaml:2:3: agents.alice.model: required, but missing\n"},
    {"models: {gpt: }\n", "t.yaml:1:10: models.gpt.type: required, but missing\n"},
    {"brokers:\n  - endpoint: ipc://b.ipc\n", "t.yaml:2:5: brokers.0.name: required, but missing\n"},
    {"agents: {\"a b\": {model: m}}\n", "t.yaml:1:10: agents.a b: a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins "
                                        "with a letter or digit\n"},
    {"\"\": x\n", "t.yaml:1:1: a key has 1 to 128 bytes\n"},
    {"[a]: x\n", "t.yaml:1:1: a key must be a text, quote a text that begins with [ or {\n"},
    {"\"a\\nb\\e[31m\": x\n", "t.yaml:1:1: a b [31m: unknown key\n"},
  };
  EXPECT_ALL (rows);
}

Test (errors, kinds)
{
  static const row_t rows[] = {
    {"- a\n", "t.yaml:1:1: a map is expected, not a list\n"},
    {"hello\n", "t.yaml:1:1: a map is expected, not a single value\n"},
    {"agents: [alice]\n", "t.yaml:1:9: agents: a map is expected, not a list\n"},
    {"agents: {alice: x}\n", "t.yaml:1:17: agents.alice: a map is expected, not a single value\n"},
    {"brokers: {name: a}\n", "t.yaml:1:10: brokers: a list is expected, not a map\n"},
    {"brokers: [a]\n", "t.yaml:1:11: brokers.0: a map is expected, not a single value\n"},
    {"mesh: {a: b}\n", "t.yaml:1:7: mesh: a single value is expected, not a map\n"},
    {"log:\n  level:\n", "t.yaml:2:9: log.level: it has no value, leave the key out for its default, or quote the "
                         "text\n"},
    {"mesh: ~\n", "t.yaml:1:7: mesh: it has no value, leave the key out for its default, or quote the text\n"},
  };
  EXPECT_ALL (rows);
}

Test (errors, values)
{
  static const row_t rows[] = {
    {"log: {level: inof}\n",
     "t.yaml:1:14: log.level: \"inof\" is wrong: debug, info, chat, warning, error or off is expected, did you mean "
     "info?\n"},
    {"limits: {attempts: many}\n", "t.yaml:1:20: limits.attempts: \"many\" is wrong: a whole number is expected\n"},
    {"limits: {attempts: 1.5}\n", "t.yaml:1:20: limits.attempts: \"1.5\" is wrong: a whole number is expected\n"},
    {"limits: {attempts: 0}\n", "t.yaml:1:20: limits.attempts: \"0\" is wrong: it must be from 1 to 100\n"},
    {"limits: {attempts: 012}\n",
     "t.yaml:1:20: limits.attempts: \"012\" is wrong: a number that begins with 0 may mean "
     "octal, write it without leading zeros\n"},
    {"limits: {attempts: 99999999999999999999}\n",
     "t.yaml:1:20: limits.attempts: \"99999999999999999999\" is wrong: it is too large\n"},
    {"limits:\n  lease: 5\n", "t.yaml:2:10: limits.lease: \"5\" is wrong: its unit is missing: ms, s, m, h or d\n"},
    {"limits:\n  lease: 5 s\n", "t.yaml:2:10: limits.lease: \"5 s\" is wrong: its unit must be ms, s, m, h or d\n"},
    {"limits:\n  lease: 1.2345s\n", "t.yaml:2:10: limits.lease: \"1.2345s\" is wrong: it isn't a whole number of the "
                                    "smallest unit, write it in a smaller unit\n"},
    {"limits:\n  lease: soon\n", "t.yaml:2:10: limits.lease: \"soon\" is wrong: a number with ms, s, m, h or d is "
                                 "expected\n"},
    {"limits:\n  deadline: 31d\n", "t.yaml:2:13: limits.deadline: \"31d\" is wrong: it must be from 100ms to 30d\n"},
    {"limits:\n  deadline: 999999999999999d\n",
     "t.yaml:2:13: limits.deadline: \"999999999999999d\" is wrong: it is too large\n"},
    {"limits: {message: 16MB}\n", "t.yaml:1:19: limits.message: \"16MB\" is wrong: its unit must be B, KiB, MiB or "
                                  "GiB\n"},
    {"health: {listen: 9464}\n",
     "t.yaml:1:18: health.listen: \"9464\" is wrong: not an address to listen on, write host:port, such as "
     "127.0.0.1:9464, or *:9464 for every address\n"},
    {"health: {listen: '127.0.0.1:65536'}\n",
     "t.yaml:1:18: health.listen: \"127.0.0.1:65536\" is wrong: not an address to listen on, write host:port, such as "
     "127.0.0.1:9464, or *:9464 for every address\n"},
    {"mesh: a/b\n", "t.yaml:1:7: mesh: \"a/b\" is wrong: a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a "
                    "letter or digit\n"},
    {"state: ''\n", "t.yaml:1:8: state: \"\" is wrong: it is empty, leave the key out for its default\n"},
    {"state: \"a\\nb\"\n", "t.yaml:1:8: state: \"a b\" is wrong: it must be one line without control characters\n"},
  };
  EXPECT_ALL (rows);
}

Test (errors, booleans)
{
  expect_errors ("brokers: [{name: a, insecure: yes}]\n",
                 "t.yaml:1:31: brokers.0.insecure: \"yes\" is wrong: true or false is expected, did you mean "
                 "true?\n");
  expect_errors ("brokers: [{name: a, insecure: maybe}]\n",
                 "t.yaml:1:31: brokers.0.insecure: \"maybe\" is wrong: true or false is expected\n");
}

Test (errors, syntax)
{
  static const row_t rows[] = {
    {"mesh: a: b\n",
     "t.yaml:1:8: not YAML: mapping values are not allowed in this context, quote a text that holds \": "
     "\"\n"},
    {"limits:\n\tlease: 5s\n",
     "t.yaml:2:1: not YAML: found character that cannot start any token while scanning for the "
     "next token, indent with blanks, YAML takes no tabs there\n"},
    {"agents: {a: b\n", "t.yaml:2:1: not YAML: did not find expected ',' or '}' while parsing a flow mapping, close "
                        "the brace, and quote ${...} inside it\n"},
    {"mesh: \"a\n", "t.yaml:2:1: not YAML: found unexpected end of stream while scanning a quoted scalar, close the "
                    "quote\n"},
    {"mesh: a\n---\nmesh: b\n", "t.yaml:2:1: a second document begins here, one file describes one mesh\n"},
    {"a: &x 1\n", "t.yaml:1:1: a: unknown key\n"
                  "t.yaml:1:4: anchors (&x) aren't supported, write the value where it is needed\n"},
    {"mesh: *x\n", "t.yaml:1:7: aliases (*x) aren't supported, write the value where it is needed\n"},
    {"mesh: !!str x\n",
     "t.yaml:1:7: tags (tag:yaml.org,2002:str) aren't supported, remove it, each key knows its type\n"},
    {"<<: {}\n", "t.yaml:1:1: merge keys aren't supported, write the keys where they are needed\n"},
    {"mesh: \"a\\0b\"\n", "t.yaml:1:7: a text with NUL in it\n"},
    {"mesh: a\x01\n", "t.yaml:1:8: a control character (0x01), the file must be text in UTF-8\n"},
    {"mesh: \xc3\xa9\xff\n", "t.yaml:1:8: a byte that isn't UTF-8 (0xff), the file must be text in UTF-8\n"},
  };
  EXPECT_ALL (rows);
}

Test (errors, nul_in_the_file)
{
  static const char yaml[] = "mesh: a\nlog: \0{}\n";
  char *lines = load_errors (yaml, sizeof yaml - 1);
  cr_expect_str_eq (lines, "t.yaml:2:6: a NUL (0x00), the file must be text in UTF-8\n");
  free (lines);
}

// A few lines that stand for a billion nodes elsewhere.
Test (errors, bombs)
{
  expect_errors ("a: &a [x, x]\nb: [*a]\n",
                 "t.yaml:1:1: a: unknown key\n"
                 "t.yaml:1:4: anchors (&a) aren't supported, write the value where it is needed\n"
                 "t.yaml:2:1: b: unknown key\n"
                 "t.yaml:2:5: aliases (*a) aren't supported, write the value where it is needed\n");
  char deep[2000];
  memset (deep, '[', sizeof deep - 1);
  deep[sizeof deep - 1] = '\0';
  expect_errors (deep, "t.yaml:1:33: nested deeper than 32 levels\n");
}

Test (errors, sizes)
{
  enum { SIZE = 1024 * 1024 + 1, ITEMS = 10001 };
  char *text = malloc (SIZE + 1), *at = text;
  memset (text, '#', SIZE);
  text[SIZE] = '\0';
  expect_errors (text, "t.yaml: larger than 1024 KiB\n");
  at = stpcpy (at, "a: [");
  for (int i = 0; i < ITEMS; i++)
    at = stpcpy (at, "a,");
  stpcpy (at, "]\n");
  expect_errors (text, "t.yaml:1:4: a list or map with more than 10000 entries\n");
  at = stpcpy (text, "brokers:\n");
  for (int i = 0; i < 65; i++)
    at += sprintf (at, "  - { name: b%d }\n", i);
  expect_errors (text, "t.yaml:2:3: brokers: 65 items: at most 64 are allowed\n");
  free (text);
}

Test (errors, at_most_a_hundred)
{
  char yaml[4096] = "", *at = yaml;
  for (int i = 0; i < 150; i++)
    at += sprintf (at, "zz%d: 1\n", i);
  char *lines = load_errors (yaml, strlen (yaml));
  cr_expect_not_null (strstr (lines, "t.yaml:100:1: zz99: unknown key\nThere may be more errors than these 100.\n"));
  cr_expect_null (strstr (lines, "zz100"));
  free (lines);
}

// Five mistakes of different kinds in one file: five lines, in the order of the file.
Test (errors, all_at_once)
{
  expect_errors ("mesh: my mesh\n"
                 "models:\n"
                 "  gpt:\n"
                 "    type: open\n"
                 "agents:\n"
                 "  alice:\n"
                 "    modle: gpt\n"
                 "limits:\n"
                 "  lease: 100ms\n",
                 "t.yaml:1:7: mesh: \"my mesh\" is wrong: a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a "
                 "letter or digit\n"
                 "t.yaml:4:11: models.gpt.type: \"open\" is wrong: "
                 "openai, openai_chat, azure_openai, anthropic, gemini, dashscope, ollama, modelscope, huggingface, vllm, "
                 "fastchat, llamacpp, post_api or rehearsal is expected, did you mean openai?\n"
                 "t.yaml:6:3: agents.alice.model: required, but missing\n"
                 "t.yaml:7:5: agents.alice.modle: unknown key, did you mean model?\n"
                 "t.yaml:9:10: limits.lease: \"100ms\" is wrong: it must be from 200ms to 60s\n");
}

Test (errors, sum)
{
  troupe_error_t error = {0};
  troupe_config_t *config;
  static const char yaml[] = "mseh: a\nlgo: {}\nagnets: {}\n";
  cr_assert_eq (troupe_config_parse (&config, "t.yaml", yaml, strlen (yaml), NULL, &error), TROUPE_BAD_CONFIG);
  cr_expect_str_eq (error.object, "t.yaml:1:1");
  cr_expect_str_eq (error.why, "mseh: unknown key (and 2 more errors)");
  cr_expect_str_eq (error.next, "did you mean mesh?");
}

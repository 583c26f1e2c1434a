// SPDX-License-Identifier: Apache-2.0
//
// ${NAME}.

#include "load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
expect (const char *value, const char *expanded)
{
  char yaml[512];
  snprintf (yaml, sizeof yaml, "agents: {a: {model: m, prompt: %s}}\n", value);
  troupe_config_t *config = load (yaml);
  cr_expect_str_eq (troupe_config_text (config, "agents.a.prompt"), expanded);
  troupe_config_destroy (&config);
}

Test (variables, replaces)
{
  setenv ("WORD", "hello", 1);
  setenv ("EMPTY", "", 1);
  setenv ("TRICKY", "a: b\n- ${WORD} \"'}$$", 1);
  unsetenv ("UNSET");
  expect ("'${WORD}'", "hello");
  expect ("'say ${WORD}, ${WORD}!'", "say hello, hello!");
  expect ("'${UNSET:-}'", "");
  expect ("\"${UNSET:-a:-b $$ c}\"", "a:-b $$ c");
  expect ("\"${EMPTY:-text}\"", "text");
  expect ("\"x${EMPTY}y\"", "xy");
  expect ("\"${WORD:-text}\"", "hello");
  expect ("\"$$ $${WORD} $$$${WORD} $5 $\"", "$ ${WORD} $${WORD} $5 $");
  expect ("\"${TRICKY}\"", "a: b\n- ${WORD} \"'}$$");
}

Test (variables, says_what_is_wrong)
{
  unsetenv ("UNSET");
  expect_errors ("mesh: ${UNSET}\n", "t.yaml:1:7: mesh: UNSET: the environment variable is not set, set UNSET or "
                                     "UNSET_FILE, or write ${UNSET:-default}\n");
  expect_errors ("mesh: \xc3\xa9${UNSET}\n",
                 "t.yaml:1:8: mesh: UNSET: the environment variable is not set, set UNSET or "
                 "UNSET_FILE, or write ${UNSET:-default}\n");
  expect_errors ("mesh: \"a${UNSET}${UNSET}\"\n",
                 "t.yaml:1:9: mesh: UNSET: the environment variable is not set, set UNSET or UNSET_FILE, or write "
                 "${UNSET:-default}\n"
                 "t.yaml:1:17: mesh: UNSET: the environment variable is not set, set UNSET or UNSET_FILE, or write "
                 "${UNSET:-default}\n");
  static const char *const wrong[] = {"${}", "${1A}", "${A-x}", "${A:?x}", "${A B}", "${A:}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char yaml[64];
    snprintf (yaml, sizeof yaml, "mesh: \"%s\"\n", wrong[i]);
    expect_errors (yaml,
                   "t.yaml:1:8: mesh: ${: not the name of a variable, write ${NAME} or ${NAME:-default}, and $$ for "
                   "a dollar\n");
  }
  expect_errors ("mesh: \"x${WORD\"\n", "t.yaml:1:9: mesh: ${: the closing brace is missing, write $$ for a dollar\n");
  setenv ("LATIN", "\xe9", 1);
  expect_errors ("mesh: \"${LATIN}\"\n", "t.yaml:1:8: mesh: LATIN: the environment variable isn't text in UTF-8\n");
}

Test (variables, empty_is_absent_without_a_default)
{
  setenv ("EMPTY", "", 1);
  troupe_config_t *config = load ("models: {m: {type: openai_chat, api_key: \"${EMPTY}\", model: \"${EMPTY}\"}}\n"
                                  "store: {url: \"${NO_URL:-}\"}\n");
  cr_expect_null (troupe_config_get (config, "models.m.api_key"));
  cr_expect_str_eq (troupe_config_text (config, "models.m.model"), "m");
  cr_expect (troupe_config_bool (config, "store.private"));
  troupe_config_destroy (&config);
  expect_errors ("models: {m: {type: \"${EMPTY}\"}}\n", "t.yaml:1:20: models.m.type: a value is missing\n");
  expect_errors ("brokers: [{name: a}, {name: b, endpoint: \"${EMPTY}\", publish: \"${EMPTY}\"}, {name: b}]\n",
                 "t.yaml:1:77: brokers.2.name: broker 2 has the name b too, names must differ\n");
}

static void
write_file (const char *path, const char *bytes, size_t size)
{
  FILE *file = fopen (path, "w");
  cr_assert (file != NULL && fwrite (bytes, 1, size, file) == size && fclose (file) == 0);
}

Test (variables, files)
{
  char folder[] = "/tmp/config-XXXXXX", path[64], expected[512];
  cr_assert_not_null (mkdtemp (folder));
  snprintf (path, sizeof path, "%s/secret", folder);
  unsetenv ("FROM");
  setenv ("FROM_FILE", path, 1);
  write_file (path, "from a file\n\n", 13);
  expect ("\"${FROM}\"", "from a file\n");
  expect ("\"${FROM:-text}\"", "from a file\n");
  write_file (path, "windows\r\n", 9);
  expect ("\"${FROM}\"", "windows");
  write_file (path, "", 0);
  expect ("\"${FROM}\"", "");
  write_file (path, "a\0b", 3);
  snprintf (expected, sizeof expected, "t.yaml:1:8: mesh: FROM_FILE is \"%s\": the file isn't text in UTF-8\n", path);
  expect_errors ("mesh: \"${FROM}\"\n", expected);
  unlink (path);
  snprintf (expected, sizeof expected, "t.yaml:1:8: mesh: FROM_FILE is \"%s\": there is no such file, check the path\n",
            path);
  expect_errors ("mesh: \"${FROM}\"\n", expected);
  setenv ("FROM_FILE", "/dev/zero", 1);
  expect_errors ("mesh: \"${FROM}\"\n", "t.yaml:1:8: mesh: FROM_FILE is \"/dev/zero\": larger than 64 KiB\n");
  setenv ("FROM", "set", 1);
  expect ("\"${FROM}\"", "set");
  rmdir (folder);
}

// Variables repeated without end don't fill the memory.
Test (variables, are_bounded)
{
  enum { TIMES = 2000, SIZE = 1000 };
  char value[SIZE + 1], *yaml = malloc (TIMES * 8 + 64), *at = stpcpy (yaml, "mesh: \"");
  memset (value, 'v', SIZE);
  value[SIZE] = '\0';
  setenv ("BIG", value, 1);
  for (int i = 0; i < TIMES; i++)
    at = stpcpy (at, "${BIG}");
  strcpy (at, "\"\n");
  char *lines = load_errors (yaml, strlen (yaml));
  cr_expect_eq (strncmp (lines, "t.yaml:1:7: mesh: longer than 1 MiB with its variables\n", 55), 0, "%s", lines);
  free (lines);
  free (yaml);
}

// What a program that reads one part gets of each secret.
static void
expect_secrets (const char *path, const char *part, const char *gpt, const char *local, const char *store)
{
  troupe_config_t *config;
  cr_assert_eq (troupe_config_load_part (&config, path, part, NULL, NULL), TROUPE_OK, "%s", part);
  const char *paths[] = {"models.gpt.api_key", "models.gpt-2.api_key", "store.password"};
  const char *secrets[] = {gpt, local, store};
  for (int i = 0; i < 3; i++) {
    const char *value = json_string_value (troupe_config_get (config, paths[i]));
    cr_expect (value == secrets[i] || (value && secrets[i] && strcmp (value, secrets[i]) == 0), "%s, %s: %s", part,
               paths[i], value);
  }
  cr_expect_str_eq (troupe_config_text (config, "models.gpt.type"), "openai_chat");
  troupe_config_destroy (&config);
}

Test (variables, secrets_of_other_parts_are_left_out)
{
  char path[] = "/tmp/config-XXXXXX";
  FILE *file = fdopen (mkstemp (path), "w");
  fputs ("store: {url: 'redis://127.0.0.1:6379', password: '${PASSWORD}'}\n"
         "models:\n"
         "  gpt: {type: openai_chat, api_key: '${KEY}'}\n"
         "  gpt-2: {type: openai_chat, api_key: '${KEY_2}'}\n",
         file);
  fclose (file);
  setenv ("KEY", "one", 1);
  unsetenv ("KEY_2");
  unsetenv ("PASSWORD");
  expect_secrets (path, "models.gpt", "one", NULL, NULL);
  expect_secrets (path, "agents.alice", NULL, NULL, NULL);
  expect_secrets (path, "", NULL, NULL, NULL);
  setenv ("PASSWORD", "three", 1);
  expect_secrets (path, "store", NULL, NULL, "three");
  troupe_config_t *config;
  cr_expect_eq (troupe_config_load (&config, path, NULL, NULL), TROUPE_BAD_CONFIG);
  setenv ("KEY_2", "two", 1);
  expect_secrets (path, NULL, "one", "two", "three");
  unlink (path);
}

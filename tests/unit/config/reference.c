// SPDX-License-Identifier: Apache-2.0
//
// docs/reference/configuration.md: its generated half is that of the table, its example loads and has every key, and
// the errors that it shows are those that one gets.

#include "config/key.h"
#include "load.h"
#include "troupe/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char page_path[] = TROUPE_SOURCE_DIR "/docs/reference/configuration.md";
static const char end_of_prose[] = "bin/unit-config -->\n\n";

static char *
read_page (void)
{
  char *text = NULL;
  size_t capacity = 0;
  FILE *file = fopen (page_path, "r");
  cr_assert_not_null (file, "%s", page_path);
  cr_assert_geq (getdelim (&text, &capacity, '\0', file), 0);
  fclose (file);
  return text;
}

static char *
generate (void)
{
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream (&text, &size);
  troupe_config_print_reference (file);
  cr_assert_eq (fclose (file), 0);
  return text;
}

static void
regenerate (const char *page, size_t prose, const char *table)
{
  FILE *file = fopen (page_path, "w");
  cr_assert_not_null (file);
  fprintf (file, "%.*s%s", (int)prose, page, table);
  cr_assert_eq (fclose (file), 0);
}

Test (reference, is_up_to_date)
{
  char *page = read_page (), *table = generate ();
  char *end = strstr (page, end_of_prose);
  cr_assert_not_null (end, "the line that ends the written half is gone from %s", page_path);
  end += strlen (end_of_prose);
  if (getenv ("TROUPE_REGENERATE") != NULL)
    regenerate (page, (size_t)(end - page), table);
  else
    cr_expect (strcmp (end, table) == 0,
               "docs/reference/configuration.md is out of date: TROUPE_REGENERATE=1 scripts/run-test "
               "<build>/bin/unit-config writes it anew");
  free (page);
  free (table);
}

// The YAML of the page, a new string.
static char *
example (void)
{
  char *page = read_page ();
  char *begin = strstr (page, "```yaml\n"), *end = begin != NULL ? strstr (begin, "\n```\n") : NULL;
  cr_assert_not_null (end);
  begin += strlen ("```yaml\n");
  char *yaml = strndup (begin, (size_t)(end - begin) + 1);
  free (page);
  return yaml;
}

Test (reference, example_loads)
{
  troupe_config_t *config;
  json_t *errors;
  char *yaml = example ();
  setenv ("OPENAI_API_KEY", "sk-secret", 1);
  troupe_err_t code = troupe_config_parse (&config, "example.yaml", yaml, strlen (yaml), &errors, NULL);
  troupe_config_print_errors (errors, stderr);
  cr_assert_eq (code, TROUPE_OK);
  cr_expect_str_eq (troupe_config_text (config, "agents.bob.model"), "offline");
  troupe_config_destroy (&config);
  json_decref (errors);
  free (yaml);
}

Test (reference, shows_real_errors)
{
  char *page = read_page ();
  static const char yaml[] = "mesh: a\nmodels:\n  gpt:\n    type: openai_chat\n    model: gpt-4o-mini\n\n\nagents:\n"
                             "  alice:\n    model: gpt\n    prompt: Be brief.\n    modle: gpt\nlimits:\n"
                             "    lease: 5\n";
  char *lines = load_errors (yaml, strlen (yaml)), *rest = lines, *line;
  while ((line = strsep (&rest, "\n")) != NULL && *line != '\0')
    cr_expect_not_null (strstr (page, line + 1), "%s", line); // "t.yaml" there, "troupe.yaml" on the page
  free (lines);
  free (page);
}

// Also with what is commented out in it.
Test (reference, example_is_complete)
{
  char *yaml = example ();
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    char member[64];
    const char *name = config_key_name (key);
    snprintf (member, sizeof member, "%s:", name);
    cr_expect (strcmp (name, "*") == 0 || strstr (name, "[]") != NULL || strstr (yaml, member) != NULL,
               "the example lacks %s", key->path);
  }
  free (yaml);
}

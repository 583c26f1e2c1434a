// SPDX-License-Identifier: Apache-2.0
//
// Errors are compared as the lines that people see, so that a test fails when a place or a word of them changes.

#include "load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "t.yaml";

troupe_config_t *
load (const char *yaml)
{
  troupe_config_t *config;
  troupe_error_t error = {0};
  troupe_err_t code = troupe_config_parse (&config, name, yaml, strlen (yaml), NULL, &error);
  cr_assert_eq (code, TROUPE_OK, "%s: %s: %s", yaml, error.object, error.why);
  return config;
}

char *
load_errors (const char *yaml, size_t size)
{
  troupe_config_t *config;
  json_t *errors;
  char *lines = NULL;
  size_t lines_size = 0;
  troupe_error_t error = {0};
  cr_assert_eq (troupe_config_parse (&config, name, yaml, size, &errors, &error), TROUPE_BAD_CONFIG, "%s", yaml);
  cr_assert_null (config);
  cr_expect_eq (error.code, TROUPE_BAD_CONFIG);
  FILE *file = open_memstream (&lines, &lines_size);
  troupe_config_print_errors (errors, file);
  fclose (file);
  json_decref (errors);
  return lines;
}

void
expect_errors (const char *yaml, const char *expected)
{
  char *lines = load_errors (yaml, strlen (yaml));
  cr_expect (strcmp (lines, expected) == 0, "\n%s\ngives\n%sinstead of\n%s", yaml, lines, expected);
  free (lines);
}

// SPDX-License-Identifier: Apache-2.0
//
// The examples of the reference's pages: each loads, and makes its models.

#include "model/provider.h"
#include "troupe/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER TROUPE_SOURCE_DIR "/examples/models/"

// Keys are in variables, which must be there.
static void
set_variables (const char *path)
{
  char line[512];
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "%s", path);
  while (fgets (line, sizeof line, file)) {
    char *begin = strstr (line, "${"), *end = begin ? strchr (begin, '}') : NULL;
    if (!end)
      continue;
    *end = 0;
    setenv (begin + 2, "sk-of-an-example", 1);
  }
  fclose (file);
}

static void
expect_models (const char *path, const char *type)
{
  troupe_config_t *config;
  json_t *errors = NULL, *settings;
  const char *name;
  set_variables (path);
  troupe_err_t code = troupe_config_load (&config, path, &errors, NULL);
  troupe_config_print_errors (errors, stderr);
  json_decref (errors);
  cr_assert_eq (code, TROUPE_OK, "%s", path);
  json_object_foreach (json_object_get ((json_t *)(uintptr_t)troupe_config_root (config), "models"), name, settings) {
    troupe_model_t *model;
    troupe_error_t error = {0};
    troupe_model_options_t options = {.name = name, .config = settings};
    cr_expect_str_eq (json_string_value (json_object_get (settings, "type")), type);
    cr_assert_eq (troupe_model_new (&model, NULL, &options, NULL, &error), TROUPE_OK, "%s: %s", path, error.why);
    troupe_model_destroy (&model);
  }
  troupe_config_destroy (&config);
}

Test (examples, load_for_every_type)
{
  static const char *const types[] = {
#define TROUPE_PROVIDER(type, base_url, auth, layout, keys, text) type,
#include "troupe/provider.def"
#undef TROUPE_PROVIDER
  };
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    char path[512];
    snprintf (path, sizeof path, FOLDER "%s.yaml", types[i]);
    expect_models (path, types[i]);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a configuration: either a whole tree with every default, which shows no secret when redacted, or errors
// with places inside the file. Files that an input names (rules) are looked for, never written or read.

#include "troupe/config.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void
check_tree (const troupe_config_t *config)
{
  static const char *const texts[] = {
    "mesh", "state", "brokers.0.name", "brokers.0.endpoint", "brokers.0.publish", "store.url", "log.level"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *where = troupe_config_where (config, texts[i]);
    FUZZ_EXPECT (troupe_config_text (config, texts[i]) != NULL);
    FUZZ_EXPECT (where != NULL);
    free (where);
  }
  FUZZ_EXPECT (troupe_config_int (config, "limits.lease") >= 3 * troupe_config_int (config, "limits.heartbeat"));
}

static void
check_redacted (const troupe_config_t *config)
{
  const char *name;
  json_t *model, *copy = troupe_config_redacted (config);
  FUZZ_EXPECT (copy != NULL);
  json_object_foreach (json_object_get (copy, "models"), name, model)
  {
    const char *key = json_string_value (json_object_get (model, "api_key"));
    FUZZ_EXPECT (key == NULL || strcmp (key, "***") == 0);
  }
  json_decref (copy);
}

static void
check_errors (const json_t *errors, size_t size)
{
  size_t i;
  json_t *entry;
  FUZZ_EXPECT (json_array_size (errors) > 0);
  json_array_foreach (errors, i, entry)
  {
    const char *why = json_string_value (json_object_get (entry, "why"));
    json_int_t line = json_integer_value (json_object_get (entry, "line"));
    FUZZ_EXPECT (why != NULL && *why != '\0');
    FUZZ_EXPECT (line >= 0 && line <= (json_int_t)size + 1);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  troupe_config_t *config;
  json_t *errors;
  troupe_error_t error = {0};
  json_object_seed (1); // the same run each time
  setenv ("SECRET", "fuzz-secret-value", 1);
  troupe_err_t err = troupe_config_parse (&config, "fuzz.yaml", (const char *)data, size, &errors, &error);
  FUZZ_EXPECT ((err == TROUPE_OK) == (config != NULL));
  if (err == TROUPE_OK) {
    check_tree (config);
    check_redacted (config);
  } else {
    FUZZ_EXPECT (err == TROUPE_BAD_CONFIG && error.code == err && error.why[0] != '\0');
    check_errors (errors, size);
  }
  troupe_config_destroy (&config);
  json_decref (errors);
  return 0;
}

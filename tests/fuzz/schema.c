// SPDX-License-Identifier: Apache-2.0
//
// Any JSON list as [schema, value]: the schema is refused with a reason, or the value is valid, or it is not and errors
// say why, or checking it is too much. A document that it names is the schema itself.

#include "troupe/schema.h"
#include "tests/fuzz/fuzz.h"

static json_t *
itself (void *arg, const char *uri)
{
  (void)uri;
  return json_incref (arg);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  json_t *pair = json_loadb ((const char *)data, size, JSON_ALLOW_NUL, NULL), *errors;
  json_t *json = json_array_get (pair, 0), *value = json_array_get (pair, 1);
  troupe_schema_t *schema;
  troupe_error_t error = {0};
  if (value == NULL) {
    json_decref (pair);
    return 0;
  }
  troupe_schema_options_t options = {.registry = itself, .arg = json};
  troupe_err_t err = troupe_schema_new (&schema, json, &options, &error);
  FUZZ_EXPECT ((err == TROUPE_OK) == (schema != NULL));
  FUZZ_EXPECT (err == TROUPE_OK || (err == TROUPE_BAD_CONFIG && error.why[0] != '\0'));
  if (err == TROUPE_OK) {
    err = troupe_schema_validate (schema, value, &errors, &error);
    FUZZ_EXPECT (err == TROUPE_OK || err == TROUPE_BAD_MESSAGE || err == TROUPE_TOO_DEEP || err == TROUPE_TOO_LARGE);
    FUZZ_EXPECT ((err == TROUPE_BAD_MESSAGE) == (json_array_size (errors) > 0));
    FUZZ_EXPECT (err == TROUPE_OK || error.why[0] != '\0');
    json_decref (errors);
  }
  troupe_schema_destroy (&schema);
  json_decref (pair);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>

troupe_model_t *
fixture_model (const char *config)
{
  troupe_model_t *model;
  troupe_error_t error = {0};
  json_error_t cause;
  json_t *json = json_loads (config, 0, &cause);
  cr_assert_not_null (json, "%s", cause.text);
  troupe_model_options_t options = {.name = "gpt", .config = json};
  cr_assert_eq (troupe_model_new (&model, NULL, &options, NULL, &error), TROUPE_OK, "%s", error.why);
  json_decref (json);
  return model;
}

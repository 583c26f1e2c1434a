// SPDX-License-Identifier: Apache-2.0
//
// What a schema finds wrong, as part of a reply's feedback.

#include "parse/parser.h"

troupe_err_t
schema_take (troupe_parser_t *self, troupe_error_t *error)
{
  json_t *schema = json_object_get (self->config, "schema");
  return schema != NULL ? troupe_schema_new (&self->schema, schema, NULL, error) : TROUPE_OK;
}

troupe_err_t
schema_fits (reading_t *reading, const troupe_schema_t *schema, const json_t *value, const char *what)
{
  json_t *errors = NULL, *entry;
  troupe_error_t error;
  size_t i;
  troupe_err_t err = schema != NULL ? troupe_schema_validate (schema, value, &errors, &error) : TROUPE_OK;
  if (err == TROUPE_OK || err == TROUPE_NO_MEMORY)
    return err;
  json_array_foreach (errors, i, entry)
    parser_wrong (reading, "in %s, %s", what, json_string_value (json_object_get (entry, "text")));
  if (errors == NULL) // too deep, or too many steps: the value's fault as well
    parser_wrong (reading, "in %s, %s", what, error.why);
  json_decref (errors);
  return TROUPE_BAD_MESSAGE;
}

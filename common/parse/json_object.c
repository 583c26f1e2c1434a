// SPDX-License-Identifier: Apache-2.0
//
// The parser of JSON objects. Keys that nobody asked for stay: they do no harm, and a prompt may well ask for more than
// the configuration checks. Everything that is wrong is said at once, so that one more try can mend all of it.

#include "parse/parser.h"

#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"required", "optional", "schema", "example", NULL};

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  troupe_err_t err = type_check_keys (json_object_get (self->config, "required"), "required", error);
  if (err == TROUPE_OK)
    err = type_check_keys (json_object_get (self->config, "optional"), "optional", error);
  json_t *example = json_object_get (self->config, "example");
  if (err == TROUPE_OK && example != NULL && !json_is_object (example) && !json_is_string (example))
    return parser_refuse (error, "example", "an object, or a text", "it is neither");
  return err == TROUPE_OK ? schema_take (self, error) : err;
}

static void
print_keys (json_t *list, const char **between, FILE *file)
{
  const json_t *type;
  for (size_t i = 0; i < type_key_count (list); i++) {
    fprintf (file, "%s\"%s\": ", *between, type_key (list, i, &type));
    type_key (list, i, &type);
    type_print (type, file);
    *between = ", ";
  }
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  json_t *example = json_object_get (self->config, "example"), *schema = json_object_get (self->config, "schema");
  json_t *required = json_object_get (self->config, "required"), *optional = json_object_get (self->config, "optional");
  const char *between = "";
  const json_t *type;
  fputs ("Answer with one JSON object in a block fenced as json, and nothing else:\n```json\n", file);
  if (json_is_string (example))
    fputs (json_string_value (example), file);
  else if (example != NULL)
    json_dumpf (example, file, 0);
  else {
    fputc ('{', file);
    print_keys (required, &between, file);
    print_keys (optional, &between, file);
    fputs (*between == '\0' ? "...}" : "}", file);
  }
  fputs ("\n```\n", file);
  for (size_t i = 0; i < type_key_count (optional); i++)
    fprintf (file, "%s\"%s\"%s", i == 0 ? "These keys may be left out: " : ", ", type_key (optional, i, &type),
             i + 1 == type_key_count (optional) ? ".\n" : "");
  if (schema != NULL) {
    fputs ("The object must be valid under this JSON Schema: ", file);
    json_dumpf (schema, file, JSON_COMPACT);
    fputc ('\n', file);
  }
}

// Says which keys of `list` are missing or of another type.
static bool
check_members (reading_t *reading, json_t *object, json_t *list, bool required)
{
  bool right = true;
  for (size_t i = 0; i < type_key_count (list); i++) {
    const json_t *type, *value;
    const char *key = type_key (list, i, &type);
    value = json_object_get (object, key);
    if (value == NULL ? !required : type == NULL || type_fits (type, value))
      continue;
    right = false;
    parser_wrong (reading, value == NULL ? "the key \"%s\" is missing, it must be " : "the key \"%s\" must be ", key);
    type_name (type, reading->wrong);
    if (value == NULL)
      continue;
    fputs (", not ", reading->wrong);
    type_show (value, reading->wrong);
  }
  return right;
}

static troupe_err_t
read_object (const troupe_parser_t *self, reading_t *reading)
{
  json_t *object;
  troupe_err_t err = mending_json (reading, reading->text, reading->size, TROUPE_REPAIR_WANT_OBJECT, true, &object);
  if (err != TROUPE_OK)
    return err;
  reading->parsed->fields = object;
  bool right = check_members (reading, object, json_object_get (self->config, "required"), true);
  right = check_members (reading, object, json_object_get (self->config, "optional"), false) && right;
  return right ? schema_fits (reading, self->schema, object, "the object") : TROUPE_BAD_MESSAGE;
}

const parser_verbs_t parser_JSON_OBJECT_verbs = {keys, "true", "false", check, instruct, read_object};

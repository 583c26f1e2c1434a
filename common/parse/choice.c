// SPDX-License-Identifier: Apache-2.0
//
// The choice of what goes where, as AgentScope's parsers have it: all fields, none, one by itself, or an object of
// some.

#include "parse/parser.h"
#include "error/reading.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"to_memory", "to_content", "to_metadata"};

troupe_err_t
choice_check (const json_t *config, troupe_error_t *error)
{
  size_t i;
  json_t *key;
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    json_t *choice = json_object_get (config, names[n]);
    bool right = choice == NULL || json_is_boolean (choice) || json_is_string (choice) || json_is_array (choice);
    json_array_foreach (choice, i, key)
      right = right && json_is_string (key);
    if (!right)
      return parser_refuse (error, names[n], "true, false, \"key\" or [\"key\", ...]", "it is none of these");
  }
  return TROUPE_OK;
}

// The fields chosen: a new reference, or NULL when there are none. *failed: no memory.
static json_t *
chosen (json_t *fields, const json_t *choice, bool alone, bool *failed)
{
  size_t i;
  json_t *key;
  if (json_is_true (choice))
    return json_incref (fields);
  if (json_is_string (choice) && alone)
    return json_incref (json_object_get (fields, json_string_value (choice)));
  if (json_is_false (choice))
    return NULL;
  json_t *some = json_object ();
  *failed = some == NULL;
  if (json_is_string (choice) && json_object_get (fields, json_string_value (choice)) != NULL)
    *failed = *failed || json_object_set (some, json_string_value (choice),
                                          json_object_get (fields, json_string_value (choice))) != 0;
  json_array_foreach (choice, i, key)
    if (json_object_get (fields, json_string_value (key)) != NULL)
      *failed = *failed ||
                json_object_set (some, json_string_value (key), json_object_get (fields, json_string_value (key))) != 0;
  if (json_object_size (some) > 0 && !*failed)
    return some;
  json_decref (some);
  return NULL;
}

// As a text: a string as it is, a list's items alone, anything else as JSON. NULL: out of memory.
static char *
as_text (parser_type_t type, const json_t *value)
{
  if (json_is_string (value))
    return strdup (json_string_value (value));
  const json_t *items = type == PARSER_LIST && json_object_size (value) == 1 ? json_object_get (value, "items") : NULL;
  return json_dumps (items != NULL ? items : value, JSON_ENCODE_ANY | JSON_COMPACT);
}

// The choice of a parser, or its default (JSON); a new reference.
static json_t *
choice_of (const troupe_parser_t *self, const char *name, const char *fallback)
{
  json_t *choice = json_object_get (self->config, name);
  return choice != NULL ? json_incref (choice) : reading_text (fallback, JSON_DECODE_ANY, NULL);
}

static troupe_err_t
fill_text (const troupe_parser_t *self, json_t *fields, const char *name, const char *fallback, char **text)
{
  bool failed = false;
  json_t *choice = choice_of (self, name, fallback), *value = NULL;
  if (choice != NULL)
    value = chosen (fields, choice, true, &failed);
  if (value != NULL)
    *text = as_text (self->type, value);
  failed = failed || choice == NULL || (value != NULL && *text == NULL);
  json_decref (choice);
  json_decref (value);
  return failed ? TROUPE_NO_MEMORY : TROUPE_OK;
}

troupe_err_t
choice_apply (const troupe_parser_t *self, const parser_verbs_t *verbs, troupe_parsed_t *parsed)
{
  bool failed = false;
  troupe_err_t err = fill_text (self, parsed->fields, "to_memory", "true", &parsed->memory);
  if (err == TROUPE_OK)
    err = fill_text (self, parsed->fields, "to_content", verbs->to_content, &parsed->content);
  json_t *choice = choice_of (self, "to_metadata", verbs->to_metadata);
  if (choice != NULL)
    parsed->metadata = chosen (parsed->fields, choice, false, &failed);
  failed = failed || choice == NULL;
  json_decref (choice);
  return failed ? TROUPE_NO_MEMORY : err;
}

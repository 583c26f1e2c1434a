// SPDX-License-Identifier: Apache-2.0
//
// JSON types by their names in JSON Schema, in configurations, instructions and sentences. An integer is a number
// without a fraction, so 3.0 is one, as in JSON Schema.

#include "parse/parser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 80 }; // bytes of a value that is quoted in a sentence

static bool
is_any (const json_t *value)
{
  return value != NULL;
}

static bool
is_text (const json_t *value)
{
  return json_is_string (value);
}

static bool
is_integer (const json_t *value)
{
  return json_is_integer (value) ||
         (json_is_real (value) && trunc (json_real_value (value)) == json_real_value (value));
}

static bool
is_number (const json_t *value)
{
  return json_is_number (value);
}

static bool
is_boolean (const json_t *value)
{
  return json_is_boolean (value);
}

static bool
is_object (const json_t *value)
{
  return json_is_object (value);
}

static bool
is_array (const json_t *value)
{
  return json_is_array (value);
}

static bool
is_null (const json_t *value)
{
  return json_is_null (value);
}

static const struct {
  const char *name, *phrase;
  bool (*fits) (const json_t *);
} types[] = {
  {"any", "any value", is_any},
  {"string", "a string", is_text},
  {"integer", "an integer", is_integer},
  {"number", "a number", is_number},
  {"boolean", "true or false", is_boolean},
  {"object", "an object", is_object},
  {"array", "a list", is_array},
  {"null", "null", is_null},
};

enum { TYPES = sizeof types / sizeof *types };

static size_t
find (const json_t *name)
{
  size_t i = 0;
  while (i < TYPES && (!json_is_string (name) || strcmp (types[i].name, json_string_value (name)) != 0))
    i++;
  return i;
}

// The name or list of names of a TYPE; "any" is NULL.
static const json_t *
names_of (const json_t *type)
{
  return json_is_object (type) ? json_object_get (type, "type") : type;
}

troupe_err_t
type_check (const json_t *type, const char *key, troupe_error_t *error)
{
  static const char next[] = "any, string, integer, number, boolean, object, array or null";
  const json_t *names = names_of (type);
  size_t i;
  json_t *name;
  if (json_is_object (type)) {
    const json_t *hint = json_object_get (type, "hint");
    size_t known = (names != NULL) + (hint != NULL);
    if (known != json_object_size (type) || (hint != NULL && !json_is_string (hint)))
      return parser_refuse (error, key, "type and hint, a text", "it has other members than these");
    if (names == NULL)
      return TROUPE_OK;
  }
  if (json_is_string (names))
    return find (names) < TYPES
             ? TROUPE_OK
             : parser_refuse (error, key, next, "there is no type \"%s\"", json_string_value (names));
  if (json_array_size (names) == 0)
    return parser_refuse (error, key, next, "a type is a name or a list of names");
  json_array_foreach (names, i, name)
    if (find (name) == TYPES)
      return parser_refuse (error, key, next, "the list has what is no type's name");
  return TROUPE_OK;
}

bool
type_fits (const json_t *type, const json_t *value)
{
  const json_t *names = names_of (type), *name;
  size_t i;
  if (!json_is_array (names))
    return names == NULL || types[find (names)].fits (value);
  json_array_foreach (names, i, name)
    if (types[find (name)].fits (value))
      return true;
  return false;
}

// The names as they are, or as phrases, with "or" between.
static void
print_names (const json_t *names, bool phrases, FILE *file)
{
  size_t count = json_is_array (names) ? json_array_size (names) : 1;
  for (size_t i = 0; i < count; i++) {
    size_t row = names == NULL ? 0 : find (json_is_array (names) ? json_array_get (names, i) : names);
    fprintf (file, "%s%s", i == 0 ? "" : " or ", phrases ? types[row].phrase : types[row].name);
  }
}

void
type_print (const json_t *type, FILE *file)
{
  const char *hint = json_is_object (type) ? json_string_value (json_object_get (type, "hint")) : NULL;
  fputc ('<', file);
  print_names (names_of (type), false, file);
  fprintf (file, "%s%s>", hint != NULL ? ": " : "", hint != NULL ? hint : "");
}

void
type_name (const json_t *type, FILE *file)
{
  print_names (names_of (type), true, file);
}

void
type_show (const json_t *value, FILE *file)
{
  static const char *const kinds[] = {[JSON_OBJECT] = "the object ",
                                      [JSON_ARRAY] = "the list ",
                                      [JSON_STRING] = "the string ",
                                      [JSON_INTEGER] = "the number ",
                                      [JSON_REAL] = "the number ",
                                      [JSON_TRUE] = "",
                                      [JSON_FALSE] = "",
                                      [JSON_NULL] = ""};
  char *text = json_dumps (value, JSON_ENCODE_ANY);
  size_t size = text != NULL ? strlen (text) : 0, shown = size;
  if (size > SHOWN_MAX)
    for (shown = SHOWN_MAX; shown > 0 && (text[shown] & 0xC0) == 0x80;)
      shown--;
  fprintf (file, "%s%.*s%s", kinds[json_typeof (value)], (int)shown, text != NULL ? text : "",
           shown < size ? "..." : "");
  free (text);
}

troupe_err_t
type_check_keys (json_t *keys, const char *name, troupe_error_t *error)
{
  const json_t *type;
  if (keys == NULL)
    return TROUPE_OK;
  if (!json_is_object (keys) && !json_is_array (keys))
    return parser_refuse (error, name, "{\"key\": \"string\"} or [\"key\"]", "it is neither an object nor a list");
  if (type_key_count (keys) > TROUPE_PARSER_KEYS_MAX)
    return parser_refuse (error, name, NULL, "more than %d keys", TROUPE_PARSER_KEYS_MAX);
  for (size_t i = 0; i < type_key_count (keys); i++) {
    const char *key = type_key (keys, i, &type);
    if (key == NULL)
      return parser_refuse (error, name, "[\"key\"]", "entry %zu is no text", i);
    troupe_err_t err = type != NULL ? type_check (type, key, error) : TROUPE_OK;
    if (err != TROUPE_OK)
      return err;
  }
  return TROUPE_OK;
}

size_t
type_key_count (const json_t *keys)
{
  return json_is_array (keys) ? json_array_size (keys) : json_object_size (keys);
}

const char *
type_key (json_t *keys, size_t n, const json_t **type)
{
  *type = NULL;
  if (json_is_array (keys))
    return json_string_value (json_array_get (keys, n));
  void *at = json_object_iter (keys);
  while (n-- > 0 && at != NULL)
    at = json_object_iter_next (keys, at);
  *type = at != NULL ? json_object_iter_value (at) : NULL;
  return at != NULL ? json_object_iter_key (at) : NULL;
}

// SPDX-License-Identifier: Apache-2.0
//
// Loading walks a document once, by the keyword table: it finds the subschemas, gives each its base URI, remembers ids
// and anchors, checks that every keyword's value is of its form, and compiles patterns. References wait until all ids
// of the document are known.

#include "schema/load.h"
#include "schema/check.h"
#include "schema/pattern.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const form_texts[FORMS] = {
  [FORM_REFERENCE] = "a URI reference",
  [FORM_SCHEMA] = "a schema: an object, true or false",
  [FORM_SCHEMAS] = "an object of schemas",
  [FORM_SCHEMA_LIST] = "a list of schemas, not empty",
  [FORM_TYPES] = "the name of a type, or a list of such",
  [FORM_LIST] = "a list",
  [FORM_NUMBER] = "a number",
  [FORM_POSITIVE] = "a number greater than 0",
  [FORM_COUNT] = "an integer, 0 or more",
  [FORM_BOOLEAN] = "true or false",
  [FORM_PATTERN] = "a regular expression",
  [FORM_PATTERNS] = "an object of schemas under regular expressions",
  [FORM_STRINGS] = "a list of texts",
  [FORM_STRING_LISTS] = "an object of lists of texts",
};

const keyword_t keyword_table[] = {
#define KEYWORD(function, name, vocabulary, form) {name, function, VOCABULARY_##vocabulary, FORM_##form},
#include "schema/keyword.def"
#undef KEYWORD
  {0}};

troupe_err_t
load_refuse (loader_t *self, const char *object, const char *format, ...)
{
  char why[TROUPE_ERROR_WHY_MAX];
  va_list arguments;
  va_start (arguments, format);
  if (vsnprintf (why, sizeof why, format, arguments) < 0)
    why[0] = '\0';
  va_end (arguments);
  return troupe_error_set (self->error, TROUPE_BAD_CONFIG, object, NULL, "%s", why);
}

troupe_err_t
load_no_memory (loader_t *self)
{
  return troupe_error_set (self->error, TROUPE_NO_MEMORY, "schema", NULL, "%s", troupe_err_text (TROUPE_NO_MEMORY));
}

// Refuses what stands at the loader's place.
static troupe_err_t
refuse_here (loader_t *self, const char *keyword, const char *expected)
{
  char object[sizeof self->path + 64];
  snprintf (object, sizeof object, "schema %s/%s", self->path, keyword);
  return load_refuse (self, object, "it must be %s", expected);
}

static bool
is_schema (const json_t *value)
{
  return json_is_object (value) || json_is_boolean (value);
}

static bool
all (json_t *container, bool (*is) (const json_t *))
{
  const char *key;
  json_t *value;
  size_t i;
  json_array_foreach (container, i, value)
    if (!is (value))
      return false;
  json_object_foreach (container, key, value)
    if (!is (value))
      return false;
  return true;
}

static bool
is_string (const json_t *value)
{
  return json_is_string (value);
}

static bool
is_string_list (const json_t *value)
{
  size_t i;
  json_t *entry;
  json_array_foreach (value, i, entry)
    if (!json_is_string (entry))
      return false;
  return json_is_array (value);
}

static bool
is_type (const json_t *value)
{
  static const char *const names[] = {"null", "boolean", "object", "array", "number", "string", "integer"};
  for (size_t i = 0; json_is_string (value) && i < sizeof names / sizeof *names; i++)
    if (strcmp (names[i], json_string_value (value)) == 0)
      return true;
  return false;
}

static bool
fits_form (form_t form, json_t *value)
{
  switch (form) {
  case FORM_REFERENCE:
  case FORM_PATTERN:
    return json_is_string (value);
  case FORM_SCHEMA:
    return is_schema (value);
  case FORM_SCHEMAS:
  case FORM_PATTERNS:
    return json_is_object (value) && all (value, is_schema);
  case FORM_SCHEMA_LIST:
    return json_array_size (value) > 0 && all (value, is_schema);
  case FORM_TYPES:
    return is_type (value) || (json_array_size (value) > 0 && all (value, is_type));
  case FORM_LIST:
    return json_is_array (value);
  case FORM_NUMBER:
    return json_is_number (value);
  case FORM_POSITIVE:
    return json_is_number (value) && json_number_value (value) > 0;
  case FORM_COUNT:
    return json_is_number (value) && json_number_value (value) >= 0 &&
           floor (json_number_value (value)) == json_number_value (value);
  case FORM_BOOLEAN:
    return json_is_boolean (value);
  case FORM_STRINGS:
    return json_is_array (value) && all (value, is_string);
  case FORM_STRING_LISTS:
    return json_is_object (value) && all (value, is_string_list);
  default:
    return true;
  }
}

static troupe_err_t
compile (loader_t *self, step_t *step, const char *pattern)
{
  char why[192];
  pcre2_code *compiled = pattern_compile_ecma (pattern, why, sizeof why);
  step->patterns[step->pattern_count] = compiled;
  step->pattern_count += compiled != NULL;
  if (compiled == NULL && *why == '\0')
    return load_no_memory (self);
  return compiled != NULL ? TROUPE_OK : load_refuse (self, self->path, "the pattern %.100s is wrong: %s", pattern, why);
}

static troupe_err_t
compile_patterns (loader_t *self, step_t *step)
{
  const char *pattern;
  json_t *value;
  form_t form = step->keyword->form;
  if (form != FORM_PATTERN && form != FORM_PATTERNS)
    return TROUPE_OK;
  step->patterns = calloc (json_object_size (step->value) + 1, sizeof *step->patterns);
  if (step->patterns == NULL)
    return load_no_memory (self);
  if (form == FORM_PATTERN)
    return compile (self, step, json_string_value (step->value));
  troupe_err_t err = TROUPE_OK;
  json_object_foreach (step->value, pattern, value)
    if (err == TROUPE_OK)
      err = compile (self, step, pattern);
  return err;
}

static troupe_err_t
await_reference (loader_t *self, node_t *node, size_t step)
{
  if (self->pending_count == self->pending_room) {
    size_t room = self->pending_room * 2 + 16;
    pending_t *grown = realloc (self->pending, room * sizeof *grown);
    if (grown == NULL)
      return load_no_memory (self);
    self->pending = grown;
    self->pending_room = room;
  }
  self->pending[self->pending_count++] = (pending_t){node, step};
  return TROUPE_OK;
}

static troupe_err_t
add_steps (loader_t *self, node_t *node)
{
  troupe_err_t err = TROUPE_OK;
  node->steps = calloc (json_object_size (node->schema) + 1, sizeof *node->steps); // at most as many as there are keys
  if (node->steps == NULL)
    return load_no_memory (self);
  for (const keyword_t *row = keyword_table; err == TROUPE_OK && row->name != NULL; row++) {
    json_t *value = json_object_get (node->schema, row->name);
    if (value == NULL || !(node->resource->vocabularies & row->vocabulary))
      continue;
    if (!fits_form (row->form, value))
      return refuse_here (self, row->name, form_texts[row->form]);
    step_t *step = &node->steps[node->count++];
    *step = (step_t){.keyword = row, .value = value};
    self->self->marks = self->self->marks || row->vocabulary == VOCABULARY_UNEVALUATED;
    err = compile_patterns (self, step);
    if (err == TROUPE_OK && row->form == FORM_REFERENCE)
      err = await_reference (self, node, node->count - 1);
  }
  return err;
}

// A resource of its own, when the schema has an $id; and its anchors.
static troupe_err_t
add_names (loader_t *self, json_t *schema, resource_t **resource)
{
  static const char *const keys[] = {"$anchor", "$dynamicAnchor"};
  json_t *id = json_object_get (schema, "$id");
  if (id != NULL && !json_is_string (id))
    return refuse_here (self, "$id", form_texts[FORM_REFERENCE]);
  if (id != NULL) {
    char *uri = uri_resolve ((*resource)->uri, json_string_value (id));
    if (uri == NULL)
      return load_no_memory (self);
    uri_cut_fragment (uri);
    unsigned vocabularies = (*resource)->vocabularies;
    bool same = strcmp (uri, (*resource)->uri) == 0 && (*resource)->root == schema;
    resource_t *own = same ? *resource : model_add_resource (self->self, uri, schema);
    free (uri);
    if (own == NULL)
      return load_no_memory (self);
    if (self->self->resource_count > TROUPE_SCHEMA_RESOURCES_MAX)
      return load_refuse (self, "schema", "it and what it refers to have more than %d ids",
                          TROUPE_SCHEMA_RESOURCES_MAX);
    *resource = own;
    troupe_err_t err = load_vocabularies (self, schema, vocabularies, &own->vocabularies);
    if (err != TROUPE_OK)
      return err;
  }
  for (size_t i = 0; i < 2; i++) {
    json_t *name = json_object_get (schema, keys[i]);
    if (name != NULL && !json_is_string (name))
      return refuse_here (self, keys[i], "a name");
    if (name != NULL && !model_add_anchor (*resource, json_string_value (name), schema, i == 1))
      return load_no_memory (self);
  }
  return TROUPE_OK;
}

// Walks into one subschema, whose place is "/keyword" or "/keyword/key".
static troupe_err_t
walk_into (loader_t *self, const char *keyword, const char *key, json_t *schema, resource_t *resource)
{
  size_t size = strlen (self->path);
  snprintf (self->path + size, sizeof self->path - size, "/%s%s%s", keyword, key != NULL ? "/" : "",
            key != NULL ? key : "");
  troupe_err_t err = load_walk (self, schema, resource);
  self->path[size] = '\0';
  return err;
}

static troupe_err_t
walk_step (loader_t *self, const step_t *step, resource_t *resource)
{
  form_t form = step->keyword->form;
  const char *key, *name = step->keyword->name;
  json_t *value;
  size_t i;
  troupe_err_t err = TROUPE_OK;
  if (form == FORM_SCHEMA)
    err = walk_into (self, name, NULL, step->value, resource);
  if (form == FORM_SCHEMAS || form == FORM_PATTERNS)
    json_object_foreach (step->value, key, value)
      if (err == TROUPE_OK)
        err = walk_into (self, name, key, value, resource);
  if (form == FORM_SCHEMA_LIST)
    json_array_foreach (step->value, i, value) {
      char index[24];
      snprintf (index, sizeof index, "%zu", i);
      if (err == TROUPE_OK)
        err = walk_into (self, name, index, value, resource);
    }
  return err;
}

troupe_err_t
load_walk (loader_t *self, json_t *schema, resource_t *resource)
{
  if (!is_schema (schema))
    return refuse_here (self, "", form_texts[FORM_SCHEMA]);
  if (json_is_boolean (schema) || model_node (self->self, schema) != NULL)
    return TROUPE_OK;
  if (self->depth == TROUPE_SCHEMA_DEPTH_MAX)
    return load_refuse (self, "schema", "it nests deeper than %d", TROUPE_SCHEMA_DEPTH_MAX);
  self->depth++;
  troupe_err_t err = add_names (self, schema, &resource);
  node_t *node = err == TROUPE_OK ? model_add_node (self->self, schema, resource) : NULL;
  if (err == TROUPE_OK)
    err = node != NULL ? add_steps (self, node) : load_no_memory (self);
  for (size_t i = 0; err == TROUPE_OK && i < node->count; i++)
    err = walk_step (self, &node->steps[i], resource);
  self->depth--;
  return err;
}

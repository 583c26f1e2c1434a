// SPDX-License-Identifier: Apache-2.0
//
// The keywords that apply subschemas: to the value itself, to its members and items, and by reference.

#include "schema/check.h"

#include <stdlib.h>
#include <string.h>

bool
keyword_ref (const check_t *self)
{
  return check_schema (self->run, self->step->target, self->value, self->marks);
}

// The outermost schema in the dynamic scope that has the anchor, when the reference begins at a dynamic one.
bool
keyword_dynamic_ref (const check_t *self)
{
  json_t *target = self->step->target;
  for (size_t i = 0; self->step->dynamic != NULL && i < self->run->scopes; i++) {
    const anchor_t *anchor = model_anchor (self->run->scope[i], self->step->dynamic);
    if (anchor != NULL && anchor->dynamic) {
      target = anchor->target;
      break;
    }
  }
  return check_schema (self->run, target, self->value, self->marks);
}

bool
keyword_all_of (const check_t *self)
{
  size_t i;
  json_t *schema;
  bool fits = true;
  json_array_foreach (self->step->value, i, schema)
    fits = check_schema (self->run, schema, self->value, self->marks) && fits;
  return fits;
}

bool
keyword_any_of (const check_t *self)
{
  size_t i, count = json_array_size (self->step->value);
  json_t *schema;
  bool fits = false;
  json_array_foreach (self->step->value, i, schema)
    if (!fits || self->marks != NULL) // all of them may mark something
      fits = check_quietly (self->run, schema, self->value, self->marks) || fits;
  if (!fits && count == 1)
    return check_schema (self->run, json_array_get (self->step->value, 0), self->value, self->marks);
  return fits || check_fails (self, "what one of %zu alternatives allows", count);
}

bool
keyword_one_of (const check_t *self)
{
  size_t i, fitting = 0, count = json_array_size (self->step->value);
  json_t *schema;
  json_array_foreach (self->step->value, i, schema)
    fitting += check_quietly (self->run, schema, self->value, self->marks);
  if (fitting == 1)
    return true;
  return fitting == 0 ? check_fails (self, "what one of %zu alternatives allows", count)
                      : check_fails (self, "what only one of %zu alternatives allows (%zu do)", count, fitting);
}

bool
keyword_not (const check_t *self)
{
  return !check_quietly (self->run, self->step->value, self->value, NULL) ||
         check_fails (self, "something that \"not\" does not exclude");
}

bool
keyword_if (const check_t *self)
{
  bool fits = check_quietly (self->run, self->step->value, self->value, self->marks);
  json_t *schema = check_sibling (self, fits ? "then" : "else");
  return schema == NULL || check_schema (self->run, schema, self->value, self->marks);
}

bool
keyword_prefix_items (const check_t *self)
{
  size_t i;
  json_t *item;
  bool fits = true;
  json_array_foreach (self->value, i, item) {
    if (i >= json_array_size (self->step->value))
      break;
    fits = check_item (self->run, json_array_get (self->step->value, i), item, i) && fits;
    check_mark (self, i);
  }
  return fits;
}

bool
keyword_items (const check_t *self)
{
  size_t i, first = json_array_size (check_sibling (self, "prefixItems"));
  json_t *item;
  bool fits = true;
  json_array_foreach (self->value, i, item)
    if (i >= first) {
      fits = check_item (self->run, self->step->value, item, i) && fits;
      check_mark (self, i);
    }
  return fits;
}

bool
keyword_contains (const check_t *self)
{
  json_t *min = check_sibling (self, "minContains"), *max = check_sibling (self, "maxContains"), *item;
  double least = min != NULL ? json_number_value (min) : 1, count = 0;
  size_t i;
  if (!json_is_array (self->value))
    return true;
  json_array_foreach (self->value, i, item)
    if (check_quietly (self->run, self->step->value, item, NULL)) {
      count++;
      check_mark (self, i);
    }
  if (count < least)
    return check_fails (self, "a list of which at least %.0f items are as \"contains\" says (%.0f are)", least, count);
  if (max != NULL && count > json_number_value (max))
    return check_fails (self, "a list of which at most %.0f items are as \"contains\" says (%.0f are)",
                        json_number_value (max), count);
  return true;
}

bool
keyword_properties (const check_t *self)
{
  const char *key;
  json_t *value;
  size_t i = 0;
  bool fits = true;
  json_object_foreach (self->value, key, value) {
    json_t *schema = json_object_get (self->step->value, key);
    if (schema != NULL) {
      fits = check_member (self->run, schema, value, key) && fits;
      check_mark (self, i);
    }
    i++;
  }
  return fits;
}

bool
keyword_pattern_properties (const check_t *self)
{
  const char *key, *pattern;
  json_t *value, *schema;
  size_t i = 0;
  bool fits = true;
  json_object_foreach (self->value, key, value) {
    size_t n = 0;
    json_object_foreach (self->step->value, pattern, schema) {
      if (check_goes_on (self->run, 1) && check_matches (self->run, self->step->patterns[n], key, strlen (key))) {
        fits = check_member (self->run, schema, value, key) && fits;
        check_mark (self, i);
      }
      n++;
    }
    i++;
  }
  return fits;
}

// Whether "properties" or "patternProperties" beside the keyword speak of a key.
static bool
is_known (const check_t *self, const step_t *patterns, const char *key)
{
  if (json_object_get (check_sibling (self, "properties"), key) != NULL)
    return true;
  for (size_t i = 0; patterns != NULL && i < patterns->pattern_count; i++)
    if (check_matches (self->run, patterns->patterns[i], key, strlen (key)))
      return true;
  return false;
}

// A key that is not allowed: says which are.
static bool
refuse_key (const check_t *self, const char *key)
{
  char known[400] = "";
  const char *name;
  json_t *schema;
  size_t used = 0;
  json_object_foreach (check_sibling (self, "properties"), name, schema)
    if (used < sizeof known)
      used += (size_t)snprintf (known + used, sizeof known - used, "%s\"%s\"", used > 0 ? ", " : "", name);
  return used > 0 ? check_fails (self, "an object without \"%s\" (its properties are %s)", key, known)
                  : check_fails (self, "an object without \"%s\"", key);
}

bool
keyword_additional_properties (const check_t *self)
{
  const step_t *patterns = check_sibling_step (self, "patternProperties");
  const char *key;
  json_t *value;
  size_t i = 0;
  bool fits = true;
  json_object_foreach (self->value, key, value) {
    if (!is_known (self, patterns, key)) {
      fits = (json_is_false (self->step->value) ? refuse_key (self, key)
                                                : check_member (self->run, self->step->value, value, key)) &&
             fits;
      check_mark (self, i);
    }
    i++;
  }
  return fits;
}

bool
keyword_property_names (const check_t *self)
{
  const char *key;
  json_t *value;
  bool fits = true;
  json_object_foreach (self->value, key, value) {
    json_t *name = json_string (key);
    if (name == NULL) {
      self->run->err = TROUPE_NO_MEMORY;
      return false;
    }
    fits = check_member (self->run, self->step->value, name, key) && fits;
    json_decref (name);
  }
  return fits;
}

bool
keyword_dependent_schemas (const check_t *self)
{
  const char *key;
  json_t *schema;
  bool fits = true;
  json_object_foreach (self->step->value, key, schema)
    if (json_object_get (self->value, key) != NULL)
      fits = check_schema (self->run, schema, self->value, self->marks) && fits;
  return fits;
}

bool
keyword_unevaluated_items (const check_t *self)
{
  size_t i;
  json_t *item;
  bool fits = true;
  json_array_foreach (self->value, i, item)
    if (self->marks != NULL && !self->marks->seen[i]) {
      fits = check_item (self->run, self->step->value, item, i) && fits;
      check_mark (self, i);
    }
  return fits;
}

bool
keyword_unevaluated_properties (const check_t *self)
{
  const char *key;
  json_t *value;
  size_t i = 0;
  bool fits = true;
  json_object_foreach (self->value, key, value) {
    if (self->marks != NULL && !self->marks->seen[i]) {
      fits = (json_is_false (self->step->value) ? refuse_key (self, key)
                                                : check_member (self->run, self->step->value, value, key)) &&
             fits;
      check_mark (self, i);
    }
    i++;
  }
  return fits;
}

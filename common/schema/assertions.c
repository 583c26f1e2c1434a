// SPDX-License-Identifier: Apache-2.0
//
// The keywords that look at a value by itself (draft 2020-12, validation vocabulary).

#include "schema/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 400 }; // bytes of a list of allowed values in an error

static const struct {
  const char *name, *phrase;
} types[] = {
  {"null", "null"},       {"boolean", "true or false"}, {"object", "an object"},   {"array", "a list"},
  {"number", "a number"}, {"string", "a string"},       {"integer", "an integer"},
};

static bool
is_of_type (const char *name, const json_t *value)
{
  double real = json_real_value (value);
  switch (*name) {
  case 'n':
    return name[3] == 'l' ? json_is_null (value) : json_is_number (value);
  case 'b':
    return json_is_boolean (value);
  case 'o':
    return json_is_object (value);
  case 'a':
    return json_is_array (value);
  case 's':
    return json_is_string (value);
  default:
    return json_is_integer (value) || (json_is_real (value) && floor (real) == real);
  }
}

static const char *
phrase_of (const char *name)
{
  size_t i = 0;
  while (i + 1 < sizeof types / sizeof *types && strcmp (types[i].name, name) != 0)
    i++;
  return types[i].phrase;
}

bool
keyword_type (const check_t *self)
{
  char expected[160] = "";
  json_t *names = self->step->value, *name;
  size_t i, used = 0;
  if (json_is_string (names))
    return is_of_type (json_string_value (names), self->value) ||
           check_fails (self, "%s", phrase_of (json_string_value (names)));
  json_array_foreach (names, i, name) {
    if (is_of_type (json_string_value (name), self->value))
      return true;
    if (used < sizeof expected)
      used += (size_t)snprintf (expected + used, sizeof expected - used, "%s%s", i > 0 ? " or " : "",
                                phrase_of (json_string_value (name)));
  }
  return check_fails (self, "%s", expected);
}

static bool
fails_with_json (const check_t *self, const char *before, const json_t *allowed)
{
  char *text = self->run->quiet == 0 ? json_dumps (allowed, JSON_ENCODE_ANY) : NULL;
  check_fails (self, "%s%.*s", before, LISTED_MAX, text != NULL ? text : "");
  free (text);
  return false;
}

bool
keyword_enum (const check_t *self)
{
  size_t i;
  json_t *allowed;
  json_array_foreach (self->step->value, i, allowed)
    if (equal_values (self->run, allowed, self->value))
      return true;
  return fails_with_json (self, "one of ", self->step->value);
}

bool
keyword_const (const check_t *self)
{
  return equal_values (self->run, self->step->value, self->value) || fails_with_json (self, "", self->step->value);
}

bool
keyword_multiple_of (const check_t *self)
{
  if (!json_is_number (self->value))
    return true;
  if (json_is_integer (self->value) && json_is_integer (self->step->value))
    return json_integer_value (self->value) % json_integer_value (self->step->value) == 0 ||
           fails_with_json (self, "a multiple of ", self->step->value);
  // Decimal fractions are rarely exact in binary: a quotient this near to a whole number is one.
  double value = json_number_value (self->value), divisor = json_number_value (self->step->value);
  double quotient = value / divisor, rest = fabs (quotient - round (quotient));
  bool fits = fmod (value, divisor) == 0 || (isfinite (quotient) && rest < 1e-9);
  return fits || fails_with_json (self, "a multiple of ", self->step->value);
}

bool
keyword_maximum (const check_t *self)
{
  return !json_is_number (self->value) || equal_compare (self->value, self->step->value) <= 0 ||
         fails_with_json (self, "at most ", self->step->value);
}

bool
keyword_exclusive_maximum (const check_t *self)
{
  return !json_is_number (self->value) || equal_compare (self->value, self->step->value) < 0 ||
         fails_with_json (self, "less than ", self->step->value);
}

bool
keyword_minimum (const check_t *self)
{
  return !json_is_number (self->value) || equal_compare (self->value, self->step->value) >= 0 ||
         fails_with_json (self, "at least ", self->step->value);
}

bool
keyword_exclusive_minimum (const check_t *self)
{
  return !json_is_number (self->value) || equal_compare (self->value, self->step->value) > 0 ||
         fails_with_json (self, "greater than ", self->step->value);
}

// Characters, not bytes.
static double
length_of (const json_t *text)
{
  const char *bytes = json_string_value (text);
  size_t count = 0;
  for (size_t i = 0; i < json_string_length (text); i++)
    count += (bytes[i] & 0xC0) != 0x80;
  return (double)count;
}

bool
keyword_max_length (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_string (self->value) || length_of (self->value) <= limit ||
         check_fails (self, "a string of at most %.0f characters", limit);
}

bool
keyword_min_length (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_string (self->value) || length_of (self->value) >= limit ||
         check_fails (self, "a string of at least %.0f characters", limit);
}

bool
keyword_pattern (const check_t *self)
{
  return !json_is_string (self->value) ||
         check_matches (self->run, self->step->patterns[0], json_string_value (self->value),
                        json_string_length (self->value)) ||
         check_fails (self, "a string that matches %s", json_string_value (self->step->value));
}

bool
keyword_max_items (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_array (self->value) || (double)json_array_size (self->value) <= limit ||
         check_fails (self, "a list of at most %.0f items", limit);
}

bool
keyword_min_items (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_array (self->value) || (double)json_array_size (self->value) >= limit ||
         check_fails (self, "a list of at least %.0f items", limit);
}

bool
keyword_unique_items (const check_t *self)
{
  if (!json_is_true (self->step->value) || !json_is_array (self->value))
    return true;
  for (size_t i = 0; i < json_array_size (self->value); i++)
    for (size_t k = 0; k < i; k++) {
      if (equal_values (self->run, json_array_get (self->value, i), json_array_get (self->value, k)))
        return check_fails (self, "a list without equal items (%zu and %zu are equal)", k, i);
      if (self->run->err != TROUPE_OK)
        return false;
    }
  return true;
}

bool
keyword_max_properties (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_object (self->value) || (double)json_object_size (self->value) <= limit ||
         check_fails (self, "an object of at most %.0f properties", limit);
}

bool
keyword_min_properties (const check_t *self)
{
  double limit = json_number_value (self->step->value);
  return !json_is_object (self->value) || (double)json_object_size (self->value) >= limit ||
         check_fails (self, "an object of at least %.0f properties", limit);
}

bool
keyword_required (const check_t *self)
{
  size_t i;
  json_t *name;
  bool fits = true;
  if (!json_is_object (self->value))
    return true;
  json_array_foreach (self->step->value, i, name)
    if (json_object_get (self->value, json_string_value (name)) == NULL)
      fits = check_fails (self, "an object with the property \"%s\"", json_string_value (name));
  return fits;
}

bool
keyword_dependent_required (const check_t *self)
{
  const char *key;
  json_t *names, *name;
  size_t i;
  bool fits = true;
  json_object_foreach (self->step->value, key, names) {
    if (json_object_get (self->value, key) == NULL)
      continue;
    json_array_foreach (names, i, name)
      if (json_object_get (self->value, json_string_value (name)) == NULL)
        fits =
          check_fails (self, "an object with the property \"%s\", as it has \"%s\"", json_string_value (name), key);
  }
  return fits;
}

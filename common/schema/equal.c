// SPDX-License-Identifier: Apache-2.0
//
// Equality as JSON Schema has it: numbers by value (1 is 1.0), texts by their bytes, objects without order.

#include "schema/check.h"

#include <string.h>

int
equal_compare (const json_t *a, const json_t *b)
{
  if (json_is_integer (a) && json_is_integer (b)) {
    json_int_t left = json_integer_value (a), right = json_integer_value (b);
    return (left > right) - (left < right);
  }
  double left = json_number_value (a), right = json_number_value (b);
  return (left > right) - (left < right);
}

static bool
equal_objects (run_t *run, json_t *a, json_t *b)
{
  const char *key;
  json_t *value;
  if (json_object_size (a) != json_object_size (b))
    return false;
  json_object_foreach (a, key, value)
    if (json_object_get (b, key) == NULL || !equal_values (run, value, json_object_get (b, key)))
      return false;
  return true;
}

static bool
equal_lists (run_t *run, json_t *a, json_t *b)
{
  size_t i;
  json_t *value;
  if (json_array_size (a) != json_array_size (b))
    return false;
  json_array_foreach (a, i, value)
    if (!equal_values (run, value, json_array_get (b, i)))
      return false;
  return true;
}

bool
equal_values (run_t *run, json_t *a, json_t *b)
{
  if (!check_goes_on (run, 1))
    return false;
  if (json_is_number (a) && json_is_number (b))
    return equal_compare (a, b) == 0;
  if (json_typeof (a) != json_typeof (b))
    return false;
  if (json_is_object (a))
    return equal_objects (run, a, b);
  if (json_is_array (a))
    return equal_lists (run, a, b);
  return !json_is_string (a) || (json_string_length (a) == json_string_length (b) &&
                                 memcmp (json_string_value (a), json_string_value (b), json_string_length (a)) == 0);
}

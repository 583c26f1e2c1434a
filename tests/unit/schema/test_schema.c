// SPDX-License-Identifier: Apache-2.0
//
// What the suite does not ask: the words of the errors, wrong schemas, limits, references that never end.

#include "troupe/schema.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *
json_of (const char *text)
{
  char *copy = strdup (text);
  for (char *at = copy; *at != '\0'; at++)
    if (*at == '\'')
      *at = '"';
  json_t *json = json_loads (copy, JSON_DECODE_ANY, NULL);
  cr_assert (json != NULL, "%s", copy);
  free (copy);
  return json;
}

// The errors' texts on one line, "ok", or the code's name.
static const char *
check (const char *schema_text, const char *value_text)
{
  static char out[4096];
  troupe_schema_t *schema;
  troupe_error_t error = {0};
  json_t *json = json_of (schema_text), *value = json_of (value_text), *errors, *entry;
  size_t i;
  cr_assert (eq (int, troupe_schema_new (&schema, json, NULL, &error), TROUPE_OK), "%s: %s", error.object, error.why);
  json_decref (json); // it was copied
  troupe_err_t err = troupe_schema_validate (schema, value, &errors, &error);
  strcpy (out, err == TROUPE_OK || err == TROUPE_BAD_MESSAGE ? "" : troupe_err_name (err));
  json_array_foreach (errors, i, entry)
    snprintf (out + strlen (out), sizeof out - strlen (out), "%s%s", i > 0 ? "; " : "",
              json_string_value (json_object_get (entry, "text")));
  json_decref (errors);
  json_decref (value);
  troupe_schema_destroy (&schema);
  return err == TROUPE_OK ? "ok" : out;
}

Test (schema, errors_say_where_what_was_expected_and_what_came)
{
  static const char *const rows[][3] = {
    {"{'type': 'integer'}", "'seven'", "the value must be an integer, not \"seven\""},
    {"{'properties': {'a/b': {'items': {'type': ['string', 'null']}}}}", "{'a/b': [null, 5]}",
     "/a~1b/1 must be a string or null, not 5"},
    {"{'required': ['a', 'b']}", "{}",
     "the value must be an object with the property \"a\", not {}; the value must be an object with the property "
     "\"b\", not {}"},
    {"{'properties': {'a': true, 'b': true}, 'additionalProperties': false}", "{'c': 1}",
     "the value must be an object without \"c\" (its properties are \"a\", \"b\"), not {\"c\": 1}"},
    {"{'enum': ['a', 1]}", "'b'", "the value must be one of [\"a\", 1], not \"b\""},
    {"{'minimum': 3}", "2.5", "the value must be at least 3, not 2.5"},
    {"{'anyOf': [{'type': 'string'}]}", "5", "the value must be a string, not 5"},
    {"{'anyOf': [{'type': 'string'}, {'type': 'null'}]}", "5",
     "the value must be what one of 2 alternatives allows, not 5"},
    {"{'pattern': '^a'}", "'b'", "the value must be a string that matches ^a, not \"b\""},
    {"{'uniqueItems': true}", "[1, 2, 1.0]",
     "the value must be a list without equal items (0 and 2 are equal), not [1, 2, 1.0]"},
    {"{'$ref': '#/$defs/p', '$defs': {'p': {'type': 'object'}}}", "[]", "the value must be an object, not []"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    cr_assert_str_eq (check (rows[i][0], rows[i][1]), rows[i][2]);
}

Test (schema, long_values_are_cut_and_errors_bounded)
{
  char list[4096] = "[";
  for (int i = 0; i < 200; i++)
    strcat (list, i > 0 ? ",'x'" : "'x'");
  strcat (list, "]");
  const char *text = check ("{'type': 'string'}", list);
  cr_assert (lt (sz, strlen (text), 160), "%s", text);
  text = check ("{'items': {'type': 'integer'}}", list);
  size_t count = 1;
  for (const char *at = text; (at = strstr (at, "; ")) != NULL; at++)
    count++;
  cr_assert (eq (sz, count, TROUPE_SCHEMA_ERRORS_MAX));
}

Test (schema, a_list_that_is_cut_stays_utf8)
{
  char schema[4096] = "{'enum': ['";
  for (int i = 0; i < 400; i++)
    strcat (schema, i == 0 ? "x" : "\xC3\xA9");
  strcat (schema, "']}");
  cr_assert (strstr (check (schema, "1"), "must be one of") != NULL);
}

Test (schema, wrong_schemas_are_refused)
{
  static const char *const rows[][2] = {
    {"5", "a schema: an object"},
    {"{'properties': {'a': {'type': 'text'}}}", "name of a type"},
    {"{'items': [{'type': 'string'}]}", "a schema: an object"},
    {"{'minLength': -1}", "an integer, 0 or more"},
    {"{'multipleOf': 0}", "greater than 0"},
    {"{'allOf': []}", "not empty"},
    {"{'required': 'a'}", "a list of texts"},
    {"{'pattern': '('}", "is wrong"},
    {"{'$ref': '#/$defs/none'}", "there is no"},
    {"{'$ref': '#none'}", "there is no"},
    {"{'$ref': 'http://example.com/none'}", "is known"},
    {"{'$schema': 'http://example.com/none'}", "dialect"},
    {"{'$id': 5}", "a URI reference"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    troupe_schema_t *schema;
    troupe_error_t error = {0};
    json_t *json = json_of (rows[i][0]);
    cr_assert (eq (int, troupe_schema_new (&schema, json, NULL, &error), TROUPE_BAD_CONFIG), "%s", rows[i][0]);
    cr_assert (schema == NULL && strstr (error.why, rows[i][1]) != NULL, "%s: %s: %s", rows[i][0], error.object,
               error.why);
    json_decref (json);
  }
}

Test (schema, what_never_ends_ends)
{
  cr_assert_str_eq (check ("{'$ref': '#'}", "1"), "too_deep");
  cr_assert_str_eq (
    check ("{'$defs': {'a': {'$ref': '#/$defs/b'}, 'b': {'$ref': '#/$defs/a'}}, '$ref': '#/$defs/a'}", "1"),
    "too_deep");
  cr_assert_str_eq (check ("{'allOf': [{'$ref': '#'}, {'$ref': '#'}]}", "1"), "too_deep");
  // Each level tries both: 2 to the power of 40 ways.
  char schema[4096] = "{'$defs': {", row[128];
  for (int i = 0; i < 40; i++) {
    snprintf (row, sizeof row, "'d%d': {'oneOf': [{'$ref': '#/$defs/d%d'}, {'$ref': '#/$defs/d%d'}]},", i, i + 1,
              i + 1);
    strcat (schema, row);
  }
  strcat (schema, "'d40': true}, '$ref': '#/$defs/d0'}");
  cr_assert_str_eq (check (schema, "1"), "too_large");

  cr_assert_str_eq (
    check ("{'pattern': '^(x+x+)+y$'}", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxzy'"), "too_large");
}

Test (schema, older_drafts_of_tools)
{
  static const char tool[] =
    "{'$schema': 'http://json-schema.org/draft-07/schema#', 'type': 'object', 'definitions': {'n': "
    "{'type': 'integer'}}, 'properties': {'n': {'$ref': '#/definitions/n'}}}";
  cr_assert_str_eq (check (tool, "{'n': 1}"), "ok");
  cr_assert_str_eq (check (tool, "{'n': 'x'}"), "/n must be an integer, not \"x\"");
}

// Each text alone is below the limit of one pattern; all of them would take half an hour.
Test (schema, many_costly_patterns_end_soon)
{
  json_t *schema = json_of ("{'items': {'pattern': '^(a|a)+$'}}"), *value = json_array ();
  troupe_schema_t *self;
  troupe_error_t error = {0};
  for (int i = 0; i < 20 * 1000; i++)
    json_array_append_new (value, json_string ("aaaaaaaaaaaaaaaaa!"));
  cr_assert (eq (int, troupe_schema_new (&self, schema, NULL, &error), TROUPE_OK));
  clock_t before = clock ();
  cr_assert (eq (int, troupe_schema_validate (self, value, NULL, &error), TROUPE_TOO_LARGE), "%s", error.why);
  cr_assert (lt (dbl, (double)(clock () - before) / CLOCKS_PER_SEC, 10));
  troupe_schema_destroy (&self);
  json_decref (value);
  json_decref (schema);
}

// Ordinary ones don't come near it.
Test (schema, many_patterns_are_fine)
{
  json_t *schema = json_of ("{'items': {'pattern': '^[a-z]+@[a-z]+[.]org$'}}"), *value = json_array ();
  troupe_schema_t *self;
  for (int i = 0; i < 100 * 1000; i++)
    json_array_append_new (value, json_string ("somebody@example.org"));
  cr_assert (eq (int, troupe_schema_new (&self, schema, NULL, NULL), TROUPE_OK));
  cr_assert (eq (int, troupe_schema_validate (self, value, NULL, NULL), TROUPE_OK));
  troupe_schema_destroy (&self);
  json_decref (value);
  json_decref (schema);
}

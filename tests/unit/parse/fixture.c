// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/parse/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static json_t *
json_of (const char *text)
{
  char *copy = strdup (text);
  for (char *at = copy; *at != '\0'; at++)
    if (*at == '\'')
      *at = '"';
  json_error_t error;
  json_t *json = json_loads (copy, JSON_DECODE_ANY, &error);
  cr_assert (json != NULL, "%s: %s", copy, error.text);
  free (copy);
  return json;
}

troupe_parser_t *
fixture_parser (const char *config)
{
  troupe_parser_t *parser;
  troupe_error_t error;
  json_t *json = json_of (config);
  cr_assert (eq (int, troupe_parser_new (&parser, json, &error), TROUPE_OK), "%s: %s: %s", config, error.object,
             error.why);
  json_decref (json);
  return parser;
}

const char *
fixture_refusal (const char *config)
{
  static char text[1024];
  troupe_parser_t *parser;
  troupe_error_t error;
  json_t *json = json_of (config);
  cr_assert (eq (int, troupe_parser_new (&parser, json, &error), TROUPE_BAD_CONFIG), "%s", config);
  cr_assert (parser == NULL);
  json_decref (json);
  snprintf (text, sizeof text, "%.200s: %.500s (%.200s)", error.object, error.why, error.next);
  return text;
}

void
fixture_reads (const char *config, const char *reply, const char *fields)
{
  troupe_parser_t *parser = fixture_parser (config);
  troupe_parsed_t *parsed;
  troupe_error_t error = {0};
  json_t *expected = json_of (fields);
  cr_assert (eq (int, troupe_parser_parse (parser, reply, &parsed, &error), TROUPE_OK), "%s: %s", reply, error.why);
  char *got = json_dumps (troupe_parsed_fields (parsed), JSON_COMPACT);
  cr_assert (json_equal (troupe_parsed_fields (parsed), expected), "%s: %s", reply, got);
  cr_assert (troupe_parsed_feedback (parsed) == NULL);
  free (got);
  json_decref (expected);
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
}

void
fixture_refuses (const char *config, const char *reply, const char *const *parts)
{
  troupe_parser_t *parser = fixture_parser (config);
  troupe_parsed_t *parsed;
  troupe_error_t error = {0};
  cr_assert (eq (int, troupe_parser_parse (parser, reply, &parsed, &error), TROUPE_BAD_MESSAGE), "%s", reply);
  cr_assert (parsed != NULL && troupe_parsed_fields (parsed) == NULL && troupe_parsed_content (parsed) == NULL);
  const char *feedback = troupe_parsed_feedback (parsed);
  for (; *parts != NULL; parts++)
    cr_assert (strstr (feedback, *parts) != NULL, "%s: no \"%s\" in: %s", reply, *parts, feedback);
  cr_assert (strstr (feedback, troupe_parser_instruction (parser)) != NULL, "%s", feedback);
  cr_assert (error.code == TROUPE_BAD_MESSAGE && error.why[0] != '\0');
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
}

bool
fixture_repaired (const troupe_parsed_t *parsed, const char *kind)
{
  size_t i;
  json_t *entry;
  json_array_foreach (troupe_parsed_repairs (parsed), i, entry)
    if (strcmp (json_string_value (json_object_get (entry, "kind")), kind) == 0)
      return true;
  return false;
}

const char *
fixture_repairs (const char *config, const char *reply)
{
  static char kinds[1024];
  troupe_parser_t *parser = fixture_parser (config);
  troupe_parsed_t *parsed;
  size_t i;
  json_t *entry;
  kinds[0] = '\0';
  cr_assert (eq (int, troupe_parser_parse (parser, reply, &parsed, NULL), TROUPE_OK), "%s", reply);
  json_array_foreach (troupe_parsed_repairs (parsed), i, entry) {
    strcat (kinds, i > 0 ? " " : "");
    strcat (kinds, json_string_value (json_object_get (entry, "kind")));
  }
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
  return kinds;
}

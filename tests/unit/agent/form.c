// SPDX-License-Identifier: Apache-2.0

#include "agent/form.h"

#include <criterion/criterion.h>
#include <string.h>

static troupe_parser_t *
form_of (const char *keys, const char *settings)
{
  troupe_parser_t *form;
  troupe_error_t error;
  json_t *wanted = json_loads (keys, JSON_DECODE_ANY, NULL), *given = json_loads (settings, 0, NULL);
  cr_assert (wanted && given);
  cr_assert_eq (form_new (&form, wanted, given, &error), TROUPE_OK, "%s: %s", error.object, error.why);
  json_decref (wanted);
  json_decref (given);
  return form;
}

static void
expect (const char *keys, const char *settings, const char *content, const char *memory, const char *metadata)
{
  troupe_parsed_t *parsed;
  troupe_error_t error;
  troupe_parser_t *form = form_of (keys, settings);
  const char *reply = "{\"thought\": \"hm\", \"speak\": \"Yes.\", \"agreement\": true, \"more\": 1}";
  cr_assert_eq (troupe_parser_parse (form, reply, &parsed, &error), TROUPE_OK, "%s", error.why);
  json_t *expected = json_loads (metadata, JSON_DECODE_ANY, NULL);
  cr_assert_str_eq (troupe_parsed_content (parsed), content);
  if (memory)
    cr_assert_str_eq (troupe_parsed_memory (parsed), memory);
  else
    cr_assert_null (troupe_parsed_memory (parsed));
  cr_assert (json_equal (troupe_parsed_metadata (parsed), expected), "%s",
             json_dumps (troupe_parsed_metadata (parsed), 0));
  json_decref (expected);
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&form);
}

#define WHOLE "{\"thought\":\"hm\",\"speak\":\"Yes.\",\"agreement\":true,\"more\":1}"

Test (form, says_speak_and_passes_on_all_keys_but_the_thought)
{
  expect ("{\"thought\": \"string\", \"speak\": \"string\", \"agreement\": \"boolean\"}", "{}", "Yes.", WHOLE,
          "{\"speak\": \"Yes.\", \"agreement\": true}");
  expect ("[\"thought\", \"speak\"]", "{}", "Yes.", WHOLE, "{\"speak\": \"Yes.\"}");
}

Test (form, without_speak_says_all_keys_but_the_thought)
{
  expect ("{\"thought\": \"string\", \"agreement\": \"boolean\"}", "{}", "{\"agreement\":true}", WHOLE,
          "{\"agreement\": true}");
}

Test (form, takes_the_choices_of_the_settings)
{
  const char *keys = "[\"thought\", \"speak\", \"agreement\"]";
  expect (keys, "{\"to_content\": \"agreement\"}", "true", WHOLE, "{\"speak\": \"Yes.\", \"agreement\": true}");
  expect (keys, "{\"to_memory\": \"speak\", \"to_metadata\": [\"thought\"]}", "Yes.", "Yes.", "{\"thought\": \"hm\"}");
  expect (keys, "{\"to_memory\": false, \"to_metadata\": true}", "Yes.", NULL,
          "{\"thought\": \"hm\", \"speak\": \"Yes.\", \"agreement\": true, \"more\": 1}");
}

// Where a program's maps have no order, the prompt must not change from run to run.
Test (form, asks_in_an_order_of_its_own)
{
  troupe_parser_t *one =
    form_of ("{\"b\": \"string\", \"speak\": \"string\", \"a\": \"string\", \"thought\": \"string\"}", "{}");
  troupe_parser_t *two =
    form_of ("{\"thought\": \"string\", \"a\": \"string\", \"b\": \"string\", \"speak\": \"string\"}", "{}");
  const char *text = troupe_parser_instruction (one), *thought = strstr (text, "\"thought\""),
             *speak = strstr (text, "\"speak\"");
  cr_assert_str_eq (text, troupe_parser_instruction (two));
  cr_assert (thought && speak && thought < speak && speak < strstr (text, "\"a\"") &&
               strstr (text, "\"a\"") < strstr (text, "\"b\""),
             "%s", text);
  troupe_parser_destroy (&one);
  troupe_parser_destroy (&two);
}

Test (form, refuses_what_is_no_list_of_keys)
{
  static const struct {
    const char *keys, *settings, *object;
  } wrong[] = {
    {"\"speak\"", "{}", "keys"},
    {"null", "{}", "keys"},
    {"{}", "{}", "keys"},
    {"[]", "{}", "keys"},
    {"[\"thought\"]", "{}", "keys"}, // nobody would hear anything
    {"[1]", "{}", "keys"},
    {"{\"speak\": \"text\"}", "{}", "speak"},
    {"[\"speak\"]", "{\"to_content\": 1}", "to_content"},
    {"[\"speak\"]", "{\"to_memory\": [1]}", "to_memory"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    troupe_parser_t *form = NULL;
    troupe_error_t error = {0};
    json_t *keys = json_loads (wrong[i].keys, JSON_DECODE_ANY, NULL),
           *settings = json_loads (wrong[i].settings, 0, NULL);
    cr_assert_eq (form_new (&form, keys, settings, &error), TROUPE_BAD_CONFIG, "%s", wrong[i].keys);
    cr_assert_null (form);
    cr_assert (strstr (error.object, wrong[i].object), "%s: %s: %s", wrong[i].keys, error.object, error.why);
    json_decref (keys);
    json_decref (settings);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// What goes to memory, content and metadata; results as JSON; asking again.

#include "tests/unit/parse/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const char reply[] = "{\"thought\": \"t\", \"speak\": \"s\", \"votes\": [1, 2]}";

static troupe_parsed_t *
parsed_of (const char *config, const char *text)
{
  troupe_parser_t *parser = fixture_parser (config);
  troupe_parsed_t *parsed;
  cr_assert (eq (int, troupe_parser_parse (parser, text, &parsed, NULL), TROUPE_OK));
  troupe_parser_destroy (&parser);
  return parsed;
}

static void
expect (const char *config, const char *memory, const char *content, const char *metadata)
{
  troupe_parsed_t *parsed = parsed_of (config, reply);
  const char *texts[][2] = {{troupe_parsed_memory (parsed), memory}, {troupe_parsed_content (parsed), content}};
  for (size_t i = 0; i < 2; i++)
    cr_assert (texts[i][1] == NULL ? texts[i][0] == NULL
                                   : texts[i][0] != NULL && strcmp (texts[i][0], texts[i][1]) == 0,
               "%s: %s", config, texts[i][0]);
  json_t *expected = metadata != NULL ? json_loads (metadata, 0, NULL) : NULL;
  cr_assert (expected == NULL ? troupe_parsed_metadata (parsed) == NULL
                              : json_equal (expected, troupe_parsed_metadata (parsed)));
  json_decref (expected);
  troupe_parsed_destroy (&parsed);
}

Test (choice, all_none_one_or_some)
{
  static const char all[] = "{\"thought\":\"t\",\"speak\":\"s\",\"votes\":[1,2]}";
  expect ("{'type': 'json_object'}", all, all, NULL);
  expect ("{'type': 'json_object', 'to_memory': ['thought', 'speak'], 'to_content': 'speak', 'to_metadata': ['votes']}",
          "{\"thought\":\"t\",\"speak\":\"s\"}", "s", "{\"votes\":[1,2]}");
  expect ("{'type': 'json_object', 'to_memory': false, 'to_content': 'votes', 'to_metadata': 'votes'}", NULL, "[1,2]",
          "{\"votes\":[1,2]}");
  expect ("{'type': 'json_object', 'to_memory': 'none', 'to_content': ['none'], 'to_metadata': true}", NULL, NULL, all);
  troupe_parsed_t *list = parsed_of ("{'type': 'list'}", "[1, 2]"),
                  *code = parsed_of ("{'type': 'code'}", "```c\nx\n```");
  cr_assert_str_eq (troupe_parsed_content (list), "[1,2]");
  cr_assert_str_eq (troupe_parsed_content (code), "x");
  troupe_parsed_destroy (&list);
  troupe_parsed_destroy (&code);
}

Test (choice, as_json_for_other_languages)
{
  troupe_parsed_t *parsed = parsed_of ("{'type': 'json_object', 'to_content': 'speak'}", reply);
  json_t *json = troupe_parsed_to_json (parsed);
  cr_assert (eq (sz, json_object_size (json), 6));
  cr_assert_str_eq (json_string_value (json_object_get (json, "content")), "s");
  cr_assert (json_object_get (json, "feedback") == json_null () && json_object_get (json, "metadata") == json_null ());
  json_decref (json);
  troupe_parsed_destroy (&parsed);
}

Test (choice, bytes_that_are_no_utf8)
{
  troupe_parsed_t *parsed = parsed_of ("{'type': 'tagged', 'tags': [{'name': 'a'}]}", "<a>x\xFFy</a>");
  cr_assert_str_eq (json_string_value (json_object_get (troupe_parsed_fields (parsed), "a")), "x\xEF\xBF\xBDy");
  troupe_parsed_destroy (&parsed);
}

static troupe_asking_step_t
step_of (troupe_asking_t *asking, const char *text, troupe_error_t *error)
{
  troupe_asking_step_t step = TROUPE_ASKING_GIVE_UP;
  cr_assert (eq (int, troupe_asking_reply (asking, text, &step, error), TROUPE_OK));
  return step;
}

#define SPEAK "{'type': 'json_object', 'required': ['speak']}"

Test (asking, accepts_a_later_reply)
{
  troupe_parser_t *parser = fixture_parser (SPEAK);
  troupe_asking_t *asking;
  troupe_error_t error;
  troupe_asking_options_t options = {.retries_max = 2};
  cr_assert (eq (int, troupe_asking_new (&asking, parser, &options, &error), TROUPE_OK));
  cr_assert (eq (int, step_of (asking, "hi", &error), TROUPE_ASKING_AGAIN));
  cr_assert (strstr (troupe_asking_message (asking), "there is no JSON") != NULL);
  cr_assert (troupe_asking_result (asking) == NULL);
  cr_assert (eq (int, step_of (asking, "{\"a\": 1}", &error), TROUPE_ASKING_AGAIN));
  cr_assert (strstr (troupe_asking_message (asking), "\"speak\" is missing") != NULL);
  cr_assert (eq (int, step_of (asking, "{\"speak\": \"hi\"}", &error), TROUPE_ASKING_ACCEPT));
  cr_assert (troupe_parsed_fields (troupe_asking_result (asking)) != NULL);
  cr_assert (eq (uint, troupe_asking_attempts (asking), 3));
  json_t *log = troupe_asking_log (asking);
  cr_assert (eq (sz, json_array_size (log), 2));
  json_decref (log);
  troupe_asking_step_t step;
  cr_assert (eq (int, troupe_asking_reply (asking, "more", &step, &error), TROUPE_BAD_ARGUMENT));
  troupe_asking_destroy (&asking);
  troupe_parser_destroy (&parser);
}

Test (asking, gives_up_with_all_that_was_tried)
{
  troupe_parser_t *parser = fixture_parser (SPEAK);
  troupe_asking_t *asking;
  troupe_error_t error;
  cr_assert (
    eq (int, troupe_asking_new (&asking, parser, &(troupe_asking_options_t){.retries_max = 1}, &error), TROUPE_OK));
  cr_assert (eq (int, step_of (asking, "hi", &error), TROUPE_ASKING_AGAIN));
  cr_assert (eq (int, step_of (asking, "{\"a\": 1}", &error), TROUPE_ASKING_GIVE_UP));
  cr_assert (strstr (error.why, "no reply of 2") != NULL && strstr (error.why, "1: there is no JSON") != NULL &&
               strstr (error.why, "2: the key \"speak\" is missing") != NULL,
             "%s", error.why);
  troupe_asking_destroy (&asking);
  cr_assert (eq (int, troupe_asking_new (&asking, parser, &(troupe_asking_options_t){.retries_max = 17}, &error),
                 TROUPE_BAD_ARGUMENT));
  troupe_parser_destroy (&parser);
}

static troupe_err_t
handle (void *arg, const char *text, json_t **fields, troupe_error_t *error)
{
  if (arg == NULL)
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, "handler", NULL, "no idea");
  *fields = json_pack ("{s:s}", "speak", text);
  return TROUPE_OK;
}

Test (asking, fault_handler_has_the_last_word)
{
  troupe_parser_t *parser = fixture_parser (SPEAK);
  troupe_asking_t *asking;
  troupe_error_t error;
  int yes = 1;
  troupe_asking_options_t options = {.fault_handler = handle, .arg = &yes};
  cr_assert (eq (int, troupe_asking_new (&asking, parser, &options, &error), TROUPE_OK));
  cr_assert (eq (int, step_of (asking, "hi", &error), TROUPE_ASKING_ACCEPT));
  cr_assert_str_eq (troupe_parsed_content (troupe_asking_result (asking)), "{\"speak\":\"hi\"}");
  troupe_asking_destroy (&asking);
  options.arg = NULL;
  cr_assert (eq (int, troupe_asking_new (&asking, parser, &options, &error), TROUPE_OK));
  cr_assert (eq (int, step_of (asking, "hi", &error), TROUPE_ASKING_GIVE_UP));
  cr_assert (strstr (error.why, "the fault handler: no idea") != NULL, "%s", error.why);
  troupe_asking_destroy (&asking);
  troupe_parser_destroy (&parser);
}

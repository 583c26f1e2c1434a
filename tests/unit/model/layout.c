// SPDX-License-Identifier: Apache-2.0
//
// Layouts, the window and what stands in the system message.

#include "model/prepare.h"
#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define HISTORY                                                                                                        \
  "{\"messages\": [{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"}, {\"name\": \"Ann\", "           \
  "\"content\": \"hi\"},"                                                                                              \
  " {\"role\": \"assistant\", \"name\": \"al\", \"content\": \"ho\"}, {\"name\": \"Bob\", \"content\": \"hum\"}]"

static json_t *
messages_of (const char *layout, const char *input, const char *more)
{
  char config[512];
  snprintf (config, sizeof config, "{\"type\": \"openai_chat\", \"layout\": \"%s\"%s}", layout, more);
  json_t *request = fixture_request (config, input, false);
  json_t *messages = json_incref (json_object_get (request, "messages"));
  json_decref (request);
  return messages;
}

Test (layout, named_keeps_each_turn)
{
  fixture_expect (
    messages_of ("named", HISTORY "}", ""),
    "[{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"}, {\"role\": \"user\", \"name\": \"Ann\","
    " \"content\": \"hi\"}, {\"role\": \"assistant\", \"name\": \"al\", \"content\": \"ho\"},"
    " {\"role\": \"user\", \"name\": \"Bob\", \"content\": \"hum\"}]");
}

Test (layout, merged_tells_the_history_in_one_message)
{
  fixture_expect (
    messages_of ("merged", HISTORY "}", ""),
    "[{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"}, {\"role\": \"user\", \"name\": \"user\","
    " \"content\": \"## Conversation History\\nAnn: hi\\nal: ho\\nBob: hum\"}]");
  fixture_expect (messages_of ("merged", "\"hi\"", ""),
                  "[{\"role\": \"user\", \"name\": \"user\", \"content\": \"hi\"}]");
}

Test (layout, turns_prefixes_names_when_several_speak)
{
  fixture_expect (
    messages_of ("turns", HISTORY "}", ""),
    "[{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"}, {\"role\": \"user\", \"name\": \"user\","
    " \"content\": \"Ann: hi\"}, {\"role\": \"assistant\", \"name\": \"al\", \"content\": \"ho\"},"
    " {\"role\": \"user\", \"name\": \"user\", \"content\": \"Bob: hum\"}]");
}

Test (layout, text_ends_with_who_is_to_speak)
{
  fixture_expect (
    messages_of ("text", HISTORY ", \"agent\": \"al\"}", ""),
    "[{\"role\": \"user\", \"name\": \"user\", \"content\": \"Be kind.\\n\\n## Conversation History\\nAnn: hi\\nal: "
    "ho\\nBob: hum\\nal:\"}]");
}

Test (layout, merged_keeps_open_tool_calls_and_tells_the_earlier_ones)
{
#define CALL(id)                                                                                                       \
  "{\"role\": \"assistant\", \"name\": \"al\", \"content\": [{\"type\": \"tool_use\", \"id\": \"" id                   \
  "\", \"name\": \"f\", \"input\": {\"x\": 1}}]}"
#define RESULT(id)                                                                                                     \
  "{\"role\": \"tool\", \"name\": \"t\", \"content\": [{\"type\": \"tool_result\", \"id\": \"" id                      \
  "\", \"name\": \"f\", \"output\": \"sun\", \"error\": false}]}"
  fixture_expect (
    messages_of ("merged",
                 "{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}, " CALL ("1") ", " RESULT (
                   "1") ", {\"name\": \"u\", \"content\": \"b\"}, " CALL ("2") ", " RESULT ("2") "]}",
                 ""),
    "[{\"role\": \"user\", \"name\": \"user\", \"content\": \"## Conversation History\\nu: a\\nal: [calls f with "
    "{\\\"x\\\":1}]\\nt: [f answers: sun]\\nu: b\"}, {\"role\": \"assistant\", \"name\": \"al\", \"content\": null,"
    " \"tool_calls\": [{\"id\": \"2\", \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\":"
    " \"{\\\"x\\\":1}\"}}]}, {\"role\": \"tool\", \"tool_call_id\": \"2\", \"content\": \"sun\"}]");
}

Test (prepare, puts_knowledge_and_the_wanted_form_into_the_system_message)
{
  fixture_expect (
    messages_of ("named", "{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}], \"knowledge\": [\"k1\", \"k2\"]}",
                 ""),
    "[{\"role\": \"system\", \"name\": \"system\", \"content\": \"## Knowledge\\nk1\\n\\nk2\"},"
    " {\"role\": \"user\", \"name\": \"u\", \"content\": \"a\"}]");
  json_t *request =
    fixture_request ("{\"type\": \"openai_chat\"}",
                     "{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}], \"format\": {\"title\": \"T\"}}", false);
  fixture_expect (json_incref (json_object_get (request, "response_format")),
                  "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"T\", \"schema\": {\"title\": \"T\"}}}");
  json_decref (request);
}

// -- The window ------------------------------------------------------------------------------------------------------

static prompt_t
fit (const char *config, const char *input, troupe_err_t wanted)
{
  prompt_t prompt;
  troupe_error_t error = {0};
  troupe_model_t *model = fixture_model (config);
  json_t *json = fixture_json (input);
  cr_assert_eq (prompt_of_input (&prompt, json, &error), TROUPE_OK);
  troupe_err_t code = prepare_begin (model, &prompt, &error);
  if (code == TROUPE_OK)
    code = prepare_end (model, &prompt, &error);
  cr_assert_eq (code, wanted, "%s", error.why);
  json_decref (json);
  troupe_model_destroy (&model);
  return prompt;
}

static char *
long_history (unsigned turns, const char *more)
{
  bytes_t text = {0};
  char line[96];
  bytes_add_text (&text, "{\"messages\": [{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"}");
  for (unsigned i = 0; i < turns; i++) {
    snprintf (line, sizeof line, ", {\"name\": \"u\", \"content\": \"message number %u of a long history\"}", i);
    bytes_add_text (&text, line);
  }
  bytes_add_text (&text, "]");
  bytes_add_text (&text, more);
  bytes_add_text (&text, "}");
  return text.data;
}

Test (window, leaves_the_oldest_messages_out_and_says_so)
{
  char *input = long_history (100, ", \"knowledge\": [\"one\", \"two\"]");
  prompt_t prompt = fit ("{\"type\": \"openai_chat\", \"window\": 300}", input, TROUPE_OK);
  const troupe_message_t *last = prompt.messages[prompt.count - 1];
  cr_assert (prompt.count > 5 && prompt.count < 30, "%zu", prompt.count);
  cr_assert_str_eq (json_string_value (troupe_message_content (last)), "message number 99 of a long history");
  cr_assert_eq (troupe_message_role (prompt.messages[0]), TROUPE_ROLE_SYSTEM);
  cr_assert_eq (json_integer_value (json_object_get (prompt.left_out, "messages")), (json_int_t)(101 - prompt.count));
  cr_assert (json_integer_value (json_object_get (prompt.left_out, "tokens")) <= 225);
  cr_assert_str_eq (json_string_value (json_object_get (prompt.left_out, "counted")), "estimate");
  cr_assert_null (json_object_get (prompt.left_out, "knowledge"));
  prompt_clear (&prompt);
  free (input);
}

Test (window, never_cuts_the_system_prompt_tools_or_the_last_turn)
{
  char *input =
    long_history (1, ", \"tools\": [{\"name\": \"f\", \"description\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]");
  prompt_t prompt = fit ("{\"type\": \"openai_chat\", \"window\": 256, \"parameters\": {\"max_tokens\": 220}}", input,
                         TROUPE_TOO_LARGE);
  prompt_clear (&prompt);
  free (input);
  input = long_history (3, "");
  prompt = fit ("{\"type\": \"openai_chat\", \"window\": 100000}", input, TROUPE_OK);
  cr_assert_eq (prompt.count, 4);
  cr_assert_eq (json_object_size (prompt.left_out), 0);
  prompt_clear (&prompt);
  free (input);
}

Test (window, keeps_calls_with_their_results)
{
  prompt_t prompt =
    fit ("{\"type\": \"openai_chat\", \"window\": 256, \"parameters\": {\"max_tokens\": 185}}",
         "{\"messages\": [{\"name\": \"u\", \"content\": \"a rather long question about the weather in Oslo, in Bergen "
         "and in a few other places of Norway, all of which have weather, and about what people wear there\"}, " CALL (
           "1") ", " RESULT ("1") "]}",
         TROUPE_OK);
  cr_assert_eq (prompt.count, 2);
  cr_assert_eq (troupe_message_role (prompt.messages[0]), TROUPE_ROLE_ASSISTANT);
  prompt_clear (&prompt);
}

Test (show, tells_the_layout_and_the_request_and_no_key)
{
  json_t *shown;
  troupe_error_t error = {0};
  troupe_model_t *model =
    fixture_model ("{\"type\": \"ollama\", \"model\": \"m\", \"stream\": false, \"api_key\": \"sk-secret\"}");
  json_t *ask = fixture_json (HISTORY "}");
  cr_assert_eq (troupe_model_show (model, ask, &shown, &error), TROUPE_OK, "%s", error.why);
  fixture_expect (
    shown, "{\"model\": \"m\", \"address\": \"http://127.0.0.1:11434/api/chat\", \"layout\": \"merged\", \"request\":"
           " {\"model\": \"m\", \"stream\": false, \"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"},"
           " {\"role\": \"user\", \"content\": \"## Conversation History\\nAnn: hi\\nal: ho\\nBob: hum\"}]}}");
  json_decref (ask);
  troupe_model_destroy (&model);
}

// SPDX-License-Identifier: Apache-2.0
//
// Anthropic's messages, as platform.claude.com/docs/en/api/messages shows them.

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL "{\"type\": \"anthropic\", \"model\": \"claude-3-7-sonnet-latest\", \"api_key\": \"sk-ant\"}"

Test (anthropic, has_its_own_headers)
{
  troupe_model_t *model = fixture_model (MODEL);
  cr_assert_str_eq (model->url, "https://api.anthropic.com/v1/messages");
  unsigned found = 0;
  for (struct curl_slist *header = model->headers; header; header = header->next)
    found +=
      strcmp (header->data, "x-api-key: sk-ant") == 0 || strcmp (header->data, "anthropic-version: 2023-06-01") == 0;
  cr_assert_eq (found, 2);
  troupe_model_destroy (&model);
}

Test (anthropic, keeps_the_system_prompt_apart_and_merges_the_rest)
{
  fixture_expect (
    fixture_request (
      MODEL,
      "{\"messages\": [{\"role\": \"system\", \"name\": \"a\", \"content\": \"Be kind.\"},"
      " {\"name\": \"Ann\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"name\": \"a\", \"content\": \"ho\"},"
      " {\"name\": \"Bob\", \"content\": [{\"type\": \"text\", \"text\": \"see\"}, {\"type\": \"image\","
      "  \"url\": \"data:image/jpeg;base64,QUJD\"}], \"url\": \"https://x/y.png\"}],"
      " \"parameters\": {\"temperature\": 0.5, \"stop\": \"END\", \"seed\": 1}}",
      true),
    "{\"model\": \"claude-3-7-sonnet-latest\", \"max_tokens\": 4096, \"stream\": true, \"temperature\": 0.5,"
    " \"stop_sequences\": [\"END\"], \"system\": [{\"type\": \"text\", \"text\": \"Be kind.\"}],"
    " \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"## Conversation "
    "History\\nAnn: hi\\na: "
    "ho\\nBob: see\\n[image]\"},"
    " {\"type\": \"image\", \"source\": {\"type\": \"base64\", \"media_type\": \"image/jpeg\", \"data\": \"QUJD\"}},"
    " {\"type\": \"image\", \"source\": {\"type\": \"url\", \"url\": \"https://x/y.png\"}}]}]}");
}

Test (anthropic, sends_tools_and_their_results_with_the_thoughts_before_them)
{
  fixture_expect (
    fixture_request (MODEL,
                     "{\"messages\": [{\"name\": \"u\", \"content\": \"weather?\"}, {\"role\": \"assistant\", "
                     "\"name\": \"gpt\", \"content\":"
                     "  [{\"type\": \"tool_use\", \"id\": \"t1\", \"name\": \"f\", \"input\": {\"x\": 1}}], "
                     "\"metadata\": {\"provider\":"
                     "  \"anthropic\", \"thinking\": [{\"text\": \"hm\", \"signature\": \"S\"}, {\"hidden\": \"H\"}]}},"
                     " {\"role\": \"tool\", \"name\": \"t\", \"content\": [{\"type\": \"tool_result\", \"id\": \"t1\", "
                     "\"name\": \"f\","
                     "  \"output\": \"no\", \"error\": true}]}],"
                     " \"tools\": [{\"name\": \"f\", \"description\": \"d\"}], \"parameters\": {\"thinking\": 100, "
                     "\"tool_choice\": \"f\"},"
                     " \"format\": {\"type\": \"object\"}}",
                     false),
    "{\"model\": \"claude-3-7-sonnet-latest\", \"max_tokens\": 5120, \"thinking\": {\"type\": \"enabled\", "
    "\"budget_tokens\": "
    "1024},"
    " \"tools\": [{\"name\": \"f\", \"description\": \"d\", \"input_schema\": {\"type\": \"object\", \"properties\": "
    "{}}}],"
    " \"tool_choice\": {\"type\": \"tool\", \"name\": \"f\"},"
    " \"output_config\": {\"format\": {\"type\": \"json_schema\", \"schema\": {\"type\": \"object\"}}},"
    " \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"weather?\"}]},"
    " {\"role\": \"assistant\", \"content\": [{\"type\": \"thinking\", \"thinking\": \"hm\", \"signature\": \"S\"},"
    "  {\"type\": \"redacted_thinking\", \"data\": \"H\"},"
    "  {\"type\": \"tool_use\", \"id\": \"t1\", \"name\": \"f\", \"input\": {\"x\": 1}}]},"
    " {\"role\": \"user\", \"content\": [{\"type\": \"tool_result\", \"tool_use_id\": \"t1\", \"content\": \"no\","
    "  \"is_error\": true}]}]}");
}

Test (anthropic, leaves_out_what_a_model_rejects)
{
  json_t *request = fixture_request ("{\"type\": \"anthropic\", \"model\": \"claude-opus-4-7\", \"parameters\":"
                                     " {\"temperature\": 1.0, \"effort\": \"high\", \"thinking\": true}}",
                                     "\"hi\"", false);
  cr_assert_null (json_object_get (request, "temperature"));
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (request, "output_config"), "effort")), "high");
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (request, "thinking"), "type")), "adaptive");
  json_decref (request);
}

Test (anthropic, refuses_what_it_cant_take)
{
  fixture_refusal (
    MODEL, "{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"audio\", \"url\": \"http://x/a.mp3\"}]}]}",
    TROUPE_BAD_MESSAGE, "messages[0].content[0]: a block of the type audio, which this model doesn't take");
  fixture_refusal (MODEL, "{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"options\": {\"system\": \"y\"}}",
                   TROUPE_BAD_MESSAGE, "options: system");
  fixture_refusal (MODEL,
                   "{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"parameters\": {\"temprature\": 1}}",
                   TROUPE_BAD_MESSAGE, "parameters.temprature: unknown");
}

static const char streamed[] =
  "{\"content\": [{\"type\": \"text\", \"text\": \"Let me see.\"}, {\"type\": \"tool_use\", \"id\": \"toolu_1\", "
  "\"name\":"
  " \"weather\", \"input\": {\"city\": \"Oslo\"}}], \"finish_reason\": \"tool_use\", \"thinking\": [{\"text\": \"First "
  "this.\","
  " \"signature\": \"EqQB\"}, {\"hidden\": \"Eo8\"}], \"usage\": {\"input_tokens\": 30, \"output_tokens\": 15}}";

static json_t *
digest (json_t *message)
{
  const json_t *metadata = json_object_get (message, "metadata");
  json_t *out = json_pack ("{s:O,s:O,s:O*,s:O*}", "content", json_object_get (message, "content"), "finish_reason",
                           json_object_get (metadata, "finish_reason"), "thinking",
                           json_object_get (metadata, "thinking"), "usage", json_object_get (metadata, "usage"));
  json_decref (message);
  return out;
}

Test (anthropic, gathers_a_streamed_reply)
{
  troupe_error_t error = {0};
  json_t *message = fixture_play (
    MODEL,
    (const char *const[]){
      "{\"type\": \"message_start\", \"message\": {\"id\": \"msg_1\", \"type\": \"message\", \"role\": \"assistant\", "
      "\"content\":"
      " [], \"model\": \"claude-3-7-sonnet-20250219\", \"stop_reason\": null, \"usage\": {\"input_tokens\": 25,"
      " \"cache_read_input_tokens\": 5, \"output_tokens\": 1}}}",
      "{\"type\": \"content_block_start\", \"index\": 0, \"content_block\": {\"type\": \"thinking\", \"thinking\": "
      "\"\","
      " \"signature\": \"\"}}",
      "{\"type\": \"ping\"}",
      "{\"type\": \"content_block_delta\", \"index\": 0, \"delta\": {\"type\": \"thinking_delta\", \"thinking\": "
      "\"First \"}}",
      "{\"type\": \"content_block_delta\", \"index\": 0, \"delta\": {\"type\": \"thinking_delta\", \"thinking\": "
      "\"this.\"}}",
      "{\"type\": \"content_block_delta\", \"index\": 0, \"delta\": {\"type\": \"signature_delta\", \"signature\": "
      "\"EqQB\"}}",
      "{\"type\": \"content_block_stop\", \"index\": 0}",
      "{\"type\": \"content_block_start\", \"index\": 1, \"content_block\": {\"type\": \"redacted_thinking\", "
      "\"data\": \"Eo8\"}}",
      "{\"type\": \"content_block_start\", \"index\": 2, \"content_block\": {\"type\": \"text\", \"text\": \"\"}}",
      "{\"type\": \"content_block_delta\", \"index\": 2, \"delta\": {\"type\": \"text_delta\", \"text\": \"Let me "
      "see.\"}}",
      "{\"type\": \"content_block_start\", \"index\": 3, \"content_block\": {\"type\": \"tool_use\", \"id\": "
      "\"toolu_1\","
      " \"name\": \"weather\", \"input\": {}}}",
      "{\"type\": \"content_block_delta\", \"index\": 3, \"delta\": {\"type\": \"input_json_delta\", \"partial_json\": "
      "\"{\\\"ci\"}}",
      "{\"type\": \"content_block_delta\", \"index\": 3, \"delta\": {\"type\": \"input_json_delta\", \"partial_json\":"
      " \"ty\\\": \\\"Oslo\\\"}\"}}",
      "{\"type\": \"message_delta\", \"delta\": {\"stop_reason\": \"tool_use\"}, \"usage\": {\"output_tokens\": 15}}",
      "{\"type\": \"message_stop\"}", NULL},
    &error);
  cr_assert_not_null (message, "%s", error.why);
  fixture_expect (digest (message), streamed);
}

Test (anthropic, reads_a_whole_reply)
{
  troupe_error_t error = {0};
  json_t *message = fixture_read (
    MODEL,
    "{\"id\": \"msg_1\", \"type\": \"message\", \"model\": \"m\", \"stop_reason\": \"tool_use\", \"usage\": "
    "{\"input_tokens\": 30,"
    " \"output_tokens\": 15}, \"content\": [{\"type\": \"thinking\", \"thinking\": \"First this.\", \"signature\": "
    "\"EqQB\"},"
    " {\"type\": \"redacted_thinking\", \"data\": \"Eo8\"}, {\"type\": \"text\", \"text\": \"Let me see.\"},"
    " {\"type\": \"tool_use\", \"id\": \"toolu_1\", \"name\": \"weather\", \"input\": {\"city\": \"Oslo\"}}]}",
    &error);
  cr_assert_not_null (message, "%s", error.why);
  fixture_expect (digest (message), streamed);
  cr_assert_null (fixture_read (MODEL, "{}", &error));
  cr_assert (strstr (error.why, "without any content"), "%s", error.why);
}

Test (anthropic, reports_errors_inside_a_stream)
{
  troupe_error_t error = {0};
  cr_assert_null (
    fixture_play (MODEL,
                  (const char *const[]){"{\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\","
                                        " \"message\": \"Overloaded\"}}",
                                        NULL},
                  &error));
  cr_assert_eq (error.code, TROUPE_MODEL_FAILED);
  cr_assert_null (
    fixture_play (MODEL,
                  (const char *const[]){"{\"type\": \"error\", \"error\": {\"type\": \"rate_limit_error\","
                                        " \"message\": \"slow down\"}}",
                                        NULL},
                  &error));
  cr_assert_eq (error.code, TROUPE_RATE_LIMITED);
  cr_assert_null (fixture_play (
    MODEL, (const char *const[]){"{\"type\": \"content_block_delta\", \"index\": 100000}", NULL}, &error));
  cr_assert_eq (error.code, TROUPE_MODEL_FAILED);
}

// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define CHAT "{\"type\": \"openai\", \"api\": \"responses\", \"model\": \"gpt-4o\"}"
#define THINKER "{\"type\": \"openai\", \"api\": \"responses\", \"model\": \"gpt-5\"}"

Test (openai_responses, writes_a_history_as_items)
{
  fixture_expect (
    fixture_request (
      CHAT,
      "{\"messages\": [{\"name\": \"system\", \"role\": \"system\", \"content\": \"Be brief.\"},"
      " {\"name\": \"ann\", \"content\": [{\"type\": \"text\", \"text\": \"Look:\"},"
      "  {\"type\": \"image\", \"url\": \"http://x/a.png\"}, {\"type\": \"file\", \"url\": \"http://x/a.pdf\"}]},"
      " {\"name\": \"gpt\", \"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"Hm.\"},"
      "  {\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"f\", \"input\": {\"x\": 1}}]},"
      " {\"name\": \"tools\", \"role\": \"tool\", \"content\": [{\"type\": \"tool_result\", \"id\": \"c1\", \"name\": "
      "\"f\","
      "  \"output\": \"no\", \"error\": true}]}],"
      " \"tools\": [{\"name\": \"f\", \"description\": \"F.\"}], \"format\": {\"title\": \"t\", \"type\": \"object\"},"
      " \"parameters\": {\"temperature\": 0.5, \"max_tokens\": 9, \"tool_choice\": \"f\"}, \"options\": {\"user\": "
      "\"u\"}}",
      true),
    "{\"model\": \"gpt-4o\", \"store\": false, \"stream\": true, \"temperature\": 0.5, \"max_output_tokens\": 9,"
    " \"user\": \"u\", \"tool_choice\": {\"type\": \"function\", \"name\": \"f\"},"
    " \"tools\": [{\"type\": \"function\", \"name\": \"f\", \"description\": \"F.\", \"strict\": false,"
    "  \"parameters\": {\"type\": \"object\", \"properties\": {}}}],"
    " \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"t\", \"schema\": {\"title\": \"t\", \"type\": "
    "\"object\"}}},"
    " \"input\": [{\"type\": \"message\", \"role\": \"system\", \"content\": [{\"type\": \"input_text\", \"text\": "
    "\"Be brief.\"}]},"
    "  {\"type\": \"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"Look:\"},"
    "   {\"type\": \"input_image\", \"image_url\": \"http://x/a.png\"},"
    "   {\"type\": \"input_file\", \"file_url\": \"http://x/a.pdf\"}]},"
    "  {\"type\": \"message\", \"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": \"Hm.\"}]},"
    "  {\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": \"f\", \"arguments\": \"{\\\"x\\\":1}\"},"
    "  {\"type\": \"function_call_output\", \"call_id\": \"c1\", \"output\": \"Error: no\"}]}");
}

Test (openai_responses, tell_who_speaks_without_names)
{
  fixture_expect (
    fixture_request (CHAT,
                     "{\"messages\": [{\"name\": \"ann\", \"content\": \"a\"},"
                     " {\"name\": \"bob\", \"content\": \"b\"}]}",
                     false),
    "{\"model\": \"gpt-4o\", \"store\": false, \"input\":"
    " [{\"type\": \"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"ann: a\"}]},"
    "  {\"type\": \"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"bob: b\"}]}]}");
}

#define CALL(id) "{\"type\": \"tool_use\", \"id\": \"" id "\", \"name\": \"f\", \"input\": {}}"

// Each thought stands in front of what followed it; those of another provider stay here.
Test (openai_responses, gives_thoughts_back_where_they_stood)
{
  fixture_expect (
    fixture_request (THINKER,
                     "{\"messages\": [{\"name\": \"ann\", \"content\": \"a\"},"
                     " {\"name\": \"gpt\", \"role\": \"assistant\", \"content\": [" CALL ("c1") ", " CALL (
                       "c2") "],"
                             "  \"metadata\": {\"provider\": \"openai\", \"thinking\": [{\"text\": \"one\", "
                             "\"signature\": \"E1\", \"id\": \"rs_1\"},"
                             "   {\"text\": \"\", \"signature\": \"E2\", \"id\": \"rs_2\", \"calls\": 1}, {\"text\": "
                             "\"no signature\"}]}},"
                             " {\"name\": \"claude\", \"role\": \"assistant\", \"content\": \"x\", \"metadata\": "
                             "{\"provider\": \"anthropic\","
                             "  \"thinking\": [{\"text\": \"theirs\", \"signature\": \"A\"}]}}],"
                             " \"parameters\": {\"effort\": \"low\", \"thinking\": true, \"temperature\": 1.0}}",
                     false),
    "{\"model\": \"gpt-5\", \"store\": false, \"include\": [\"reasoning.encrypted_content\"],"
    " \"reasoning\": {\"effort\": \"low\", \"summary\": \"auto\"}, \"input\":"
    " [{\"type\": \"message\", \"role\": \"user\", \"content\": [{\"type\": \"input_text\", \"text\": \"a\"}]},"
    "  {\"type\": \"reasoning\", \"id\": \"rs_1\", \"summary\": [{\"type\": \"summary_text\", \"text\": \"one\"}],"
    "   \"encrypted_content\": \"E1\"},"
    "  {\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": \"f\", \"arguments\": \"{}\"},"
    "  {\"type\": \"reasoning\", \"id\": \"rs_2\", \"summary\": [], \"encrypted_content\": \"E2\"},"
    "  {\"type\": \"function_call\", \"call_id\": \"c2\", \"name\": \"f\", \"arguments\": \"{}\"},"
    "  {\"type\": \"message\", \"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": "
    "\"x\"}]}]}");
}

static const char *const streamed[] = {
  "{\"type\": \"response.created\", \"response\": {\"id\": \"r\", \"model\": \"gpt-5\", \"status\": \"in_progress\","
  " \"error\": null, \"output\": []}}",
  "{\"type\": \"response.output_item.added\", \"output_index\": 0, \"item\": {\"type\": \"reasoning\", \"id\": "
  "\"rs_1\","
  " \"summary\": [], \"encrypted_content\": \"early\"}}",
  "{\"type\": \"response.reasoning_summary_part.added\", \"output_index\": 0, \"part\": {\"text\": \"\"}}",
  "{\"type\": \"response.reasoning_summary_text.delta\", \"output_index\": 0, \"delta\": \"First\"}",
  "{\"type\": \"response.reasoning_summary_part.added\", \"output_index\": 0, \"part\": {\"text\": \"\"}}",
  "{\"type\": \"response.reasoning_summary_text.delta\", \"output_index\": 0, \"delta\": \"then\"}",
  "{\"type\": \"response.output_item.done\", \"output_index\": 0, \"item\": {\"type\": \"reasoning\", \"id\": \"rs_1\","
  " \"summary\": [{\"text\": \"First\"}, {\"text\": \"then\"}], \"encrypted_content\": \"E1\"}}",
  "{\"type\": \"response.output_item.added\", \"output_index\": 1, \"item\": {\"type\": \"message\", \"content\": []}}",
  "{\"type\": \"response.output_text.delta\", \"output_index\": 1, \"delta\": \"Let me \"}",
  "{\"type\": \"response.output_text.delta\", \"output_index\": 1, \"delta\": \"see.\"}",
  "{\"type\": \"response.output_text.done\", \"output_index\": 1, \"text\": \"Let me see.\"}",
  "{\"type\": \"response.output_item.added\", \"output_index\": 2, \"item\": {\"type\": \"function_call\", "
  "\"call_id\": \"c1\","
  " \"name\": \"f\", \"arguments\": \"\"}}",
  "{\"type\": \"response.function_call_arguments.delta\", \"output_index\": 2, \"delta\": \"{\\\"x\\\":\"}",
  "{\"type\": \"response.function_call_arguments.delta\", \"output_index\": 2, \"delta\": \"1}\"}",
  "{\"type\": \"response.output_item.done\", \"output_index\": 2, \"item\": {\"type\": \"function_call\", \"call_id\": "
  "\"c1\","
  " \"name\": \"f\", \"arguments\": \"{\\\"x\\\":1}\"}}",
  "{\"type\": \"response.completed\", \"response\": {\"status\": \"completed\", \"model\": \"gpt-5-2025\", \"error\": "
  "null,"
  " \"output\": [{\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": \"f\", \"arguments\": \"{}\"}],"
  " \"usage\": {\"input_tokens\": 7, \"output_tokens\": 5}}}",
  NULL,
};

Test (openai_responses, gathers_a_streamed_reply)
{
  troupe_error_t error = {0};
  json_t *message = fixture_play (THINKER, streamed, &error);
  cr_assert_not_null (message, "%s", error.why);
  fixture_expect (json_incref (json_object_get (message, "content")),
                  "[{\"type\": \"text\", \"text\": \"Let me see.\"},"
                  " {\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"f\", \"input\": {\"x\": 1}}]");
  fixture_expect (
    json_incref (json_object_get (message, "metadata")),
    "{\"model\": \"gpt-5-2025\", \"provider\": \"openai\", \"finish_reason\": \"tool_use\", \"attempts\": 1,"
    " \"usage\": {\"input_tokens\": 7, \"output_tokens\": 5},"
    " \"thinking\": [{\"text\": \"First\\n\\nthen\", \"signature\": \"E1\", \"id\": \"rs_1\"}]}");
  json_decref (message);
}

Test (openai_responses, reads_a_whole_reply)
{
  troupe_error_t error = {0};
  json_t *message = fixture_read (
    CHAT,
    "{\"status\": \"incomplete\", \"incomplete_details\": {\"reason\": \"max_output_tokens\"}, \"model\": \"m\", "
    "\"output\":"
    " [{\"type\": \"reasoning\", \"id\": \"r1\", \"summary\": [], \"content\": [{\"type\": \"reasoning_text\", "
    "\"text\": \"hm\"}]},"
    "  {\"type\": \"function_call\", \"call_id\": \"c1\", \"name\": \"f\", \"arguments\": \"{}\"},"
    "  {\"type\": \"reasoning\", \"id\": \"r2\", \"summary\": [{\"text\": \"so\"}], \"encrypted_content\": \"E\"},"
    "  {\"type\": \"message\", \"content\": [{\"type\": \"output_text\", \"text\": \"Yes\"},"
    "   {\"type\": \"refusal\", \"refusal\": \", no.\"}]}, {\"type\": \"web_search_call\"}]}",
    &error);
  cr_assert_not_null (message, "%s", error.why);
  fixture_expect (
    json_incref (json_object_get (message, "metadata")),
    "{\"model\": \"m\", \"provider\": \"openai\", \"finish_reason\": \"length\", \"attempts\": 1, \"thinking\":"
    " [{\"text\": \"hm\", \"id\": \"r1\"}, {\"text\": \"so\", \"signature\": \"E\", \"id\": \"r2\", \"calls\": 1}]}");
  fixture_expect (json_incref (json_object_get (message, "content")),
                  "[{\"type\": \"text\", \"text\": \"Yes, no.\"},"
                  " {\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"f\", \"input\": {}}]");
  json_decref (message);
}

static void
expect_failure (const char *event, troupe_err_t code, const char *why)
{
  troupe_error_t error = {0};
  cr_assert_null (fixture_play (CHAT, (const char *const[]){event, NULL}, &error), "%s", event);
  cr_assert_eq (error.code, code, "%s: %s", troupe_err_name (error.code), error.why);
  cr_assert (strstr (error.why, why), "%s", error.why);
}

Test (openai_responses, reports_errors_inside_a_stream)
{
  expect_failure ("{\"type\": \"error\", \"code\": \"server_error\", \"message\": \"The GPU melts\"}",
                  TROUPE_MODEL_FAILED, "The GPU melts");
  expect_failure ("{\"type\": \"error\", \"error\": {\"type\": \"invalid_request_error\", \"message\": \"So not\"}}",
                  TROUPE_MODEL_REFUSED, "So not");
  expect_failure ("{\"type\": \"response.failed\", \"response\": {\"status\": \"failed\", \"error\":"
                  " {\"code\": \"rate_limit_exceeded\", \"message\": \"Slow down\"}}}",
                  TROUPE_RATE_LIMITED, "Slow down");
  expect_failure ("{\"type\": \"response.output_item.added\", \"output_index\": -1}", TROUPE_MODEL_FAILED,
                  "out of range");
}

Test (openai_responses, refuses_what_it_cant_take)
{
  fixture_refusal (
    CHAT, "{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"audio\", \"url\": \"http://x/a.mp3\"}]}]}",
    TROUPE_BAD_MESSAGE, "messages[0].content[0]: a block of the type audio");
  fixture_refusal (
    CHAT, "{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"options\": {\"previous_response_id\": \"r\"}}",
    TROUPE_BAD_MESSAGE, "all of the history");
}

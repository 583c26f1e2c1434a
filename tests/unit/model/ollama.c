// SPDX-License-Identifier: Apache-2.0
//
// Ollama's /api/chat and /api/generate, as docs.ollama.com/api shows them.

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL "{\"type\": \"ollama\", \"model\": \"qwen3\"}"

Test (ollama, writes_a_chat)
{
  fixture_expect (
    fixture_request (
      MODEL,
      "{\"messages\": [{\"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"see\"}, {\"type\": \"image\","
      "  \"url\": \"data:image/png;base64,QUJD\"}]},"
      " {\"role\": \"assistant\", \"name\": \"gpt\", \"content\": [{\"type\": \"tool_use\", \"id\": \"1\", \"name\":"
      "  \"f\", \"input\": {\"x\": 1}}]},"
      " {\"role\": \"tool\", \"name\": \"t\", \"content\": [{\"type\": \"tool_result\", \"id\": \"1\", \"name\": \"f\","
      "  \"output\": \"sun\", \"error\": false}]}],"
      " \"tools\": [{\"name\": \"f\"}], \"format\": \"json\", \"parameters\": {\"max_tokens\": 9, \"top_k\": 3,"
      "  \"thinking\": false}, \"options\": {\"keep_alive\": \"5m\", \"options\": {\"num_ctx\": 4096}}}",
      true),
    "{\"model\": \"qwen3\", \"stream\": true, \"format\": \"json\", \"think\": false, \"keep_alive\": \"5m\","
    " \"options\": {\"num_predict\": 9, \"top_k\": 3, \"num_ctx\": 4096},"
    " \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}],"
    " \"messages\": [{\"role\": \"user\", \"content\": \"see\", \"images\": [\"QUJD\"]},"
    " {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": "
    "{\"x\": 1}}}]},"
    " {\"role\": \"tool\", \"tool_name\": \"f\", \"content\": \"sun\"}]}");
  fixture_refusal (
    MODEL, "{\"messages\": [{\"name\": \"u\", \"content\": [{\"type\": \"image\", \"url\": \"http://x/y.png\"}]}]}",
    TROUPE_BAD_MESSAGE, "a link; this model takes the type image as a data: URL only");
}

Test (ollama, writes_a_completion_of_one_text)
{
  static const char model[] = "{\"type\": \"ollama\", \"model\": \"qwen3\", \"api\": \"completion\"}";
  fixture_expect (fixture_request (model,
                                   "{\"messages\": [{\"role\": \"system\", \"name\": \"s\", \"content\": \"Be kind.\"},"
                                   " {\"name\": \"Ann\", \"content\": \"hi\"}], \"agent\": \"alice\"}",
                                   false),
                  "{\"model\": \"qwen3\", \"stream\": false,"
                  " \"prompt\": \"Be kind.\\n\\n## Conversation History\\nAnn: hi\\nalice:\"}");
  fixture_refusal (model, "{\"messages\": [{\"name\": \"u\", \"content\": \"x\"}], \"tools\": [{\"name\": \"f\"}]}",
                   TROUPE_BAD_MESSAGE, "tools: ");
}

Test (ollama, gathers_lines)
{
  troupe_error_t error = {0};
  json_t *message = fixture_play (
    MODEL,
    (const char *const[]){
      "{\"model\": \"qwen3:8b\", \"message\": {\"role\": \"assistant\", \"content\": \"\", \"thinking\": \"Hm.\"}, "
      "\"done\": false}",
      "{\"model\": \"qwen3:8b\", \"message\": {\"role\": \"assistant\", \"content\": \"Hel\"}, \"done\": false}",
      "{\"model\": \"qwen3:8b\", \"message\": {\"role\": \"assistant\", \"content\": \"lo\", \"tool_calls\": "
      "[{\"function\": {\"name\":"
      " \"f\", \"arguments\": {\"x\": 1}}}, {\"function\": {\"name\": \"g\", \"arguments\": {}}}]}, \"done\": false}",
      "{\"model\": \"qwen3:8b\", \"message\": {\"role\": \"assistant\", \"content\": \"\"}, \"done\": true, "
      "\"done_reason\": \"stop\","
      " \"prompt_eval_count\": 26, \"eval_count\": 8}",
      NULL},
    &error);
  cr_assert_not_null (message, "%s", error.why);
  const json_t *content = json_object_get (message, "content"), *call = json_array_get (content, 2);
  cr_assert_eq (json_array_size (content), 3);
  cr_assert_str_eq (json_string_value (json_object_get (call, "name")), "g");
  cr_assert (strncmp (json_string_value (json_object_get (call, "id")), "call_", 5) == 0); // minted
  const json_t *metadata = json_object_get (message, "metadata");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "model")), "qwen3:8b");
  fixture_expect (json_incref (json_object_get (metadata, "usage")), "{\"input_tokens\": 26, \"output_tokens\": 8}");
  fixture_expect (json_incref (json_object_get (metadata, "thinking")), "[{\"text\": \"Hm.\"}]");
  json_decref (message);
}

Test (ollama, reads_completions_and_errors)
{
  troupe_error_t error = {0};
  json_t *message =
    fixture_read ("{\"type\": \"ollama\", \"api\": \"completion\"}",
                  "{\"model\": \"q\", \"response\": \"Oslo\", \"done\": true, \"done_reason\": \"length\"}", &error);
  cr_assert_not_null (message, "%s", error.why);
  cr_assert_str_eq (json_string_value (json_object_get (message, "content")), "Oslo");
  json_decref (message);
  cr_assert_null (fixture_read (MODEL, "{\"error\": \"model not found\"}", &error));
  cr_assert (strstr (error.why, "model not found"));
  cr_assert_null (fixture_read (MODEL, "{\"message\": {\"content\": \"a\"}}", &error));
  cr_assert (strstr (error.why, "without an end"));
}

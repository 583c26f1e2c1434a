// SPDX-License-Identifier: Apache-2.0
//
// Gemini's generateContent, as ai.google.dev/api/generate-content shows it.

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL "{\"type\": \"gemini\", \"model\": \"gemini-2.5-flash\", \"api_key\": \"AIza\"}"

Test (gemini, has_the_model_in_its_addresses)
{
  troupe_model_t *model = fixture_model (MODEL);
  static const char base[] = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:";
  cr_assert (strncmp (model->url, base, strlen (base)) == 0, "%s", model->url);
  cr_assert_str_eq (model->url + strlen (base), "generateContent");
  cr_assert_str_eq (model->stream_url + strlen (base), "streamGenerateContent?alt=sse");
  troupe_model_destroy (&model);
}

Test (gemini, writes_contents_and_settings)
{
  fixture_expect (
    fixture_request (
      MODEL,
      "{\"messages\": [{\"role\": \"system\", \"name\": \"a\", \"content\": \"Be kind.\"},"
      " {\"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"see\"}, {\"type\": \"audio\", \"url\":"
      "  \"data:audio/wav;base64,QUJD\"}, {\"type\": \"file\", \"url\": \"https://x/y.pdf\"}]},"
      " {\"role\": \"assistant\", \"name\": \"gpt\", \"content\": [{\"type\": \"tool_use\", \"id\": \"1\", \"name\": "
      "\"f\","
      "  \"input\": {\"x\": 1}, \"signature\": \"Sg==\"}]},"
      " {\"role\": \"tool\", \"name\": \"t\", \"content\": [{\"type\": \"tool_result\", \"id\": \"1\", \"name\": \"f\","
      "  \"output\": \"sun\", \"error\": false}]}],"
      " \"tools\": [{\"name\": \"f\", \"parameters\": {\"type\": \"object\"}}], \"format\": {\"type\": \"array\"},"
      " \"parameters\": {\"top_p\": 0.5, \"max_tokens\": 9, \"stop\": [\"a\", \"b\"], \"thinking\": true,"
      "  \"tool_choice\": \"required\"}, \"options\": {\"generationConfig\": {\"candidateCount\": 1}}}",
      true),
    "{\"systemInstruction\": {\"parts\": [{\"text\": \"Be kind.\"}]},"
    " \"contents\": [{\"role\": \"user\", \"parts\": [{\"text\": \"see\"},"
    "  {\"inlineData\": {\"mimeType\": \"audio/wav\", \"data\": \"QUJD\"}},"
    "  {\"fileData\": {\"fileUri\": \"https://x/y.pdf\", \"mimeType\": \"application/pdf\"}}]},"
    " {\"role\": \"model\", \"parts\": [{\"functionCall\": {\"name\": \"f\", \"args\": {\"x\": 1}}, "
    "\"thoughtSignature\":"
    "  \"Sg==\"}]},"
    " {\"role\": \"user\", \"parts\": [{\"functionResponse\": {\"name\": \"f\", \"response\": {\"output\": "
    "\"sun\"}}}]}],"
    " \"tools\": [{\"functionDeclarations\": [{\"name\": \"f\", \"parametersJsonSchema\": {\"type\": \"object\"}}]}],"
    " \"toolConfig\": {\"functionCallingConfig\": {\"mode\": \"ANY\"}},"
    " \"generationConfig\": {\"topP\": 0.5, \"maxOutputTokens\": 9, \"stopSequences\": [\"a\", \"b\"], "
    "\"candidateCount\": 1,"
    "  \"thinkingConfig\": {\"includeThoughts\": true, \"thinkingBudget\": -1},"
    "  \"responseMimeType\": \"application/json\", \"responseJsonSchema\": {\"type\": \"array\"}}}");
}

Test (gemini, gathers_a_streamed_reply)
{
  troupe_error_t error = {0};
  json_t *message = fixture_play (
    MODEL,
    (const char *const[]){
      "{\"candidates\": [{\"content\": {\"role\": \"model\", \"parts\": [{\"text\": \"Hm.\", \"thought\": true}]}}],"
      " \"modelVersion\": \"gemini-2.5-flash-001\"}",
      "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hel\"}]}}]}",
      "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"lo\"}, {\"functionCall\": {\"name\": \"f\", \"args\": "
      "{\"x\": 1},"
      " \"id\": \"c1\"}, \"thoughtSignature\": \"Sg==\"}]}, \"finishReason\": \"STOP\"}], \"usageMetadata\":"
      " {\"promptTokenCount\": 4, \"candidatesTokenCount\": 2, \"thoughtsTokenCount\": 3}}",
      NULL},
    &error);
  cr_assert_not_null (message, "%s", error.why);
  json_t *content = json_incref (json_object_get (message, "content"));
  const json_t *metadata = json_object_get (message, "metadata");
  fixture_expect (json_incref (json_object_get (metadata, "thinking")), "[{\"text\": \"Hm.\"}]");
  fixture_expect (json_incref (json_object_get (metadata, "usage")), "{\"input_tokens\": 4, \"output_tokens\": 5}");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "finish_reason")), "tool_use");
  json_decref (message);
  fixture_expect (
    content, "[{\"type\": \"text\", \"text\": \"Hello\"}, {\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"f\","
             " \"input\": {\"x\": 1}, \"signature\": \"Sg==\"}]");
}

Test (gemini, reads_images_blocks_and_errors)
{
  troupe_error_t error = {0};
  json_t *message =
    fixture_read (MODEL,
                  "{\"candidates\": [{\"content\": {\"parts\": [{\"inlineData\": {\"mimeType\": \"image/png\","
                  " \"data\": \"QUJD\"}}]}, \"finishReason\": \"MAX_TOKENS\"}]}",
                  &error);
  cr_assert_not_null (message, "%s", error.why);
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (message, "metadata"), "finish_reason")),
                    "length");
  json_t *content = json_incref (json_object_get (message, "content"));
  json_decref (message);
  fixture_expect (content, "[{\"type\": \"image\", \"url\": \"data:image/png;base64,QUJD\", \"mime\": \"image/png\"}]");
  cr_assert_null (fixture_read (MODEL, "{\"promptFeedback\": {\"blockReason\": \"SAFETY\"}}", &error));
  cr_assert_eq (error.code, TROUPE_MODEL_REFUSED);
  cr_assert_null (fixture_read (
    MODEL, "{\"error\": {\"code\": 429, \"message\": \"quota\", \"status\": \"RESOURCE_EXHAUSTED\"}}", &error));
  cr_assert_eq (error.code, TROUPE_RATE_LIMITED);
  cr_assert_null (fixture_read (MODEL, "{}", &error));
  cr_assert (strstr (error.why, "without any candidate"));
}

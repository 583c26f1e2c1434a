// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL                                                                                                          \
  "{\"type\": \"openai_chat\", \"base_url\": \"http://me:pass@localhost:1/v1/\", \"api_key\": \"sk-secret\"}"

// Feeds events (NULL-terminated), and returns the message, or NULL with the error.
static json_t *
play (const char *const *events, reply_t *reply, troupe_error_t *error)
{
  troupe_model_t *model = fixture_model (MODEL);
  troupe_err_t code = TROUPE_OK;
  json_t *message = NULL;
  reply_init (reply);
  for (; *events && code == TROUPE_OK; events++)
    code = model->provider->event (model, "message", *events, strlen (*events), reply, error);
  if (code == TROUPE_OK)
    reply_message (reply, "gpt", "openai_chat", 1, &message, error);
  troupe_model_destroy (&model);
  return message;
}

static json_t *
expect_message (const char *const *events, const char *content, const char *metadata)
{
  reply_t reply;
  troupe_error_t error = {0};
  json_t *message = play (events, &reply, &error);
  cr_assert_not_null (message, "%s", error.why);
  char *text = json_dumps (json_object_get (message, "content"), JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
  if (content)
    cr_assert_str_eq (text, content);
  free (text);
  text = json_dumps (json_object_get (message, "metadata"), JSON_SORT_KEYS | JSON_COMPACT);
  cr_assert_str_eq (text, metadata);
  free (text);
  reply_clear (&reply);
  return message;
}

static void
expect_error (const char *const *events, troupe_err_t code, const char *why)
{
  reply_t reply;
  troupe_error_t error = {0};
  cr_assert_null (play (events, &reply, &error));
  cr_assert_eq (error.code, code, "%s: %s", troupe_err_name (error.code), error.why);
  cr_assert (strstr (error.why, why), "%s", error.why);
  reply_clear (&reply);
}

Test (openai, builds_the_address_and_shows_no_password)
{
  troupe_model_t *model = fixture_model (MODEL);
  cr_assert_str_eq (model->url, "http://me:pass@localhost:1/v1/chat/completions");
  cr_assert_str_eq (model->shown_url, "http://localhost:1/v1/chat/completions");
  cr_assert_str_eq (model->model_name, "gpt");
  troupe_model_destroy (&model);
}

Test (openai, gathers_a_streamed_reply)
{
  json_t *message = expect_message (
    (const char *const[]){
      "{\"model\": \"m-1\", \"choices\": [{\"index\": 0, \"delta\": {\"role\": \"assistant\", \"content\": null}}]}",
      "{\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"Hel\"}, \"finish_reason\": null}]}",
      "{\"choices\": [{\"index\": 1, \"delta\": {\"content\": \"another choice\"}}]}",
      "{\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"lo\"}}]}",
      "{\"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"length\"}]}",
      "{\"choices\": [], \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 2}}", "[DONE]", NULL},
    "\"Hello\"",
    "{\"attempts\":1,\"finish_reason\":\"length\",\"model\":\"m-1\",\"provider\":\"openai_chat\",\"usage\":{\"input_"
    "tokens\":5,\"output_tokens\":2}}");
  cr_assert_str_eq (json_string_value (json_object_get (message, "role")), "assistant");
  cr_assert_str_eq (json_string_value (json_object_get (message, "name")), "gpt");
  json_decref (message);
}

Test (openai, gathers_tool_calls_by_index)
{
  json_decref (expect_message (
    (const char *const[]){
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"content\": \"Let me see.\"}}]}",
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": 0, \"id\": \"a\", \"function\": "
      "{\"name\": "
      "\"f\", \"arguments\": \"\"}}, {\"index\": 1, \"id\": \"b\", \"function\": {\"name\": \"g\", \"arguments\": "
      "\"{\\\"q\\\":\"}}]}}]}",
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": 1, \"function\": {\"arguments\": "
      "\"1}\"}}]}}]}",
      "{\"model\": \"m\", \"choices\": [{\"delta\": {}, \"finish_reason\": \"tool_calls\"}]}", NULL},
    "[{\"text\":\"Let me see.\",\"type\":\"text\"},{\"id\":\"a\",\"input\":{},\"name\":\"f\",\"type\":\"tool_use\"},"
    "{\"id\":\"b\",\"input\":{\"q\":1},\"name\":\"g\",\"type\":\"tool_use\"}]",
    "{\"attempts\":1,\"finish_reason\":\"tool_use\",\"model\":\"m\",\"provider\":\"openai_chat\"}"));
}

Test (openai, tolerates_calls_without_index_or_id)
{
  json_t *message = expect_message (
    (const char *const[]){
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"tool_calls\": [{\"id\": \"a\", \"function\": {\"name\": \"f\", "
      "\"arguments\": {\"x\": 1}}}]}}]}",
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"tool_calls\": [{\"id\": \"b\", \"function\": {\"name\": \"g\", "
      "\"arguments\": \"{\"}}]}}]}",
      "{\"model\": \"m\", \"choices\": [{\"delta\": {\"tool_calls\": [{\"function\": {\"arguments\": \"}\"}}]}, "
      "\"finish_reason\": \"stop\"}]}",
      NULL},
    "[{\"id\":\"a\",\"input\":{\"x\":1},\"name\":\"f\",\"type\":\"tool_use\"},"
    "{\"id\":\"b\",\"input\":{},\"name\":\"g\",\"type\":\"tool_use\"}]",
    "{\"attempts\":1,\"finish_reason\":\"tool_use\",\"model\":\"m\",\"provider\":\"openai_chat\"}");
  json_decref (message);
  message = expect_message (
    (const char *const[]){"{\"model\": \"m\", \"choices\": [{\"message\": {\"function_call\": {\"name\": \"f\", "
                          "\"arguments\": \"{}\"}}, \"finish_reason\": \"function_call\"}]}",
                          NULL},
    NULL, "{\"attempts\":1,\"finish_reason\":\"tool_use\",\"model\":\"m\",\"provider\":\"openai_chat\"}");
  const char *id = json_string_value (json_object_get (json_array_get (json_object_get (message, "content"), 0), "id"));
  cr_assert (id && strncmp (id, "call_", 5) == 0 && strlen (id) > 20, "%s", id);
  json_decref (message);
}

Test (openai, takes_content_as_parts_and_refusals)
{
  json_decref (expect_message (
    (const char *const[]){"{\"model\": \"m\", \"choices\": [{\"delta\": {\"content\": "
                          "[{\"type\": \"text\", \"text\": \"a\"}], \"refusal\": \"b\"}, "
                          "\"finish_reason\": \"content_filter\"}]}",
                          NULL},
    "\"ab\"", "{\"attempts\":1,\"finish_reason\":\"content_filter\",\"model\":\"m\",\"provider\":\"openai_chat\"}"));
}

Test (openai, reports_errors_inside_a_stream)
{
  expect_error (
    (const char *const[]){"{\"error\": {\"message\": \"the GPU melts\", \"type\": \"server_error\"}}", NULL},
    TROUPE_MODEL_FAILED, "the GPU melts");
  expect_error ((const char *const[]){"{\"error\": {\"message\": \"slow down\", \"code\": 429}}", NULL},
                TROUPE_RATE_LIMITED, "slow down");
  expect_error ((const char *const[]){"{\"error\": \"too long\"}", NULL}, TROUPE_MODEL_FAILED, "too long");
  expect_error ((const char *const[]){"{\"choices\": [", NULL}, TROUPE_MODEL_FAILED, "other than a JSON object");
  expect_error ((const char *const[]){"[]", NULL}, TROUPE_MODEL_FAILED, "other than a JSON object");
}

Test (openai, reports_tool_calls_that_are_none)
{
  expect_error ((const char *const[]){"{\"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": 0, \"function\": "
                                      "{\"name\": \"f\", \"arguments\": \"{oops\"}}]}}]}",
                                      NULL},
                TROUPE_MODEL_FAILED, "{oops");
  expect_error ((const char *const[]){"{\"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": 0}]}}]}", NULL},
                TROUPE_MODEL_FAILED, "without naming it");
  expect_error ((const char *const[]){"{\"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": -1}]}}]}", NULL},
                TROUPE_MODEL_FAILED, "out of range");
}

Test (openai, bounds_the_tool_calls_of_a_reply)
{
  troupe_model_t *model = fixture_model (MODEL);
  reply_t reply;
  troupe_error_t error = {0};
  troupe_err_t code = TROUPE_OK;
  reply_init (&reply);
  for (int i = 0; i <= REPLY_TOOLS_MAX; i++) {
    char event[128];
    cr_assert_eq (code, TROUPE_OK);
    snprintf (event, sizeof event, "{\"choices\": [{\"delta\": {\"tool_calls\": [{\"index\": %d}]}}]}", i * 1000);
    code = model->provider->event (model, "message", event, strlen (event), &reply, &error);
  }
  cr_assert_eq (code, TROUPE_MODEL_FAILED);
  reply_clear (&reply);
  troupe_model_destroy (&model);
}

Test (openai, reads_a_whole_reply)
{
  static const char body[] = "{\"id\": \"x\", \"model\": \"m\", \"choices\": [{\"index\": 0, \"message\": {\"role\": "
                             "\"assistant\", \"content\": \"hi\", \"tool_calls\": null}, \"finish_reason\": \"stop\"}],"
                             "\"usage\": {\"prompt_tokens\": 1, \"completion_tokens\": 1, \"total_tokens\": 2}}";
  troupe_model_t *model = fixture_model (MODEL);
  reply_t reply;
  troupe_error_t error = {0};
  reply_init (&reply);
  cr_assert_eq (model->provider->read (model, body, strlen (body), &reply, &error), TROUPE_OK, "%s", error.why);
  cr_assert_str_eq (reply.text.data, "hi");
  cr_assert_eq (model->provider->read (model, "{}", 2, &reply, &error), TROUPE_MODEL_FAILED);
  cr_assert (strstr (error.why, "without any choice"));
  cr_assert_eq (model->provider->read (model, "<html>no</html>", 15, &reply, &error), TROUPE_MODEL_FAILED);
  cr_assert (strstr (error.why, "<html>no</html>"));
  reply_clear (&reply);
  troupe_model_destroy (&model);
}

Test (openai, refuses_a_configuration_that_cant_work)
{
  static const char *const configs[] = {
    "{\"type\": \"openai_chat\", \"base_url\": \"http://x\", \"api_key\": \"a\\nb: c\"}",
    "{\"type\": \"openai_chat\", \"base_url\": \"http://x\", \"options\": {\"messages\": []}}",
    "{\"type\": \"openai_chat\", \"base_url\": \"http://x:port\"}",
    "{\"type\": \"oracle\"}",
  };
  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    troupe_model_t *model;
    troupe_error_t error;
    json_t *json = json_loads (configs[i], 0, NULL);
    troupe_model_options_t options = {.name = "gpt", .config = json};
    cr_assert_eq (troupe_model_new (&model, NULL, &options, NULL, &error), TROUPE_BAD_CONFIG, "%s", configs[i]);
    cr_assert_null (model);
    json_decref (json);
  }
}

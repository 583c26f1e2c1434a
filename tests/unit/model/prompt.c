// SPDX-License-Identifier: Apache-2.0

#include "model/prepare.h"
#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *
json_of (const char *text)
{
  json_error_t error;
  json_t *json = json_loads (text, JSON_DECODE_ANY, &error);
  cr_assert_not_null (json, "%s in %s", error.text, text);
  return json;
}

// The request for an input, less its model, as a new object.
static json_t *
request_of (const char *input, const char *configured, bool stream)
{
  char config[512];
  snprintf (config, sizeof config, "{\"type\": \"openai_chat\", \"model\": \"m\", \"options\": %s}", configured);
  return fixture_request (config, input, stream);
}

static void
expect (const char *input, const char *messages)
{
  json_t *request = request_of (input, "{}", false), *wanted = json_of (messages);
  char *text = json_dumps (request, 0);
  cr_assert (json_equal (json_object_get (request, "messages"), wanted), "%s", text);
  free (text);
  json_decref (wanted);
  json_decref (request);
}

static void
expect_wrong (const char *input, const char *why)
{
  fixture_refusal ("{\"type\": \"openai_chat\", \"model\": \"m\"}", input, TROUPE_BAD_MESSAGE, why);
}

Test (prompt, takes_text_and_messages)
{
  expect ("\"hello\"", "[{\"role\": \"user\", \"name\": \"user\", \"content\": \"hello\"}]");
  expect ("{\"messages\": [{\"role\": \"system\", \"name\": \"system\", \"content\": \"be kind\"},"
          " {\"role\": \"user\", \"name\": \"Ann\", \"content\": [{\"type\": \"text\", \"text\": \"a\"},"
          "  {\"type\": \"text\", \"text\": \"b\"}]},"
          " {\"role\": \"assistant\", \"name\": \"J\\u00e9r\\u00f4me\", \"content\": \"hi\"}],"
          " \"agent\": \"alice\", \"tools\": [], \"options\": null}",
          "[{\"role\": \"system\", \"name\": \"system\", \"content\": \"be kind\"},"
          " {\"role\": \"user\", \"name\": \"Ann\", \"content\": \"a\\nb\"},"
          " {\"role\": \"assistant\", \"content\": \"hi\"}]");
}

Test (prompt, sends_images_as_parts)
{
  expect ("{\"messages\": [{\"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"see\"},"
          " {\"type\": \"image\", \"url\": \"https://x/y\"}], \"url\": \"http://z/p.PNG?q=1\"}]}",
          "[{\"role\": \"user\", \"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"see\"},"
          " {\"type\": \"image_url\", \"image_url\": {\"url\": \"https://x/y\"}},"
          " {\"type\": \"image_url\", \"image_url\": {\"url\": \"http://z/p.PNG?q=1\"}}]}]");
}

Test (prompt, sends_tool_calls_and_their_results)
{
  expect ("{\"messages\": [{\"role\": \"assistant\", \"name\": \"a\", \"content\": ["
          "  {\"type\": \"tool_use\", \"id\": \"c1\", \"name\": \"f\", \"input\": {\"x\": 1}}]},"
          " {\"role\": \"user\", \"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"and?\"},"
          "  {\"type\": \"tool_result\", \"id\": \"c1\", \"name\": \"f\", \"output\": {\"y\": 2},"
          "   \"error\": false}]},"
          " {\"role\": \"tool\", \"name\": \"t\", \"content\": ["
          "  {\"type\": \"tool_result\", \"id\": \"c2\", \"name\": \"g\", \"output\": \"no\", \"error\": true}]}]}",
          "[{\"role\": \"assistant\", \"name\": \"a\", \"content\": null, \"tool_calls\": [{\"id\": \"c1\", \"type\":"
          "  \"function\", \"function\": {\"name\": \"f\", \"arguments\": \"{\\\"x\\\":1}\"}}]},"
          " {\"role\": \"tool\", \"tool_call_id\": \"c1\", \"content\": \"{\\\"y\\\":2}\"},"
          " {\"role\": \"user\", \"name\": \"u\", \"content\": \"and?\"},"
          " {\"role\": \"tool\", \"tool_call_id\": \"c2\", \"content\": \"Error: no\"}]");
}

Test (prompt, merges_options_and_adds_tools)
{
  json_t *request = request_of ("{\"messages\": [{\"name\": \"u\", \"content\": \"x\"}],"
                                " \"options\": {\"temperature\": 0.5, \"seed\": 7},"
                                " \"tools\": [{\"name\": \"f\", \"parameters\": {\"type\": \"object\"}}]}",
                                "{\"temperature\": 1, \"max_tokens\": 9}", true);
  json_t *wanted = json_of ("{\"model\": \"m\", \"temperature\": 0.5, \"seed\": 7, \"max_tokens\": 9, \"stream\": true,"
                            " \"stream_options\": {\"include_usage\": true}, \"tools\": [{\"type\": \"function\","
                            " \"function\": {\"name\": \"f\", \"parameters\": {\"type\": \"object\"}}}],"
                            " \"messages\": [{\"role\": \"user\", \"name\": \"u\", \"content\": \"x\"}]}");
  cr_assert (json_equal (request, wanted));
  json_decref (wanted);
  json_decref (request);
}

Test (prompt, names_the_member_that_is_wrong)
{
  expect_wrong ("1", "neither");
  expect_wrong ("{}", "messages: ");
  expect_wrong ("{\"messages\": []}", "empty");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}, {\"content\": 1}]}", "messages[1]: ");
  expect_wrong ("{\"mesages\": []}", "mesages: unknown member; did you mean messages?");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"tools\": [{\"name\": \"a b\"}]}",
                "tools[0].name: ");
  expect_wrong (
    "{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"tools\": [{\"name\": \"a\", \"params\": 1}]}",
    "tools[0].params: unknown");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"options\": []}", "options: ");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"agent\": 5}", "agent: ");
}

Test (prompt, refuses_what_openai_cant_take)
{
  expect_wrong (
    "{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"audio\", \"url\": \"http://x/a.mp3\"}]}]}",
    "messages[0].content[0]: a link; this model takes the type audio as a data: URL only");
  expect_wrong (
    "{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"video\", \"url\": \"http://x/a.mp4\"}]}]}",
    "messages[0].content[0]: a block of the type video");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"image\", \"url\": \"ftp://x\"}]}]}",
                "messages[0].content[0]: an image whose url");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"image\", \"url\": \"file:///x\"}]}]}",
                "messages[0].content[0]: a file: URL; this model's configuration names no folder");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\", \"url\": [\"http://x/a.mp3\"]}]}",
                "messages[0].url[0]");
  expect_wrong ("{\"messages\": [{\"role\": \"tool\", \"name\": \"a\", \"content\": \"x\"}]}", "messages[0].content");
  expect_wrong (
    "{\"messages\": [{\"name\": \"a\", \"content\": [{\"type\": \"tool_use\", \"id\": \"1\", \"name\": \"f\","
    " \"input\": {}}]}]}",
    "messages[0].content[0]: a tool_use");
  expect_wrong ("{\"messages\": [{\"name\": \"a\", \"content\": \"x\"}], \"options\": {\"stream\": true}}",
                "options: stream");
}

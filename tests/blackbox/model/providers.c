// SPDX-License-Identifier: Apache-2.0
//
// Each provider against a server that we didn't write and that speaks as the provider does: replies, whole and
// streamed; tools both ways; a limited rate; errors.

#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

typedef struct {
  char type[16], path[16], more[64];
} case_t;

static case_t cases[] = {
  {"anthropic", "/v1", ""},
  {"gemini", "/v1beta", ""},
  {"ollama", "", ""},
  {"azure_openai", "/openai/v1", ""},
  {"azure_openai", "", ", \"api_version\": \"2024-10-21\""},
  {"dashscope", "", ""},
  {"modelscope", "/v1", ""},
  {"huggingface", "/v1", ""},
  {"vllm", "/v1", ""},
  {"fastchat", "/v1", ""},
  {"llamacpp", "/v1", ""},
  {"openai", "/v1", ""},
  {"openai", "/v1", ", \"api\": \"responses\""},
  {"openai_chat", "/v1", ", \"api\": \"responses\""},
};

TestSuite (providers, .init = server_enter, .fini = server_leave);

ParameterizedTestParameters (providers, speak)
{
  return cr_make_param_array (case_t, cases, sizeof cases / sizeof *cases);
}

static void
expect_hello (const case_t *one, bool streams)
{
  ask_t hello = server_ask ("hello", streams);
  cr_assert_str_eq (ask_content (&hello), SERVER_HELLO, "%s", one->type);
  if (streams)
    cr_assert_str_eq (hello.text.data, SERVER_HELLO, "%s", one->type);
  cr_assert_str_eq (json_string_value (ask_metadata (&hello, "finish_reason")), "stop", "%s", one->type);
  cr_assert_str_eq (json_string_value (ask_metadata (&hello, "provider")), one->type);
  cr_assert (json_is_integer (json_object_get (ask_metadata (&hello, "usage"), "input_tokens")), "%s", one->type);
  ask_clear (&hello);
}

static void
expect_parts (const case_t *one)
{
  ask_t slow = server_ask ("slow", true);
  cr_assert (slow.parts > 1, "%s: %u parts: %s", one->type, slow.parts, slow.error.why);
  ask_clear (&slow);
}

// The question, the model's calls, and their results with the ids that the calls have.
static json_t *
results_of (const json_t *called)
{
  const json_t *content = json_object_get (called, "content"), *block;
  json_t *results = json_array ();
  size_t i;
  json_array_foreach ((json_t *)(uintptr_t)content, i, block) {
    json_t *input = json_object_get (block, "input");
    if (!input)
      continue;
    const char *city = json_string_value (json_object_get (input, "city"));
    json_array_append_new (results, json_pack ("{s:s,s:O,s:s,s:s,s:b}", "type", "tool_result", "id",
                                               json_object_get (block, "id"), "name", "weather", "output",
                                               strcmp (city, "Bergen") == 0 ? "Rain" : "Sun", "error", 0));
  }
  cr_assert_eq (json_array_size (results), 2);
  return json_pack ("{s:[{s:s,s:s},O,{s:s,s:s,s:o}],s:[{s:s,s:s,s:{s:s}}]}", "messages", //
                    "name", "ann", "content", "weather?", called,                        //
                    "role", "tool", "name", "tools", "content", results,                 //
                    "tools", "name", "weather", "description", "The weather of a city.", "parameters", "type",
                    "object");
}

static void
use_tools (const case_t *one, bool streams)
{
  ask_t first = server_ask ("weather?", streams);
  const json_t *content = json_object_get (first.message, "content");
  cr_assert_eq (json_array_size (content), 3, "%s: %s", one->type, first.error.why);
  const json_t *call = json_array_get (content, 2);
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (call, "input"), "city")), "Bergen");
  cr_assert_str_eq (json_string_value (ask_metadata (&first, "finish_reason")), "tool_use", "%s", one->type);
  ask_t second = server_ask_value (results_of (first.message), streams);
  cr_assert_str_eq (ask_content (&second), "Rain in Bergen.", "%s", one->type);
  ask_clear (&first);
  ask_clear (&second);
}

static void
expect_errors (const case_t *one)
{
  int64_t begun = troupe_loop_now ();
  ask_t limited = server_ask ("limited", true);
  cr_assert_str_eq (ask_content (&limited), "Now it goes.", "%s", one->type);
  bool says_when = strcmp (one->type, "gemini") != 0; // Gemini says it in a body that this server doesn't send
  cr_assert (!says_when || troupe_loop_now () - begun >= 1000, "%s", one->type);
  ask_clear (&limited);
  ask_t broken = server_ask ("broken", false);
  cr_assert_eq (broken.error.code, TROUPE_MODEL_FAILED, "%s: %s", one->type, broken.error.why);
  cr_assert (strstr (broken.error.why, "The GPU melts"), "%s: %s", one->type, broken.error.why);
  ask_t refused = server_ask ("too long", true);
  cr_assert_eq (refused.error.code, TROUPE_MODEL_REFUSED, "%s: %s", one->type, refused.error.why);
}

ParameterizedTest (case_t *one, providers, speak)
{
  char more[160];
  snprintf (more, sizeof more, ", \"retries\": 1, \"retry_pause\": 10, \"api_key\": \"sk-key-of-the-test\"%s",
            one->more);
  server_model_of (one->type, one->path, more);
  expect_hello (one, true);
  expect_hello (one, false);
  expect_parts (one);
  use_tools (one, true);
  use_tools (one, false);
  expect_errors (one);
  stand_stop (&stand);
}

static void
expect_vectors (const char *type, const char *path)
{
  server_model_of (type, path, ", \"task\": \"embedding\"");
  ask_t two = server_ask_value (json_pack ("[s,s]", "one text", "another text"), false);
  const json_t *vectors = json_object_get (two.message, "embeddings");
  cr_assert_eq (json_array_size (vectors), 2, "%s: %s", type, two.error.why);
  cr_assert (json_array_size (json_array_get (vectors, 0)) > 1, "%s", type);
  cr_assert_not (json_equal (json_array_get (vectors, 0), json_array_get (vectors, 1)), "%s", type);
  ask_clear (&two);
  stand_stop (&stand);
}

Test (providers, embed)
{
  expect_vectors ("openai", "/v1");
  expect_vectors ("dashscope", "");
}

Test (providers, post_to_any_endpoint)
{
  server_model_of (
    "post_api", "/v1/chat/completions",
    ", \"body\": {\"model\": \"{{model}}\", \"messages\": [{\"role\": \"user\", \"content\": \"{{prompt}}\"}]},"
    " \"answer\": \"choices.0.message.content\"");
  ask_t hello = server_ask ("hello", true);
  cr_assert_str_eq (ask_content (&hello), SERVER_HELLO);
  ask_clear (&hello);
  stand_stop (&stand);
}

static void
expect_completion (const char *type, const char *path, bool streams)
{
  server_model_of (type, path, ", \"api\": \"completion\"");
  ask_t hello = server_ask ("hello", streams);
  cr_assert_str_eq (ask_content (&hello), SERVER_HELLO, "%s", type);
  cr_assert (!streams || strcmp (hello.text.data, SERVER_HELLO) == 0, "%s", type);
  ask_clear (&hello);
  stand_stop (&stand);
}

Test (providers, complete_texts)
{
  expect_completion ("ollama", "", true);
  expect_completion ("ollama", "", false);
}

// A model that thinks: its thoughts stand apart, come encrypted, and it takes them back with its calls.
Test (providers, keep_the_thoughts_of_the_responses_apart)
{
  server_model_of ("openai", "/v1", ", \"api\": \"responses\", \"model\": \"gpt-5\"");
  for (int streams = 0; streams < 2; streams++) {
    ask_t one = server_ask ("think", streams);
    const json_t *thought = json_array_get (ask_metadata (&one, "thinking"), 0);
    cr_assert_str_eq (ask_content (&one), "Forty-two.", "%s", one.error.why);
    cr_assert_str_eq (json_string_value (json_object_get (thought, "text")), "Six times seven, that is.");
    cr_assert (json_is_string (json_object_get (thought, "signature")));
    json_t *both = json_pack ("{s:[{s:s,s:s},O,{s:s,s:s}]}", "messages", "name", "ann", "content", "think", //
                              one.message, "name", "ann", "content", "hello");
    ask_t two = server_ask_value (both, streams);
    cr_assert_str_eq (ask_content (&two), SERVER_HELLO, "%s", two.error.why);
    ask_clear (&one);
    ask_clear (&two);
  }
  stand_stop (&stand);
}

Test (providers, are_left_alone_when_they_fail_again_and_again)
{
  ask_t one;
  server_model_of ("openai", "/v1", ", \"retries\": 0");
  for (int i = 0; i < BREAKER_FAILURES; i++) {
    one = server_ask ("broken", false);
    cr_assert_eq (one.error.code, TROUPE_MODEL_FAILED);
  }
  one = server_ask ("hello", false);
  cr_assert_eq (one.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (one.error.why, "left alone"), "%s", one.error.why);
  cr_assert (one.error.retry_after_ms > 0 && one.error.retry_after_ms <= BREAKER_FIRST_MS);
  cr_assert_eq (server_requests ("hello"), 0);
  stand_stop (&stand);
}

Test (providers, draw_speak_and_listen)
{
  server_model_of ("openai", "/v1", ", \"task\": \"image\"");
  ask_t one = server_ask ("a red fox", false);
  const json_t *block = json_array_get (json_object_get (one.message, "content"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (block, "url")), "data:image/png;base64,iVBORw0KGgo=", "%s",
                    one.error.why);
  ask_clear (&one);
  stand_stop (&stand);
  server_model_of ("openai", "/v1", ", \"task\": \"speech\"");
  one = server_ask ("say cheese", false);
  block = json_array_get (json_object_get (one.message, "content"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (block, "url")), "data:audio/mpeg;base64,SGVsbG8=", "%s",
                    one.error.why);
  ask_clear (&one);
  stand_stop (&stand);
  server_model_of ("openai", "/v1", ", \"task\": \"transcription\"");
  one = server_ask_value (json_pack ("{s:s}", "audio", "data:audio/wav;base64,UklGRgAAAA=="), false);
  cr_assert_str_eq (ask_content (&one), "What was said.");
  ask_clear (&one);
  stand_stop (&stand);
}

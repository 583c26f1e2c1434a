// SPDX-License-Identifier: Apache-2.0
//
// Each provider against a server that we didn't write and that speaks as the provider does: replies, whole and
// streamed; tools both ways; a limited rate; errors.

#include "blackbox/harness/place.h"
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

static const char said[] = "Hello from the server, in several pieces of twenty characters.";

ParameterizedTestParameters (providers, speak)
{
  return cr_make_param_array (case_t, cases, sizeof cases / sizeof *cases);
}

static void
ask (stand_t *stand, ask_t *self, const char *text, bool streams)
{
  *self = (ask_t){0};
  stand_ask (stand, self, text, streams, TROUPE_LOOP_NEVER);
  stand_run (stand);
}

static void
expect_hello (stand_t *stand, const case_t *one, bool streams)
{
  ask_t hello;
  ask (stand, &hello, "hello", streams);
  cr_assert_str_eq (ask_content (&hello), said, "%s", one->type);
  if (streams)
    cr_assert_str_eq (hello.text.data, said, "%s", one->type);
  cr_assert_str_eq (json_string_value (ask_metadata (&hello, "finish_reason")), "stop", "%s", one->type);
  cr_assert_str_eq (json_string_value (ask_metadata (&hello, "provider")), one->type);
  cr_assert (json_is_integer (json_object_get (ask_metadata (&hello, "usage"), "input_tokens")), "%s", one->type);
  ask_clear (&hello);
}

static void
expect_parts (stand_t *stand, const case_t *one)
{
  ask_t slow;
  ask (stand, &slow, "slow", true);
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
use_tools (stand_t *stand, const case_t *one, bool streams)
{
  ask_t first, second = {0};
  ask (stand, &first, "weather?", streams);
  const json_t *content = json_object_get (first.message, "content");
  cr_assert_eq (json_array_size (content), 3, "%s: %s", one->type, first.error.why);
  const json_t *call = json_array_get (content, 2);
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (call, "input"), "city")), "Bergen");
  cr_assert_str_eq (json_string_value (ask_metadata (&first, "finish_reason")), "tool_use", "%s", one->type);
  stand_ask_value (stand, &second, results_of (first.message), streams, TROUPE_LOOP_NEVER);
  stand_run (stand);
  cr_assert_str_eq (ask_content (&second), "Rain in Bergen.", "%s", one->type);
  ask_clear (&first);
  ask_clear (&second);
}

static void
expect_errors (stand_t *stand, const case_t *one)
{
  ask_t limited, broken, refused;
  int64_t begun = troupe_loop_now ();
  ask (stand, &limited, "limited", true);
  cr_assert_str_eq (ask_content (&limited), "Now it goes.", "%s", one->type);
  bool says_when = strcmp (one->type, "gemini") != 0; // Gemini says it in a body that this server doesn't send
  cr_assert (!says_when || troupe_loop_now () - begun >= 1000, "%s", one->type);
  ask_clear (&limited);
  ask (stand, &broken, "broken", false);
  cr_assert_eq (broken.error.code, TROUPE_MODEL_FAILED, "%s: %s", one->type, broken.error.why);
  cr_assert (strstr (broken.error.why, "The GPU melts"), "%s: %s", one->type, broken.error.why);
  ask (stand, &refused, "too long", true);
  cr_assert_eq (refused.error.code, TROUPE_MODEL_REFUSED, "%s: %s", one->type, refused.error.why);
}

ParameterizedTest (case_t *one, providers, speak, .init = place_enter, .fini = place_leave)
{
  char more[160];
  server_t server;
  stand_t stand;
  server_start (&server, NULL);
  snprintf (more, sizeof more, ", \"retries\": 1, \"retry_pause\": 10, \"api_key\": \"sk-key-of-the-test\"%s",
            one->more);
  server_model_of (&server, &stand, one->type, one->path, more);
  expect_hello (&stand, one, true);
  expect_hello (&stand, one, false);
  expect_parts (&stand, one);
  use_tools (&stand, one, true);
  use_tools (&stand, one, false);
  expect_errors (&stand, one);
  stand_stop (&stand);
  server_stop (&server);
}

static void
expect_vectors (const server_t *server, const char *type, const char *path)
{
  stand_t stand;
  ask_t two = {0};
  server_model_of (server, &stand, type, path, ", \"task\": \"embedding\"");
  stand_ask_value (&stand, &two, json_pack ("[s,s]", "one text", "another text"), false, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  const json_t *vectors = json_object_get (two.message, "embeddings");
  cr_assert_eq (json_array_size (vectors), 2, "%s: %s", type, two.error.why);
  cr_assert (json_array_size (json_array_get (vectors, 0)) > 1, "%s", type);
  cr_assert_not (json_equal (json_array_get (vectors, 0), json_array_get (vectors, 1)), "%s", type);
  ask_clear (&two);
  stand_stop (&stand);
}

Test (providers, embed, .init = place_enter, .fini = place_leave)
{
  server_t server;
  server_start (&server, NULL);
  expect_vectors (&server, "openai", "/v1");
  expect_vectors (&server, "dashscope", "");
  server_stop (&server);
}

Test (providers, post_to_any_endpoint, .init = place_enter, .fini = place_leave)
{
  server_t server;
  stand_t stand;
  ask_t hello;
  server_start (&server, NULL);
  server_model_of (
    &server, &stand, "post_api", "/v1/chat/completions",
    ", \"body\": {\"model\": \"{{model}}\", \"messages\": [{\"role\": \"user\", \"content\": \"{{prompt}}\"}]},"
    " \"answer\": \"choices.0.message.content\"");
  ask (&stand, &hello, "hello", true);
  cr_assert_str_eq (ask_content (&hello), said);
  ask_clear (&hello);
  stand_stop (&stand);
  server_stop (&server);
}

static void
expect_completion (const server_t *server, const char *type, const char *path, bool streams)
{
  stand_t stand;
  ask_t hello;
  server_model_of (server, &stand, type, path, ", \"api\": \"completion\"");
  ask (&stand, &hello, "hello", streams);
  cr_assert_str_eq (ask_content (&hello), said, "%s", type);
  cr_assert (!streams || strcmp (hello.text.data, said) == 0, "%s", type);
  ask_clear (&hello);
  stand_stop (&stand);
}

Test (providers, complete_texts, .init = place_enter, .fini = place_leave)
{
  server_t server;
  server_start (&server, NULL);
  expect_completion (&server, "ollama", "", true);
  expect_completion (&server, "ollama", "", false);
  server_stop (&server);
}

// A model that thinks: its thoughts stand apart, come encrypted, and it takes them back with its calls.
Test (providers, keep_the_thoughts_of_the_responses_apart, .init = place_enter, .fini = place_leave)
{
  server_t server;
  stand_t stand;
  ask_t one, two = {0};
  server_start (&server, NULL);
  server_model_of (&server, &stand, "openai", "/v1", ", \"api\": \"responses\", \"model\": \"gpt-5\"");
  for (int streams = 0; streams < 2; streams++) {
    ask (&stand, &one, "think", streams);
    const json_t *thought = json_array_get (ask_metadata (&one, "thinking"), 0);
    cr_assert_str_eq (ask_content (&one), "Forty-two.", "%s", one.error.why);
    cr_assert_str_eq (json_string_value (json_object_get (thought, "text")), "Six times seven, that is.");
    cr_assert (json_is_string (json_object_get (thought, "signature")));
    stand_ask_value (&stand, &two,
                     json_pack ("{s:[{s:s,s:s},O,{s:s,s:s}]}", "messages", "name", "ann", "content", "think", //
                                one.message, "name", "ann", "content", "hello"),
                     streams, TROUPE_LOOP_NEVER);
    stand_run (&stand);
    cr_assert_str_eq (ask_content (&two), said, "%s", two.error.why);
    ask_clear (&one);
    ask_clear (&two);
    two = (ask_t){0};
  }
  stand_stop (&stand);
  server_stop (&server);
}

Test (providers, are_left_alone_when_they_fail_again_and_again, .init = place_enter, .fini = place_leave)
{
  char more[64];
  server_t server;
  stand_t stand;
  ask_t one;
  server_start (&server, NULL);
  snprintf (more, sizeof more, ", \"retries\": 0");
  server_model_of (&server, &stand, "openai", "/v1", more);
  for (int i = 0; i < BREAKER_FAILURES; i++) {
    ask (&stand, &one, "broken", false);
    cr_assert_eq (one.error.code, TROUPE_MODEL_FAILED);
  }
  ask (&stand, &one, "hello", false);
  cr_assert_eq (one.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (one.error.why, "left alone"), "%s", one.error.why);
  cr_assert (one.error.retry_after_ms > 0 && one.error.retry_after_ms <= BREAKER_FIRST_MS);
  cr_assert_eq (server_requests (&server, "hello"), 0);
  stand_stop (&stand);
  server_stop (&server);
}

Test (providers, draw_speak_and_listen, .init = place_enter, .fini = place_leave)
{
  server_t server;
  stand_t stand;
  ask_t one;
  server_start (&server, NULL);
  server_model_of (&server, &stand, "openai", "/v1", ", \"task\": \"image\"");
  ask (&stand, &one, "a red fox", false);
  const json_t *block = json_array_get (json_object_get (one.message, "content"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (block, "url")), "data:image/png;base64,iVBORw0KGgo=", "%s",
                    one.error.why);
  ask_clear (&one);
  stand_stop (&stand);
  server_model_of (&server, &stand, "openai", "/v1", ", \"task\": \"speech\"");
  ask (&stand, &one, "say cheese", false);
  block = json_array_get (json_object_get (one.message, "content"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (block, "url")), "data:audio/mpeg;base64,SGVsbG8=", "%s",
                    one.error.why);
  ask_clear (&one);
  stand_stop (&stand);
  server_model_of (&server, &stand, "openai", "/v1", ", \"task\": \"transcription\"");
  one = (ask_t){0};
  stand_ask_value (&stand, &one, json_pack ("{s:s}", "audio", "data:audio/wav;base64,UklGRgAAAA=="), false,
                   TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_str_eq (ask_content (&one), "What was said.");
  ask_clear (&one);
  stand_stop (&stand);
  server_stop (&server);
}

// SPDX-License-Identifier: Apache-2.0
//
// The library against a server that we didn't write: replies, whole and streamed; tools; every way in which it fails.

#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (answers, .init = server_enter, .fini = server_leave);

static json_int_t
number (const json_t *map, const char *key)
{
  return json_integer_value (json_object_get (map, key));
}

Test (answers, stream)
{
  server_model ("");
  ask_t one = server_ask ("hello", true);
  cr_assert_str_eq (ask_content (&one), SERVER_HELLO);
  cr_assert_str_eq (one.text.data, SERVER_HELLO);
  cr_assert_str_eq (json_string_value (ask_metadata (&one, "model")), "mock-1");
  cr_assert_str_eq (json_string_value (ask_metadata (&one, "finish_reason")), "stop");
  cr_assert_eq (json_integer_value (ask_metadata (&one, "attempts")), 1);
  cr_assert_eq (number (ask_metadata (&one, "usage"), "input_tokens"), 11);
  cr_assert_eq (number (ask_metadata (&one, "usage"), "output_tokens"), 7);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, come_whole_when_streaming_is_off_or_nobody_reads)
{
  server_model (", \"stream\": false");
  ask_t one = server_ask ("hello", true);
  cr_assert_str_eq (ask_content (&one), SERVER_HELLO);
  cr_assert_str_eq (one.text.data, SERVER_HELLO); // in one part
  cr_assert_eq (one.parts, 1);
  cr_assert_eq (number (ask_metadata (&one, "usage"), "output_tokens"), 7);
  ask_clear (&one);
  one = server_ask ("short", false);
  cr_assert_str_eq (json_string_value (ask_metadata (&one, "finish_reason")), "length");
  cr_assert_eq (one.parts, 0);
  ask_clear (&one);
  stand_stop (&stand);
}

// {"messages": [question, what the model called, the results]}
static json_t *
results_of (const json_t *called)
{
  return json_pack ("{s:[{s:s,s:s,s:s},O,{s:s,s:s,s:[{s:s,s:s,s:s,s:s,s:b},{s:s,s:s,s:s,s:{s:s},s:b}]}]}",
                    "messages",                                                                            //
                    "role", "user", "name", "ann", "content", "weather?", called,                          //
                    "role", "tool", "name", "tools", "content",                                            //
                    "type", "tool_result", "id", "call_1", "name", "weather", "output", "Sun", "error", 0, //
                    "type", "tool_result", "id", "call_2", "name", "weather", "output", "sky", "Rain", "error", 0);
}

static void
use_tools (bool streams)
{
  ask_t one = server_ask ("weather?", streams);
  const json_t *content = json_object_get (one.message, "content");
  cr_assert_eq (json_array_size (content), 3, "%s", one.error.why);
  const json_t *call = json_array_get (content, 2);
  cr_assert_str_eq (json_string_value (json_object_get (call, "id")), "call_2");
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (call, "input"), "city")), "Bergen");
  cr_assert_str_eq (json_string_value (ask_metadata (&one, "finish_reason")), "tool_use");
  ask_t two = server_ask_value (results_of (one.message), streams);
  cr_assert_str_eq (ask_content (&two), "Rain in Bergen.");
  ask_clear (&one);
  ask_clear (&two);
}

Test (answers, call_tools_and_take_their_results)
{
  server_model ("");
  use_tools (true);
  use_tools (false);
  stand_stop (&stand);
}

Test (answers, wait_as_the_server_asks)
{
  server_model ("");
  int64_t begun = troupe_loop_now ();
  ask_t one = server_ask ("limited", true);
  cr_assert_str_eq (ask_content (&one), "Now it goes.");
  cr_assert (troupe_loop_now () - begun >= 1000);
  cr_assert_eq (json_integer_value (ask_metadata (&one, "attempts")), 2);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, never_wait_beyond_the_deadline)
{
  server_model ("");
  int64_t begun = troupe_loop_now ();
  ask_t one = server_ask_until ("much later", true, begun + 20 * 1000);
  server_expect_error (&one, TROUPE_RATE_LIMITED, "Come back");
  cr_assert_eq (one.error.retry_after_ms, 100 * 1000);
  cr_assert (troupe_loop_now () - begun < 20 * 1000);
  cr_assert_eq (server_requests ("much later"), 1);
  stand_stop (&stand);
}

Test (answers, come_in_spite_of_hiccups)
{
  server_model ("");
  ask_t one = server_ask ("hiccup", true);
  cr_assert_str_eq (ask_content (&one), "Third time lucky.");
  cr_assert_eq (json_integer_value (ask_metadata (&one, "attempts")), 3);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, fail_when_the_retries_are_used_up)
{
  server_model (", \"retries\": 1");
  ask_t one = server_ask ("broken", false);
  server_expect_error (&one, TROUPE_MODEL_FAILED, "The GPU melts");
  cr_assert_eq (server_requests ("broken"), 2);
  one = server_ask ("garbage", false);
  server_expect_error (&one, TROUPE_MODEL_FAILED, "other than a JSON object");
  stand_stop (&stand);
}

Test (answers, are_refused_at_once)
{
  server_model ("");
  ask_t one = server_ask ("too long", true);
  server_expect_error (&one, TROUPE_MODEL_REFUSED, "maximum context length");
  cr_assert_eq (server_requests ("too long"), 1);
  one = server_ask ("a question that no fixture knows", true);
  server_expect_error (&one, TROUPE_MODEL_REFUSED, "/v1/chat/completions has no model mock-1");
  stand_stop (&stand);
}

Test (answers, need_the_right_key, .init = place_enter)
{
  server_start ("sk-the-right-one");
  server_model (", \"api_key\": \"sk-a-wrong-one\"");
  ask_t one = server_ask ("hello", true);
  server_expect_error (&one, TROUPE_UNAUTHORIZED, "HTTP 401");
  cr_assert (strstr (one.error.next, "api_key of models.m"), "%s", one.error.next);
  cr_assert_null (strstr (one.error.why, "sk-a-wrong-one"));
  stand_stop (&stand);
  server_model (", \"api_key\": \"sk-the-right-one\"");
  one = server_ask ("hello", true);
  cr_assert_str_eq (ask_content (&one), SERVER_HELLO);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, that_are_cut_fail_and_are_not_begun_again)
{
  server_model ("");
  ask_t one = server_ask ("cut", true);
  cr_assert (one.parts > 0);
  server_expect_error (&one, TROUPE_MODEL_UNREACHABLE, "broke off");
  cr_assert_eq (server_requests ("cut"), 1);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, are_begun_again_when_nothing_was_passed_on)
{
  server_model ("");
  ask_t one = server_ask ("dropped", true);
  cr_assert_str_eq (ask_content (&one), "The second connection held.");
  cr_assert_str_eq (one.text.data, "The second connection held.");
  ask_clear (&one);
  stand_stop (&stand);
}

Test (answers, may_be_slow_but_not_silent)
{
  server_model (", \"timeout\": 600, \"retries\": 0");
  int64_t begun = troupe_loop_now ();
  ask_t one = server_ask ("slow", true);
  cr_assert (strstr (ask_content (&one), "patience"));
  cr_assert (troupe_loop_now () - begun > 600);
  cr_assert (one.parts >= 3);
  ask_clear (&one);
  one = server_ask ("stuck", true);
  server_expect_error (&one, TROUPE_MODEL_UNREACHABLE, "says nothing for 0.6 s");
  one = server_ask_until ("stuck", true, troupe_loop_now () + 100);
  server_expect_error (&one, TROUPE_DEADLINE, "deadline");
  stand_stop (&stand);
}

Test (answers, can_be_dropped_in_the_middle)
{
  ask_t one = {.drop_at = 1}, two = {0};
  server_model ("");
  stand_ask (&stand, &one, "slow", true, TROUPE_LOOP_NEVER);
  stand_ask (&stand, &two, "slow", false, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_eq (one.parts, 1);
  cr_assert_null (one.message);
  cr_assert (ask_content (&two));
  ask_clear (&one);
  ask_clear (&two);
  stand_stop (&stand);
}

Test (answers, come_two_hundred_at_once)
{
  enum { COUNT = 200 };
  ask_t *asks = calloc (COUNT, sizeof *asks);
  cr_assert_not_null (asks);
  server_model ("");
  for (int i = 0; i < COUNT; i++)
    stand_ask (&stand, &asks[i], i % 4 ? "hello" : "slow", i % 2, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  for (int i = 0; i < COUNT; i++) {
    cr_assert (ask_content (&asks[i]));
    if (i % 2)
      cr_assert_str_eq (asks[i].text.data, ask_content (&asks[i]));
    ask_clear (&asks[i]);
  }
  free (asks);
  stand_stop (&stand);
}

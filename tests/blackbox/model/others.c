// SPDX-License-Identifier: Apache-2.0
//
// What needs a server of its own (others.py): tasks that are asked about, completions, endpoints for images, and a rate
// that is told before it is used up.

#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (others, .init = server_enter_others, .fini = server_leave);

static const char *
image_of (const ask_t *one)
{
  cr_assert_not_null (one->message, "%s", one->error.why);
  return json_string_value (json_object_get (json_array_get (json_object_get (one->message, "content"), 0), "url"));
}

#define IMAGES ", \"task\": \"image\", \"retry_pause\": 10, \"options\": {\"parameters\": {\"n\": 1}}"

// The task runs at first, then the server can't say (which is tried again, but no second task is begun), then it is
// done.
Test (others, draw_by_tasks)
{
  server_model_of ("dashscope", "", IMAGES);
  ask_t one = server_ask ("a red fox", false);
  cr_assert_str_eq (image_of (&one), "https://images.example/1.png");
  cr_assert_eq (json_array_size (json_object_get (one.message, "content")), 1);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (others, say_why_a_task_failed_and_end_with_the_deadline)
{
  server_model_of ("dashscope", "", IMAGES);
  ask_t one = server_ask ("lost", false);
  cr_assert_eq (one.error.code, TROUPE_MODEL_REFUSED, "%s", one.error.why);
  cr_assert (strstr (one.error.why, "FAILED: InternalError.Timeout: An internal timeout."), "%s", one.error.why);
  one = server_ask_until ("a red fox", false, troupe_loop_now () + 500);
  cr_assert_eq (one.error.code, TROUPE_DEADLINE, "%s", one.error.why);
  stand_stop (&stand);
}

Test (others, complete_texts)
{
  server_model_of ("openai_chat", "/v1", ", \"api\": \"completion\"");
  ask_t one = server_ask ("upon", false);
  cr_assert (strncmp (ask_content (&one), "Once ", 5) == 0, "%s", ask_content (&one));
  cr_assert_eq (json_integer_value (json_object_get (ask_metadata (&one, "usage"), "input_tokens")), 3);
  ask_clear (&one);
  stand_stop (&stand);
}

Test (others, draw_by_any_endpoint)
{
  server_model_of ("post_api", "/paint",
                   ", \"task\": \"image\", \"body\": {\"text\": \"{{prompt}}\"}, \"answer\": \"pictures\"");
  ask_t one = server_ask ("fox", false);
  cr_assert_str_eq (image_of (&one), "https://images.example/fox.png");
  ask_clear (&one);
  stand_stop (&stand);
}

// Four requests in four seconds, of which none is left: the next one waits for a second, without being refused first.
Test (others, are_asked_no_faster_than_they_allow)
{
  server_model_of ("openai_chat", "/limited", "");
  ask_t one = server_ask ("first", false);
  cr_assert_eq (json_integer_value (json_object_get (ask_metadata (&one, "quota"), "tokens")), 900);
  cr_assert_eq (json_integer_value (json_object_get (ask_metadata (&one, "quota"), "requests")), 0);
  ask_clear (&one);
  int64_t begun = troupe_loop_now ();
  one = server_ask ("second", false);
  cr_assert_str_eq (ask_content (&one), "2");
  cr_assert (troupe_loop_now () - begun >= 900);
  ask_clear (&one);
  one = server_ask_until ("third", false, troupe_loop_now () + 200);
  cr_assert_eq (one.error.code, TROUPE_RATE_LIMITED, "%s", one.error.why);
  cr_assert (one.error.retry_after_ms > 0 && one.error.retry_after_ms <= 1001);
  stand_stop (&stand);
}

// -- troupe doctor ---------------------------------------------------------------------------------------------------

static const struct {
  const char *type, *path, *more;
} listed[] = {
  {"openai", "/bearer", ""},       {"openai_chat", "/bearer", ""},
  {"azure_openai", "/azure", ""},  {"azure_openai", "/azure", ", api_version: '1'"},
  {"anthropic", "/anthropic", ""}, {"gemini", "/google", ""},
  {"dashscope", "/dashscope", ""}, {"ollama", "/ollama", ""},
  {"modelscope", "/bearer", ""},   {"huggingface", "/bearer", ""},
  {"vllm", "/bearer", ""},         {"fastchat", "/bearer", ""},
  {"llamacpp", "/bearer", ""},     {"post_api", "/own", ", headers: { X-Team: news }"},
};

enum { LISTED = sizeof listed / sizeof *listed };

// What `troupe doctor` says of the models, each with this key.
static json_t *
doctor (const char *key)
{
  char yaml[4096] = "models:\n";
  for (size_t i = 0; i < LISTED; i++) {
    size_t size = strlen (yaml);
    snprintf (yaml + size, sizeof yaml - size,
              "  m%02zu: { type: %s, base_url: 'http://127.0.0.1:%d%s', api_key: %s%s }\n", i, listed[i].type,
              server_port (), listed[i].path, key, listed[i].more);
  }
  place_write ("troupe.yaml", yaml);
  process_t *process = process_run ("troupe", "doctor", "--json");
  process_close_input (process);
  process_wait (process);
  json_t *checks = json_loads (process_output (process), 0, NULL);
  cr_assert (json_is_array (checks), "%s%s", process_output (process), process_errors (process));
  process_destroy (&process);
  return checks;
}

static void
expect_checks (const char *key, const char *status)
{
  size_t i, found = 0;
  json_t *check, *checks = doctor (key);
  json_array_foreach (checks, i, check) {
    char *text = json_dumps (check, JSON_SORT_KEYS);
    if (strstr (text, "HTTP status")) {
      bool own = strstr (text, "/own") != NULL; // which takes another header than the key
      cr_expect (strstr (text, own ? "HTTP status 200" : status), "%s", text);
      found++;
    }
    free (text);
  }
  cr_assert_eq (found, LISTED);
  json_decref (checks);
}

Test (others, are_found_by_the_doctor_with_their_keys)
{
  expect_checks ("sk-right", "HTTP status 200");
  expect_checks ("sk-wrong", "HTTP status 401");
}

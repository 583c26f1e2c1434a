// SPDX-License-Identifier: Apache-2.0
//
// troupe-model in a mesh, called from the command line: a model of the server's, and a rehearsal.

#include "blackbox/harness/mesh.h"
#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static process_t *up;

static void
enter (void)
{
  char yaml[1024];
  place_enter ();
  server_start ("sk-of-the-test");
  place_write ("cy.lua", "return { reply = function (self, x) return self.model (x) end }\n");
  snprintf (yaml, sizeof yaml,
            "models:\n"
            "  gpt: { type: openai_chat, base_url: 'http://127.0.0.1:%d/v1', api_key: sk-of-the-test, retries: 0 }\n"
            "  locked: { type: openai_chat, base_url: 'http://127.0.0.1:%d/v1', api_key: sk-is-refused }\n"
            "  away: { type: vllm, base_url: 'http://127.0.0.1:%d/v1', retries: 0, fallback: [locked, gpt] }\n"
            "  actor: { type: rehearsal }\n"
            "  dead: { type: vllm, base_url: 'http://127.0.0.1:%d/v1', retries: 0 }\n"
            "  elsewhere: { type: rehearsal, instances: 0 }\n"
            "agents:\n"
            "  ann: { model: [dead, elsewhere, gpt] }\n"
            "  ben: { model: gpt, fallback: [dead] }\n"
            "  cy: { type: script, file: cy.lua, model: [dead, gpt] }\n",
            server_port (), server_port (), place_free_port (), place_free_port ());
  up = mesh_up (yaml);
}

static void
leave (void)
{
  server_stop ();
  mesh_down (&up);
  place_leave ();
}

TestSuite (service, .init = enter, .fini = leave);

static char *
content_of (json_t *message)
{
  const char *text = json_string_value (json_object_get (message, "content"));
  cr_assert_not_null (text);
  char *copy = strdup (text);
  json_decref (message);
  return copy;
}

static void
expect_failure (const char *service, const char *input, int status, const char *regex)
{
  char *errors;
  int got;
  json_t *value = mesh_call (service, input, NULL, &got, &errors);
  cr_assert_eq (got, status, "%d: %s", got, errors);
  cr_assert (text_matches (errors, regex), "%s", errors);
  json_decref (value);
  free (errors);
}

Test (service, answers_for_a_server_and_for_a_rehearsal)
{
  int status;
  char *text = content_of (mesh_call ("model/gpt", "\"hello\"", NULL, &status, NULL));
  cr_assert (strstr (text, "Hello from the server"), "%s", text);
  free (text);
  json_t *message = mesh_call ("model/actor", "\"My name is Ann\"", NULL, &status, NULL);
  cr_assert (json_is_true (json_object_get (json_object_get (message, "metadata"), "rehearsal")));
  text = content_of (message);
  cr_assert (strstr (text, "Ann") && strstr (text, "not a real model"), "%s", text);
  free (text);
}

Test (service, says_what_is_wrong)
{
  expect_failure ("model/gpt", "{\"mesages\": []}", 1, "bad_message.*did you mean messages");
  expect_failure ("model/locked", "\"hello\"", 1, "unauthorized.*api_key of models.locked");
  expect_failure ("model/gpt", "\"broken\"", 5, "model_failed.*The GPU melts");
}

Test (service, tells_what_it_is)
{
  json_t *report = mesh_report ();
  char *text = json_dumps (report, JSON_SORT_KEYS);
  cr_assert (
    text_matches (text, "\"model\": \"rehearsal\", \"rehearsal\": true, \"task\": \"chat\", \"type\": \"rehearsal\""),
    "%s", text);
  cr_assert (
    text_matches (text, "\"model\": \"gpt\", \"rehearsal\": false, \"task\": \"chat\", \"type\": \"openai_chat\""),
    "%s", text);
  cr_assert_null (strstr (text, "sk-of-the-test"));
  free (text);
  json_decref (report);
}

Test (service, asks_another_model_when_a_server_is_away)
{
  int status;
  json_t *message = mesh_call ("model/away", "\"hello\"", NULL, &status, NULL);
  const json_t *metadata = json_object_get (message, "metadata");
  cr_assert_eq (status, 0);
  cr_assert_str_eq (json_string_value (json_object_get (message, "name")), "gpt");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "instead_of")), "model/away");
  json_decref (message);
  expect_failure ("model/away", "\"too long\"", 1, "model_refused");
}

// What an agent's model can't do its next one does: be it that the server is away, or that nobody serves the model.
// What is wrong with the request is nobody's to try again.
Test (service, is_asked_by_agents_whose_own_model_cant_answer)
{
  int status;
  json_t *message = mesh_call ("agent/ann", "\"hello\"", NULL, &status, NULL);
  cr_assert_eq (status, 0);
  const json_t *metadata = json_object_get (message, "metadata");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "model")), "gpt");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "instead_of")), "model/dead");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "answered_by")), "model/gpt");
  char *text = content_of (message);
  cr_assert (strstr (text, "Hello from the server"), "%s", text);
  free (text);
  expect_failure ("agent/ben", "\"too long\"", 1, "agent/ben, model/gpt: model_refused");
  expect_failure ("agent/ben", "\"broken\"", 5, "agent/ben, model/dead: model_unreachable");
}

Test (service, is_asked_by_scripts_whose_own_model_cant_answer)
{
  int status;
  char *text = content_of (mesh_call ("agent/cy", "\"hello\"", NULL, &status, NULL));
  cr_assert_eq (status, 0);
  cr_assert (strstr (text, "Hello from the server"), "%s", text);
  free (text);
  expect_failure ("agent/cy", "\"too long\"", 1, "model_refused");
}

// What `troupe ps` prints, once it matches; within a second as a rule, for the state goes out with a heartbeat.
static void
wait_for_ps (const char *regex)
{
  char *output = NULL;
  int64_t until = troupe_loop_now () + 20 * 1000;
  do {
    free (output);
    process_t *ps = process_run ("troupe", "ps");
    process_wait (ps);
    output = strdup (process_output (ps));
    process_destroy (&ps);
  } while (!text_matches (output, regex) && troupe_loop_now () < until);
  cr_assert (text_matches (output, regex), "%s", output);
  free (output);
}

Test (service, shows_that_its_server_is_left_alone)
{
  for (int i = 0; i < BREAKER_FAILURES; i++)
    expect_failure ("model/dead", "\"hello\"", 5, "model_unreachable");
  wait_for_ps ("model/dead \\([^)]+\\): circuit open until [0-9:]{8}, after 5 failures in a row");
  json_t *report = mesh_report ();
  char *text = json_dumps (report, JSON_SORT_KEYS);
  cr_assert (text_matches (text, "\"circuit\": \\{\"failures\": 5, \"state\": \"open\", \"until_ms\": [0-9]{13}\\}"),
             "%s", text);
  free (text);
  json_decref (report);
}

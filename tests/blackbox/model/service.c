// SPDX-License-Identifier: Apache-2.0
//
// troupe-model in a mesh, called from the command line: a model of the server's, and a rehearsal.

#include "blackbox/harness/mesh.h"
#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static server_t server;
static process_t *up;

static void
enter (void)
{
  char yaml[512];
  place_enter ();
  server_start (&server, "sk-of-the-test");
  snprintf (yaml, sizeof yaml,
            "models:\n"
            "  gpt: { type: openai_chat, base_url: 'http://127.0.0.1:%d/v1', api_key: sk-of-the-test, retries: 0 }\n"
            "  locked: { type: openai_chat, base_url: 'http://127.0.0.1:%d/v1', api_key: sk-is-refused }\n"
            "  actor: { type: rehearsal }\n",
            server.port, server.port);
  up = mesh_up (yaml);
}

static void
leave (void)
{
  server_stop (&server);
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
  cr_assert (text_matches (text, "\"model\": \"rehearsal\", \"rehearsal\": true, \"type\": \"rehearsal\""), "%s", text);
  cr_assert (text_matches (text, "\"model\": \"gpt\", \"rehearsal\": false, \"type\": \"openai_chat\""), "%s", text);
  cr_assert_null (strstr (text, "sk-of-the-test"));
  free (text);
  json_decref (report);
}

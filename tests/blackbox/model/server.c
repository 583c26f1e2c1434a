// SPDX-License-Identifier: Apache-2.0
//
// Criterion runs each test in a process of its own, so there is one server a process, and nobody hands it around.

#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER TROUPE_SOURCE_DIR "/tests/blackbox/model/"
static const char program[] = FOLDER "node_modules/@copilotkit/aimock/dist/cli.js";

stand_t stand;

static process_t *process;
static int port;

static void
wait_for_port (void)
{
  process_expect (process, "listening on http://127.0.0.1:[0-9]+\n");
  const char *url = strstr (process_output (process), "http://127.0.0.1:");
  port = (int)strtol (url + strlen ("http://127.0.0.1:"), NULL, 10);
}

void
server_start (const char *keys)
{
  cr_assert (access (program, R_OK) == 0, "run npm ci in tests/blackbox/model: %s is missing", program);
  if (keys)
    setenv ("AIMOCK_API_KEYS", keys, 1);
  process = process_run ("/usr/bin/env", "node", program, "--port", "0", "--fixtures", FOLDER "fixtures.json");
  unsetenv ("AIMOCK_API_KEYS");
  wait_for_port ();
}

void
server_stop (void)
{
  process_destroy (&process);
}

int
server_port (void)
{
  return port;
}

void
server_enter (void)
{
  place_enter ();
  server_start (NULL);
}

void
server_enter_others (void)
{
  const char *python = getenv ("PYTHON");
  place_enter ();
  process = process_run (python ? python : "/usr/bin/python3", FOLDER "others.py");
  wait_for_port ();
}

void
server_leave (void)
{
  server_stop ();
  place_leave ();
}

// -- A model of it ---------------------------------------------------------------------------------------------------

void
server_model_of (const char *type, const char *path, const char *more)
{
  char config[1024];
  snprintf (config, sizeof config,
            "{\"type\": \"%s\", \"model\": \"mock-1\", \"base_url\": \"http://127.0.0.1:%d%s\"%s}", type, port, path,
            more);
  stand_start (&stand, config);
}

void
server_model (const char *more)
{
  server_model_of ("openai_chat", "/v1", more);
}

ask_t
server_ask_until (const char *text, bool streams, int64_t deadline)
{
  ask_t one = {0};
  stand_ask (&stand, &one, text, streams, deadline);
  stand_run (&stand);
  return one;
}

ask_t
server_ask (const char *text, bool streams)
{
  return server_ask_until (text, streams, TROUPE_LOOP_NEVER);
}

ask_t
server_ask_value (json_t *input, bool streams)
{
  ask_t one = {0};
  stand_ask_value (&stand, &one, input, streams, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  return one;
}

void
server_expect_error (const ask_t *ask, troupe_err_t code, const char *why)
{
  cr_assert_null (ask->message);
  cr_assert_eq (ask->error.code, code, "%s: %s", troupe_err_name (ask->error.code), ask->error.why);
  cr_assert (strstr (ask->error.why, why), "%s isn't in %s", why, ask->error.why);
  cr_assert_str_eq (ask->error.object, "model/m");
}

// -- Its journal -----------------------------------------------------------------------------------------------------

static size_t
keep (char *data, size_t one, size_t size, void *context)
{
  (void)one;
  return bytes_add (context, data, size) ? size : 0;
}

static bool
asks_about (const json_t *entry, const char *text)
{
  const json_t *messages = json_object_get (json_object_get (entry, "body"), "messages");
  const json_t *last = json_array_get (messages, json_array_size (messages) - 1);
  const char *content = json_string_value (json_object_get (last, "content"));
  return content && strstr (content, text);
}

// What the server tells of itself there.
static json_t *
get (const char *path)
{
  char url[128];
  bytes_t body = {0};
  CURL *easy = curl_easy_init ();
  snprintf (url, sizeof url, "http://127.0.0.1:%d%s", port, path);
  curl_easy_setopt (easy, CURLOPT_URL, url);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, &body);
  cr_assert_eq (curl_easy_perform (easy), CURLE_OK);
  curl_easy_cleanup (easy);
  json_t *value = json_loads (bytes_text (&body), 0, NULL);
  cr_assert_not_null (value, "%s", bytes_text (&body));
  bytes_clear (&body);
  return value;
}

unsigned
server_requests (const char *text)
{
  json_t *journal = get ("/__aimock/journal"), *entry;
  unsigned count = 0;
  size_t i;
  cr_assert (json_is_array (journal));
  json_array_foreach (journal, i, entry)
    count += asks_about (entry, text);
  json_decref (journal);
  return count;
}

unsigned
server_asked (const char *path)
{
  json_t *asked = get ("/asked");
  json_int_t count = json_integer_value (json_object_get (asked, path));
  json_decref (asked);
  return (unsigned)count;
}

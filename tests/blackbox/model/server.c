// SPDX-License-Identifier: Apache-2.0

#include "blackbox/model/server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER TROUPE_SOURCE_DIR "/tests/blackbox/model/"
static const char program[] = FOLDER "node_modules/@copilotkit/aimock/dist/cli.js";

void
server_start (server_t *self, const char *keys)
{
  cr_assert (access (program, R_OK) == 0, "run npm ci in tests/blackbox/model: %s is missing", program);
  if (keys)
    setenv ("AIMOCK_API_KEYS", keys, 1);
  self->process = process_run ("/usr/bin/env", "node", program, "--port", "0", "--fixtures", FOLDER "fixtures.json");
  unsetenv ("AIMOCK_API_KEYS");
  process_expect (self->process, "listening on http://127.0.0.1:[0-9]+\n");
  const char *url = strstr (process_output (self->process), "http://127.0.0.1:");
  self->port = (int)strtol (url + strlen ("http://127.0.0.1:"), NULL, 10);
}

void
server_start_others (server_t *self)
{
  const char *python = getenv ("PYTHON");
  self->process =
    process_run (python ? python : "/usr/bin/python3", TROUPE_SOURCE_DIR "/tests/blackbox/model/others.py");
  process_expect (self->process, "listening on http://127.0.0.1:[0-9]+\n");
  self->port = (int)strtol (strrchr (process_output (self->process), ':') + 1, NULL, 10);
}

void
server_stop (server_t *self)
{
  process_destroy (&self->process);
}

void
server_model_of (const server_t *self, stand_t *stand, const char *type, const char *path, const char *more)
{
  char config[1024];
  snprintf (config, sizeof config,
            "{\"type\": \"%s\", \"model\": \"mock-1\", \"base_url\": \"http://127.0.0.1:%d%s\"%s}", type, self->port,
            path, more);
  stand_start (stand, config);
}

void
server_model (const server_t *self, stand_t *stand, const char *more)
{
  server_model_of (self, stand, "openai_chat", "/v1", more);
}

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

unsigned
server_requests (const server_t *self, const char *text)
{
  char url[128];
  bytes_t body = {0};
  unsigned count = 0;
  CURL *easy = curl_easy_init ();
  snprintf (url, sizeof url, "http://127.0.0.1:%d/__aimock/journal", self->port);
  curl_easy_setopt (easy, CURLOPT_URL, url);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, &body);
  cr_assert_eq (curl_easy_perform (easy), CURLE_OK);
  curl_easy_cleanup (easy);
  json_t *journal = json_loads (bytes_text (&body), 0, NULL), *entry;
  size_t i;
  cr_assert (json_is_array (journal), "%s", bytes_text (&body));
  json_array_foreach (journal, i, entry)
    count += asks_about (entry, text);
  json_decref (journal);
  bytes_clear (&body);
  return count;
}

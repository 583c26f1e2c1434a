// SPDX-License-Identifier: Apache-2.0
//
// What the providers' own clients send, recorded by tests/blackbox/model/clients/record.mjs: for the same asks we send
// the same.

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define RECORDED TROUPE_SOURCE_DIR "/tests/unit/model/clients.json"

static const char *
text (const json_t *json, const char *key)
{
  const char *found = json_string_value (json_object_get (json, key));
  return found ? found : "";
}

// -- The body --------------------------------------------------------------------------------------------------------

static bytes_t
write_body (const json_t *one)
{
  char *config = json_dumps (json_object_get (one, "config"), 0),
       *ask = json_dumps (json_object_get (one, "ask"), JSON_ENCODE_ANY);
  bytes_t body = fixture_body (config, ask, json_is_true (json_object_get (one, "stream")));
  free (config);
  free (ask);
  return body;
}

static void
expect_body (const json_t *one, const bytes_t *body)
{
  json_t *wanted = json_object_get (json_object_get (one, "sent"), "body");
  json_t *got = json_loadb (bytes_text (body), body->size, 0, NULL);
  char *sent = json_dumps (wanted, JSON_SORT_KEYS), *ours = json_dumps (got, JSON_SORT_KEYS);
  cr_expect (json_equal (got, wanted), "%s\n  theirs: %s\n  ours:   %s", text (one, "name"), sent, ours);
  free (sent);
  free (ours);
  json_decref (got);
}

// A form: each of their fields is in ours, with the same content.
static void
expect_form (const json_t *one, const bytes_t *body)
{
  const char *name;
  json_t *value;
  json_object_foreach (json_object_get (json_object_get (one, "sent"), "body"), name, value) {
    char field[256];
    if (json_is_string (value))
      snprintf (field, sizeof field, "form-data; name=\"%s\"\r\n\r\n%s\r\n", name, json_string_value (value));
    else
      snprintf (field, sizeof field, "form-data; name=\"%s\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\nRIFF\r\n",
                name, text (value, "filename"), text (value, "type"));
    cr_expect (memmem (body->data, body->size, field, strlen (field)), "%s: %s isn't in %s", text (one, "name"), field,
               body->data);
  }
}

// -- The address and the headers -------------------------------------------------------------------------------------

static bool
has_header (const troupe_model_t *model, const char *name, const char *value)
{
  size_t size = strlen (name);
  for (const struct curl_slist *at = model->headers; at; at = at->next)
    if (strncasecmp (at->data, name, size) == 0 && strncmp (at->data + size, ": ", 2) == 0 &&
        strncmp (at->data + size + 2, value, strlen (value)) == 0)
      return true;
  return false;
}

static void
expect_envelope (const troupe_model_t *model, const json_t *one)
{
  const json_t *sent = json_object_get (one, "sent");
  const char *name, *path = text (sent, "path");
  json_t *value;
  bool stream = json_is_true (json_object_get (one, "stream")) && model->stream_url;
  const char *url = stream ? model->stream_url : model->url, *ours = strchr (url + strlen ("http://"), '/');
  cr_expect_str_eq (ours, path, "%s: %s, not %s", text (one, "name"), ours, path);
  cr_expect_str_eq (text (sent, "method"), "POST");
  json_object_foreach (json_object_get (sent, "headers"), name, value)
    cr_expect (has_header (model, name, json_string_value (value)), "%s: %s: %s", text (one, "name"), name,
               json_string_value (value));
}

// Where the recorder was: each client has the end of the provider's usual address in it already.
static void
set_address (json_t *config)
{
  static const char *const ends[][2] = {{"openai", "/v1"}, {"anthropic", "/v1"}, {"gemini", "/v1beta"}};
  const char *end = "";
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    if (strcmp (text (config, "type"), ends[i][0]) == 0)
      end = ends[i][1];
  json_object_set_new (config, "base_url", json_sprintf ("http://127.0.0.1%s", end));
}

Test (clients, send_what_we_send)
{
  size_t i;
  json_t *one, *root = json_load_file (RECORDED, 0, NULL);
  cr_assert_gt (json_array_size (json_object_get (root, "recorded")), 20);
  json_array_foreach (json_object_get (root, "recorded"), i, one) {
    set_address (json_object_get (one, "config"));
    char *config = json_dumps (json_object_get (one, "config"), 0);
    troupe_model_t *model = fixture_model (config);
    bytes_t body = write_body (one);
    expect_envelope (model, one);
    if (model->task == TASK_TRANSCRIPTION)
      expect_form (one, &body);
    else
      expect_body (one, &body);
    bytes_clear (&body);
    troupe_model_destroy (&model);
    free (config);
  }
  json_decref (root);
}

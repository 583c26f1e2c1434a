// SPDX-License-Identifier: Apache-2.0
//
// Checks of the models: a GET that costs nothing, with the key, where the provider lists its models: at
// <base_url>/models for most. libcurl is what the model service uses too, so proxies and certificates are treated
// alike.
#include "cli/checks.h"
#include "troupe/model.h"

#include <curl/curl.h>
#include <string.h>

enum { CONNECT_S = 3, ANSWER_S = 10, URL_SIZE = 2048, KEY_SIZE = 4096, UNAUTHORIZED = 401, FORBIDDEN = 403 };

static size_t
swallow (char *data, size_t size, size_t count, void *context)
{
  (void)data;
  (void)context;
  return size * count;
}

// What isn't asked for like OpenAI's.
static const struct {
  const char *type, *path, *header;
} places[] = {
  {"azure_openai", "/models", "api-key: "},
  {"anthropic", "/models", "x-api-key: "},
  {"gemini", "/models", "x-goog-api-key: "},
  {"dashscope", "/compatible-mode/v1/models", "Authorization: Bearer "},
  {"ollama", "/api/tags", "Authorization: Bearer "},
  {"post_api", "", "Authorization: Bearer "},
  {NULL, "/models", "Authorization: Bearer "},
};

static size_t
find_place (const char *type)
{
  size_t i = 0;
  while (places[i].type && strcmp (places[i].type, type) != 0)
    i++;
  return i;
}

// The key, and the headers that the configuration adds. Anthropic refuses a request without a version.
static struct curl_slist *
make_headers (const char *type, const char *name, const char *key, const json_t *more)
{
  char header[KEY_SIZE];
  const char *other;
  json_t *value;
  bool versioned = strcmp (type, "anthropic") == 0;
  struct curl_slist *headers = versioned ? curl_slist_append (NULL, "anthropic-version: 2023-06-01") : NULL;
  snprintf (header, sizeof header, "%s%s", name, key ? key : "");
  headers = key ? curl_slist_append (headers, header) : headers;
  json_object_foreach ((json_t *)(uintptr_t)more, other, value) {
    snprintf (header, sizeof header, "%s: %s", other, json_is_string (value) ? json_string_value (value) : "");
    headers = curl_slist_append (headers, header);
  }
  return headers;
}

// `headers` is given up.
static CURLcode
get (const char *url, struct curl_slist *headers, long *status, char why[CURL_ERROR_SIZE])
{
  CURL *curl = curl_easy_init ();
  if (!curl) {
    curl_slist_free_all (headers);
    return CURLE_OUT_OF_MEMORY;
  }
  curl_easy_setopt (curl, CURLOPT_URL, url);
  curl_easy_setopt (curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
  curl_easy_setopt (curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
  CURLcode code = curl_easy_perform (curl);
  curl_easy_getinfo (curl, CURLINFO_RESPONSE_CODE, status);
  curl_slist_free_all (headers);
  curl_easy_cleanup (curl);
  return code;
}

static void
check_server (checks_t *self, const char *name, const char *type, const json_t *model)
{
  size_t place = find_place (type);
  char url[URL_SIZE], why[CURL_ERROR_SIZE] = "";
  long status = 0;
  const char *base = json_string_value (json_object_get (model, "base_url"));
  const char *key = json_string_value (json_object_get (model, "api_key"));
  bool theirs = strstr (base, "//api.openai.com") || strstr (base, "//api.anthropic.com") || strstr (base, ".googleapis.com")
                || strstr (base, ".aliyuncs.com");
  if (!(key && *key) && theirs) {
    checks_add (self, "model", false, "set its api_key, for example to ${API_KEY}", "%s: %s needs a key", name, base);
    return;
  }
  size_t size = strlen (base);
  const char *version = json_string_value (json_object_get (model, "api_version"));
  snprintf (url, sizeof url, "%.*s%s%s%s", (int)(size && base[size - 1] == '/' ? size - 1 : size), base,
            version ? "/openai/models" : places[place].path, version ? "?api-version=" : "", version ? version : "");
  struct curl_slist *headers = make_headers (type, places[place].header, key && *key ? key : NULL,
                                             json_object_get (model, "headers"));
  CURLcode code = get (url, headers, &status, why);
  if (code != CURLE_OK)
    checks_add (self, "model", false, "is the server running, and its base_url right?", "%s: %s: %s", name, base,
                *why ? why : curl_easy_strerror (code));
  else
    checks_add (self, "model", status != UNAUTHORIZED && status != FORBIDDEN, "check its api_key",
                "%s: %s answers with HTTP status %ld", name, base, status);
}

// A rehearsal needs no server, but its rules must be right: the model is made as its service would make it.
static void
check_rehearsal (checks_t *self, const char *name, const json_t *config)
{
  troupe_loop_t *loop = NULL;
  troupe_engine_t *engine = NULL;
  troupe_model_t *model = NULL;
  troupe_error_t error = {0};
  json_t *errors = NULL;
  const char *rules = json_string_value (json_object_get (config, "rules"));
  troupe_err_t err = troupe_loop_new (&loop);
  if (err != TROUPE_OK)
    troupe_error_set (&error, err, name, NULL, "the event loop can't be made: %s", troupe_err_text (err));
  if (err == TROUPE_OK)
    err = troupe_engine_new (&engine, loop, &error);
  if (err == TROUPE_OK)
    err = troupe_model_new (&model, engine, &(troupe_model_options_t){.name = name, .config = config}, &errors, &error);
  if (err == TROUPE_OK)
    checks_add (self, "model", true, NULL, "%s: rehearsal, plays %s", name, rules ? rules : "small talk");
  else
    checks_add (self, "model", false, *error.next ? error.next : "correct the rules: docs/reference/rehearsal.md",
                "%s: %s: %s", name, error.object, error.why);
  json_decref (errors);
  troupe_model_destroy (&model);
  troupe_engine_destroy (&engine);
  troupe_loop_destroy (&loop);
}

void
checks_models (checks_t *self, const mesh_t *mesh)
{
  const char *name;
  json_t *model;
  curl_global_init (CURL_GLOBAL_DEFAULT);
  json_object_foreach (json_object_get (troupe_config_root (mesh->config), "models"), name, model)
  {
    const char *type = json_string_value (json_object_get (model, "type"));
    if (strcmp (type, "rehearsal") == 0)
      check_rehearsal (self, name, model);
    else
      check_server (self, name, type, model);
  }
  curl_global_cleanup ();
}

// SPDX-License-Identifier: Apache-2.0
//
// Addresses are put together by libcurl's URL functions, not by pasting text: a base_url may bring a port, a user, a
// query of its own (Azure's api-version, a gateway's key), and a model's name may hold what a path can't.

#include "model/http.h"
#include "model/bytes.h"

#include <stdlib.h>
#include <string.h>

static troupe_err_t
no_memory (const troupe_model_t *model, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, model->object, NULL, "no memory for a model");
}

troupe_err_t
http_bad_config (const troupe_model_t *model, const char *key, const char *why, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_BAD_CONFIG, model->object, NULL, "models.%s.%s: %s", model->name, key, why);
}

// -- Addresses -------------------------------------------------------------------------------------------------------

// `url` as a string of malloc's.
static char *
copy_url (CURLU *url)
{
  char *text = NULL;
  if (curl_url_get (url, CURLUPART_URL, &text, 0) != CURLUE_OK)
    return NULL;
  char *copy = strdup (text);
  curl_free (text);
  return copy;
}

// Adds the path with the model's name in it; ":" and "/" stay, as Gemini's methods and Hugging Face's names have them.
static bool
expand (bytes_t *out, const troupe_model_t *model, const char *path)
{
  const char *mark = strstr (path, "{model}");
  if (!mark)
    return bytes_add_text (out, path);
  if (!bytes_add (out, path, (size_t)(mark - path)))
    return false;
  for (const char *c = model->model_name; *c; c++) {
    char quoted[4];
    if (strchr ("?#% ", *c))
      snprintf (quoted, sizeof quoted, "%%%02X", (unsigned char)*c);
    else
      snprintf (quoted, sizeof quoted, "%c", *c);
    if (!bytes_add_text (out, quoted))
      return false;
  }
  return bytes_add_text (out, mark + strlen ("{model}"));
}

// What comes after "?" goes into the query.
static CURLUcode
append (CURLU *url, const troupe_model_t *model, const char *path, const char *query)
{
  char *base = NULL;
  bytes_t whole = {0};
  CURLUcode result = curl_url_get (url, CURLUPART_PATH, &base, 0);
  if (result != CURLUE_OK)
    return result;
  size_t size = strlen (base);
  while (size && path[0] && base[size - 1] == '/')
    size--;
  result = bytes_add (&whole, base, size) && expand (&whole, model, path) ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
  char *mark = result == CURLUE_OK ? strchr (whole.data, '?') : NULL;
  if (mark)
    *mark++ = 0;
  if (result == CURLUE_OK)
    result = curl_url_set (url, CURLUPART_PATH, whole.data, 0);
  if (result == CURLUE_OK && mark)
    result = curl_url_set (url, CURLUPART_QUERY, mark, CURLU_APPENDQUERY);
  if (result == CURLUE_OK && query)
    result = curl_url_set (url, CURLUPART_QUERY, query, CURLU_APPENDQUERY | CURLU_URLENCODE);
  bytes_clear (&whole);
  curl_free (base);
  return result;
}

static troupe_err_t
make_url (const troupe_model_t *model, const char *path, const char *query, bool shown, char **out,
          troupe_error_t *error)
{
  const char *base = model_text (model, "base_url");
  if (!base)
    base = model->vendor->base_url;
  if (!base)
    return http_bad_config (model, "base_url", "it is missing", error);
  CURLU *url = curl_url ();
  CURLUcode result = url ? curl_url_set (url, CURLUPART_URL, base, 0) : CURLUE_OUT_OF_MEMORY;
  if (result == CURLUE_OK)
    result = append (url, model, path ? path : "", shown ? NULL : query);
  if (result == CURLUE_OK && shown) {
    curl_url_set (url, CURLUPART_USER, NULL, 0);
    curl_url_set (url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set (url, CURLUPART_QUERY, NULL, 0); // some gateways take the key there
  }
  free (*out);
  *out = result == CURLUE_OK ? copy_url (url) : NULL;
  curl_url_cleanup (url);
  if (result != CURLUE_OK && result != CURLUE_OUT_OF_MEMORY)
    return http_bad_config (model, "base_url", curl_url_strerror (result), error);
  return *out ? TROUPE_OK : no_memory (model, error);
}

troupe_err_t
http_set_path (troupe_model_t *model, const char *path, const char *query, troupe_error_t *error)
{
  troupe_err_t code = make_url (model, path, query, false, &model->url, error);
  return code == TROUPE_OK ? make_url (model, path, query, true, &model->shown_url, error) : code;
}

// -- Headers ---------------------------------------------------------------------------------------------------------

static troupe_err_t
add_secret (troupe_model_t *model, const char *secret, troupe_error_t *error)
{
  char **secrets = realloc (model->secrets, (model->secret_count + 1) * sizeof *secrets);
  if (!secrets)
    return no_memory (model, error);
  model->secrets = secrets;
  secrets[model->secret_count] = strdup (secret);
  return secrets[model->secret_count] ? (model->secret_count++, TROUPE_OK) : no_memory (model, error);
}

troupe_err_t
http_add_header (troupe_model_t *model, const char *key, const char *name, const char *value, troupe_error_t *error)
{
  for (const char *c = value; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 127)
      return http_bad_config (model, key, "it holds a line feed or another control character", error);
  bytes_t line = {0};
  struct curl_slist *headers = NULL;
  if (bytes_add_text (&line, name) && bytes_add_text (&line, value[0] ? ": " : ":") && bytes_add_text (&line, value))
    headers = curl_slist_append (model->headers, line.data);
  bytes_clear (&line);
  if (!headers)
    return no_memory (model, error);
  model->headers = headers;
  return TROUPE_OK;
}

troupe_err_t
http_replace_header (troupe_model_t *model, const char *name, const char *value, troupe_error_t *error)
{
  size_t size = strlen (name);
  struct curl_slist *old = model->headers;
  troupe_err_t code = TROUPE_OK;
  model->headers = NULL;
  for (struct curl_slist *at = old; code == TROUPE_OK && at; at = at->next) {
    if (strncmp (at->data, name, size) == 0 && at->data[size] == ':')
      continue;
    struct curl_slist *longer = curl_slist_append (model->headers, at->data);
    code = longer ? TROUPE_OK : no_memory (model, error);
    model->headers = longer ? longer : model->headers;
  }
  curl_slist_free_all (old);
  return code == TROUPE_OK ? http_add_header (model, "type", name, value, error) : code;
}

static troupe_err_t
add_key (troupe_model_t *model, const char *key, troupe_error_t *error)
{
  static const char *const names[] = {
    [AUTH_NONE] = "Authorization",  [AUTH_BEARER] = "Authorization",  [AUTH_AZURE] = "api-key",
    [AUTH_ANTHROPIC] = "x-api-key", [AUTH_GOOGLE] = "x-goog-api-key",
  };
  model_auth_t auth = model->vendor->auth;
  bool bearer = auth == AUTH_NONE || auth == AUTH_BEARER;
  bytes_t value = {0};
  troupe_err_t code = no_memory (model, error);
  if (bytes_add_text (&value, bearer ? "Bearer " : "") && bytes_add_text (&value, key))
    code = http_add_header (model, "api_key", names[auth], value.data, error);
  bytes_clear (&value);
  return code == TROUPE_OK ? add_secret (model, key, error) : code;
}

static bool
is_token (const char *name)
{
  return name[0] &&
         name[strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")] == 0;
}

static troupe_err_t
add_configured (troupe_model_t *model, troupe_error_t *error)
{
  const char *name;
  json_t *value;
  json_object_foreach ((json_t *)(uintptr_t)model_key (model, "headers"), name, value) {
    const char *text = json_string_value (value);
    if (!text || !is_token (name))
      return http_bad_config (model, "headers", "a header's name or its value is none", error);
    troupe_err_t code = http_add_header (model, "headers", name, text, error);
    if (code == TROUPE_OK)
      code = add_secret (model, text, error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
add_headers (troupe_model_t *model, troupe_error_t *error)
{
  const char *key = model_text (model, "api_key"), *organization = model_text (model, "organization");
  const char *const *fixed = model->provider->headers;
  troupe_err_t code = http_add_header (model, "type", "Content-Type", "application/json", error);
  if (code == TROUPE_OK) // curl would wait a second for "100 Continue" before it sends a long prompt
    code = http_add_header (model, "type", "Expect", "", error);
  for (; code == TROUPE_OK && fixed && *fixed; fixed += 2)
    code = http_add_header (model, "type", fixed[0], fixed[1], error);
  if (code == TROUPE_OK && key && key[0])
    code = add_key (model, key, error);
  if (code == TROUPE_OK && organization && organization[0])
    code = http_add_header (model, "organization", "OpenAI-Organization", organization, error);
  return code == TROUPE_OK ? add_configured (model, error) : code;
}

troupe_err_t
http_open (troupe_model_t *model, troupe_error_t *error)
{
  const char *name = model_text (model, "model");
  model->model_name = strdup (name && name[0] ? name : model->name);
  if (!model->model_name)
    return no_memory (model, error);
  troupe_err_t code = http_set_path (model, model->provider->path, NULL, error);
  if (code == TROUPE_OK && model->provider->stream_path)
    code = make_url (model, model->provider->stream_path, NULL, false, &model->stream_url, error);
  if (code == TROUPE_OK && model->provider->task_path)
    code = make_url (model, model->provider->task_path, NULL, false, &model->task_url, error);
  return code == TROUPE_OK ? add_headers (model, error) : code;
}

troupe_err_t
http_open_azure (troupe_model_t *model, troupe_error_t *error)
{
  const char *version = model_text (model, "api_version");
  bytes_t path = {0}, query = {0};
  if (!version)
    return TROUPE_OK;
  troupe_err_t code = no_memory (model, error);
  if (bytes_add_text (&path, "/openai/deployments/{model}") && bytes_add_text (&path, model->provider->path) &&
      bytes_add_text (&query, "api-version=") && bytes_add_text (&query, version))
    code = http_set_path (model, path.data, query.data, error);
  bytes_clear (&path);
  bytes_clear (&query);
  return code;
}

// SPDX-License-Identifier: Apache-2.0
//
// Errors of model servers. Servers agree on HTTP's statuses and on little else, so what they say in words is looked
// for in the places where OpenAI, Azure, vLLM, Ollama, llama.cpp and FastAPI put it, and else the body's beginning is
// quoted. What is quoted comes from a stranger: control characters are dropped, the length is bounded, and the key,
// which some servers repeat, is hidden.

#include "model/failure.h"
#include "error/reading.h"
#include "error/utf8.h"
#include "model/retry.h"

#include <stdlib.h>
#include <string.h>

enum {
  EXPLANATION_MAX = 600, // leaves room for our own words in an error's why
  SECRET_MIN = 6         // as the log has it: "none" and "EMPTY" are words, given to servers that check no key
};

static void
copy_printable (char *out, size_t capacity, const char *text, size_t size)
{
  size_t used = 0;
  bool space = false;
  for (size_t i = 0, step; i < size && used + 5 < capacity; i += step) {
    step = utf8_size (text + i, size - i);
    bool printable = step > 1 || (step == 1 && (unsigned char)text[i] > ' ' && text[i] != 127);
    if (step == 0)
      step = 1;
    if (printable) {
      if (space && used)
        out[used++] = ' ';
      memcpy (out + used, text + i, step);
      used += step;
    }
    space = !printable;
  }
  out[used] = 0;
}

// The text of an error in one of its usual places.
static const json_t *
find_text (const json_t *json)
{
  static const char *const places[] = {"message", "error", "detail", "msg", "error_description"};
  for (unsigned depth = 0; depth < 4; depth++) {
    const json_t *next = NULL;
    if (json_is_string (json))
      return json;
    if (json_is_array (json))
      next = json_array_get (json, 0);
    for (size_t i = 0; json_is_object (json) && !next && i < sizeof places / sizeof *places; i++) {
      next = json_object_get (json, places[i]);
      if (json_is_null (next) || (json_is_string (next) && json_string_length (next) == 0))
        next = NULL;
    }
    json = next;
  }
  return json_is_string (json) ? json : NULL;
}

void
failure_explain (const char *body, size_t size, char *out, size_t capacity)
{
  json_t *json = reading_json (body, size, JSON_DECODE_ANY, NULL);
  const json_t *text = find_text (json);
  if (text)
    copy_printable (out, capacity, json_string_value (text), json_string_length (text));
  else
    copy_printable (out, capacity < 256 ? capacity : 256, body, size);
  json_decref (json);
}

static bool
is_word (const json_t *object, const char *key, const char *word)
{
  const char *value = json_string_value (json_object_get (object, key));
  return value && strstr (value, word);
}

// OpenAI answers 429 also when the account has no money left; waiting doesn't help then.
static bool
is_quota (const json_t *object)
{
  return is_word (object, "code", "insufficient_quota") || is_word (object, "type", "insufficient_quota");
}

static bool
body_is_quota (const char *body, size_t size)
{
  json_t *json = reading_json (body, size, 0, NULL);
  bool quota = is_quota (json_object_get (json, "error"));
  json_decref (json);
  return quota;
}

// Google says in the body how long to wait: {"error": {"details": [{"retryDelay": "34.07s"}]}}.
static unsigned
body_pause (const char *body, size_t size)
{
  size_t i;
  json_t *detail, *json = reading_json (body, size, 0, NULL);
  double seconds = 0;
  json_array_foreach (json_object_get (json_object_get (json, "error"), "details"), i, detail) {
    const char *text = json_string_value (json_object_get (detail, "retryDelay"));
    if (text)
      seconds = strtod (text, NULL);
  }
  json_decref (json);
  return seconds > 0 && seconds < RETRY_AFTER_MAX_MS ? (unsigned)(seconds * 1000) : 0;
}

static troupe_err_t
status_code (long status)
{
  if (status == 401 || status == 403)
    return TROUPE_UNAUTHORIZED;
  if (status == 429)
    return TROUPE_RATE_LIMITED;
  if (status >= 500 || status == 408 || status == 409 || status == 425)
    return TROUPE_MODEL_FAILED; // 408, 409 and 425 pass like a 5xx does
  return TROUPE_MODEL_REFUSED;
}

static void
status_next (const troupe_model_t *model, long status, bool quota, char next[TROUPE_ERROR_NEXT_MAX])
{
  next[0] = 0;
  if (status == 401 || status == 403)
    snprintf (next, TROUPE_ERROR_NEXT_MAX, "check api_key of models.%s", model->name);
  else if (status == 404 || status == 405 || status / 100 == 3)
    snprintf (next, TROUPE_ERROR_NEXT_MAX, "check model and base_url of models.%s", model->name);
  else if (quota)
    snprintf (next, TROUPE_ERROR_NEXT_MAX, "check the plan and the billing of the account of models.%s", model->name);
}

troupe_err_t
failure_of_status (const troupe_model_t *model, long status, const char *body, size_t size, unsigned retry_after_ms,
                   troupe_error_t *error)
{
  char text[EXPLANATION_MAX], next[TROUPE_ERROR_NEXT_MAX];
  failure_explain (body, size, text, sizeof text);
  bool quota = status == 429 && body_is_quota (body, size);
  troupe_err_t code = quota ? TROUPE_MODEL_REFUSED : status_code (status);
  status_next (model, status, quota, next);
  if (status == 404)
    troupe_error_set (error, code, model->object, next, "%s has no model %s, or is no such address (HTTP 404)%s%s",
                      model->shown_url, model->model_name, text[0] ? ": " : "", text);
  else
    troupe_error_set (error, code, model->object, next, "%s answers HTTP %ld%s%s", model->shown_url, status,
                      text[0] ? ": " : "", text);
  if (error && troupe_err_class (code) == TROUPE_CLASS_RETRYABLE)
    error->retry_after_ms = retry_after_ms ? retry_after_ms : body_pause (body, size);
  return code;
}

troupe_err_t
failure_of_object (const troupe_model_t *model, const json_t *object, troupe_error_t *error)
{
  char text[EXPLANATION_MAX] = "";
  const json_t *message = find_text (object);
  if (message)
    copy_printable (text, sizeof text, json_string_value (message), json_string_length (message));
  json_int_t status = json_integer_value (json_object_get (object, "code"));
  troupe_err_t code = TROUPE_MODEL_FAILED;
  if (status >= 400 && status < 600)
    code = status_code ((long)status);
  else if (is_quota (object) || is_word (object, "type", "invalid_request"))
    code = TROUPE_MODEL_REFUSED;
  else if (is_word (object, "code", "rate_limit") || is_word (object, "type", "rate_limit"))
    code = TROUPE_RATE_LIMITED;
  return troupe_error_set (error, code, model->object, NULL, "%s answers with an error: %s", model->shown_url,
                           text[0] ? text : "it doesn't say which");
}

bool
failure_may_pass (CURLcode result)
{
  switch (result) {
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_ISSUER_ERROR:
    return false;
  default:
    return true;
  }
}

troupe_err_t
failure_of_curl (const troupe_model_t *model, CURLcode result, const char *detail, bool begun, troupe_error_t *error)
{
  const char *why = detail[0] ? detail : curl_easy_strerror (result);
  if (result == CURLE_OUT_OF_MEMORY)
    return troupe_error_set (error, TROUPE_NO_MEMORY, model->object, NULL, "no memory for a request");
  if (begun)
    return troupe_error_set (error, TROUPE_MODEL_UNREACHABLE, model->object, NULL,
                             "%s broke off in the middle of its reply: %s", model->shown_url, why);
  if (!failure_may_pass (result))
    return troupe_error_set (error, TROUPE_MODEL_UNREACHABLE, model->object,
                             "check base_url, and the certificates of this machine", "%s: %s", model->shown_url, why);
  return troupe_error_set (error, TROUPE_MODEL_UNREACHABLE, model->object,
                           "is the server running? check base_url, or a proxy in the environment",
                           "%s can't be reached: %s", model->shown_url, why);
}

// A text that was cut may end in the secret's beginning: that goes as well.
static void
hide_end (char *text, const char *secret, size_t size)
{
  size_t length = strlen (text);
  for (size_t part = size - 1; part >= SECRET_MIN; part--)
    if (part <= length && memcmp (text + length - part, secret, part) == 0) {
      memcpy (text + length - part, "***", 4);
      return;
    }
}

static void
hide (char *text, const char *secret)
{
  size_t size = strlen (secret);
  if (size < SECRET_MIN)
    return;
  for (char *at = text; (at = strstr (at, secret)); at += 3) {
    memcpy (at, "***", 3);
    memmove (at + 3, at + size, strlen (at + size) + 1);
  }
  hide_end (text, secret, size);
}

void
failure_finish (const troupe_model_t *model, troupe_error_t *error)
{
  if (!error->object[0])
    snprintf (error->object, sizeof error->object, "%s", model->object);
  for (size_t i = 0; i < model->secret_count; i++) {
    hide (error->why, model->secrets[i]);
    hide (error->next, model->secrets[i]);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// What all providers do with JSON.

#include "model/body.h"
#include "error/reading.h"
#include "model/failure.h"

// jansson passes over a key that couldn't be written, so a failure is remembered here.
typedef struct {
  bytes_t *body;
  bool failed;
} sink_t;

static int
dump (const char *bytes, size_t size, void *context)
{
  sink_t *self = context;
  self->failed = self->failed || !bytes_add (self->body, bytes, size);
  return self->failed ? -1 : 0;
}

troupe_err_t
body_no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for what a model is asked or answers");
}

bool
body_append (const json_t *value, bytes_t *out)
{
  sink_t sink = {.body = out};
  return json_dump_callback (value, dump, &sink, JSON_COMPACT) == 0 && !sink.failed;
}

troupe_err_t
body_write (json_t *request, bytes_t *body, troupe_error_t *error)
{
  bool written = request && body_append (request, body);
  json_decref (request);
  return written ? TROUPE_OK : body_no_memory (error);
}

troupe_err_t
body_read (const troupe_model_t *model, const char *data, size_t size, json_t **out, troupe_error_t *error)
{
  json_error_t cause;
  *out = reading_json (data, size, 0, &cause);
  if (json_is_object (*out))
    return TROUPE_OK;
  bool no_memory = !*out && json_error_code (&cause) == json_error_out_of_memory;
  json_decref (*out);
  *out = NULL;
  if (no_memory)
    return body_no_memory (error);
  char quoted[160], next[TROUPE_ERROR_NEXT_MAX];
  failure_explain (data, size, quoted, sizeof quoted);
  snprintf (next, sizeof next, "does base_url of models.%s lead to the API of %s?", model->name, model->vendor->type);
  return troupe_error_set (error, TROUPE_MODEL_FAILED, model->object, next,
                           "%s sends something other than a JSON object: %s", model->shown_url, quoted);
}

troupe_err_t
body_lacks (const troupe_model_t *model, const char *what, troupe_error_t *error)
{
  char next[TROUPE_ERROR_NEXT_MAX];
  snprintf (next, sizeof next, "does base_url of models.%s lead to the API of %s?", model->name, model->vendor->type);
  return troupe_error_set (error, TROUPE_MODEL_FAILED, model->object, next, "%s answers without %s", model->shown_url,
                           what);
}

const char *
body_text (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text ? text : "";
}

troupe_err_t
body_add (bytes_t *out, const json_t *text, troupe_error_t *error)
{
  if (json_is_string (text) && !bytes_add (out, json_string_value (text), json_string_length (text)))
    return body_no_memory (error);
  return TROUPE_OK;
}

void
body_count (int64_t *out, const json_t *value)
{
  if (json_is_integer (value) && json_integer_value (value) >= 0)
    *out = json_integer_value (value);
}

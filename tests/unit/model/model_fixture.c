// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"
#include "model/prepare.h"

#include <criterion/criterion.h>
#include <string.h>

json_t *
fixture_json (const char *text)
{
  json_error_t error;
  json_t *json = json_loads (text, JSON_DECODE_ANY, &error);
  cr_assert_not_null (json, "%s in %s", error.text, text);
  return json;
}

troupe_model_t *
fixture_model (const char *config)
{
  troupe_model_t *model;
  troupe_error_t error = {0};
  json_t *json = fixture_json (config);
  troupe_model_options_t options = {.name = "gpt", .config = json};
  cr_assert_eq (troupe_model_new (&model, NULL, &options, NULL, &error), TROUPE_OK, "%s", error.why);
  json_decref (json);
  return model;
}

void
fixture_expect (json_t *got, const char *wanted)
{
  json_t *json = fixture_json (wanted);
  char *text = json_dumps (got, JSON_ENCODE_ANY | JSON_SORT_KEYS);
  cr_assert (json_equal (got, json), "%s is wanted, not %s", wanted, text);
  free (text);
  json_decref (json);
  json_decref (got);
}

static troupe_err_t
write_body (const char *config, const char *input, bool stream, bytes_t *body, troupe_error_t *error)
{
  prompt_t prompt;
  troupe_model_t *model = fixture_model (config);
  json_t *json = fixture_json (input);
  troupe_err_t code = prompt_of_task (&prompt, model->task, json, error);
  if (code == TROUPE_OK)
    code = prepare_begin (model, &prompt, error);
  if (code == TROUPE_OK)
    code = prepare_end (model, &prompt, error);
  if (code == TROUPE_OK)
    code = model->provider->write (model, &prompt, stream, body, error);
  prompt_clear (&prompt);
  json_decref (json);
  troupe_model_destroy (&model);
  return code;
}

bytes_t
fixture_body (const char *config, const char *input, bool stream)
{
  bytes_t body = {0};
  troupe_error_t error = {0};
  cr_assert_eq (write_body (config, input, stream, &body, &error), TROUPE_OK, "%s", error.why);
  return body;
}

json_t *
fixture_request (const char *config, const char *input, bool stream)
{
  bytes_t body = fixture_body (config, input, stream);
  json_t *request = fixture_json (bytes_text (&body));
  bytes_clear (&body);
  return request;
}

void
fixture_refusal (const char *config, const char *input, troupe_err_t code, const char *why)
{
  bytes_t body = {0};
  troupe_error_t error = {0};
  troupe_err_t got = write_body (config, input, false, &body, &error);
  cr_assert_eq (got, code, "%s: %s: %s", input, troupe_err_name (got), error.why);
  cr_assert (strstr (error.why, why), "%s: %s", input, error.why);
  bytes_clear (&body);
}

static json_t *
finish (troupe_model_t *model, reply_t *reply, troupe_err_t code, troupe_error_t *error)
{
  json_t *message = NULL;
  if (code == TROUPE_OK)
    reply_message (reply, "gpt", model->vendor->type, 1, &message, error);
  reply_clear (reply);
  troupe_model_destroy (&model);
  return message;
}

json_t *
fixture_read (const char *config, const char *body, troupe_error_t *error)
{
  reply_t reply;
  troupe_model_t *model = fixture_model (config);
  reply_init (&reply);
  return finish (model, &reply, model->provider->read (model, body, strlen (body), &reply, error), error);
}

json_t *
fixture_play (const char *config, const char *const *events, troupe_error_t *error)
{
  reply_t reply;
  troupe_model_t *model = fixture_model (config);
  troupe_err_t code = TROUPE_OK;
  reply_init (&reply);
  for (; *events && code == TROUPE_OK; events++)
    code = model->provider->event (model, "message", *events, strlen (*events), &reply, error);
  return finish (model, &reply, code, error);
}

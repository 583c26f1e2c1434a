// SPDX-License-Identifier: Apache-2.0

#include "unit/model/stand.h"

#include <criterion/criterion.h>

void
stand_start (stand_t *self, const char *config)
{
  troupe_error_t error = {0};
  json_error_t cause;
  json_t *json = json_loads (config, 0, &cause);
  cr_assert_not_null (json, "%s: %s", cause.text, config);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  cr_assert_eq (troupe_engine_new (&self->engine, self->loop, &error), TROUPE_OK);
  troupe_model_options_t options = {.name = "m", .config = json};
  cr_assert_eq (troupe_model_new (&self->model, self->engine, &options, NULL, &error), TROUPE_OK, "%s", error.why);
  self->open = 0;
  json_decref (json);
}

void
stand_stop (stand_t *self)
{
  troupe_model_destroy (&self->model);
  troupe_engine_destroy (&self->engine);
  troupe_loop_destroy (&self->loop);
}

static void
leave (stand_t *self)
{
  if (--self->open == 0)
    troupe_loop_stop (self->loop);
}

static void
on_part (void *context, const char *text, size_t size)
{
  ask_t *self = context;
  cr_assert (size > 0);
  cr_assert (bytes_add (&self->text, text, size));
  if (++self->parts == self->drop_at) {
    troupe_answer_drop (&self->answer);
    leave (self->stand);
  }
}

static void
on_done (void *context, json_t *message, const troupe_error_t *error)
{
  ask_t *self = context;
  self->message = message;
  if (!message)
    self->error = *error;
  leave (self->stand);
}

void
stand_ask_value (stand_t *self, ask_t *ask, json_t *input, bool streams, int64_t deadline)
{
  troupe_error_t error = {0};
  ask->stand = self;
  troupe_model_ask_t what = {
    .input = input, .deadline = deadline, .part = streams ? on_part : NULL, .done = on_done, .context = ask};
  cr_assert_eq (troupe_model_ask (self->model, &ask->answer, &what, &error), TROUPE_OK, "%s", error.why);
  self->open++;
  json_decref (input);
}

void
stand_ask (stand_t *self, ask_t *ask, const char *text, bool streams, int64_t deadline)
{
  stand_ask_value (self, ask, json_string (text), streams, deadline);
}

void
stand_run (stand_t *self)
{
  cr_assert_eq (troupe_loop_run (self->loop), TROUPE_OK);
}

const char *
ask_content (const ask_t *self)
{
  cr_assert_not_null (self->message, "%s: %s", troupe_err_name (self->error.code), self->error.why);
  return json_string_value (json_object_get (self->message, "content"));
}

const json_t *
ask_metadata (const ask_t *self, const char *key)
{
  return json_object_get (json_object_get (self->message, "metadata"), key);
}

void
ask_clear (ask_t *self)
{
  bytes_clear (&self->text);
  json_decref (self->message);
  *self = (ask_t){0};
}

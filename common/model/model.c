// SPDX-License-Identifier: Apache-2.0
//
// A model: its configuration, its provider, and the asks made of it. What an ask needs is prepared here, on the
// loop's thread (a request's bytes, a rehearsal's script), so that mistakes in it are errors at once and no JSON is
// shared between threads. A model is kept by its answers, so it may be destroyed while they are on their way.

#include "model/engine.h"
#include "model/failure.h"

#include <stdlib.h>
#include <string.h>

static const provider_t *const providers[] = {&openai_chat_provider, &rehearsal_provider};

enum { PROVIDERS = sizeof providers / sizeof *providers };

troupe_model_t *
model_ref (troupe_model_t *self)
{
  atomic_fetch_add_explicit (&self->refs, 1, memory_order_relaxed);
  return self;
}

void
model_unref (troupe_model_t *self)
{
  if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
    return;
  if (self->provider)
    self->provider->close (self);
  curl_slist_free_all (self->headers);
  json_decref (self->info);
  free (self->name);
  free (self->object);
  free (self->model_name);
  free (self->url);
  free (self->shown_url);
  free (self->secret);
  free (self);
}

troupe_answer_t *
answer_ref (troupe_answer_t *self)
{
  atomic_fetch_add_explicit (&self->refs, 1, memory_order_relaxed);
  return self;
}

void
answer_unref (troupe_answer_t *self)
{
  if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
    return;
  reply_clear (&self->reply);
  bytes_clear (&self->body);
  bytes_clear (&self->news);
  json_decref (self->message);
  model_unref (self->model);
  free (self);
}

// -- A model ---------------------------------------------------------------------------------------------------------

static int64_t
config_int (const json_t *config, const char *key, int64_t fallback)
{
  const json_t *value = json_object_get (config, key);
  return json_is_integer (value) ? json_integer_value (value) : fallback;
}

static const provider_t *
find_provider (const char *type)
{
  for (size_t i = 0; type && i < PROVIDERS; i++)
    if (strcmp (type, providers[i]->type) == 0)
      return providers[i];
  return NULL;
}

// Defaults are config.def's; those here are for a configuration that was made by a program.
static void
read_common (troupe_model_t *self, const json_t *config)
{
  const json_t *stream = json_object_get (config, "stream");
  self->streams = !json_is_false (stream);
  self->timeout_ms = config_int (config, "timeout", 120 * 1000);
  self->retries = (unsigned) config_int (config, "retries", 3);
  self->concurrency = (unsigned) config_int (config, "concurrency", 64);
}

static troupe_err_t
open_provider (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  const char *type = json_string_value (json_object_get (options->config, "type"));
  self->provider = find_provider (type);
  if (!self->provider)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, self->object, "use openai_chat or rehearsal",
                             "models.%s.type: there is no type %s", self->name, type ? type : "(none)");
  read_common (self, options->config);
  troupe_err_t code = self->provider->open (self, options, errors, error);
  if (code != TROUPE_OK)
    return code;
  self->info = json_pack ("{s:s,s:s,s:b}", "type", self->provider->type, "model", self->model_name, "rehearsal",
                          (int) self->provider->rehearsal);
  return self->info ? TROUPE_OK
                    : troupe_error_set (error, TROUPE_NO_MEMORY, self->object, NULL, "no memory for a model");
}

troupe_err_t
troupe_model_new (troupe_model_t **out, troupe_engine_t *engine, const troupe_model_options_t *options, json_t **errors,
                  troupe_error_t *error)
{
  static const char kind[] = "model/";
  size_t size = strlen (options->name) + 1;
  *out = NULL;
  troupe_model_t *self = calloc (1, sizeof *self);
  if (self) {
    self->refs = 1;
    self->engine = engine;
    self->name = strdup (options->name);
    self->object = malloc (sizeof kind + size);
  }
  if (!self || !self->name || !self->object) {
    model_unref (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "no memory for a model");
  }
  memcpy (self->object, kind, sizeof kind - 1);
  memcpy (self->object + sizeof kind - 1, options->name, size);
  troupe_err_t code = open_provider (self, options, errors, error);
  if (code == TROUPE_OK)
    *out = self;
  else
    model_unref (self);
  return code;
}

void
troupe_model_destroy (troupe_model_t **self_p)
{
  if (*self_p)
    model_end_jobs (*self_p);
  model_unref (*self_p);
  *self_p = NULL;
}

const json_t *
troupe_model_info (const troupe_model_t *self)
{
  return self->info;
}

unsigned
troupe_model_concurrency (const troupe_model_t *self)
{
  return self->concurrency;
}

// -- Asks ------------------------------------------------------------------------------------------------------------

static troupe_err_t
prepare (troupe_answer_t *answer, const json_t *input, troupe_error_t *error)
{
  const troupe_model_t *model = answer->model;
  prompt_t prompt;
  troupe_err_t code = prompt_of_input (&prompt, input, error);
  if (code != TROUPE_OK)
    return code;
  if (model->provider->play)
    code = model->provider->play (model, &prompt, &answer->reply, &answer->script, error);
  else
    code = model->provider->write (model, &prompt, answer->stream && model->streams, &answer->body, error);
  prompt_clear (&prompt);
  return code;
}

troupe_err_t
troupe_model_ask (troupe_model_t *self, troupe_answer_t **out, const troupe_model_ask_t *ask, troupe_error_t *error)
{
  *out = NULL;
  troupe_error_t cause = {0};
  troupe_answer_t *answer = calloc (1, sizeof *answer);
  if (!answer)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->object, NULL, "no memory for an ask");
  answer->refs = 1;
  answer->engine = self->engine;
  answer->model = model_ref (self);
  answer->deadline = ask->deadline;
  answer->stream = ask->part != NULL;
  answer->part = ask->part;
  answer->done = ask->done;
  answer->context = ask->context;
  reply_init (&answer->reply);
  troupe_err_t code = prepare (answer, ask->input, &cause);
  if (code == TROUPE_OK)
    code = engine_submit (self->engine, answer, &cause);
  if (code == TROUPE_OK) {
    *out = answer;
    return TROUPE_OK;
  }
  failure_finish (self, &cause);
  if (error)
    *error = cause;
  answer_unref (answer);
  return code;
}

void
troupe_answer_drop (troupe_answer_t **self_p)
{
  if (*self_p)
    engine_drop ((*self_p)->engine, *self_p);
  *self_p = NULL;
}

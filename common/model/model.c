// SPDX-License-Identifier: Apache-2.0
//
// A model: its configuration, its provider, and the asks made of it. What an ask needs is prepared here, on the
// loop's thread (a request's bytes, a rehearsal's script), so that mistakes in it are errors at once and no JSON is
// shared between threads. A model is kept by its answers, so it may be destroyed while they are on their way.

#include "model/engine.h"
#include "model/failure.h"
#include "model/http.h"
#include "model/prepare.h"
#include "model/retry.h"

#include <stdlib.h>
#include <string.h>

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
  if (self->provider && self->provider->close)
    self->provider->close (self);
  curl_slist_free_all (self->headers);
  json_decref (self->info);
  free (self->name);
  free (self->object);
  free (self->model_name);
  free (self->url);
  free (self->stream_url);
  free (self->task_url);
  free (self->shown_url);
  for (size_t i = 0; i < self->secret_count; i++)
    free (self->secrets[i]);
  free (self->secrets);
  ranks_destroy (&self->ranks);
  links_clear (&self->links);
  json_decref (self->config);
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
  gather_destroy (&self->gather);
  prompt_clear (&self->prompt);
  json_decref (self->message);
  model_unref (self->model);
  free (self);
}

// -- A model ---------------------------------------------------------------------------------------------------------

const json_t *
model_key (const troupe_model_t *self, const char *key)
{
  return json_object_get (self->config, key);
}

const char *
model_text (const troupe_model_t *self, const char *key)
{
  return json_string_value (model_key (self, key));
}

static int64_t
config_int (const troupe_model_t *self, const char *key, int64_t fallback)
{
  const json_t *value = model_key (self, key);
  return json_is_integer (value) ? json_integer_value (value) : fallback;
}

// Defaults are config.def's; those here are for a configuration that was made by a program.
static void
read_common (troupe_model_t *self)
{
  self->streams = !json_is_false (model_key (self, "stream")) && self->provider->streams;
  self->timeout_ms = config_int (self, "timeout", 120 * 1000);
  self->retries = (unsigned)config_int (self, "retries", 3);
  self->retry_pause_ms = config_int (self, "retry_pause", RETRY_BASE_MS);
  self->concurrency = (unsigned)config_int (self, "concurrency", 64);
  self->window = (size_t)config_int (self, "window", 0);
}

static troupe_err_t
choose_provider (troupe_model_t *self, troupe_error_t *error)
{
  const char *type = model_text (self, "type"), *task = model_text (self, "task"), *api = model_text (self, "api");
  const char *layout = model_text (self, "layout");
  self->vendor = provider_vendor (type);
  if (!self->vendor)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, self->object, NULL, "models.%s.type: there is no type %s",
                             self->name, type ? type : "(none)");
  if (task && !provider_task (&self->task, task))
    return http_bad_config (self, "task", "there is no such task", error);
  self->provider = provider_find (type, self->task, api);
  if (!self->provider)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, self->object, NULL, "models.%s: the type %s has no %s%s%s",
                             self->name, type, provider_task_name (self->task), api ? " with the api " : "",
                             api ? api : "");
  self->layout = self->vendor->layout;
  if (layout && !layout_of_name (&self->layout, layout))
    return http_bad_config (self, "layout", "there is no such layout", error);
  return TROUPE_OK;
}

static troupe_err_t
read_prompt_keys (troupe_model_t *self, troupe_error_t *error)
{
  char why[160];
  const char *ranks = model_text (self, "ranks"),
             *reserved = prepare_reserved (self->provider, model_key (self, "options"));
  if (reserved)
    return http_bad_config (self, "options", reserved, error);
  if (!parameters_check (model_key (self, "parameters"), why, sizeof why))
    return http_bad_config (self, "parameters", why, error);
  return ranks ? ranks_load (&self->ranks, ranks, error) : TROUPE_OK;
}

static troupe_err_t
read_links (troupe_model_t *self, troupe_error_t *error)
{
  troupe_error_t cause = {0};
  troupe_err_t code = links_read (&self->links, self->config, &cause);
  if (code == TROUPE_OK)
    return code;
  return troupe_error_set (error, code, self->object, cause.next, "models.%s.%s", self->name, cause.why);
}

static troupe_err_t
open_provider (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  self->config = json_deep_copy (options->config);
  if (!self->config)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->object, NULL, "no memory for a model");
  troupe_err_t code = choose_provider (self, error);
  if (code != TROUPE_OK)
    return code;
  read_common (self);
  code = read_prompt_keys (self, error);
  if (code == TROUPE_OK)
    code = read_links (self, error);
  if (code == TROUPE_OK && self->provider->write)
    code = http_open (self, error);
  if (code == TROUPE_OK && self->provider->open)
    code = self->provider->open (self, options, errors, error);
  if (code != TROUPE_OK)
    return code;
  self->info =
    json_pack ("{s:s,s:s,s:s,s:b,s:O*}", "type", self->vendor->type, "task", provider_task_name (self->task), "model",
               self->model_name, "rehearsal", (int)self->provider->rehearsal, "fallback", model_key (self, "fallback"));
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
    quota_init (&self->quota);
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
  if (*self_p) {
    model_end_jobs (*self_p);
    (*self_p)->node = NULL; // answers that still come have nobody to tell
  }
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

// The prompt's end: it becomes a request.
static troupe_err_t
write_request (troupe_answer_t *answer, troupe_error_t *error)
{
  const troupe_model_t *model = answer->model;
  troupe_err_t code = prepare_end (model, &answer->prompt, error);
  if (code == TROUPE_OK)
    code = model->provider->write (model, &answer->prompt, answer->streamed, &answer->body, error);
  answer->reply.left_out = json_incref (answer->prompt.left_out);
  prompt_clear (&answer->prompt);
  gather_destroy (&answer->gather);
  return code;
}

static troupe_err_t
prepare (troupe_answer_t *answer, const json_t *input, troupe_error_t *error)
{
  const troupe_model_t *model = answer->model;
  troupe_err_t code = prompt_of_task (&answer->prompt, model->task, input, error);
  if (code != TROUPE_OK)
    return code;
  answer->streamed = answer->stream && model->streams;
  if (model->provider->play) {
    code = model->provider->play (model, &answer->prompt, &answer->reply, &answer->script, error);
    answer->reply.left_out = json_incref (answer->prompt.left_out);
    prompt_clear (&answer->prompt);
    return code;
  }
  code = prepare_begin (model, &answer->prompt, error);
  if (code == TROUPE_OK)
    code = gather_plan (&answer->gather, model, &answer->prompt, error);
  return code == TROUPE_OK && !answer->gather ? write_request (answer, error) : code;
}

void
model_go_on (troupe_answer_t *answer)
{
  troupe_error_t error = {0};
  troupe_err_t code = gather_put (answer->gather, &answer->prompt, &error);
  if (code == TROUPE_OK)
    code = write_request (answer, &error);
  if (code == TROUPE_OK) {
    engine_go_on (answer->engine, answer);
    return;
  }
  failure_finish (answer->model, &error);
  engine_refuse (answer, &error);
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

// SPDX-License-Identifier: Apache-2.0
//
// The provider of rehearsals: an offline model for tests, demonstrations and dry runs, which plays rules from a file,
// or small talk. It says what it is wherever it can be mistaken for more: in the service's info, in each reply's
// metadata, in the log when it is served, and in its small talk.
//
// It keeps no state between asks, and what it draws depends on the seed, the agent and the prompt's texts alone: a
// whole run repeats, and so does an attempt after a crash.

#include "config/source.h"
#include "model/rules.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  rules_t rules;
  uint64_t seed;
} rehearsal_t;

static troupe_err_t
no_memory (const troupe_model_t *model, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, model->object, NULL, "no memory for a rehearsal");
}

static troupe_err_t
parse (rehearsal_t *self, const char *name, const char *text, size_t size, json_t **errors, troupe_error_t *error)
{
  config_report_t report;
  troupe_err_t code = TROUPE_OK;
  config_report_init (&report, name);
  if (!rules_parse (&self->rules, text, size, &report)) {
    config_report_sort (&report);
    code = config_report_sum (&report, TROUPE_BAD_CONFIG, error);
    if (errors && !*errors)
      *errors = json_array ();
    if (errors && *errors && json_array_extend (*errors, report.list) < 0)
      code = troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "no memory for its errors");
  }
  json_decref (report.list);
  return code;
}

static troupe_err_t
read_file (const troupe_model_t *model, const char *path, json_t **errors, troupe_error_t *error)
{
  char *text;
  size_t size;
  config_fault_t fault;
  troupe_err_t code = config_source_read (&text, &size, path, CONFIG_FILE_MAX, &fault);
  if (code != TROUPE_OK)
    return troupe_error_set (error, code, path, fault.hint, "the rules of models.%s: %s", model->name, fault.why);
  code = parse (model->state, path, text, size, errors, error);
  free (text);
  return code;
}

static troupe_err_t
rehearsal_open (troupe_model_t *model, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  const char *rules = json_string_value (json_object_get (options->config, "rules"));
  const json_t *seed = json_object_get (options->config, "seed");
  rehearsal_t *self = calloc (1, sizeof *self);
  model->state = self;
  model->model_name = strdup ("rehearsal");
  if (!self || !model->model_name)
    return no_memory (model, error);
  self->seed = json_is_integer (seed) ? (uint64_t)json_integer_value (seed) : 1;
  if (rules)
    return read_file (model, rules, errors, error);
  return parse (self, "small talk", rules_small_talk, strlen (rules_small_talk), errors, error);
}

static void
rehearsal_close (troupe_model_t *model)
{
  rehearsal_t *self = model->state;
  if (self)
    rules_clear (&self->rules);
  free (self);
  model->state = NULL;
}

static troupe_err_t
rehearsal_play (const troupe_model_t *model, const prompt_t *prompt, reply_t *reply, script_t *script,
                troupe_error_t *error)
{
  const rehearsal_t *self = model->state;
  scene_t scene;
  reply->rehearsal = true;
  reply_set_word (reply->model, model->model_name);
  troupe_err_t code = scene_set (&scene, prompt, model->name, self->seed)
                        ? rules_play (&self->rules, &scene, reply, script, error)
                        : no_memory (model, error);
  scene_clear (&scene);
  return code;
}

const provider_t rehearsal_provider = {
  .rehearsal = true,
  .open = rehearsal_open,
  .close = rehearsal_close,
  .play = rehearsal_play,
};

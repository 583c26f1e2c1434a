// SPDX-License-Identifier: Apache-2.0
//
// `troupe model show-prompt`: what a model of the configuration would be sent for an ask, without a mesh and without
// sending it. The keys aren't read, since no key is part of a prompt.
#include "troupe/model.h"
#include "cli/mesh.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <string.h>

static troupe_err_t
load_config (troupe_config_t **out, const troupe_args_t *args, troupe_error_t *error)
{
  json_t *errors = NULL;
  const char *file = mesh_named_file (args);
  if (!file)
    return troupe_error_set (error, TROUPE_NOT_FOUND, "troupe.yaml", "name it with -f", "there is no configuration here");
  troupe_err_t code = troupe_config_load_part (out, file, "", &errors, error);
  if (json_array_size (errors) > 1) // one alone is `error`
    troupe_config_print_errors (errors, stderr);
  json_decref (errors);
  return code;
}

// The ask: JSON, or else a text as it stands there.
static json_t *
read_ask (const char *operand)
{
  json_t *ask = json_loads (operand, JSON_DECODE_ANY, NULL);
  return ask ? ask : json_string (operand);
}

static troupe_err_t
show (const troupe_config_t *config, const char *name, const char *operand, troupe_error_t *error)
{
  troupe_model_t *model = NULL;
  json_t *errors = NULL, *shown = NULL, *ask;
  const json_t *settings = json_object_get (json_object_get (troupe_config_root (config), "models"), name);
  if (!settings)
    return troupe_error_set (error, TROUPE_NOT_FOUND, name, NULL, "there is no model of this name in the configuration");
  ask = read_ask (operand);
  if (!ask)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "the input", NULL, "it is neither JSON nor text in UTF-8");
  troupe_err_t code = troupe_model_new (&model, NULL, &(troupe_model_options_t){.name = name, .config = settings}, &errors,
                                        error);
  if (code == TROUPE_OK)
    code = troupe_model_show (model, ask, &shown, error);
  if (code == TROUPE_OK && !output_json (shown))
    code = troupe_error_set (error, TROUPE_IO, "standard output", NULL, "it can't be written");
  json_decref (shown);
  json_decref (errors);
  json_decref (ask);
  troupe_model_destroy (&model);
  return code;
}

int
model_run (const troupe_args_t *args)
{
  troupe_config_t *config = NULL;
  troupe_error_t error = {0};
  troupe_err_t code;
  const char *verb = troupe_args_operand (args, 0);
  if (strcmp (verb, "show-prompt") != 0)
    code = troupe_error_set (&error, TROUPE_BAD_ARGUMENT, verb, "use show-prompt", "there is no such command of `troupe model`");
  else
    code = load_config (&config, args, &error);
  if (code == TROUPE_OK)
    code = show (config, troupe_args_operand (args, 1), troupe_args_operand (args, 2), &error);
  troupe_config_destroy (&config);
  return code == TROUPE_OK ? 0 : output_error (&error);
}

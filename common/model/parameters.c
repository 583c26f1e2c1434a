// SPDX-License-Identifier: Apache-2.0
//
// Parameters by tables: the portable names, what each provider calls them, and which models reject which. A server
// answers 400 to a parameter that its model doesn't know, and the whole ask would be lost for a detail; so it is left
// out, and named in the answer's metadata.

#include "model/parameters.h"
#include "troupe/option.h"

#include <fnmatch.h>
#include <string.h>

typedef enum { KIND_NUMBER, KIND_INT, KIND_TEXT, KIND_TEXTS, KIND_SWITCH } kind_t;

static const struct {
  const char *name;
  kind_t kind;
} parameters[] = {
#define TROUPE_PARAMETER(name, kind) {name, KIND_##kind},
#include "model/parameters.def"
#undef TROUPE_PARAMETER
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

const parameter_name_t parameters_openai[] = {
  {"temperature", "temperature"},
  {"top_p", "top_p"},
  {"max_tokens", "max_tokens"},
  {"stop", "stop"},
  {"seed", "seed"},
  {"presence_penalty", "presence_penalty"},
  {"frequency_penalty", "frequency_penalty"},
  {"effort", "reasoning_effort"},
  {"tool_choice", NULL},
  {NULL, NULL},
};

const parameter_name_t parameters_dashscope[] = {
  {"temperature", "temperature"},
  {"top_p", "top_p"},
  {"top_k", "top_k"},
  {"max_tokens", "max_tokens"},
  {"stop", "stop"},
  {"seed", "seed"},
  {"presence_penalty", "presence_penalty"},
  {"thinking", NULL},
  {"tool_choice", NULL},
  {NULL, NULL},
};

const parameter_name_t parameters_responses[] = {
  {"temperature", "temperature"},
  {"top_p", "top_p"},
  {"max_tokens", "max_output_tokens"},
  {"effort", "reasoning.effort"},
  {"thinking", NULL},
  {"tool_choice", NULL},
  {NULL, NULL},
};

const parameter_name_t parameters_anthropic[] = {
  {"temperature", "temperature"},
  {"top_p", "top_p"},
  {"top_k", "top_k"},
  {"max_tokens", "max_tokens"},
  {"stop", NULL},
  {"effort", "output_config.effort"},
  {"thinking", NULL},
  {"tool_choice", NULL},
  {NULL, NULL},
};

const parameter_name_t parameters_gemini[] = {
  {"temperature", "generationConfig.temperature"},
  {"top_p", "generationConfig.topP"},
  {"top_k", "generationConfig.topK"},
  {"max_tokens", "generationConfig.maxOutputTokens"},
  {"stop", NULL},
  {"seed", "generationConfig.seed"},
  {"presence_penalty", "generationConfig.presencePenalty"},
  {"frequency_penalty", "generationConfig.frequencyPenalty"},
  {"effort", "generationConfig.thinkingConfig.thinkingLevel"},
  {"thinking", NULL},
  {"tool_choice", NULL},
  {NULL, NULL},
};

const parameter_name_t parameters_ollama[] = {
  {"temperature", "options.temperature"},
  {"top_p", "options.top_p"},
  {"top_k", "options.top_k"},
  {"max_tokens", "options.num_predict"},
  {"stop", "options.stop"},
  {"seed", "options.seed"},
  {"presence_penalty", "options.presence_penalty"},
  {"frequency_penalty", "options.frequency_penalty"},
  {"effort", "think"},
  {"thinking", NULL},
  {NULL, NULL},
};

static const struct {
  const parameter_name_t *table;
  const char *models, *parameter, *instead;
} rejects[] = {
#define TROUPE_REJECTS(table, models, parameter, instead) {parameters_##table, models, parameter, instead},
#include "model/parameters.def"
#undef TROUPE_REJECTS
};

// -- Checks ----------------------------------------------------------------------------------------------------------

static bool
is_texts (const json_t *value)
{
  size_t i;
  json_t *item;
  if (json_is_string (value))
    return true;
  json_array_foreach ((json_t *)(uintptr_t)value, i, item)
    if (!json_is_string (item))
      return false;
  return json_is_array (value);
}

static const char *
kind_wanted (kind_t kind, const json_t *value)
{
  switch (kind) {
  case KIND_NUMBER:
    return json_is_number (value) ? NULL : "a number";
  case KIND_INT:
    return json_is_integer (value) ? NULL : "a whole number";
  case KIND_TEXT:
    return json_is_string (value) ? NULL : "a text";
  case KIND_TEXTS:
    return is_texts (value) ? NULL : "a text or a list of texts";
  default:
    return json_is_boolean (value) || json_is_integer (value) ? NULL : "true, false or a number of tokens";
  }
}

static bool
check_one (const char *name, const json_t *value, char *why, size_t size)
{
  const char *names[PARAMETERS + 1];
  for (size_t i = 0; i < PARAMETERS; i++) {
    names[i] = parameters[i].name;
    if (strcmp (name, parameters[i].name) != 0)
      continue;
    const char *wanted = kind_wanted (parameters[i].kind, value);
    if (wanted)
      snprintf (why, size, "%s: %s is needed", name, wanted);
    return !wanted;
  }
  names[PARAMETERS] = NULL;
  const char *near = troupe_did_you_mean (name, names);
  snprintf (why, size, "%.40s: unknown; what only this provider knows belongs into options%s%s%s", name,
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  return false;
}

bool
parameters_check (const json_t *values, char *why, size_t size)
{
  const char *name;
  json_t *value;
  if (!values || json_is_null (values))
    return true;
  if (!json_is_object (values)) {
    snprintf (why, size, "a map is needed");
    return false;
  }
  json_object_foreach ((json_t *)(uintptr_t)values, name, value)
    if (!check_one (name, value, why, size))
      return false;
  return true;
}

// -- Putting ---------------------------------------------------------------------------------------------------------

bool
parameters_set (json_t *object, const char *path, json_t *value)
{
  char key[64];
  for (const char *dot; (dot = strchr (path, '.')); path = dot + 1) {
    snprintf (key, sizeof key, "%.*s", (int)(dot - path), path);
    if (!json_is_object (json_object_get (object, key)) && json_object_set_new (object, key, json_object ()) < 0) {
      json_decref (value);
      return false;
    }
    object = json_object_get (object, key);
  }
  return json_object_set_new (object, path, value) == 0;
}

// Where a model takes a parameter: "" for the usual place, NULL for nowhere.
static const char *
place (const parameter_name_t *names, const char *model, const char *parameter)
{
  for (size_t i = 0; i < sizeof rejects / sizeof *rejects; i++)
    if (rejects[i].table == names && fnmatch (rejects[i].models, model, 0) == 0 &&
        (strcmp (rejects[i].parameter, "*") == 0 || strcmp (rejects[i].parameter, parameter) == 0))
      return rejects[i].instead;
  return "";
}

bool
parameters_takes (const parameter_name_t *names, const char *model, const char *parameter)
{
  return place (names, model, parameter) != NULL;
}

static const parameter_name_t *
find_name (const parameter_name_t *names, const char *parameter)
{
  while (names && names->name && strcmp (names->name, parameter) != 0)
    names++;
  return names && names->name ? names : NULL;
}

const json_t *
parameters_get (const prompt_t *prompt, const parameter_name_t *names, const char *model, const char *name)
{
  const json_t *value = json_object_get (prompt->parameters, name);
  return value && find_name (names, name) && place (names, model, name) ? value : NULL;
}

troupe_err_t
parameters_put (json_t *request, const prompt_t *prompt, const parameter_name_t *names, const char *model,
                troupe_error_t *error)
{
  const char *name;
  json_t *value;
  json_object_foreach (prompt->parameters, name, value) {
    const parameter_name_t *known = find_name (names, name);
    const char *where = known ? place (names, model, name) : NULL;
    bool done = true;
    if (!where)
      done = prompt_note (prompt, "parameters", json_string (name));
    else if (where[0] || known->path)
      done = parameters_set (request, where[0] ? where : known->path, json_incref (value));
    if (!done)
      return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
  }
  return TROUPE_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// The portable parameters: one name and one meaning for all providers (model/parameters.def), put under the name that
// each has for them. What a provider or a model doesn't take is left out, and the answer says so.
#ifndef TROUPE_MODEL_PARAMETERS_H
#define TROUPE_MODEL_PARAMETERS_H

#include "model/prompt.h"

// What a provider calls a parameter: a path into its request ("options.top_p"). NULL: the provider puts it itself.
typedef struct {
  const char *name, *path;
} parameter_name_t;

// Each ends with a NULL name.
extern const parameter_name_t parameters_openai[], parameters_dashscope[], parameters_responses[],
  parameters_anthropic[], parameters_gemini[], parameters_ollama[];

// What is wrong with parameters: false, and a sentence on the first that is. NULL and null are fine.
bool parameters_check (const json_t *parameters, char *why, size_t size);

// Puts a prompt's parameters into a request, and notes what was left out.
troupe_err_t parameters_put (json_t *request, const prompt_t *prompt, const parameter_name_t *names, const char *model,
                             troupe_error_t *error);
// A parameter that the provider puts itself; NULL: it isn't set, or the model rejects it.
const json_t *parameters_get (const prompt_t *prompt, const parameter_name_t *names, const char *model,
                              const char *name);

// Whether the model takes a parameter, or a word for what one may be.
bool parameters_takes (const parameter_name_t *names, const char *model, const char *parameter);

// Sets the value (given up) at a dotted path, whose maps are made. False: out of memory.
bool parameters_set (json_t *object, const char *path, json_t *value);

#endif

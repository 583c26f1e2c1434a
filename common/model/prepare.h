// SPDX-License-Identifier: Apache-2.0
//
// From a prompt as it was asked to the prompt that a provider writes: the configured parameters and options under those
// of the ask, knowledge and the wanted form in the system message, history cut to the model's window, laid out.
#ifndef TROUPE_MODEL_PREPARE_H
#define TROUPE_MODEL_PREPARE_H

#include "model/provider.h"

// A prompt that isn't laid out yet: checked, and cut to the window. bad_message: the ask holds what this model can't
// take. too_large: what may not be cut doesn't fit into the window.
troupe_err_t prepare_begin (const troupe_model_t *model, prompt_t *prompt, troupe_error_t *error);
// The rest, once there are no links in it that the provider doesn't take.
troupe_err_t prepare_end (const troupe_model_t *model, prompt_t *prompt, troupe_error_t *error);

// What is wrong with options: NULL, or a sentence on the first that isn't the user's to set.
const char *prepare_reserved (const provider_t *provider, const json_t *options);

#endif

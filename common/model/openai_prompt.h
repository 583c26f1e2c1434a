// SPDX-License-Identifier: Apache-2.0
//
// A prompt as the body of a request to OpenAI's chat completions, for the providers that speak them.
#ifndef TROUPE_MODEL_OPENAI_PROMPT_H
#define TROUPE_MODEL_OPENAI_PROMPT_H

#include "model/bytes.h"
#include "model/prompt.h"

// `configured`: the options of the configuration, which the prompt's own go over. bad_message (a block that can't be
// sent, a reserved option), no_memory.
troupe_err_t openai_write_prompt (const prompt_t *prompt, const char *model, const json_t *configured, bool stream,
                                  bytes_t *body, troupe_error_t *error);

// What is wrong with options: NULL, or a sentence on the first that isn't the user's to set.
const char *openai_reserved (const json_t *options);

#endif

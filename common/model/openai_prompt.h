// SPDX-License-Identifier: Apache-2.0
//
// A prompt as the body of a request to OpenAI's chat completions, for the providers that speak them.
#ifndef TROUPE_MODEL_OPENAI_PROMPT_H
#define TROUPE_MODEL_OPENAI_PROMPT_H

#include "model/bytes.h"
#include "model/provider.h"

// bad_message (a block that can't be sent), no_memory.
troupe_err_t openai_write_prompt (const troupe_model_t *model, const prompt_t *prompt, bool stream, bytes_t *body,
                                  troupe_error_t *error);

// The prompt's messages as OpenAI's, a new list; others send such lists too.
troupe_err_t openai_messages (const prompt_t *prompt, const media_rule_t *takes, json_t **out, troupe_error_t *error);

extern const media_rule_t openai_media[];
extern const char *const openai_reserved[][2];

#endif

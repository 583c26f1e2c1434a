// SPDX-License-Identifier: Apache-2.0
//
// Replies of OpenAI's chat completions, for the providers that speak them.
#ifndef TROUPE_MODEL_OPENAI_REPLY_H
#define TROUPE_MODEL_OPENAI_REPLY_H

#include "model/provider.h"

// As provider_t's read and event.
troupe_err_t openai_read (const troupe_model_t *model, const char *data, size_t size, reply_t *reply,
                          troupe_error_t *error);
troupe_err_t openai_event (const troupe_model_t *model, const char *event, const char *data, size_t size,
                           reply_t *reply, troupe_error_t *error);

// What all of its endpoints answer with: an error, the model's name, the usage.
troupe_err_t openai_read_frame (const troupe_model_t *model, const json_t *root, reply_t *reply, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Vectors of texts, as providers send them.
#ifndef TROUPE_MODEL_EMBEDDING_H
#define TROUPE_MODEL_EMBEDDING_H

#include "model/provider.h"

// A provider's `write` of {"model", "input": [text ...]} and the options.
troupe_err_t embedding_write_texts (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body,
                                    troupe_error_t *error);
// Takes a list of vectors: of lists of numbers, or of objects that have one under `key`. model_failed: it is none.
troupe_err_t embedding_take (const troupe_model_t *model, const json_t *list, const char *key, reply_t *reply,
                             troupe_error_t *error);

#endif

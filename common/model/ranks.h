// SPDX-License-Identifier: Apache-2.0
//
// The ranks of a byte-pair vocabulary, from a file as tiktoken has them (cl100k_base.tiktoken, o200k_base.tiktoken,
// qwen.tiktoken): a line for each token, its bytes in Base64, a space, its rank.
#ifndef TROUPE_MODEL_RANKS_H
#define TROUPE_MODEL_RANKS_H

#include "troupe/error.h"

#include <stddef.h>

enum {
  RANKS_FILE_MAX = 16 * 1024 * 1024, // the largest of OpenAI's has 3.6 MB
  RANKS_PIECE_MAX = 512 // bytes of a piece that are merged at once: merging takes quadratic time, and words are short
};

typedef struct ranks ranks_t;

// not_found, io, bad_config (the file isn't of that form), no_memory.
troupe_err_t ranks_load (ranks_t **out, const char *path, troupe_error_t *error);
void ranks_destroy (ranks_t **self_p);

// How many tokens a text is.
size_t ranks_count (const ranks_t *self, const char *text, size_t size);

#endif

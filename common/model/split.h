// SPDX-License-Identifier: Apache-2.0
//
// Splitting a text into the pieces that a tokenizer looks at one by one, as OpenAI's cl100k_base or o200k_base does it:
// contractions, words with one mark before them, up to three digits, runs of other marks, line ends, spaces. Other
// vocabularies of the same family (Qwen's) split a little differently, which changes a count by a percent or so.
#ifndef TROUPE_MODEL_SPLIT_H
#define TROUPE_MODEL_SPLIT_H

#include <stddef.h>

typedef enum { SPLIT_CL100K, SPLIT_O200K } split_t;

// How many bytes the first piece of a text has: at least one, unless `size` is 0. Bytes that aren't UTF-8 count as
// marks.
size_t split_piece (split_t kind, const char *text, size_t size);

#endif

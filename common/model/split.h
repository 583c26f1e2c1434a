// SPDX-License-Identifier: Apache-2.0
//
// Splitting a text into the pieces that a tokenizer looks at one by one, as OpenAI's cl100k_base does it: contractions,
// words with one mark before them, up to three digits, runs of other marks, line ends, spaces. Other vocabularies of
// the same family (o200k_base, Qwen's) split a little differently, which changes a count by a percent or so.
#ifndef TROUPE_MODEL_SPLIT_H
#define TROUPE_MODEL_SPLIT_H

#include <stddef.h>

// How many bytes the first piece of a text has: at least one, unless `size` is 0. Bytes that aren't UTF-8 count as
// marks.
size_t split_piece (const char *text, size_t size);

#endif

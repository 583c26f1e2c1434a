// SPDX-License-Identifier: Apache-2.0
//
// How many tokens a text is: by a model's own ranks where a file of them is configured, else by an estimate.
#ifndef TROUPE_MODEL_TOKENS_H
#define TROUPE_MODEL_TOKENS_H

#include "model/ranks.h"

enum { TOKENS_MESSAGE = 4 }; // what a message's role and its marks cost, as OpenAI's cookbook counts them

// `ranks` may be NULL: then it is an estimate, which errs on the side of too many: a token for each 3.5 bytes of ASCII,
// and one for each other character.
size_t tokens_of_text (const ranks_t *ranks, const char *text, size_t size);
// Of a JSON value: of its compact text.
size_t tokens_of_json (const ranks_t *ranks, const json_t *value);

#endif

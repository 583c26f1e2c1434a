// SPDX-License-Identifier: Apache-2.0
//
// One name of a list that stands in the prompt, as {{pick:1}} has it.
#ifndef TROUPE_MODEL_PICK_H
#define TROUPE_MODEL_PICK_H

#include "model/bytes.h"

#include <stdbool.h>
#include <stdint.h>

// Appends one word of `list`, whose words are separated by commas, spaces, "and" and "or": `preferred` if it is among
// them, otherwise one by `random`; `but` only if there is no other. An empty list gives nothing. False: out of memory.
bool pick_word (bytes_t *out, const char *list, size_t size, const char *preferred, size_t preferred_size,
                const char *but, uint64_t random);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// JSON made from a seed, for what must hold of any.
#ifndef TESTS_UNIT_REPAIR_MADE_H
#define TESTS_UNIT_REPAIR_MADE_H

#include <jansson.h>
#include <stdint.h>

// The next of a row of numbers below `bound`; the seed moves on.
uint32_t made_number (uint64_t *seed, uint32_t bound);
// A value: an object or list at depth 0, anything below. Keys are unique, texts full of what confuses.
json_t *made_value (uint64_t *seed, unsigned depth);
// What it says in one of several layouts; the caller frees it.
char *made_text (uint64_t *seed, const json_t *value);

#endif

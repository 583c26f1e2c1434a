// SPDX-License-Identifier: Apache-2.0
//
// The tags that models put around their thoughts.
#ifndef TROUPE_REPAIR_THOUGHT_H
#define TROUPE_REPAIR_THOUGHT_H

#include <stdbool.h>
#include <stddef.h>

// A tag at `at`: *end is behind the thought, SIZE_MAX when it is never closed; *closes: it is a closing tag, so that
// all before it was a thought. False: none stands there.
bool thought_at (const char *text, size_t size, size_t at, size_t *end, bool *closes);

#endif

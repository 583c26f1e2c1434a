// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef TROUPE_ERROR_UTF8_H
#define TROUPE_ERROR_UTF8_H

#include <stdbool.h>
#include <stddef.h>

// The size of the character that `bytes` begins with: 1 to 4, or 0 when there is no valid, complete one.
size_t utf8_size (const void *bytes, size_t size);
// Whether all of `bytes` is UTF-8, without NUL (which would end the text early wherever it becomes a C string).
bool utf8_valid (const void *bytes, size_t size);
// How many characters a valid text has.
size_t utf8_count (const char *text);

#endif

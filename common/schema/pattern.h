// SPDX-License-Identifier: Apache-2.0
//
// Regular expressions of schemas.
#ifndef TROUPE_SCHEMA_PATTERN_H
#define TROUPE_SCHEMA_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>

// Compiles a pattern of ECMAScript's; NULL: it is none, and `why` says why, or is empty: out of memory.
pcre2_code *pattern_compile_ecma (const char *pattern, char *why, size_t room);

#endif

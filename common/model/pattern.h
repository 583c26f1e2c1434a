// SPDX-License-Identifier: Apache-2.0
//
// Patterns: a text or a regular expression (POSIX extended) that a rule looks for, and what it found.
#ifndef TROUPE_MODEL_PATTERN_H
#define TROUPE_MODEL_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum {
  PATTERN_GROUPS = 10,            // {{0}} to {{9}}
  PATTERN_REACH = 64 * 1024,      // bytes that a regex looks at: matching may take far more than linear time
  PATTERN_COPIES_MAX = 20 * 1000, // of a regex's parts, in memory
  PATTERN_DEPTH_MAX = 32          // of a regex's parentheses
};

typedef struct {
  char *text; // NULL: no pattern; everything fits
  bool regex, ignore_case;
  regex_t compiled; // when `regex`
} pattern_t;

// What a pattern found, by which templates quote it.
typedef struct {
  const char *text; // that was looked at; NULL: nothing was
  regmatch_t groups[PATTERN_GROUPS];
} found_t;

// Makes a regex of its text. False: it is none, and `why` says why.
bool pattern_compile (pattern_t *self, char *why, size_t size);
// `found` may be NULL.
bool pattern_fits (const pattern_t *self, const char *text, found_t *found);
void pattern_clear (pattern_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Patterns. glibc compiles a repetition by copying what is repeated ("x+" is "xx*", "x{3}" is "xxx"), so nested ones
// grow exponentially: thirty plus signs in a row fill the memory of any machine. Therefore the copies are counted
// before it is asked.

#include "model/pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Behind a bracket expression that begins at `at`.
static const char *
skip_bracket (const char *at)
{
  at++;
  at += *at == '^';
  at += *at == ']';
  for (; *at && *at != ']'; at++) {
    const char *close = *at == '[' && at[1] && strchr (":.=", at[1]) ? strchr (at + 2, ']') : NULL;
    if (close)
      at = close; // [:alpha:], [.a.] or [=a=]
  }
  return at + (*at == ']');
}

// How often a repetition that begins at `at` copies what stands before it; *end is behind it. 0: there is none.
static uint64_t
repetition (const char *at, const char **end)
{
  *end = at + 1;
  if (*at == '*' || *at == '?')
    return 1;
  if (*at == '+')
    return 2;
  if (*at != '{')
    return 0;
  char *after;
  unsigned long least = strtoul (at + 1, &after, 10), most = *after == ',' ? strtoul (after + 1, &after, 10) : 0;
  *end = *after == '}' ? after + 1 : at + 1;
  return (least > most ? least : most) + 1;
}

// The copies of a regex's parts, at most PATTERN_COPIES_MAX + 1.
static uint64_t
count_copies (const char *at)
{
  uint64_t sums[PATTERN_DEPTH_MAX] = {0}, last = 0; // of each open group, without its last part; the last part
  unsigned depth = 0;
  while (*at && sums[depth] + last <= PATTERN_COPIES_MAX) {
    const char *end;
    uint64_t times = repetition (at, &end);
    if (times) {
      last *= times;
      at = end;
      continue;
    }
    if (*at == ')' && depth) {
      last += sums[depth];
      sums[depth--] = 0;
      at++;
      continue;
    }
    sums[depth] += last;
    last = 1;
    if (*at == '(' && ++depth == PATTERN_DEPTH_MAX)
      return PATTERN_COPIES_MAX + 1;
    at = *at == '[' ? skip_bracket (at) : *at == '\\' && at[1] ? at + 2 : at + 1;
  }
  uint64_t sum = last;
  for (unsigned i = 0; i <= depth; i++)
    sum += sums[i];
  return sum;
}

bool
pattern_compile (pattern_t *self, char *why, size_t size)
{
  if (count_copies (self->text) > PATTERN_COPIES_MAX) {
    snprintf (why, size, "it repeats or nests too much");
    return false;
  }
  int failure = regcomp (&self->compiled, self->text, REG_EXTENDED | REG_NEWLINE | (self->ignore_case ? REG_ICASE : 0));
  self->regex = failure == 0;
  if (failure)
    regerror (failure, &self->compiled, why, size);
  return self->regex;
}

bool
pattern_fits (const pattern_t *self, const char *text, found_t *found)
{
  if (found)
    *found = (found_t){.text = text};
  for (size_t i = 0; found && i < PATTERN_GROUPS; i++)
    found->groups[i] = (regmatch_t){-1, -1};
  if (!self->text)
    return true;
  if (!self->regex)
    return self->ignore_case ? strcasestr (text, self->text) != NULL : strstr (text, self->text) != NULL;
  regmatch_t groups[PATTERN_GROUPS] = {{0}};
  size_t size = strlen (text);
  groups[0].rm_eo = (regoff_t)(size < PATTERN_REACH ? size : PATTERN_REACH);
  if (regexec (&self->compiled, text, PATTERN_GROUPS, groups, REG_STARTEND) != 0)
    return false;
  if (found)
    memcpy (found->groups, groups, sizeof groups);
  return true;
}

void
pattern_clear (pattern_t *self)
{
  if (self->regex)
    regfree (&self->compiled);
  free (self->text);
  *self = (pattern_t){0};
}

// SPDX-License-Identifier: Apache-2.0
//
// What stands between values: blanks, comments, commas and colons, and the signs that models write in their place. Each
// function looks at one place and says how many bytes it takes, so that looking ahead and reading share it.

#include "repair/reader.h"

#include <string.h>

enum {
  WORD_MAX = 256,     // bytes of a key without quotes
  COMMENT_MAX = 1024, // of a comment, and of all comments that are looked past at once. Without these bounds a reply of
                      // nothing but quotes and comments would be looked through again at every quote
};

// What Unicode calls spaces, zero-width ones, line and paragraph separators, the byte order mark, and two of ASCII's.
static const char *const odd_spaces[] = {
  "\xC2\xA0",     "\xE1\x9A\x80", "\xE1\xA0\x8E", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
  "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
  "\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
  "\xE2\x81\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF", "\v",           "\f"};
static const char *const commas[] = {",", ";", "\xEF\xBC\x8C", "\xE3\x80\x81"};
static const char *const colons[] = {":", "=>", "=", "\xEF\xBC\x9A"};

bool
reader_starts (const reader_t *self, size_t at, const char *word)
{
  size_t size = strlen (word);
  return at <= self->end && self->end - at >= size && memcmp (self->text + at, word, size) == 0;
}

static size_t
size_of_first (const reader_t *self, size_t at, const char *const *words, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (reader_starts (self, at, words[i]))
      return strlen (words[i]);
  return 0;
}

static size_t
comment_size (const reader_t *self, size_t at)
{
  const char *text = self->text + at;
  bool block = reader_starts (self, at, "/*");
  if (!block && !reader_starts (self, at, "//") && !reader_starts (self, at, "#"))
    return 0;
  size_t rest = self->end - at, reach = rest < COMMENT_MAX ? rest : COMMENT_MAX;
  const char *end = block ? memmem (text + 2, reach - 2, "*/", 2) : memchr (text, '\n', reach);
  if (end != NULL)
    return (size_t)(end - text) + (block ? 2 : 0);
  return rest <= COMMENT_MAX ? rest : 0;
}

// The size of a space that JSON does not know, at `at`.
static size_t
odd_size (const reader_t *self, size_t at)
{
  char c = self->text[at];
  if (c != '\v' && c != '\f' && !(c & 0x80))
    return 0;
  return size_of_first (self, at, odd_spaces, sizeof odd_spaces / sizeof *odd_spaces);
}

size_t
space_step (const reader_t *self, size_t at, troupe_repair_kind_t *kind)
{
  *kind = TROUPE_REPAIR_COUNT;
  if (at >= self->end)
    return 0;
  char c = self->text[at];
  if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
    return 1;
  if (c == '/' || c == '#') {
    *kind = TROUPE_REPAIR_COMMENT;
    return comment_size (self, at);
  }
  *kind = TROUPE_REPAIR_ODD_SPACE;
  return odd_size (self, at);
}

size_t
space_before (const reader_t *self, size_t start, size_t at)
{
  for (size_t before = at + 1; before > at;) {
    before = at;
    while (at > start && self->text[at - 1] != '\0' && strchr (" \t\r", self->text[at - 1]) != NULL)
      at--;
    for (size_t size = 2; size <= 3; size++)
      if (at - start >= size && odd_size (self, at - size) == size)
        at -= size;
  }
  return at;
}

size_t
space_end (const reader_t *self, size_t at, bool *newline)
{
  troupe_repair_kind_t kind;
  *newline = false;
  size_t start = at;
  for (size_t step; (step = space_step (self, at, &kind)) > 0; at += step) {
    if (kind == TROUPE_REPAIR_COMMENT && at - start > COMMENT_MAX)
      break;
    *newline = *newline || self->text[at] == '\n' || kind == TROUPE_REPAIR_COMMENT;
  }
  return at;
}

void
space_skip (reader_t *self)
{
  troupe_repair_kind_t kind;
  for (size_t step; (step = space_step (self, self->at, &kind)) > 0; self->at += step)
    if (kind != TROUPE_REPAIR_COUNT)
      reader_note (self, kind, self->at);
}

size_t
space_comma (const reader_t *self, size_t at)
{
  return size_of_first (self, at, commas, sizeof commas / sizeof *commas);
}

size_t
space_colon (const reader_t *self, size_t at)
{
  return size_of_first (self, at, colons, sizeof colons / sizeof *colons);
}

size_t
space_word (const reader_t *self, size_t at)
{
  size_t i = at;
  for (; i < self->end && i - at < WORD_MAX; i++) {
    unsigned char c = (unsigned char)self->text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
    bool wide = c >= 0x80 && odd_size (self, i) == 0 && space_comma (self, i) == 0 && space_colon (self, i) == 0 &&
                text_quote (self, i).size == 0;
    if (!letter && !wide && !(i > at && (c == '-' || c == '.')))
      break;
  }
  return i - at;
}

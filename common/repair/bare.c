// SPDX-License-Identifier: Apache-2.0
//
// Values without quotes: numbers, literals of JSON, Python and JavaScript, and texts whose quotes were forgotten.
//
// A word stands alone when what follows it may follow a value; otherwise it begins a text that goes on to the next
// comma, bracket or line end (`hello world`, `2024-01-01`, `12 kg`). No number is made of what is not written as one.
// What touches the end of a reply may have been cut: a literal can still be told, a number can't.

#include "repair/reader.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum { TRUE, FALSE, NOTHING, NOT_A_NUMBER } meaning_t;

// The words are compared without case. A prefix is completed by the first row that fits.
static const struct {
  const char *word;
  meaning_t meaning;
} literals[] = {
  {"true", TRUE},
  {"false", FALSE},
  {"null", NOTHING},
  {"none", NOTHING},
  {"undefined", NOTHING},
  {"nil", NOTHING},
  {"nan", NOT_A_NUMBER},
  {"infinity", NOT_A_NUMBER},
  {"inf", NOT_A_NUMBER},
  {"-nan", NOT_A_NUMBER},
  {"-infinity", NOT_A_NUMBER},
  {"-inf", NOT_A_NUMBER},
  {"+infinity", NOT_A_NUMBER},
  {"+inf", NOT_A_NUMBER},
};

enum { NUMBER_MAX = 400 }; // bytes of a number: a double's longest plain form has some 330

static char
byte_at (const reader_t *self, size_t at)
{
  return at < self->end ? self->text[at] : '\0';
}

static bool
is_word (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

static bool
touches_end (const reader_t *self)
{
  return self->is_final && self->at == self->end;
}

static json_t *
literal (reader_t *self, size_t start, size_t size)
{
  bool cut = touches_end (self);
  for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
    const char *word = literals[i].word;
    bool whole = strlen (word) == size;
    if (strncasecmp (self->text + start, word, size) != 0 || !(whole || (cut && size < strlen (word) && i < 7)))
      continue;
    if (!whole)
      reader_note (self, TROUPE_REPAIR_CUT_LITERAL, start);
    else if (literals[i].meaning == NOT_A_NUMBER)
      reader_note (self, TROUPE_REPAIR_NOT_A_NUMBER, start);
    else if (i > 2 || strncmp (self->text + start, word, size) != 0)
      reader_note (self, TROUPE_REPAIR_LITERAL, start);
    return literals[i].meaning == TRUE ? json_true () : literals[i].meaning == FALSE ? json_false () : json_null ();
  }
  return NULL;
}

static size_t
digits (const char *text)
{
  return strspn (text, "0123456789");
}

typedef enum { NO_NUMBER, INTEGER, REAL, HEXADECIMAL, UNFINISHED } form_t;

// What `text` is as a whole; *odd: not as JSON writes it. UNFINISHED: it would need more digits.
static form_t
number_form (const char *text, bool *odd)
{
  const char *at = text + (*text == '-' || *text == '+');
  *odd = *text == '+';
  if (at[0] == '0' && (at[1] | 0x20) == 'x' && at[2] != '\0') {
    *odd = true;
    return at[2 + strspn (at + 2, "0123456789abcdefABCDEF")] == '\0' ? HEXADECIMAL : NO_NUMBER;
  }
  size_t whole = digits (at), part = 0;
  if (whole > 1 && at[0] == '0')
    return NO_NUMBER;
  bool real = at[whole] == '.';
  at += whole;
  if (real) {
    part = digits (at + 1);
    *odd = *odd || whole == 0 || part == 0;
    at += 1 + part;
  }
  if (whole + part == 0)
    return *at == '\0' ? UNFINISHED : NO_NUMBER;
  if ((*at | 0x20) == 'e') {
    at += 1 + (at[1] == '-' || at[1] == '+');
    if (*at == '\0')
      return UNFINISHED;
    at += digits (at);
    real = true;
  }
  return *at != '\0' ? NO_NUMBER : real ? REAL : INTEGER;
}

// A number beyond what can be held, as a text.
static json_t *
as_text (reader_t *self, size_t start, const char *number)
{
  reader_note (self, TROUPE_REPAIR_NUMBER_AS_TEXT, start);
  return json_string_nocheck (number);
}

static json_t *
make_number (reader_t *self, size_t start, const char *number, form_t form)
{
  errno = 0;
  if (form == INTEGER || form == HEXADECIMAL) {
    long long integer = strtoll (number, NULL, form == INTEGER ? 10 : 16);
    if (errno == 0)
      return json_integer (integer);
    if (form == HEXADECIMAL)
      return as_text (self, start, number);
    reader_note (self, TROUPE_REPAIR_NUMBER_ROUNDED, start);
  }
  double real = strtod (number, NULL);
  return isfinite (real) ? json_real (real) : as_text (self, start, number);
}

static json_t *
number_too_long (reader_t *self, size_t start, size_t size)
{
  for (size_t i = start; i < start + size; i++)
    if (self->text[i] == '\0' || strchr ("0123456789+-.eE", self->text[i]) == NULL)
      return NULL;
  self->cut = self->cut || touches_end (self);
  reader_note (self, touches_end (self) ? TROUPE_REPAIR_CUT_NUMBER : TROUPE_REPAIR_NUMBER_AS_TEXT, start);
  return touches_end (self) ? NULL : json_stringn_nocheck (self->text + start, size);
}

static json_t *
number (reader_t *self, size_t start, size_t size)
{
  char text[NUMBER_MAX + 1];
  size_t used = 0;
  bool odd, underscores = false;
  if (size > NUMBER_MAX)
    return number_too_long (self, start, size);
  for (size_t i = 0; i < size; i++) {
    char c = self->text[start + i];
    bool between = c == '_' && i > 0 && i + 1 < size && self->text[start + i - 1] >= '0' &&
                   self->text[start + i - 1] <= '9' && self->text[start + i + 1] >= '0' &&
                   self->text[start + i + 1] <= '9';
    underscores = underscores || between;
    if (!between)
      text[used++] = c;
  }
  text[used] = '\0';
  form_t form = number_form (text, &odd);
  if (form != NO_NUMBER && touches_end (self) && self->depth > 0) {
    self->cut = true;
    reader_note (self, TROUPE_REPAIR_CUT_NUMBER, start);
    return NULL;
  }
  if (form == NO_NUMBER || form == UNFINISHED)
    return NULL;
  if (odd || underscores)
    reader_note (self, TROUPE_REPAIR_NUMBER_FORM, start);
  return make_number (self, start, text, form);
}

// Whether the word that ends here is all of the value.
static bool
stands_alone (const reader_t *self, role_t role)
{
  bool newline;
  size_t at = space_end (self, self->at, &newline);
  char c = byte_at (self, at);
  if (at >= self->end || newline || space_comma (self, at) > 0 || strchr ("}]", c) != NULL ||
      (c == ')' && self->open[2] > 0) || reader_starts (self, at, "```"))
    return true;
  if (at == self->at)
    return false;
  size_t word = space_word (self, at);
  return text_quote (self, at).size > 0 ||
         (role == ROLE_ITEM && (strchr ("{[-", c) != NULL || (c >= '0' && c <= '9'))) ||
         (word > 0 && space_colon (self, space_end (self, at + word, &newline)) > 0);
}

// To where a text without quotes ends.
static size_t
text_end (const reader_t *self, size_t at)
{
  unsigned parentheses = 0;
  for (; at < self->end; at++) {
    char c = self->text[at];
    if (c == '\n' || reader_starts (self, at, "```") || (c == ')' && parentheses == 0 && self->open[2] > 0))
      break;
    if (parentheses == 0 && (space_comma (self, at) > 0 || c == '}' || c == ']'))
      break;
    parentheses += c == '(';
    parentheses -= c == ')' && parentheses > 0;
  }
  return at;
}

// A text whose quotes were forgotten. Nothing, where not even one character of one is.
static json_t *
unquoted (reader_t *self, size_t start)
{
  size_t end = text_end (self, start);
  self->at = end > start ? end : start + 1;
  end = space_before (self, start, end);
  self->used = 0;
  if (end == start)
    return NULL;
  reader_note (self, TROUPE_REPAIR_UNQUOTED_TEXT, start);
  if (!text_copy (self, start, end))
    return NULL;
  return json_stringn_nocheck (self->buffer, self->used);
}

json_t *
bare_value (reader_t *self, role_t role)
{
  size_t start = self->at;
  while (self->at < self->end && is_word (self->text[self->at]))
    self->at++;
  size_t size = self->at - start;
  if (size > 0 && size <= 2 && text_quote (self, self->at).size > 0 &&
      strspn (self->text + start, "rRbBuUfF") >= size) {
    reader_note (self, TROUPE_REPAIR_QUOTES, start); // r"..." and its like, of Python
    return reader_value (self, role);
  }
  if (size > 0 && stands_alone (self, role)) {
    json_t *value = literal (self, start, size);
    if (value == NULL)
      value = number (self, start, size);
    if (value != NULL || self->cut)
      return value;
  }
  if (self->depth <= 1 && role == ROLE_ITEM && self->members == 0 && !self->trusted) {
    self->implausible = true; // [INST], [link] and [12:30:01] in prose
    self->at = start + (size > 0 ? size : 1);
    return NULL;
  }
  if (role == ROLE_ALONE)
    return NULL;
  return unquoted (self, start);
}

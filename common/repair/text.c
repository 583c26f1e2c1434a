// SPDX-License-Identifier: Apache-2.0
//
// Texts: quotes of every kind, escapes of every language, raw line breaks, and a text that was cut off. A text keeps
// what was written: an escape that nobody knows stays with its backslash, for the model meant a path or a pattern.
//
// When a text runs to the end although quotes were passed over as quotes inside it, the guess was wrong: it then ends
// at the first of them, and from there on every quote ends its text. This happens once in a document, so it stays
// linear.

#include "error/utf8.h"
#include "repair/reader.h"

#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; // U+FFFD

static const struct {
  const char *open;
  quote_t quote;
} quotes[] = {
  {"\"\"\"", {3, {"\"\"\"", NULL}, false, true, false}},
  {"'''", {3, {"'''", NULL}, false, true, false}},
  {"\"", {1, {"\"", NULL}, true, false, false}},
  {"'", {1, {"'", NULL}, false, false, false}},
  {"`", {1, {"`", NULL}, false, false, false}},
  {"\\\"", {2, {"\\\"", NULL}, false, false, true}},
  {"\xE2\x80\x9C", {3, {"\xE2\x80\x9D", "\""}, false, false, false}},           // “ ”
  {"\xE2\x80\x9D", {3, {"\xE2\x80\x9D", "\""}, false, false, false}},           // ” ”
  {"\xE2\x80\x9E", {3, {"\xE2\x80\x9C", "\xE2\x80\x9D"}, false, false, false}}, // „ “
  {"\xE2\x80\x98", {3, {"\xE2\x80\x99", "'"}, false, false, false}},            // ‘ ’
  {"\xE2\x80\x99", {3, {"\xE2\x80\x99", "'"}, false, false, false}},            // ’ ’
  {"\xE2\x80\x9A", {3, {"\xE2\x80\x98", "\xE2\x80\x99"}, false, false, false}}, // ‚ ‘
  {"\xC2\xAB", {2, {"\xC2\xBB", NULL}, false, false, false}},                   // « »
  {"\xE3\x80\x8C", {3, {"\xE3\x80\x8D", NULL}, false, false, false}},           // 「 」
  {"\xEF\xBC\x82", {3, {"\xEF\xBC\x82", NULL}, false, false, false}},           // ＂ ＂
};

quote_t
text_quote (const reader_t *self, size_t at)
{
  if (at < self->end && ((self->text[at] & 0x80) || strchr ("\"'`\\", self->text[at]) != NULL))
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++)
      if (reader_starts (self, at, quotes[i].open) && !reader_starts (self, at, "```"))
        return quotes[i].quote;
  return (quote_t){0};
}

bool
text_append (reader_t *self, const char *bytes, size_t size)
{
  if (self->capacity - self->used < size) {
    size_t capacity = (self->capacity + size) * 2;
    char *grown = realloc (self->buffer, capacity);
    if (grown == NULL) {
      self->err = TROUPE_NO_MEMORY;
      return false;
    }
    self->buffer = grown;
    self->capacity = capacity;
  }
  memcpy (self->buffer + self->used, bytes, size);
  self->used += size;
  return true;
}

bool
text_copy (reader_t *self, size_t start, size_t end)
{
  for (size_t size; start < end; start += size) {
    size = utf8_size (self->text + start, end - start);
    bool valid = size > 0;
    size = valid ? size : 1;
    if (!valid)
      reader_note (self, TROUPE_REPAIR_BAD_UTF8, start);
    if (!(valid ? text_append (self, self->text + start, size) : text_append (self, replacement, 3)))
      return false;
  }
  return true;
}

static int
hex_digit (char c)
{
  const char *digits = "0123456789abcdef", *found = c != '\0' ? strchr (digits, c | 0x20) : NULL;
  return found != NULL && (c >= 'A' || c <= '9') ? (int)(found - digits) : -1;
}

// The number of `count` hexadecimal digits at `at`; -1: they aren't.
static long
hex_number (const reader_t *self, size_t at, size_t count)
{
  long number = 0;
  for (size_t i = 0; i < count; i++) {
    int digit = at + i < self->end ? hex_digit (self->text[at + i]) : -1;
    if (digit < 0)
      return -1;
    number = number * 16 + digit;
  }
  return number;
}

static bool
append_character (reader_t *self, unsigned long c)
{
  char bytes[4];
  size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = size; i-- > 1; c >>= 6)
    bytes[i] = (char)(0x80 | (c & 0x3F));
  bytes[0] = (char)(leads[size] | c);
  return text_append (self, bytes, size);
}

// \uXXXX at `at` (the backslash), with the second half of a pair. What was cut at the end of the reply is left out.
static bool
read_unicode (reader_t *self)
{
  size_t at = self->at;
  long first = hex_number (self, at + 2, 4);
  if (first < 0) {
    bool cut = self->is_final && self->end - at < 6;
    for (size_t i = at + 2; cut && i < self->end; i++)
      cut = hex_digit (self->text[i]) >= 0;
    if (cut) {
      self->at = self->end;
      return true;
    }
    reader_note (self, TROUPE_REPAIR_BAD_ESCAPE, at);
    self->at += 2;
    return text_append (self, "\\u", 2);
  }
  self->at += 6;
  if (first < 0xD800 || first > 0xDFFF)
    return append_character (self, (unsigned long)first);
  long second = reader_starts (self, at + 6, "\\u") ? hex_number (self, at + 8, 4) : -1;
  if (first < 0xDC00 && second >= 0xDC00 && second <= 0xDFFF) {
    self->at += 6;
    return append_character (self, 0x10000 + (((unsigned long)first & 0x3FF) << 10) + ((unsigned long)second & 0x3FF));
  }
  if (first < 0xDC00 && second < 0 && self->is_final && self->end - self->at < 6 &&
      (self->at == self->end || self->text[self->at] == '\\')) {
    self->at = self->end; // the second half was cut off
    return true;
  }
  reader_note (self, TROUPE_REPAIR_BAD_ESCAPE, at);
  return text_append (self, replacement, 3);
}

// At a backslash.
static bool
read_escape (reader_t *self, const quote_t *quote)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  size_t at = self->at;
  if (at + 1 >= self->end) { // cut in the middle; otherwise a backslash of its own
    self->at = self->end;
    return self->is_final || text_append (self, "\\", 1);
  }
  char c = self->text[at + 1];
  const char *known = c != '\0' ? strchr (from, c) : NULL;
  if (quote->escaped && c == '\\' && at + 2 < self->end) { // everything has one backslash more
    self->at++;
    return read_escape (self, &(quote_t){0});
  }
  if (c == 'u')
    return read_unicode (self);
  self->at += 2;
  if (known != NULL)
    return text_append (self, &to[known - from], 1);
  reader_note (self, TROUPE_REPAIR_BAD_ESCAPE, at);
  long hex = c == 'x' ? hex_number (self, at + 2, 2) : -1;
  if (hex > 0) {
    self->at += 2;
    return append_character (self, (unsigned long)hex);
  }
  if (c == '\'' || c == '`' || c == '\n')
    return text_append (self, &c, 1);
  self->at--; // the character itself is read next: it may be several bytes, or a control
  return text_append (self, "\\", 1);
}

// One character that is neither the quote nor a backslash.
static bool
read_character (reader_t *self, size_t *noted_raw)
{
  size_t at = self->at, size = utf8_size (self->text + at, self->end - at);
  unsigned char c = (unsigned char)self->text[at];
  if (c < ' ') {
    if (*noted_raw == 0)
      reader_note (self, TROUPE_REPAIR_RAW_CONTROL, at);
    *noted_raw = 1;
    size = 1;
  }
  if (size > 0) {
    self->at += size;
    return text_append (self, self->text + at, size);
  }
  size_t rest = self->end - at, whole = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
  self->at++;
  if (self->is_final && c >= 0xC2 && rest < whole) { // a character that was cut
    self->at = self->end;
    return true;
  }
  reader_note (self, TROUPE_REPAIR_BAD_UTF8, at);
  return text_append (self, replacement, 3);
}

// The size of a closing quote at `at`; 0: none.
static size_t
closer_size (const reader_t *self, const quote_t *quote)
{
  for (size_t i = 0; i < 2 && quote->closers[i] != NULL; i++)
    if (reader_starts (self, self->at, quote->closers[i]))
      return strlen (quote->closers[i]);
  return 0;
}

typedef struct {
  size_t at, used, notes; // before the first quote that was taken for an inner one; at 0: there was none
  size_t size;
} inner_t;

// To the end of the text. False: `err`. *closed: its quote came.
static bool
read_to_quote (reader_t *self, const quote_t *quote, role_t role, bool *closed)
{
  inner_t inner = {0};
  size_t noted_raw = 0;
  *closed = false;
  while (self->at < self->end && self->err == TROUPE_OK) {
    size_t size = closer_size (self, quote);
    if (size > 0 && closing_follows (self, self->at + size, quote, role)) {
      self->at += size;
      *closed = true;
      return true;
    }
    if (size > 0) {
      if (inner.at == 0)
        inner = (inner_t){self->at, self->used, self->notes->count, size};
      reader_note (self, TROUPE_REPAIR_INNER_QUOTE, self->at);
      text_append (self, self->text + self->at + (quote->escaped ? 1 : 0), quote->escaped ? 1 : size);
      self->at += size;
    } else if (self->text[self->at] == '\\') {
      read_escape (self, quote);
    } else {
      read_character (self, &noted_raw);
    }
  }
  if (inner.at > 0 && self->err == TROUPE_OK) {
    self->plain_quotes = *closed = true;
    self->at = inner.at + inner.size;
    self->used = inner.used;
    self->notes->count = inner.notes;
  }
  return self->err == TROUPE_OK;
}

// Takes back the line breaks that a text which was cut off ends with: they are the reply's.
static void
drop_line_breaks (reader_t *self)
{
  size_t at = self->at;
  while (self->used > 0 && at > 0 && (self->text[at - 1] == '\n' || self->text[at - 1] == '\r') &&
         self->buffer[self->used - 1] == self->text[at - 1]) {
    at--;
    self->used--;
  }
  size_t notes = notes_kept (self->notes);
  if (self->notes->count == notes && notes > 0 && self->notes->list[notes - 1].kind == TROUPE_REPAIR_RAW_CONTROL &&
      self->notes->list[notes - 1].offset >= at)
    self->notes->count--;
}

bool
text_read (reader_t *self, role_t role)
{
  self->used = 0;
  for (;;) {
    size_t start = self->at;
    quote_t quote = text_quote (self, start);
    if (!quote.plain)
      reader_note (self, quote.escaped ? TROUPE_REPAIR_ESCAPED_QUOTES : TROUPE_REPAIR_QUOTES, start);
    bool closed;
    self->at += quote.size;
    if (!read_to_quote (self, &quote, role, &closed))
      return false;
    if (!closed) {
      self->cut = true;
      drop_line_breaks (self);
      if (self->used > 0 && role != ROLE_KEY)
        reader_note (self, TROUPE_REPAIR_UNCLOSED_STRING, self->at);
      return self->used > 0 && role != ROLE_KEY;
    }
    bool newline;
    size_t plus = space_end (self, self->at, &newline);
    size_t next = reader_starts (self, plus, "+") ? space_end (self, plus + 1, &newline) : self->end;
    if (role == ROLE_ALONE || next >= self->end || text_quote (self, next).size == 0)
      return true;
    reader_note (self, TROUPE_REPAIR_CONCATENATED, plus);
    self->at = next;
  }
}

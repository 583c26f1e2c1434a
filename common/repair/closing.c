// SPDX-License-Identifier: Apache-2.0
//
// Whether a quote ends its text. Models forget to escape quotes inside a text ("He said "yes" to me"), so a quote ends
// a text only when what follows is what may follow a value there. In valid JSON that is always so, which keeps valid
// JSON as it is; where a reply is ambiguous, this decides, and the note says so. Looking ahead is bounded by the blanks
// that follow the quote and one word, so reading stays linear.

#include "repair/reader.h"

#include <string.h>

enum { KEY_REACH = 128 }; // bytes of a key that is looked for behind a missing comma

static char
byte_at (const reader_t *self, size_t at)
{
  return at < self->end ? self->text[at] : '\0';
}

static bool
is_colon_next (const reader_t *self, size_t at)
{
  bool newline;
  return space_colon (self, space_end (self, at, &newline)) > 0;
}

// A quoted key with its colon, or a word with one.
static bool
is_key (const reader_t *self, size_t at)
{
  quote_t quote = text_quote (self, at);
  if (quote.size == 0) {
    size_t word = space_word (self, at);
    return word > 0 && (is_colon_next (self, at + word) || at + word >= self->end);
  }
  for (size_t i = at + quote.size; i < self->end && i - at < KEY_REACH && self->text[i] != '\n'; i++)
    for (size_t k = 0; k < 2 && quote.closers[k] != NULL; k++)
      if (reader_starts (self, i, quote.closers[k]))
        return is_colon_next (self, i + strlen (quote.closers[k]));
  return false;
}

// A value of a list, or what closes it: `a, b` in prose is none, `a, "b"` is.
static bool
is_item (const reader_t *self, size_t at, bool newline)
{
  char c = byte_at (self, at);
  if (strchr ("{[(]})-.,", c) != NULL || (c >= '0' && c <= '9') || text_quote (self, at).size > 0)
    return true;
  size_t word = space_word (self, at);
  bool ignored;
  size_t next = space_end (self, at + word, &ignored);
  return word > 0 && (newline || next >= self->end || space_comma (self, next) > 0 || byte_at (self, next) == ']');
}

static bool
follows_comma (const reader_t *self, size_t at, role_t role)
{
  bool newline;
  at = space_end (self, at, &newline);
  char c = byte_at (self, at);
  if (at >= self->end || space_comma (self, at) > 0 || strchr ("]}", c) != NULL || reader_starts (self, at, "...") ||
      reader_starts (self, at, "```"))
    return true;
  if (role == ROLE_ITEM)
    return is_item (self, at, newline);
  return text_quote (self, at).size > 0 || is_key (self, at) || c == '{';
}

bool
closing_follows (const reader_t *self, size_t after, const quote_t *quote, role_t role)
{
  if (self->plain_quotes || quote->triple || role == ROLE_ALONE)
    return true;
  bool newline;
  size_t at = space_end (self, after, &newline);
  char c = byte_at (self, at), next = byte_at (self, after);
  if (at >= self->end || strchr ("}]", c) != NULL || reader_starts (self, at, "```") || (c == ')' && self->open[2] > 0))
    return true;
  if (role == ROLE_KEY) // nothing but a letter that goes on, as in 'it's'
    return space_colon (self, at) > 0 || space_word (self, after) == 0 || (next & 0x80);
  size_t comma = space_comma (self, at);
  if (comma > 0)
    return follows_comma (self, at + comma, role);
  if (c == '+')
    return text_quote (self, space_end (self, at + 1, &newline)).size > 0;
  if (role == ROLE_ITEM)
    return c == ':' || (at > after && (text_quote (self, at).size > 0 || strchr ("{[", c) != NULL)) ||
           (newline && is_item (self, at, newline));
  return (at > after || text_quote (self, at).size > 0) && is_key (self, at);
}

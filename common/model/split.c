// SPDX-License-Identifier: Apache-2.0
//
// The pattern of cl100k_base, alternative by alternative:
//
//   (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ |
//   \s+(?!\S) | \s+
//
// and that of o200k_base, which differs in words: marks are a part of them, as many scripts need it, a capital letter
// begins a new one, and a contraction stays with its word. C is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], S is
// [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
//
//   [^\r\n\p{L}\p{N}]?C*S+(?i:'s|...)? | [^\r\n\p{L}\p{N}]?C+S*(?i:'s|...)? | \p{N}{1,3} |
//   ?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+
//
// A regular expression library that knows Unicode would be a dependency for this one pattern; by hand it is a few
// tables and seven cases.

#include "model/split.h"
#include "error/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef struct {
  uint32_t first, last;
} range_t;

static const range_t letters[] = {
#define TROUPE_LETTERS(first, last) {first, last},
#include "model/letters.def"
#undef TROUPE_LETTERS
};

static const range_t numbers[] = {
#define TROUPE_NUMBERS(first, last) {first, last},
#include "model/letters.def"
#undef TROUPE_NUMBERS
};

static const range_t capitals[] = {
#define TROUPE_CAPITALS(first, last) {first, last},
#include "model/cases.def"
#undef TROUPE_CAPITALS
};

static const range_t small[] = {
#define TROUPE_SMALL(first, last) {first, last},
#include "model/cases.def"
#undef TROUPE_SMALL
};

static const range_t marks[] = {
#define TROUPE_MARKS(first, last) {first, last},
#include "model/cases.def"
#undef TROUPE_MARKS
};

#define IS_IN(ranges, c) is_in (ranges, sizeof ranges / sizeof *ranges, c)

typedef enum { END, LETTER, NUMBER, LINE, SPACE, MARK } class_t; // LINE: CR or LF

static bool
is_in (const range_t *ranges, size_t count, uint32_t c)
{
  size_t low = 0;
  while (low < count) {
    size_t middle = low + (count - low) / 2;
    if (c > ranges[middle].last)
      low = middle + 1;
    else if (c < ranges[middle].first)
      count = middle;
    else
      return true;
  }
  return false;
}

static uint32_t
decode (const char *text, size_t step)
{
  static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t c = (uint8_t)text[0] & masks[step];
  for (size_t i = 1; i < step; i++)
    c = c << 6 | ((uint8_t)text[i] & 0x3F);
  return c;
}

static bool
is_space (uint32_t c)
{
  return c == ' ' || (c >= '\t' && c <= '\f') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// The class of the character at `at`, and its size.
static class_t
look (const char *text, size_t size, size_t at, size_t *step)
{
  *step = 1;
  if (at >= size)
    return END;
  size_t valid = utf8_size (text + at, size - at);
  if (!valid)
    return MARK;
  *step = valid;
  uint32_t c = decode (text + at, valid);
  if (c == '\r' || c == '\n')
    return LINE;
  if (is_space (c))
    return SPACE;
  if ((c | 32) - 'a' < 26u || (c > 127 && IS_IN (letters, c)))
    return LETTER;
  if (c - '0' < 10u || (c > 127 && IS_IN (numbers, c)))
    return NUMBER;
  return MARK;
}

// Where a run of characters of these classes (a bit each) ends.
static size_t
run_end (const char *text, size_t size, size_t at, unsigned classes, size_t most)
{
  size_t step;
  for (class_t class; most-- && (class = look (text, size, at, &step)) != END && classes >> class & 1; at += step)
    continue;
  return at;
}

static size_t
contraction (const char *text, size_t size)
{
  if (!size)
    return 0;
  static const char *const ends[] = {"s", "t", "re", "ve", "m", "ll", "d"};
  for (size_t i = 0; text[0] == '\'' && i < sizeof ends / sizeof *ends; i++)
    if (size > strlen (ends[i]) && strncasecmp (text + 1, ends[i], strlen (ends[i])) == 0)
      return 1 + strlen (ends[i]);
  return 0;
}

// Spaces: up to the last line end among them; else all but the last, which belongs to what follows; else all.
static size_t
spaces (const char *text, size_t size)
{
  size_t end = run_end (text, size, 0, 1 << SPACE | 1 << LINE, SIZE_MAX), lines = 0, last = 0, step;
  for (size_t at = 0; at < end; at += step) {
    if (look (text, size, at, &step) == LINE)
      lines = at + step;
    last = at;
  }
  return lines ? lines : end < size && last ? last : end;
}

// -- Words of o200k_base ---------------------------------------------------------------------------------------------

enum { CAPITAL = 1, SMALL = 2 }; // a mark, or a letter without case, is both

static unsigned
case_of (const char *text, size_t size, size_t at, size_t *step)
{
  class_t class = look (text, size, at, step);
  if (class != LETTER && class != MARK)
    return 0;
  uint32_t c = (unsigned char)text[at];
  if (c >= 0x80)
    c = *step > 1 ? decode (text + at, *step) : 0; // bytes that aren't UTF-8
  if (class == MARK)
    return c >= 0x80 && IS_IN (marks, c) ? CAPITAL | SMALL : 0;
  if (c < 0x80)
    return c & 32 ? SMALL : CAPITAL;
  return IS_IN (capitals, c) ? CAPITAL : IS_IN (small, c) ? SMALL : CAPITAL | SMALL;
}

// Where C*S+ ends that begins at `at`, or (`loud`) C+S*; 0: there is none.
static size_t
word_end (const char *text, size_t size, size_t at, bool loud)
{
  size_t step, end = at, quiet = 0; // quiet: behind the last of the C that is an S as well
  for (unsigned kind; (kind = case_of (text, size, end, &step)) & CAPITAL; end += step)
    if (kind & SMALL)
      quiet = end + step;
  size_t capital = end;
  while (case_of (text, size, end, &step) & SMALL)
    end += step;
  if (end > capital)
    return end;
  return loud ? (capital > at ? capital : 0) : quiet;
}

static size_t
word (const char *text, size_t size)
{
  size_t step, end = 0;
  class_t first = look (text, size, 0, &step);
  bool prefix = first == SPACE || first == MARK;
  for (int loud = 0; loud < 2 && !end; loud++) {
    end = prefix ? word_end (text, size, step, loud) : 0;
    end = end ? end : word_end (text, size, 0, loud);
  }
  return end ? end + contraction (text + end, size - end) : 0;
}

// -- Pieces ----------------------------------------------------------------------------------------------------------

// What both patterns have behind words.
static size_t
other_piece (const char *text, size_t size, bool slashes)
{
  size_t step, next;
  class_t first = look (text, size, 0, &step), second = look (text, size, step, &next);
  if (first == NUMBER)
    return run_end (text, size, 0, 1 << NUMBER, 3);
  if (first != MARK && (text[0] != ' ' || second != MARK))
    return spaces (text, size);
  size_t end = run_end (text, size, first == MARK ? 0 : step, 1 << MARK, SIZE_MAX);
  while (end < size && (text[end] == '\r' || text[end] == '\n' || (slashes && text[end] == '/')))
    end++;
  return end;
}

size_t
split_piece (split_t kind, const char *text, size_t size)
{
  if (!size)
    return 0;
  if (kind == SPLIT_O200K) {
    size_t end = word (text, size);
    return end ? end : other_piece (text, size, true);
  }
  size_t step, next, end = contraction (text, size);
  if (end)
    return end;
  class_t first = look (text, size, 0, &step), second = look (text, size, step, &next);
  if (first == LETTER || ((first == SPACE || first == MARK) && second == LETTER))
    return run_end (text, size, step, 1 << LETTER, SIZE_MAX);
  return other_piece (text, size, false);
}

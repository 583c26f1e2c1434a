// SPDX-License-Identifier: Apache-2.0
//
// UTF-8: every code point, and every way for bytes to be none.

#include "error/utf8.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t
encode (uint32_t point, char out[4])
{
  if (point < 0x80) {
    out[0] = (char)point;
    return 1;
  }
  size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = size - 1; i > 0; i--, point >>= 6)
    out[i] = (char)(0x80 | (point & 0x3F));
  out[0] = (char)(marks[size] | point);
  return size;
}

Test (utf8, takes_every_code_point_and_no_surrogate)
{
  for (uint32_t point = 1; point < 0x120000; point++) {
    char bytes[4];
    size_t size = encode (point, bytes);
    bool right = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    cr_assert (eq (sz, utf8_size (bytes, size), right ? size : 0), "U+%04X", point);
    cr_assert (eq (sz, utf8_size (bytes, size - 1), 0), "U+%04X cut", point);
  }
}

Test (utf8, agrees_with_jansson_on_all_short_sequences)
{
  for (uint32_t i = 0; i < 1u << 24; i += 1 + (i >> 8) % 7) { // every prefix of two bytes, many third bytes
    char bytes[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
    if (memchr (bytes, 0, 3) != NULL)
      continue;
    json_t *json = json_stringn (bytes, 3);
    cr_assert (eq (int, utf8_valid (bytes, 3), json != NULL), "%06X", i);
    json_decref (json);
  }
}

Test (utf8, rejects_overlong_forms_and_nul)
{
  static const char *const wrong[] = {
    "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
    "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",         "\x80",         "\xE2\x28\xA1"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    cr_assert (not(utf8_valid (wrong[i], strlen (wrong[i]))), "case %zu", i);
  cr_assert (not(utf8_valid ("a\0b", 3)));
  cr_assert (utf8_valid ("", 0));
}

// Text is looked at in words: a byte must be seen wherever it stands, at the beginning, the end, or between words.
Test (utf8, sees_every_byte_of_a_text)
{
  enum { LONGEST = 80 };
  static const char euro[] = "\xE2\x82\xAC";
  char *bytes = malloc (LONGEST); // so that a sanitizer sees what is read beyond it
  for (size_t size = 1; size <= LONGEST; size++) {
    char *text = bytes + LONGEST - size;
    memset (text, '~', size);
    cr_assert (utf8_valid (text, size), "%zu bytes", size);
    for (size_t i = 0; i < size; i++) {
      text[i] = '\0';
      cr_assert (not(utf8_valid (text, size)), "NUL at %zu of %zu", i, size);
      text[i] = '\x80';
      cr_assert (not(utf8_valid (text, size)), "a tail at %zu of %zu", i, size);
      memcpy (text + i, euro, size - i < 3 ? size - i : 3);
      cr_assert (eq (int, utf8_valid (text, size), size - i >= 3), "a euro at %zu of %zu", i, size);
      memset (text + i, '\x01', size - i < 3 ? size - i : 3);
      cr_assert (utf8_valid (text, size), "%zu of %zu", i, size);
    }
  }
  free (bytes);
}

Test (utf8, counts_characters)
{
  cr_assert (eq (sz, utf8_count (""), 0));
  cr_assert (eq (sz, utf8_count ("aä€🎭"), 4));
}

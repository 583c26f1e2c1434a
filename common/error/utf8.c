// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 for whatever takes text from outside: the wire, error records, messages. It stands here, below every other
// module, because an error's texts must be valid before they can become JSON. Validity agrees with jansson's, so that
// text which passes here may use jansson's unchecked constructors.

#include "error/utf8.h"

#include <stdint.h>
#include <string.h>

static bool
is_tail (uint8_t byte)
{
  return (byte & 0xC0) == 0x80;
}

size_t
utf8_size (const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  if (size == 0)
    return 0;
  if (at[0] < 0x80)
    return 1;
  if (at[0] < 0xC2 || size < 2 || !is_tail (at[1]))
    return 0;
  if (at[0] < 0xE0)
    return 2;
  if (size < 3 || !is_tail (at[2]))
    return 0;
  if (at[0] < 0xF0) {
    bool overlong = at[0] == 0xE0 && at[1] < 0xA0;
    bool surrogate = at[0] == 0xED && at[1] > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (size < 4 || !is_tail (at[3]) || at[0] > 0xF4)
    return 0;
  bool overlong = at[0] == 0xF0 && at[1] < 0x90;
  bool beyond = at[0] == 0xF4 && at[1] > 0x8F;
  return overlong || beyond ? 0 : 4;
}

// -- Plain text ------------------------------------------------------------------------------------------------------
//
// Nearly all text is ASCII, so it is looked at a word at a time. A byte is 0x01 to 0x7F if it has no top bit, nor gets
// one by losing one.

enum { WORD = sizeof (uint64_t) };

static inline uint64_t
tops_of (const uint8_t *at)
{
  uint64_t word;
  memcpy (&word, at, sizeof word);
  return (word | (word - UINT64_C (0x0101010101010101))) & UINT64_C (0x8080808080808080);
}

// How many bytes at the beginning are 0x01 to 0x7F, all but a few of them.
static size_t
plain_size (const uint8_t *at, size_t size)
{
  size_t i = 0;
  while (size - i >= 4 * WORD &&
         (tops_of (at + i) | tops_of (at + i + WORD) | tops_of (at + i + 2 * WORD) | tops_of (at + i + 3 * WORD)) == 0)
    i += 4 * WORD;
  while (size - i >= WORD && tops_of (at + i) == 0)
    i += WORD;
  // The last bytes with some before them, which were seen already.
  return i > 0 && size - i < WORD && tops_of (at + size - WORD) == 0 ? size : i;
}

bool
utf8_valid (const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  size_t i = plain_size (at, size);
  while (i < size) {
    if (at[i] != 0 && at[i] < 0x80) {
      i++;
      continue;
    }
    size_t step = at[i] == 0 ? 0 : utf8_size (at + i, size - i);
    if (step == 0)
      return false;
    i += step;
    i += plain_size (at + i, size - i);
  }
  return true;
}

size_t
utf8_count (const char *text)
{
  size_t count = 0;
  for (; *text != '\0'; text++)
    count += !is_tail ((uint8_t)*text);
  return count;
}

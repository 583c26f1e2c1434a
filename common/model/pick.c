// SPDX-License-Identifier: Apache-2.0
//
// A model that is asked "which of A, B and C?" answers with one of them. It doesn't choose the agent that it speaks
// for: a list of those who may be voted for often holds all who vote.

#include "model/pick.h"

#include <string.h>

typedef struct {
  const char *text;
  size_t size;
} word_t;

static bool
same (const word_t *word, const char *text, size_t size)
{
  return word->size == size && memcmp (word->text, text, size) == 0;
}

// The next word of the list from *at on, which moves behind it.
static bool
next_word (const char **at, const char *end, word_t *word)
{
  do {
    while (*at < end && (**at == ',' || **at == ' ' || **at == '\n'))
      ++*at;
    word->text = *at;
    while (*at < end && **at != ',' && **at != ' ' && **at != '\n')
      ++*at;
    word->size = (size_t)(*at - word->text);
  } while (same (word, "and", 3) || same (word, "or", 2));
  return word->size > 0;
}

bool
pick_word (bytes_t *out, const char *list, size_t size, const char *preferred, size_t preferred_size, const char *but,
           uint64_t random)
{
  const char *at = list, *end = list + size;
  word_t word, other = {"", 0};
  uint64_t others = 0;
  while (next_word (&at, end, &word)) {
    if (preferred_size > 0 && same (&word, preferred, preferred_size) && !same (&word, but, strlen (but)))
      return bytes_add (out, preferred, preferred_size);
    others += !same (&word, but, strlen (but));
  }
  at = list;
  if (others == 0)
    return !next_word (&at, end, &word) || bytes_add (out, word.text, word.size);
  for (uint64_t left = random % others + 1; left > 0 && next_word (&at, end, &word);)
    if (!same (&word, but, strlen (but))) {
      other = word;
      left--;
    }
  return bytes_add (out, other.text, other.size);
}

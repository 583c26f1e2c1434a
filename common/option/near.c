// SPDX-License-Identifier: Apache-2.0
//
// Did you mean: the nearest word by optimal string alignment (insert, delete, replace, or swap two neighbours), which
// is what slips of the finger are made of. Upper and lower case count as the same, and so do '-' and '_': that is
// how words are misremembered.
//
// Brokers ask for it with names that a peer sent, over every name that they know, so the cost of a pair is bounded:
// a word may differ by a third of its length and never by more than DISTANCE_MAX, hence only a band of that width
// around the diagonal of the matrix is computed, and it stops at the first row where nothing can become near again.

#include "troupe/option.h"

#include <ctype.h>
#include <string.h>

enum {
  WORD_MAX = 256,   // a service's full name is at most 192 bytes; what is longer was not mistyped
  DISTANCE_MAX = 5, // more slips than that in one word are another word
  FAR = WORD_MAX    // more than any distance that counts
};

static unsigned char
fold (char c)
{
  return c == '-' ? '_' : (unsigned char)tolower ((unsigned char)c);
}

static size_t
least (size_t a, size_t b)
{
  return a < b ? a : b;
}

// What one slip more than a neighbouring cell costs, the cheapest way there. Rows are those of the matrix: `now` is
// row i, being filled up to column j; `before` is row i - 1, `earlier` is row i - 2.
static size_t
cell (const char *a, const char *b, size_t i, size_t j, const size_t *now, const size_t *before, const size_t *earlier)
{
  bool same = fold (a[i - 1]) == fold (b[j - 1]);
  size_t cost = least (before[j - 1] + !same, least (before[j], now[j - 1]) + 1);
  bool swapped = i > 1 && j > 1 && fold (a[i - 1]) == fold (b[j - 2]) && fold (a[i - 2]) == fold (b[j - 1]);
  return swapped ? least (cost, earlier[j - 2] + 1) : cost;
}

// The distance of two words, or FAR when it is more than `limit`.
static size_t
distance (const char *a, size_t a_size, const char *b, size_t b_size, size_t limit)
{
  size_t rows[3][WORD_MAX + 1];
  size_t *earlier = rows[0], *before = rows[1], *now = rows[2];
  for (size_t j = 0; j <= b_size; j++)
    earlier[j] = before[j] = j;
  for (size_t i = 1; i <= a_size; i++) {
    size_t from = i > limit ? i - limit : 1;
    size_t to = least (b_size, i + limit);
    size_t best = now[from - 1] = from == 1 ? i : FAR;
    for (size_t j = from; j <= to; j++) {
      now[j] = cell (a, b, i, j, now, before, earlier);
      best = least (best, now[j]);
    }
    if (to < b_size)
      now[to + 1] = FAR;
    if (best > limit)
      return FAR;
    size_t *spare = earlier;
    earlier = before;
    before = now;
    now = spare;
  }
  return before[b_size] <= limit ? before[b_size] : FAR;
}

const char *
troupe_did_you_mean (const char *word, const char *const *words)
{
  size_t size = strlen (word);
  const char *nearest = NULL;
  size_t nearest_distance = DISTANCE_MAX + 1;
  if (size == 0 || size > WORD_MAX)
    return NULL;
  for (; *words != NULL; words++) {
    size_t other = strlen (*words);
    size_t longer = size > other ? size : other;
    size_t limit = least (longer < 3 ? 1 : longer / 3, nearest_distance - 1);
    if (longer > WORD_MAX || longer - least (size, other) > limit || (longer == 1 && size == other))
      continue;
    size_t found = distance (word, size, *words, other, limit);
    if (found == FAR)
      continue;
    nearest = *words;
    nearest_distance = found;
    if (found == 0)
      break;
  }
  return nearest;
}

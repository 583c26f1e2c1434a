// SPDX-License-Identifier: Apache-2.0
//
// Values made from a seed. The texts are made of pieces that mean something to the scan or the reader outside texts, so
// that reading them as anything but text shows.

#include "tests/unit/repair/made.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 4, PIECES = 5 };

static const char *const pieces[] = {"a",
                                     " ",
                                     "\"",
                                     "\\",
                                     "\n",
                                     "\t",
                                     "{",
                                     "}",
                                     "[",
                                     "]",
                                     ",",
                                     ":",
                                     "'",
                                     "```",
                                     "```json\n",
                                     "</think>",
                                     "//",
                                     "/*",
                                     "<think>",
                                     "\xC3\xA9",
                                     "\xF0\x9F\x98\x80",
                                     "\xE2\x80\x9C",
                                     "\xE2\x80\x9D",
                                     "\\u",
                                     "#",
                                     "...",
                                     "None",
                                     "true",
                                     "12",
                                     "\x01",
                                     "\xE4\xBD\xA0",
                                     "=",
                                     "\", \"k\": \"",
                                     "+",
                                     "(",
                                     ")",
                                     "\xEF\xBC\x9A"};

uint32_t
made_number (uint64_t *seed, uint32_t bound)
{
  *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
  return (uint32_t)(*seed >> 33) % bound;
}

static void
make_string (uint64_t *seed, char *out, size_t size)
{
  out[0] = '\0';
  for (uint32_t i = made_number (seed, PIECES + 1); i-- > 0;) {
    const char *piece = pieces[made_number (seed, sizeof pieces / sizeof *pieces)];
    if (strlen (out) + strlen (piece) < size)
      strcat (out, piece);
  }
}

static json_t *
make_scalar (uint64_t *seed)
{
  char text[128];
  switch (made_number (seed, 8)) {
  case 0:
    return json_true ();
  case 1:
    return json_false ();
  case 2:
    return json_null ();
  case 3:
    return json_integer ((json_int_t)made_number (seed, 100000) - 50000);
  case 4:
    return json_real ((made_number (seed, 2000) - 1000.0) / (1 + made_number (seed, 1000)));
  default:
    make_string (seed, text, sizeof text);
    return json_string (text);
  }
}

json_t *
made_value (uint64_t *seed, unsigned depth)
{
  uint32_t kind = depth == 0 ? made_number (seed, 2) : made_number (seed, depth >= DEPTH ? 1 : 5) + 2;
  if (depth > 0 && (depth >= DEPTH || kind > 3))
    return make_scalar (seed);
  json_t *value = kind % 2 == 0 ? json_object () : json_array ();
  for (uint32_t i = made_number (seed, 5) + (depth == 0); i-- > 0;) {
    char key[160];
    snprintf (key, sizeof key, "k%u", i);
    if (made_number (seed, 4) == 0)
      make_string (seed, key + strlen (key), sizeof key - 8);
    if (json_is_object (value))
      json_object_set_new (value, key, made_value (seed, depth + 1));
    else
      json_array_append_new (value, made_value (seed, depth + 1));
  }
  return value;
}

char *
made_text (uint64_t *seed, const json_t *value)
{
  static const size_t layouts[] = {0, JSON_COMPACT, JSON_INDENT (2), JSON_ENSURE_ASCII,
                                   JSON_INDENT (1) | JSON_ESCAPE_SLASH};
  return json_dumps (value, layouts[made_number (seed, sizeof layouts / sizeof *layouts)] | JSON_REAL_PRECISION (6));
}

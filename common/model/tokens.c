// SPDX-License-Identifier: Apache-2.0
//
// The estimate: English runs at about four characters a token with today's vocabularies, code and JSON at about
// three; scripts without spaces at about one character a token and never much above. What is cut by an estimate that is
// too low is refused by the server, and what is cut by one that is too high is only a little shorter.

#include "model/tokens.h"

#include <stdlib.h>
#include <string.h>

static size_t
estimate (const char *text, size_t size)
{
  size_t ascii = 0, others = 0;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < 0x80)
      ascii++;
    else if ((unsigned char)text[i] >= 0xC0)
      others++;
  return (ascii * 2 + 6) / 7 + others;
}

size_t
tokens_of_text (const ranks_t *ranks, const char *text, size_t size)
{
  return ranks ? ranks_count (ranks, text, size) : estimate (text, size);
}

size_t
tokens_of_json (const ranks_t *ranks, const json_t *value)
{
  char *text = value ? json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  size_t count = text ? tokens_of_text (ranks, text, strlen (text)) : 0;
  free (text);
  return count;
}

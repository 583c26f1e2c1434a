// SPDX-License-Identifier: Apache-2.0
//
// Thoughts: one table of tags. Chat templates that write the opening tag into the prompt leave only the closing one in
// the reply, so that one counts alone as well.

#include "repair/thought.h"
#include "troupe/repair.h"

#include <stdint.h>
#include <string.h>

static const struct {
  const char *open, *close;
  bool close_alone;
} tags[] = {
  {"<think>", "</think>", true},
  {"<thinking>", "</thinking>", true},
  {"<thought>", "</thought>", true},
  {"<thoughts>", "</thoughts>", true},
  {"<reasoning>", "</reasoning>", true},
  {"<reflection>", "</reflection>", true},
  {"<scratchpad>", "</scratchpad>", true},
  {"<analysis>", "</analysis>", true},
  {"<seed:think>", "</seed:think>", true},
  {"<|begin_of_thought|>", "<|end_of_thought|>", true},
  {"[THINK]", "[/THINK]", true},
  {"\xE2\x97\x81think\xE2\x96\xB7", "\xE2\x97\x81/think\xE2\x96\xB7", true}, // ◁think▷
  {"<|channel|>analysis<|message|>", "<|end|>", false},
};

static bool
starts (const char *text, size_t size, size_t at, const char *word)
{
  size_t length = strlen (word);
  return size - at >= length && memcmp (text + at, word, length) == 0;
}

bool
thought_at (const char *text, size_t size, size_t at, size_t *end, bool *closes)
{
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
    const char *open = tags[i].open, *close = tags[i].close;
    *closes = tags[i].close_alone && starts (text, size, at, close);
    if (!*closes && !starts (text, size, at, open))
      continue;
    const char *found = *closes ? text + at : memmem (text + at, size - at, close, strlen (close));
    *end = found != NULL ? (size_t)(found - text) + strlen (close) : SIZE_MAX;
    return true;
  }
  return false;
}

static size_t
skip_blanks (const char *text, size_t size, size_t at)
{
  while (at < size && strchr (" \t\r\n", text[at]) != NULL && text[at] != '\0')
    at++;
  return at;
}

size_t
troupe_repair_answer (const char *text, size_t size)
{
  size_t at = skip_blanks (text, size, 0), end;
  bool closes;
  if (thought_at (text, size, at, &end, &closes))
    return end == SIZE_MAX ? size : skip_blanks (text, size, end);
  const char *alone = memmem (text + at, size - at, "</think>", 8);
  return alone != NULL ? skip_blanks (text, size, (size_t)(alone - text) + 8) : 0;
}

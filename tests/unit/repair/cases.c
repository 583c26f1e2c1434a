// SPDX-License-Identifier: Apache-2.0
//
// Reads cases.txt. A table that is written wrongly fails the test that reads it.

#include "tests/unit/repair/cases.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define CASES TROUPE_SOURCE_DIR "/tests/unit/repair/cases.txt"

static bool
read_line (FILE *file, char *line)
{
  if (fgets (line, CASES_LINE_MAX, file) == NULL)
    return false;
  line[strcspn (line, "\n")] = '\0';
  return true;
}

static void
unescape (case_t *out)
{
  json_t *text = json_loads (out->reply, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  cr_assert (text != NULL, "%s: the reply is no JSON text", out->name);
  out->size = json_string_length (text);
  memcpy (out->reply, json_string_value (text), out->size);
  json_decref (text);
}

static void
read_want (case_t *out, const char *word)
{
  static const char *const words[] = {"any", "object", "list"}; // in the enum's order
  unsigned want = 0;
  while (want < 3 && strcmp (word, words[want]) != 0)
    want++;
  cr_assert (lt (uint, want, 3), "%s: any, object or list expected, not %s", out->name, word);
  out->want = (troupe_repair_want_t)want;
}

FILE *
cases_open (void)
{
  FILE *file = fopen (CASES, "r");
  cr_assert (file != NULL);
  return file;
}

bool
cases_next (FILE *file, case_t *out)
{
  char line[CASES_LINE_MAX];
  do
    if (!read_line (file, line))
      return false;
  while (strncmp (line, "=== ", 4) != 0);
  strcpy (out->name, line + 4);
  out->size = 0;
  while (read_line (file, line) && strncmp (line, "--- ", 4) != 0) {
    size_t size = strlen (line);
    cr_assert (lt (sz, out->size + size + 2, CASES_REPLY_MAX), "%s", out->name);
    memcpy (out->reply + out->size, line, size);
    out->size += size;
    out->reply[out->size++] = '\n';
  }
  out->size -= out->size > 0;
  out->reply[out->size] = '\0';
  read_want (out, line + 4);
  cr_assert (read_line (file, out->value) && read_line (file, out->kinds) && out->kinds[0] == '+', "%s", out->name);
  if (strstr (out->name, " escaped") != NULL)
    unescape (out);
  return true;
}

json_t *
cases_expected (const case_t *self)
{
  return strncmp (self->value, "error: ", 7) == 0 ? NULL
                                                  : json_loads (self->value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
//
// The table of cases.txt: replies as models write them, and what must come of each. Its format:
//
//   === name [escaped]        escaped: the reply is one JSON text
//   the reply, any number of lines
//   --- any|object|list       what is wanted
//   the value in JSON, or "error: " and part of the reason
//   + kind kind ...           what was repaired, each kind once; "+" alone: nothing

#include "troupe/repair.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#define CASES TROUPE_SOURCE_DIR "/tests/unit/repair/cases.txt"

enum { LINE_MAX_SIZE = 8192, REPLY_MAX = 32768, CASES_MIN = 200 };

typedef struct {
  char name[LINE_MAX_SIZE], reply[REPLY_MAX], want[LINE_MAX_SIZE], value[LINE_MAX_SIZE], kinds[LINE_MAX_SIZE];
  size_t size;
} case_t;

static bool
read_line (FILE *file, char *line)
{
  if (fgets (line, LINE_MAX_SIZE, file) == NULL)
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

static bool
next_case (FILE *file, case_t *out)
{
  char line[LINE_MAX_SIZE];
  do
    if (!read_line (file, line))
      return false;
  while (strncmp (line, "=== ", 4) != 0);
  strcpy (out->name, line + 4);
  out->size = 0;
  while (read_line (file, line) && strncmp (line, "--- ", 4) != 0) {
    size_t size = strlen (line);
    cr_assert (lt (sz, out->size + size + 2, REPLY_MAX), "%s", out->name);
    memcpy (out->reply + out->size, line, size);
    out->size += size;
    out->reply[out->size++] = '\n';
  }
  out->size -= out->size > 0;
  out->reply[out->size] = '\0';
  strcpy (out->want, line + 4);
  cr_assert (read_line (file, out->value) && read_line (file, out->kinds) && out->kinds[0] == '+', "%s", out->name);
  if (strstr (out->name, " escaped") != NULL)
    unescape (out);
  return true;
}

static void
list_kinds (const troupe_repair_t *repair, char *out)
{
  bool seen[TROUPE_REPAIR_COUNT] = {false};
  strcpy (out, "+");
  for (size_t i = 0; i < troupe_repair_note_count (repair); i++) {
    troupe_repair_kind_t kind = troupe_repair_note (repair, i).kind;
    if (!seen[kind]) {
      strcat (out, " ");
      strcat (out, troupe_repair_name (kind));
    }
    seen[kind] = true;
  }
}

// False, with a report, when it comes out otherwise.
static bool
comes_out (const case_t *self)
{
  troupe_repair_t *repair;
  troupe_error_t error = {0};
  troupe_repair_want_t want = strcmp (self->want, "object") == 0 ? TROUPE_REPAIR_WANT_OBJECT
                              : strcmp (self->want, "list") == 0 ? TROUPE_REPAIR_WANT_LIST
                                                                 : TROUPE_REPAIR_WANT_ANY;
  char *exact = malloc (self->size + 1), kinds[2048] = "+", *got = NULL; // exactly as long: reading beyond it is seen
  memcpy (exact, self->reply, self->size);
  troupe_err_t err = troupe_repair_new (&repair, exact, self->size, want, &error);
  free (exact);
  if (err == TROUPE_OK) {
    got = json_dumps (troupe_repair_value (repair), JSON_ENCODE_ANY | JSON_COMPACT);
    list_kinds (repair, kinds);
    cr_assert (eq (int, troupe_repair_unchanged (repair), strcmp (kinds, "+") == 0));
  }
  json_t *expected =
    strncmp (self->value, "error: ", 7) != 0 ? json_loads (self->value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
  bool same = err == TROUPE_OK ? expected != NULL && json_equal (expected, troupe_repair_value (repair))
                               : expected == NULL && strstr (error.why, self->value + 7) != NULL;
  same = same && strcmp (kinds, self->kinds) == 0;
  if (!same)
    fprintf (stderr, "=== %s\n%s%s\n%s\n", self->name, got != NULL ? "" : "error: ", got != NULL ? got : error.why,
             kinds);
  free (got);
  json_decref (expected);
  troupe_repair_destroy (&repair);
  return same;
}

Test (cases, come_out_as_written)
{
  static case_t row;
  unsigned count = 0, failed = 0;
  FILE *file = fopen (CASES, "r");
  cr_assert (file != NULL);
  for (; next_case (file, &row); count++)
    failed += !comes_out (&row);
  fclose (file);
  cr_assert (eq (uint, failed, 0), "%u of %u", failed, count);
  cr_assert (ge (uint, count, CASES_MIN), "%u cases", count);
}

// -- What repair is worth ----------------------------------------------------------------------------------------------

// Of replies that a program could read by itself: the whole of it, or else its first fenced block.
static json_t *
read_plainly (const case_t *self, bool unfence)
{
  const char *from = self->reply, *to = self->reply + self->size;
  const char *fence = unfence ? strstr (from, "```") : NULL, *line = fence ? strchr (fence, '\n') : NULL;
  const char *end = line ? strstr (line, "```") : NULL;
  if (end) {
    from = line + 1;
    to = end;
  }
  return json_loadb (from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
}

static bool
reads_plainly (const case_t *self, const json_t *expected, bool unfence)
{
  json_t *value = read_plainly (self, unfence);
  bool same = value && json_equal (value, expected);
  json_decref (value);
  return same;
}

// The figures of docs/reference/replies.md.
Test (cases, come_out_right_far_more_often_than_without_repair)
{
  static case_t row;
  unsigned count = 0, whole = 0, fenced = 0, mended = 0;
  FILE *file = fopen (CASES, "r");
  cr_assert (file != NULL);
  while (next_case (file, &row)) {
    json_t *expected = strncmp (row.value, "error: ", 7) ? json_loads (row.value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    if (expected) {
      count++;
      whole += reads_plainly (&row, expected, false);
      fenced += reads_plainly (&row, expected, true);
      mended += comes_out (&row);
    }
    json_decref (expected);
  }
  fclose (file);
  fprintf (stderr, "of %u replies that hold a value come out right: %u as they stand, %u out of their fence, %u mended\n",
           count, whole, fenced, mended);
  cr_assert (eq (uint, mended, count));
  cr_assert (lt (uint, 3 * fenced, mended));
}

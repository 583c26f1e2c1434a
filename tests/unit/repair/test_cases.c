// SPDX-License-Identifier: Apache-2.0
//
// The table of cases.txt comes out as it is written there, and what that is worth.

#include "tests/unit/repair/cases.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

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
  char *exact = malloc (self->size + 1), kinds[2048] = "+", *got = NULL; // exactly as long: reading beyond it is seen
  memcpy (exact, self->reply, self->size);
  troupe_err_t err = troupe_repair_new (&repair, exact, self->size, self->want, &error);
  free (exact);
  if (err == TROUPE_OK) {
    got = json_dumps (troupe_repair_value (repair), JSON_ENCODE_ANY | JSON_COMPACT);
    list_kinds (repair, kinds);
    cr_assert (eq (int, troupe_repair_unchanged (repair), strcmp (kinds, "+") == 0));
  }
  json_t *expected = cases_expected (self);
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
  FILE *file = cases_open ();
  for (; cases_next (file, &row); count++)
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
  FILE *file = cases_open ();
  while (cases_next (file, &row)) {
    json_t *expected = cases_expected (&row);
    if (expected) {
      count++;
      whole += reads_plainly (&row, expected, false);
      fenced += reads_plainly (&row, expected, true);
      mended += comes_out (&row);
    }
    json_decref (expected);
  }
  fclose (file);
  fprintf (stderr, "of %u replies with a value come out right: %u as they stand, %u out of their fence, %u mended\n",
           count, whole, fenced, mended);
  cr_assert (eq (uint, mended, count));
  cr_assert (lt (uint, 3 * fenced, mended));
}

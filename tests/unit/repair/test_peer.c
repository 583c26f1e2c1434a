// SPDX-License-Identifier: Apache-2.0
//
// Ours beside jsonrepair (npm), the library that most programs in JavaScript take: all of cases.txt, and replies that
// err in one known way. Where the two differ on a case stands in differences.txt with the reason, and nowhere else. How
// many of the made replies each restores is told in docs/reference/replies.md, and this test reads it there.

#include "tests/unit/repair/broken.h"
#include "tests/unit/repair/cases.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER TROUPE_SOURCE_DIR "/tests/unit/repair/"

enum { EACH = 40, MADE = EACH * BROKEN_COUNT, SUBJECTS_MAX = 2000, NAME_MAX_SIZE = 128 };

typedef struct {
  char name[NAME_MAX_SIZE];
  json_t *text;          // what a model wrote
  json_t *meant;         // NULL: nothing
  json_t *ours, *theirs; // NULL: refused
  broken_way_t way;      // BROKEN_COUNT: of cases.txt
  troupe_repair_want_t want;
} subject_t;

static subject_t subjects[SUBJECTS_MAX];
static size_t count;

static void
add (const char *name, const char *text, size_t size, troupe_repair_want_t want, json_t *meant, broken_way_t way)
{
  subject_t *subject = &subjects[count];
  troupe_repair_t *repair;
  cr_assert (lt (sz, count, SUBJECTS_MAX));
  *subject = (subject_t){.want = want, .meant = meant, .way = way, .text = json_stringn (text, size)};
  if (!subject->text) { // no UTF-8: theirs takes nothing else
    json_decref (meant);
    return;
  }
  snprintf (subject->name, sizeof subject->name, "%s", name);
  if (troupe_repair_new (&repair, text, size, want, NULL) == TROUPE_OK)
    subject->ours = json_incref (troupe_repair_value (repair));
  troupe_repair_destroy (&repair);
  count++;
}

static void
add_cases (void)
{
  static case_t row;
  FILE *file = cases_open ();
  while (cases_next (file, &row))
    add (row.name, row.reply, row.size, row.want, cases_expected (&row), BROKEN_COUNT);
  fclose (file);
}

static void
add_made (void)
{
  for (unsigned i = 0; i < MADE; i++) {
    char name[NAME_MAX_SIZE];
    uint64_t seed = 1 + i;
    broken_way_t way = (broken_way_t)(i / EACH);
    json_t *value = broken_value (&seed);
    char *text = broken_text (&seed, value, way);
    cr_assert (text != NULL);
    snprintf (name, sizeof name, "%s %u", broken_name (way), i % EACH);
    add (name, text, strlen (text), TROUPE_REPAIR_WANT_OBJECT, value, way);
    free (text);
  }
}

// Integers beyond 64 bits are reals in JavaScript, and in ours.
static json_t *
load (const char *json)
{
  json_t *value = json_loads (json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  return value ? value : json_loads (json, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

static void
ask_peer (void)
{
  char in[] = "/tmp/troupe-repair-XXXXXX", command[512];
  int fd = mkstemp (in);
  cr_assert (ge (int, fd, 0));
  json_t *texts = json_array ();
  for (size_t i = 0; i < count; i++)
    json_array_append (texts, subjects[i].text);
  cr_assert (json_dumpfd (texts, fd, 0) == 0);
  close (fd);
  json_decref (texts);
  snprintf (command, sizeof command, "node '%speer/peer.mjs' < %s", FOLDER, in);
  FILE *out = popen (command, "r");
  cr_assert (out != NULL);
  json_t *mended = json_loadf (out, JSON_ALLOW_NUL, NULL);
  int status = pclose (out);
  unlink (in);
  cr_assert (eq (int, status, 0), "jsonrepair did not run: npm ci --prefix tests/unit/repair/peer");
  cr_assert (json_array_size (mended) == count);
  for (size_t i = 0; i < count; i++)
    if (json_is_string (json_array_get (mended, i)))
      subjects[i].theirs = load (json_string_value (json_array_get (mended, i)));
  json_decref (mended);
}

static void
open_subjects (void)
{
  json_object_seed (1);
  count = 0;
  add_cases ();
  add_made ();
  ask_peer ();
}

static void
close_subjects (void)
{
  for (size_t i = 0; i < count; i++) {
    json_decref (subjects[i].text);
    json_decref (subjects[i].meant);
    json_decref (subjects[i].ours);
    json_decref (subjects[i].theirs);
  }
}

// -- Where they differ --------------------------------------------------------------------------------------------------

// differences.txt: "= reason", and the names of the cases below it.
static json_t *
read_differences (void)
{
  char line[512], reason[512] = "";
  json_t *differences = json_object ();
  FILE *file = fopen (FOLDER "differences.txt", "r");
  cr_assert (file != NULL);
  while (fgets (line, sizeof line, file) != NULL) {
    line[strcspn (line, "\n")] = '\0';
    if (strncmp (line, "= ", 2) == 0)
      strcpy (reason, line + 2);
    else if (*line && *line != '#')
      cr_assert (reason[0] && json_object_set_new_nocheck (differences, line, json_string (reason)) == 0);
  }
  fclose (file);
  return differences;
}

static bool
equal (const json_t *a, const json_t *b)
{
  return a && b ? json_equal (a, b) : a == b;
}

static char *
shown (const json_t *value)
{
  return value ? json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT) : strdup ("(refused)");
}

static void
report (const subject_t *self, const char *what)
{
  char *text = shown (self->text), *ours = shown (self->ours), *theirs = shown (self->theirs);
  fprintf (stderr, "%s\n  # %s\n  # %s\n  # ours   %s\n  # theirs %s\n", self->name, what, text, ours, theirs);
  free (text);
  free (ours);
  free (theirs);
}

// A part that a cut left counts, when something is left.
static bool
restores (const subject_t *self, json_t *value)
{
  return value &&
         (self->way == BROKEN_CUT ? broken_is_part (value, self->meant, NULL) : json_equal (value, self->meant));
}

static bool
differs (const subject_t *self)
{
  return self->way == BROKEN_COUNT ? !equal (self->ours, self->theirs)
                                   : !restores (self, self->ours) && !(self->way == BROKEN_CUT && !self->ours);
}

Test (peer, differs_only_where_it_is_told)
{
  open_subjects ();
  json_t *differences = read_differences ();
  unsigned wrong = 0;
  for (size_t i = 0; i < count; i++) {
    const subject_t *subject = &subjects[i];
    bool told = json_object_del (differences, subject->name) == 0;
    if (told != differs (subject)) {
      report (subject, told ? "is told in differences.txt, and is none" : "isn't told in differences.txt");
      wrong++;
    }
  }
  const char *left = json_object_iter_key (json_object_iter (differences));
  cr_assert (left == NULL, "differences.txt tells of \"%s\", which there isn't", left);
  cr_assert (eq (uint, wrong, 0));
  json_decref (differences);
  close_subjects ();
}

// -- What each restores -------------------------------------------------------------------------------------------------

static bool
page_says (const char *row)
{
  char line[512];
  bool found = false;
  FILE *page = fopen (TROUPE_SOURCE_DIR "/docs/reference/replies.md", "r");
  cr_assert (page != NULL);
  while (!found && fgets (line, sizeof line, page) != NULL)
    found = strncmp (line, row, strlen (row)) == 0;
  fclose (page);
  return found;
}

Test (peer, restores_as_many_as_the_page_says)
{
  unsigned ours[BROKEN_COUNT] = {0}, theirs[BROKEN_COUNT] = {0}, untold = 0;
  open_subjects ();
  for (size_t i = 0; i < count; i++)
    if (subjects[i].way < BROKEN_COUNT) {
      ours[subjects[i].way] += restores (&subjects[i], subjects[i].ours);
      theirs[subjects[i].way] += restores (&subjects[i], subjects[i].theirs);
    }
  for (int way = 0; way < BROKEN_COUNT; way++) {
    char row[256];
    snprintf (row, sizeof row, "| %s | %u | %u |", broken_name ((broken_way_t)way), ours[way], theirs[way]);
    if (!page_says (row)) {
      fprintf (stderr, "%s\n", row);
      untold++;
    }
  }
  close_subjects ();
  cr_assert (eq (uint, untold, 0), "docs/reference/replies.md does not have these rows");
}

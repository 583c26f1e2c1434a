// SPDX-License-Identifier: Apache-2.0
//
// `troupe repair`: the JSON in what a model replied, mended, without a mesh. Standard output carries JSON and nothing
// else; what was changed is told on standard error.
#include "troupe/repair.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static troupe_err_t
read_want (troupe_repair_want_t *out, const char *word, troupe_error_t *error)
{
  static const char *const words[] = {"any", "object", "list"}; // in the enum's order
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp (word, words[i]) == 0) {
      *out = (troupe_repair_want_t)i;
      return TROUPE_OK;
    }
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--want", NULL, "any, object or list expected, not %s", word);
}

// As "FILE:17: extra_comma: what was done", with the byte.
static void
list_changes (const troupe_repair_t *repair, const char *file)
{
  size_t left_out = troupe_repair_notes_left_out (repair);
  for (size_t i = 0; i < troupe_repair_note_count (repair); i++) {
    troupe_repair_note_t note = troupe_repair_note (repair, i);
    fprintf (stderr, "%s:%zu: %s: %s\n", file, note.offset, troupe_repair_name (note.kind),
             troupe_repair_text (note.kind));
  }
  if (left_out > 0)
    fprintf (stderr, "%s: and %zu more changes\n", file, left_out);
}

static troupe_err_t
print (const troupe_repair_t *repair, bool all, troupe_error_t *error)
{
  bool written = all || output_json (troupe_repair_value (repair));
  for (size_t i = 0; all && written && i < troupe_repair_document_count (repair); i++)
    written = output_json (troupe_repair_document (repair, i));
  return written ? TROUPE_OK : troupe_error_set (error, TROUPE_IO, "standard output", NULL, "it can't be written");
}

int
repair_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  troupe_repair_want_t want = TROUPE_REPAIR_WANT_ANY;
  troupe_repair_t *repair = NULL;
  char *text = NULL;
  size_t size = 0;
  const char *file = troupe_args_operand (args, 0);
  const char *name = strcmp (file, "-") == 0 ? "standard input" : file;
  troupe_err_t code = read_want (&want, troupe_args_value (args, "want"), &error);
  if (code == TROUPE_OK)
    code = reply_read (&text, &size, file, TROUPE_REPAIR_SIZE_MAX, &error);
  if (code == TROUPE_OK && (code = troupe_repair_new (&repair, text, size, want, &error)) != TROUPE_OK)
    snprintf (error.object, sizeof error.object, "%s", name);
  if (code == TROUPE_OK && troupe_args_flag (args, "list"))
    list_changes (repair, name);
  if (code == TROUPE_OK)
    code = print (repair, troupe_args_flag (args, "all"), &error);
  troupe_repair_destroy (&repair);
  free (text);
  return code == TROUPE_OK ? 0 : output_error (&error);
}

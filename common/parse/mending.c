// SPDX-License-Identifier: Apache-2.0
//
// Mending: the list of what was changed, for those who want to know how well a model keeps to a form, and for a failed
// reply's feedback. Offsets are in the reply as it came, with its thought.

#include "parse/parser.h"

#include <string.h>

static const struct {
  const char *name;
  const char *text;
} table[MENDING_COUNT] = {
#define MENDING(constant, name, text) [MENDING_##constant] = {name, text},
#include "parse/mending.def"
#undef MENDING
};

static troupe_err_t
append (json_t *list, const char *kind, size_t offset, const char *text)
{
  json_t *entry = json_pack ("{s:s, s:I, s:s}", "kind", kind, "offset", (json_int_t)offset, "text", text);
  return entry != NULL && json_array_append_new (list, entry) == 0 ? TROUPE_OK : TROUPE_NO_MEMORY;
}

troupe_err_t
mending_note (reading_t *reading, mending_t kind, const char *at)
{
  size_t offset = reading->skipped + (size_t)(at - reading->text);
  return append (reading->parsed->repairs, table[kind].name, offset, table[kind].text);
}

troupe_err_t
mending_repairs (reading_t *reading, const troupe_repair_t *repair, const char *text)
{
  size_t before = reading->skipped + (size_t)(text - reading->text);
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; err == TROUPE_OK && i < troupe_repair_note_count (repair); i++) {
    troupe_repair_note_t note = troupe_repair_note (repair, i);
    err = append (reading->parsed->repairs, troupe_repair_name (note.kind), before + note.offset,
                  troupe_repair_text (note.kind));
  }
  return err;
}

troupe_err_t
mending_json (reading_t *reading, const char *text, size_t size, troupe_repair_want_t want, bool wrong, json_t **value)
{
  troupe_repair_t *repair;
  troupe_error_t error;
  *value = NULL;
  troupe_err_t err = troupe_repair_new (&repair, text, size, want, &error);
  if (err == TROUPE_NO_MEMORY)
    return err;
  if (err != TROUPE_OK) {
    if (wrong)
      parser_wrong (reading, "%s", error.why);
    return TROUPE_BAD_MESSAGE;
  }
  err = mending_repairs (reading, repair, text);
  if (err == TROUPE_OK)
    *value = json_incref (troupe_repair_value (repair));
  troupe_repair_destroy (&repair);
  return err;
}

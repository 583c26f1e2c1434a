// SPDX-License-Identifier: Apache-2.0
//
// Notes: a bounded list. A reply can need a repair at every byte, and nobody reads more than the first few; so the list
// has a fixed size, and what comes after that is counted.

#include "repair/notes.h"

static const struct {
  const char *name;
  const char *text;
} table[TROUPE_REPAIR_COUNT] = {
#define TROUPE_REPAIR(constant, name, text) [TROUPE_REPAIR_##constant] = {name, text},
#include "troupe/repair.def"
#undef TROUPE_REPAIR
};

const char *
troupe_repair_name (troupe_repair_kind_t kind)
{
  return (unsigned)kind < TROUPE_REPAIR_COUNT ? table[kind].name : "";
}

const char *
troupe_repair_text (troupe_repair_kind_t kind)
{
  return (unsigned)kind < TROUPE_REPAIR_COUNT ? table[kind].text : "";
}

void
notes_add (notes_t *self, troupe_repair_kind_t kind, size_t offset)
{
  if (self->count < TROUPE_REPAIR_NOTES_MAX)
    self->list[self->count] = (troupe_repair_note_t){kind, offset};
  self->count++;
}

size_t
notes_kept (const notes_t *self)
{
  return self->count < TROUPE_REPAIR_NOTES_MAX ? self->count : TROUPE_REPAIR_NOTES_MAX;
}

bool
notes_has_other (const notes_t *self, troupe_repair_kind_t kind)
{
  for (size_t i = 0; i < notes_kept (self); i++)
    if (self->list[i].kind != kind)
      return true;
  return false;
}

void
notes_sort (notes_t *self)
{
  for (size_t i = 1; i < notes_kept (self); i++) {
    troupe_repair_note_t note = self->list[i];
    size_t j = i;
    for (; j > 0 && self->list[j - 1].offset > note.offset; j--)
      self->list[j] = self->list[j - 1];
    self->list[j] = note;
  }
}

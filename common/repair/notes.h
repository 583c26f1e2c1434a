// SPDX-License-Identifier: Apache-2.0
//
// Notes: what was changed, in the order in which it was found.
#ifndef TROUPE_REPAIR_NOTES_H
#define TROUPE_REPAIR_NOTES_H

#include "troupe/repair.h"

typedef struct {
  troupe_repair_note_t list[TROUPE_REPAIR_NOTES_MAX];
  size_t count; // all of them; those beyond the list are only counted
} notes_t;

void notes_add (notes_t *self, troupe_repair_kind_t kind, size_t offset);
// How many the list has.
size_t notes_kept (const notes_t *self);
// Whether one of those kept is of another kind.
bool notes_has_other (const notes_t *self, troupe_repair_kind_t kind);
// Sorts by offset; those at the same place stay in their order.
void notes_sort (notes_t *self);

#endif

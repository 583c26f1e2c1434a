// SPDX-License-Identifier: Apache-2.0
//
// Items (item.h). A value is taken from a reply when it is wanted, and kept.

#include "pipeline/item.h"

#include <stdlib.h>

void
machine_fail (machine_t *self, const troupe_error_t *error)
{
  if (!self->failed)
    self->error = *error;
  self->failed = true;
}

void
machine_fail_memory (machine_t *self)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_NO_MEMORY, "pipeline", NULL, "out of memory");
  machine_fail (self, &error);
}

// -- What flows ------------------------------------------------------------------------------------------------------

item_t *
item_new (void)
{
  item_t *item = calloc (1, sizeof *item);
  if (item)
    item->refs = 1;
  return item;
}

item_t *
item_ref (item_t *item)
{
  if (item)
    item->refs++;
  return item;
}

void
item_unref (machine_t *self, item_t *item)
{
  if (!item || --item->refs > 0)
    return;
  if (item->reply)
    self->functions.release (self->world, item->reply);
  for (unsigned i = 0; i < item->count; i++)
    item_unref (self, item->list[i]);
  free (item->list);
  json_decref (item->json);
  free (item);
}

static bool
list_known (machine_t *self, item_t *item)
{
  bool known = true;
  for (unsigned i = 0; i < item->count; i++)
    known = item_known (self, item->list[i]) && known;
  if (!known || self->failed)
    return false;
  json_t *list = json_array ();
  for (unsigned i = 0; list && i < item->count; i++)
    if (json_array_append (list, item->list[i]->json)) {
      json_decref (list);
      list = NULL;
    }
  if (!list)
    machine_fail_memory (self);
  item->json = list;
  return list;
}

bool
item_known (machine_t *self, item_t *item)
{
  const json_t *value = NULL;
  const troupe_error_t *error = NULL;
  if (item->json)
    return true;
  if (item->list)
    return list_known (self, item);
  if (!self->functions.look (self->world, item->reply, &value, &error))
    return false;
  if (error) {
    machine_fail (self, error);
    return false;
  }
  item->json = value ? json_incref ((json_t *)(uintptr_t)value) : json_null ();
  return true;
}

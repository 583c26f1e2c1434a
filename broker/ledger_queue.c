// SPDX-License-Identifier: Apache-2.0
//
// A ring that grows. Room is made ahead of need (ledger.c does it once a turn), because a request may not fail for
// want of a place in this queue.

#include "broker/ledger_queue.h"

#include <stdlib.h>

enum { FIRST = 4096 };

bool
ledger_queue_reserve (ledger_queue_t *self, size_t count)
{
  if (self->capacity - self->count >= count)
    return true;
  size_t capacity = self->capacity == 0 ? FIRST : self->capacity;
  while (capacity - self->count < count)
    capacity *= 2;
  ledger_pending_t *items = malloc (capacity * sizeof *items);
  if (items == NULL)
    return false;
  for (size_t i = 0; i < self->count; i++)
    items[i] = self->items[(self->first + i) & (self->capacity - 1)];
  free (self->items);
  self->items = items;
  self->capacity = capacity;
  self->first = 0;
  return true;
}

void
ledger_queue_push (ledger_queue_t *self, const ledger_pending_t *item)
{
  self->items[(self->first + self->count++) & (self->capacity - 1)] = *item;
}

const ledger_pending_t *
ledger_queue_head (const ledger_queue_t *self)
{
  return self->count > 0 ? &self->items[self->first] : NULL;
}

void
ledger_queue_pop (ledger_queue_t *self)
{
  self->first = (self->first + 1) & (self->capacity - 1);
  self->count--;
}

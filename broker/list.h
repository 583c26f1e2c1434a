// SPDX-License-Identifier: Apache-2.0
//
// A list whose links lie in its members, so that putting something on it needs no memory and can't fail. A link that
// is on no list points to itself.
#ifndef BROKER_LIST_H
#define BROKER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct list_link {
  struct list_link *prev, *next;
} list_link_t;

typedef list_link_t list_t; // the head of a list

// The struct of `type` (const or not) whose `member` is at `link`.
#define LIST_ITEM(link, type, member) ((type *)((uintptr_t)(link)-offsetof (type, member)))

// Each link of a list; the body may remove `link`, and nothing else.
#define LIST_EACH(link, list)                                                                                          \
  for (list_link_t *link = (list)->next, *link##_next = link->next; link != (list);                                    \
       link = link##_next, link##_next = link->next)

static inline void
list_init (list_link_t *self)
{
  self->prev = self->next = self;
}

static inline bool
list_empty (const list_link_t *self)
{
  return self->next == self;
}

// NULL: the list is empty.
static inline list_link_t *
list_first (const list_t *self)
{
  return list_empty (self) ? NULL : self->next;
}

static inline void
list_insert (list_link_t *before, list_link_t *link)
{
  link->prev = before->prev;
  link->next = before;
  before->prev->next = link;
  before->prev = link;
}

static inline void
list_append (list_t *self, list_link_t *link)
{
  list_insert (self, link);
}

static inline void
list_prepend (list_t *self, list_link_t *link)
{
  list_insert (self->next, link);
}

// Of a link that is on no list: nothing happens.
static inline void
list_remove (list_link_t *link)
{
  link->prev->next = link->next;
  link->next->prev = link->prev;
  list_init (link);
}

// Moves all of `from` behind what `self` holds.
static inline void
list_take (list_t *self, list_t *from)
{
  if (list_empty (from))
    return;
  from->next->prev = self->prev;
  self->prev->next = from->next;
  from->prev->next = self;
  self->prev = from->prev;
  list_init (from);
}

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Doubly linked lists whose links lie in their members: putting in and taking out never allocate, so they can't fail.
// A list is a ring through its head; a link that is in no list points to itself.
#ifndef NODE_LIST_H
#define NODE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct node_list node_list_t;
struct node_list {
  node_list_t *prev, *next;
};

// The structure of `type` whose `member` is at `link`.
#define NODE_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof (type, member)))

static inline void
node_list_init (node_list_t *self)
{
  self->prev = self->next = self;
}

// Of a head: nothing is in it. Of a link: it is in no list.
static inline bool
node_list_empty (const node_list_t *self)
{
  return self->next == self;
}

static inline void
node_list_remove (node_list_t *link)
{
  link->prev->next = link->next;
  link->next->prev = link->prev;
  node_list_init (link);
}

// Puts `link` last, out of the list that it was in.
static inline void
node_list_append (node_list_t *self, node_list_t *link)
{
  node_list_remove (link);
  link->prev = self->prev;
  link->next = self;
  self->prev->next = link;
  self->prev = link;
}

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A counter for each connection that was sent something large lately, and one for all. It is shared by the table and by
// each buffer that it counts, and whoever lets go of it last frees it: libzmq's thread frees buffers when it has written
// them, perhaps long after this broker has forgotten the connection.
//
// Who reads is seen once a second: libzmq has done with something since. (A large message counts when all of it is
// written.) The limit of all is one for those who weren't given up, since these must not pay for the others; what libzmq
// still holds of those, for a third of a second after their lines were cut, may be as much again.

#include "broker/unread.h"

#include "broker/list.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TIDY_MS = 1000 };

// Of all connections. The unread and each counter have a reference.
typedef struct {
  atomic_size_t bytes, references;
} sum_t;

typedef struct {
  table_link_t by_connection;
  list_link_t in_all;
  broker_connection_t connection;
  broker_line_t line;
  size_t admitted, taken; // bytes ever; and what libzmq had done with of these when it was tidied
  int64_t moved;          // when that was seen to grow
  atomic_size_t bytes, references;
  sum_t *sum;
} counter_t;

struct unread {
  table_t counters;
  list_t all;
  list_t given_up; // counters, not in the table
  sum_t *sum;
  size_t limit, total, most; // most: when it was tidied
  int64_t tidied;
};

// Of a buffer that is counted.
typedef struct {
  counter_t *counter;
  troupe_buffer_t *bytes;
} share_t;

static void
let_go_of_sum (sum_t *sum)
{
  if (atomic_fetch_sub_explicit (&sum->references, 1, memory_order_acq_rel) == 1)
    free (sum);
}

static void
let_go (counter_t *counter)
{
  if (atomic_fetch_sub_explicit (&counter->references, 1, memory_order_acq_rel) != 1)
    return;
  let_go_of_sum (counter->sum);
  free (counter);
}

static counter_t *
find (const unread_t *self, broker_connection_t connection)
{
  if (self->counters.count == 0)
    return NULL;
  for (table_link_t *link = table_first (&self->counters, table_hash_number (connection)); link != NULL;
       link = table_next (link)) {
    counter_t *counter = LIST_ITEM (link, counter_t, by_connection);
    if (counter->connection == connection)
      return counter;
  }
  return NULL;
}

static counter_t *
find_or_make (unread_t *self, broker_connection_t connection, const broker_line_t *line)
{
  counter_t *counter = find (self, connection);
  if (counter != NULL || (counter = calloc (1, sizeof *counter)) == NULL)
    return counter;
  counter->connection = connection;
  counter->line = line != NULL ? *line : broker_line_of (-1);
  counter->moved = self->tidied;
  atomic_init (&counter->bytes, 0);
  atomic_init (&counter->references, 1);
  counter->sum = self->sum;
  atomic_fetch_add_explicit (&self->sum->references, 1, memory_order_relaxed);
  table_insert (&self->counters, &counter->by_connection, table_hash_number (connection));
  list_append (&self->all, &counter->in_all);
  return counter;
}

static void
forget (unread_t *self, counter_t *counter)
{
  table_remove (&self->counters, &counter->by_connection);
  list_remove (&counter->in_all);
  let_go (counter);
}

static void
forget_given_up (counter_t *counter)
{
  list_remove (&counter->in_all);
  let_go (counter);
}

static size_t
waiting_for (const counter_t *counter)
{
  return atomic_load_explicit (&counter->bytes, memory_order_relaxed);
}

troupe_err_t
unread_new (unread_t **out, size_t limit, size_t total)
{
  unread_t *self = calloc (1, sizeof *self);
  if (self == NULL || (self->sum = calloc (1, sizeof *self->sum)) == NULL) {
    free (self);
    return TROUPE_NO_MEMORY;
  }
  atomic_init (&self->sum->references, 1);
  table_init (&self->counters);
  list_init (&self->all);
  list_init (&self->given_up);
  self->limit = limit > 0 ? limit : SIZE_MAX;
  self->total = total > 0 ? total : SIZE_MAX;
  *out = self;
  return TROUPE_OK;
}

void
unread_destroy (unread_t **self_p)
{
  unread_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (list_link_t *link; (link = list_first (&self->all)) != NULL;)
    forget (self, LIST_ITEM (link, counter_t, in_all));
  for (list_link_t *link; (link = list_first (&self->given_up)) != NULL;)
    forget_given_up (LIST_ITEM (link, counter_t, in_all));
  table_destroy (&self->counters);
  let_go_of_sum (self->sum);
  free (self);
}

// -- Limits ----------------------------------------------------------------------------------------------------------

// Of those who weren't given up.
static size_t
waiting_for_all (const unread_t *self)
{
  size_t bytes = unread_total (self), given_up = 0;
  for (const list_link_t *link = self->given_up.next; link != &self->given_up; link = link->next)
    given_up += waiting_for (LIST_ITEM (link, const counter_t, in_all));
  return bytes > given_up ? bytes - given_up : 0;
}

static int
admit_among_all (const unread_t *self, size_t size)
{
  size_t bytes = unread_total (self);
  if (size <= self->total && bytes <= self->total - size)
    return 0;
  size_t waiting = waiting_for_all (self);
  if (waiting > 0 && size > self->total)
    return ENOBUFS;
  if (waiting > 0 && waiting > self->total - size)
    return EDQUOT;
  return bytes - waiting <= self->total ? 0 : ENOBUFS;
}

int
unread_admit (unread_t *self, broker_connection_t to, const broker_line_t *line, size_t size)
{
  if (size <= UNREAD_LEAST)
    return 0;
  counter_t *counter = find_or_make (self, to, line);
  if (counter == NULL)
    return ENOMEM;
  return waiting_for (counter) >= self->limit ? EAGAIN : admit_among_all (self, size);
}

// When the counter was last seen to move; or that it has since it was tidied.
static int64_t
moved_at (const unread_t *self, const counter_t *counter)
{
  return counter->admitted - waiting_for (counter) != counter->taken ? self->tidied + 1 : counter->moved;
}

broker_connection_t
unread_worst (const unread_t *self)
{
  broker_connection_t worst = 0;
  int64_t moved = 0;
  size_t most = 0;
  for (const list_link_t *link = self->all.next; link != &self->all; link = link->next) {
    const counter_t *counter = LIST_ITEM (link, const counter_t, in_all);
    int64_t at = moved_at (self, counter);
    size_t bytes = waiting_for (counter);
    if (bytes == 0 || (worst != 0 && (at > moved || (at == moved && bytes <= most))))
      continue;
    worst = counter->connection;
    moved = at;
    most = bytes;
  }
  return worst;
}

void
unread_give_up (unread_t *self, broker_connection_t connection)
{
  counter_t *counter = find (self, connection);
  if (counter == NULL)
    return;
  broker_line_cut (&counter->line);
  table_remove (&self->counters, &counter->by_connection);
  list_remove (&counter->in_all);
  list_append (&self->given_up, &counter->in_all);
}

// -- Counting --------------------------------------------------------------------------------------------------------

// On any thread.
static void
discount (void *data, void *hint)
{
  share_t *share = hint;
  (void)data;
  size_t size = troupe_buffer_size (share->bytes);
  atomic_fetch_sub_explicit (&share->counter->bytes, size, memory_order_relaxed);
  atomic_fetch_sub_explicit (&share->counter->sum->bytes, size, memory_order_relaxed);
  troupe_buffer_unref (&share->bytes);
  let_go (share->counter);
  free (share);
}

// The same bytes, counted as long as this buffer lives. NULL: no memory.
static troupe_buffer_t *
count (counter_t *counter, troupe_buffer_t *bytes)
{
  share_t *share = counter != NULL ? malloc (sizeof *share) : NULL;
  troupe_buffer_t *counted = NULL;
  union {
    const void *constant;
    void *data;
  } at = {troupe_buffer_data (bytes)};
  if (share == NULL)
    return NULL;
  *share = (share_t){counter, bytes};
  if (troupe_buffer_adopt (&counted, at.data, troupe_buffer_size (bytes), discount, share) != TROUPE_OK) {
    free (share);
    return NULL;
  }
  troupe_buffer_ref (bytes);
  counter->admitted += troupe_buffer_size (bytes);
  atomic_fetch_add_explicit (&counter->references, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&counter->bytes, troupe_buffer_size (bytes), memory_order_relaxed);
  atomic_fetch_add_explicit (&counter->sum->bytes, troupe_buffer_size (bytes), memory_order_relaxed);
  return counted;
}

int
unread_prepare (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                size_t route_size, const void *header, size_t header_size, troupe_buffer_t *body)
{
  troupe_buffer_t *counted = NULL;
  if (troupe_buffer_size (body) <= UNREAD_LEAST)
    return troupe_socket_prepare (out, route, route_size, header, header_size, body);
  counted = count (find (self, to), body);
  int failed = counted != NULL ? troupe_socket_prepare (out, route, route_size, header, header_size, counted) : ENOMEM;
  troupe_buffer_unref (&counted);
  return failed;
}

int
unread_prepare_whole (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                      size_t route_size, const void *frame, size_t size)
{
  troupe_buffer_t *bytes = NULL, *counted = NULL;
  if (size <= UNREAD_LEAST)
    return troupe_socket_prepare_whole (out, route, route_size, frame, size);
  if (troupe_buffer_new (&bytes, frame, size) == TROUPE_OK)
    counted = count (find (self, to), bytes);
  int failed = counted != NULL ? troupe_socket_prepare_shared (out, route, route_size, counted) : ENOMEM;
  troupe_buffer_unref (&counted);
  troupe_buffer_unref (&bytes);
  return failed;
}

void
unread_tidy (unread_t *self, int64_t now)
{
  if (now - self->tidied < TIDY_MS)
    return;
  self->tidied = now;
  self->most = 0;
  LIST_EACH (link, &self->all)
  {
    counter_t *counter = LIST_ITEM (link, counter_t, in_all);
    size_t bytes = waiting_for (counter), taken = counter->admitted - bytes;
    if (taken != counter->taken)
      counter->moved = now;
    counter->taken = taken;
    if (bytes > self->most)
      self->most = bytes;
    if (bytes == 0)
      forget (self, counter);
  }
  LIST_EACH (link, &self->given_up)
  {
    counter_t *counter = LIST_ITEM (link, counter_t, in_all);
    if (waiting_for (counter) == 0)
      forget_given_up (counter);
  }
}

size_t
unread_most (const unread_t *self)
{
  return self->most;
}

size_t
unread_total (const unread_t *self)
{
  return atomic_load_explicit (&self->sum->bytes, memory_order_relaxed);
}

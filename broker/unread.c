// SPDX-License-Identifier: Apache-2.0
//
// A counter for each connection that was sent something large lately, and one for all. It is shared by the table and by
// each buffer that it counts, and whoever lets go of it last frees it: libzmq's thread frees buffers when it has written
// them, perhaps long after this broker has forgotten the connection.

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
  atomic_size_t bytes, references;
  sum_t *sum;
} counter_t;

struct unread {
  table_t counters;
  list_t all;
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
find_or_make (unread_t *self, broker_connection_t connection)
{
  counter_t *counter = find (self, connection);
  if (counter != NULL || (counter = calloc (1, sizeof *counter)) == NULL)
    return counter;
  counter->connection = connection;
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
  table_destroy (&self->counters);
  let_go_of_sum (self->sum);
  free (self);
}

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
  atomic_fetch_add_explicit (&counter->references, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&counter->bytes, troupe_buffer_size (bytes), memory_order_relaxed);
  atomic_fetch_add_explicit (&counter->sum->bytes, troupe_buffer_size (bytes), memory_order_relaxed);
  return counted;
}

// Whether so much more may wait for all, for the sake of a connection for which `waiting` does.
static bool
fits (const unread_t *self, size_t waiting, size_t size)
{
  size_t then = unread_total (self) + size, half = self->total / 2;
  if (then <= half)
    return true;
  return then <= self->total && (waiting == 0 || waiting + size <= half / self->counters.count);
}

// A new counted buffer; or why not.
static int
admit (unread_t *self, broker_connection_t to, troupe_buffer_t *bytes, troupe_buffer_t **out)
{
  counter_t *counter = find_or_make (self, to);
  if (counter == NULL)
    return ENOMEM;
  size_t waiting = atomic_load_explicit (&counter->bytes, memory_order_relaxed);
  if (waiting >= self->limit)
    return EAGAIN;
  if (!fits (self, waiting, troupe_buffer_size (bytes)))
    return EDQUOT;
  *out = count (counter, bytes);
  return *out != NULL ? 0 : ENOMEM;
}

int
unread_prepare (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                size_t route_size, const void *header, size_t header_size, troupe_buffer_t *body)
{
  troupe_buffer_t *counted = NULL;
  if (troupe_buffer_size (body) <= UNREAD_LEAST)
    return troupe_socket_prepare (out, route, route_size, header, header_size, body);
  int failed = admit (self, to, body, &counted);
  if (failed == 0)
    failed = troupe_socket_prepare (out, route, route_size, header, header_size, counted);
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
  int failed = troupe_buffer_new (&bytes, frame, size) == TROUPE_OK ? admit (self, to, bytes, &counted) : ENOMEM;
  if (failed == 0)
    failed = troupe_socket_prepare_shared (out, route, route_size, counted);
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
    size_t bytes = atomic_load_explicit (&counter->bytes, memory_order_relaxed);
    if (bytes > self->most)
      self->most = bytes;
    if (bytes == 0)
      forget (self, counter);
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

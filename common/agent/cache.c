// SPDX-License-Identifier: Apache-2.0
//
// A bounded cache of histories, least recently used first out: a balanced tree by session (glibc's tsearch) for
// finding, a list by age for dropping.
//
// A turn takes its session's history out and puts it back when it ends. So nobody changes a history that somebody else
// reads, also in the rare moment when two attempts at one session's calls overlap in this process (the older has
// lost, but doesn't know it yet); and what running turns hold is bounded by the agent's concurrency.
//
// It is only a cache: when memory is short, what can't be put in is dropped, and read from the store the next time.

#include "agent/cache.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct remembered {
  const char *session; // the name below, or that of a search
  struct remembered *older, *newer;
  history_t *history;
  char name[];
} remembered_t;

struct cache {
  void *by_session;        // a tree of remembered_t by `session`
  remembered_t *oldest, *newest;
  size_t sessions, sessions_max;
  size_t bytes, bytes_max;
};

troupe_err_t
cache_new (cache_t **out, size_t sessions_max, size_t bytes_max)
{
  cache_t *self = calloc (1, sizeof *self);
  if (!self)
    return TROUPE_NO_MEMORY;
  self->sessions_max = sessions_max;
  self->bytes_max = bytes_max;
  *out = self;
  return TROUPE_OK;
}

static int
compare (const void *a, const void *b)
{
  return strcmp (((const remembered_t *) a)->session, ((const remembered_t *) b)->session);
}

// Removes an entry and returns its history.
static history_t *
withdraw (cache_t *self, remembered_t *entry)
{
  tdelete (entry, &self->by_session, compare);
  *(entry->older ? &entry->older->newer : &self->oldest) = entry->newer;
  *(entry->newer ? &entry->newer->older : &self->newest) = entry->older;
  self->sessions--;
  self->bytes -= history_bytes (entry->history);
  history_t *history = entry->history;
  free (entry);
  return history;
}

void
cache_destroy (cache_t **self_p)
{
  cache_t *self = *self_p;
  if (!self)
    return;
  while (self->oldest) {
    history_t *history = withdraw (self, self->oldest);
    history_destroy (&history);
  }
  free (self);
  *self_p = NULL;
}

history_t *
cache_take (cache_t *self, const char *session)
{
  remembered_t wanted = { .session = session };
  remembered_t **found = tfind (&wanted, &self->by_session, compare);
  return found ? withdraw (self, *found) : NULL;
}

// Enters a history as the newest; false: out of memory, and it is still the caller's.
static bool
enter (cache_t *self, const char *session, history_t *history)
{
  size_t size = strlen (session) + 1;
  remembered_t *entry = calloc (1, sizeof *entry + size);
  if (!entry)
    return false;
  entry->history = history;
  entry->session = memcpy (entry->name, session, size);
  if (!tsearch (entry, &self->by_session, compare)) {
    free (entry);
    return false;
  }
  entry->older = self->newest;
  *(self->newest ? &self->newest->newer : &self->oldest) = entry;
  self->newest = entry;
  self->sessions++;
  self->bytes += history_bytes (history);
  return true;
}

void
cache_put (cache_t *self, const char *session, history_t **history_p)
{
  history_t *present = cache_take (self, session);
  if (present && history_covers (present) > history_covers (*history_p)) {
    history_t *shorter = *history_p;
    *history_p = present;
    present = shorter;
  }
  history_destroy (&present);
  if (!enter (self, session, *history_p))
    history_destroy (history_p);
  *history_p = NULL;
  while (self->sessions > self->sessions_max || self->bytes > self->bytes_max) {
    history_t *dropped = withdraw (self, self->oldest);
    history_destroy (&dropped);
  }
}

size_t
cache_sessions (const cache_t *self)
{
  return self->sessions;
}

size_t
cache_bytes (const cache_t *self)
{
  return self->bytes;
}

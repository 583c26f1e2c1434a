// SPDX-License-Identifier: Apache-2.0
//
// Reads the part of a session's memory that a cached history lacks, a chunk at a time.
//
// The store's entries never change, so a cached history is right as long as the store is the same one. It may not be:
// a session may have ended and begun again under its name, or Redis may have been restored from a backup. So reading
// begins at the last entry that the history covers; if that isn't the one we know, or the memory is shorter than the
// history, everything is read anew.

#include "agent/recall.h"

static void request (recall_t *self);

static void
finish (recall_t *self, const troupe_error_t *error)
{
  self->done (self->context, error);
}

// False: the history was of another memory and has been cleared.
static bool
check_overlap (recall_t *self, const json_t *entries)
{
  if (!self->overlaps)
    return true;
  self->overlaps = false;
  if (history_ends_with (self->history, json_array_get (entries, 0)))
    return true;
  history_clear (self->history);
  return false;
}

static troupe_err_t
add_entries (recall_t *self, json_t *entries, size_t first, troupe_error_t *error)
{
  size_t wanted = troupe_task_memory_size (self->task);
  for (size_t i = first; i < json_array_size (entries) && history_covers (self->history) < wanted; i++) {
    troupe_err_t code = history_add (self->history, json_array_get (entries, i), error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static void
recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *failure)
{
  recall_t *self = context;
  troupe_error_t error;
  (void) task;
  if (!entries) {
    finish (self, failure);
    return;
  }
  if (json_array_size (entries) == 0) {
    troupe_error_set (&error, TROUPE_INTERNAL, "memory", NULL, "the broker returned none of the memory from entry %zu",
                      history_covers (self->history));
    json_decref (entries);
    finish (self, &error);
    return;
  }
  size_t first = self->overlaps ? 1 : 0;
  troupe_err_t code = TROUPE_OK;
  if (check_overlap (self, entries))
    code = add_entries (self, entries, first, &error);
  json_decref (entries);
  if (code != TROUPE_OK)
    finish (self, &error);
  else if (history_covers (self->history) < troupe_task_memory_size (self->task))
    request (self);
  else
    finish (self, NULL);
}

static void
request (recall_t *self)
{
  size_t from = history_covers (self->history) - (self->overlaps ? 1 : 0);
  size_t count = troupe_task_memory_size (self->task) - from;
  if (count > RECALL_CHUNK)
    count = RECALL_CHUNK;
  troupe_err_t code = troupe_task_recall (self->task, from, count, recalled, self);
  if (code == TROUPE_OK)
    return;
  troupe_error_t error;
  troupe_error_set (&error, code, "memory", NULL, "%s", troupe_err_text (code));
  finish (self, &error);
}

void
recall_begin (recall_t *self, troupe_task_t *task, history_t *history, recall_done_fn *done, void *context)
{
  *self = (recall_t){ .task = task, .history = history, .done = done, .context = context };
  if (troupe_task_memory_size (task) < history_covers (history))
    history_clear (history);
  if (troupe_task_memory_size (task) == 0) {
    finish (self, NULL);
    return;
  }
  self->overlaps = history_covers (history) > 0;
  request (self);
}

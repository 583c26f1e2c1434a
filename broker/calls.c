// SPDX-License-Identifier: Apache-2.0
//
// A call is held here from the first message about it until it has settled: as long as its caller isn't answered, this
// is its only place; afterwards it is a copy of what the store has, with its input, so that nothing is read back to
// offer it. The input is one buffer from the socket to the ledger and to the offer.

#include "broker/calls.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/ending.h"
#include "broker/hubs.h"
#include "broker/placement.h"
#include "broker/registry.h"
#include "broker/unstored.h"

#include <stdlib.h>

// -- Making and forgetting -------------------------------------------------------------------------------------------

static uint64_t
hash_of (const broker_core_t *core, const troupe_id_t *id)
{
  return table_hash (&core->options.key, id->bytes, sizeof id->bytes);
}

call_t *
calls_find (const broker_core_t *core, const troupe_id_t *id)
{
  for (table_link_t *link = table_first (&core->calls, hash_of (core, id)); link != NULL; link = table_next (link)) {
    call_t *call = LIST_ITEM (link, call_t, by_id);
    if (memcmp (call->id.bytes, id->bytes, sizeof id->bytes) == 0)
      return call;
  }
  return NULL;
}

// `error` may be NULL.
troupe_err_t
calls_overloaded (broker_core_t *core, troupe_error_t *error, broker_queue_t queue, const char *what, size_t limit)
{
  core->drops[queue]++;
  troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later, or raise the limit",
                    "the broker holds as many %s as it may (%zu)", what, limit);
  if (error != NULL)
    error->retry_after_ms = RETRY_AFTER_MS;
  return TROUPE_OVERLOADED;
}

// NULL: no_memory.
static call_t *
make (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, troupe_error_t *error)
{
  call_t *call = malloc (sizeof *call + session.size + 1);
  if (call == NULL || alarms_reserve (&core->deadlines, core->calls.count + 1) != TROUPE_OK) {
    free (call);
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  memset (call, 0, sizeof *call); // calloc would pass by the C library's caches
  memcpy (call->session, session.data, session.size);
  call->session[session.size] = '\0';
  call->id = *id;
  call->phase = CALL_STORED;
  list_init (&call->waiters);
  list_init (&call->in_phase);
  list_init (&call->in_again);
  list_init (&call->in_untold);
  list_init (&call->in_unstored);
  list_append (&core->all_calls, &call->in_core);
  return call;
}

static bool
full (broker_core_t *core, troupe_error_t *error)
{
  size_t limit = core->options.limits.open_calls;
  if (core->calls.count + core->detached < limit)
    return false;
  calls_overloaded (core, error, BROKER_QUEUE_OPEN_CALLS, "open calls (limits.open_calls)", limit);
  return true;
}

call_t *
calls_new (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, bool limited, troupe_error_t *error)
{
  call_t *call = limited && full (core, error) ? NULL : make (core, id, session, error);
  if (call != NULL)
    table_insert (&core->calls, &call->by_id, hash_of (core, id));
  return call;
}

call_t *
calls_new_detached (broker_core_t *core, const troupe_id_t *id, troupe_text_t session, troupe_error_t *error)
{
  call_t *call = full (core, error) ? NULL : make (core, id, session, error);
  if (call != NULL) {
    call->detached = true;
    core->detached++;
  }
  return call;
}

// NULL: there are none, or there is no memory.
static troupe_id_t *
copy_ids (const troupe_id_t *ids, uint32_t count)
{
  troupe_id_t *copy = count > 0 ? calloc (count, sizeof *copy) : NULL;
  if (copy != NULL)
    memcpy (copy, ids, count * sizeof *copy);
  return copy;
}

// no_memory; then what was copied is the call's all the same.
static troupe_err_t
copy_content (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error)
{
  call->path = copy_ids (content->path, content->path_count);
  call->path_count = content->path_count;
  call->inputs = copy_ids (content->inputs, content->inputs_count);
  call->inputs_count = content->inputs_count;
  call->hubs = copy_ids (content->hubs, content->hubs_count);
  call->hubs_count = content->hubs_count;
  call->fan = content->fan;
  call->trace = content->trace.data != NULL ? strndup (content->trace.data, content->trace.size) : NULL;
  bool copied = (call->path != NULL || call->path_count == 0) && (call->inputs != NULL || call->inputs_count == 0) &&
                (call->hubs != NULL || call->hubs_count == 0) && (call->trace != NULL || content->trace.data == NULL);
  return copied ? TROUPE_OK : answer_no_memory (core, call->service->name, error);
}

static void
free_content (broker_core_t *core, call_t *call)
{
  hubs_clear (call);
  free (call->path);
  free (call->inputs);
  free (call->hubs);
  free (call->trace);
  free (call->death);
  call->death = NULL;
  call->path = call->inputs = call->hubs = NULL;
  call->trace = NULL;
  call->path_count = call->inputs_count = call->hubs_count = 0;
  if (call->service != NULL)
    registry_release (core, call->service);
  call->service = NULL;
}

troupe_err_t
calls_fill (broker_core_t *core, call_t *call, const call_content_t *content, troupe_error_t *error)
{
  call->service = registry_take (core, content->service, error);
  if (call->service == NULL)
    return error->code;
  troupe_err_t err = copy_content (core, call, content, error);
  if (err == TROUPE_OK && hubs_is_operation (content->service))
    err = hubs_prepare (core, call, content->body, error);
  if (err != TROUPE_OK) {
    free_content (core, call);
    return err;
  }
  call->actor = call->service->actor;
  call->body = content->brief ? troupe_buffer_ref (content->body) : troupe_buffer_keep (content->body);
  core->open_bytes += troupe_buffer_size (call->body);
  call->whole = true;
  return TROUPE_OK;
}

// Takes it out of the queue, the held ones or the orphans. (A running one gives its credit back instead.)
static void
leave_phase (call_t *call)
{
  if (call->phase == CALL_QUEUED)
    placement_withdraw (call);
  else
    list_remove (&call->in_phase);
}

void
calls_destroy (broker_core_t *core, call_t *call)
{
  asking_abandon (core, call);
  if (call->instance != NULL)
    registry_return (core, call);
  leave_phase (call);
  awaiting_clear (call);
  ending_clear_outcome (core, call);
  alarms_clear (&core->deadlines, &call->deadline);
  if (call->detached)
    core->detached--;
  else
    table_remove (&core->calls, &call->by_id);
  list_remove (&call->in_untold);
  list_remove (&call->in_unstored);
  list_remove (&call->in_core);
  core->open_bytes -= troupe_buffer_size (call->body);
  troupe_buffer_unref (&call->body);
  free_content (core, call);
  troupe_buffer_unref (&call->gathered);
  free (call);
}

void
calls_drop_unneeded (broker_core_t *core, call_t *call)
{
  if (call->waiters_count > 0 || call->outcome.status != TROUPE_STATUS_NONE || call->accept_wanted)
    return;
  if (call->phase == CALL_HELD || (call->phase == CALL_STORED && !call->whole))
    calls_destroy (core, call);
  else if (call->unstored)
    unstored_left (core, call);
}

void
calls_set_deadline (broker_core_t *core, call_t *call, int64_t remaining)
{
  if (remaining > 0)
    alarms_set (&core->deadlines, &call->deadline, core->now + remaining);
  else
    alarms_clear (&core->deadlines, &call->deadline);
}

// What is left is a place for its waiters.
static void
empty (broker_core_t *core, call_t *call)
{
  asking_abandon (core, call);
  leave_phase (call);
  ending_clear_outcome (core, call);
  calls_set_deadline (core, call, 0);
  core->open_bytes -= troupe_buffer_size (call->body);
  troupe_buffer_unref (&call->body);
  free_content (core, call);
  call->phase = CALL_STORED;
  call->whole = call->actor = call->in_doubt = call->accept_wanted = false;
  call->flags = call->parent = 0;
  call->deadline_ms = 0;
  call->fan = call->previous = (troupe_id_t){{0}};
  call->turn = (attempt_t){0};
}

void
calls_refuse_callers (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  if (call->unstored) {
    calls_refuse (core, call, error);
    return;
  }
  awaiting_refuse_untold (core, call, error);
  if (call->waiters_count == 0) {
    calls_destroy (core, call);
    return;
  }
  empty (core, call);
  call->await_wanted = true;
  asking_continue (core, call);
}

void
calls_refuse (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  awaiting_tell_refused (core, call, error);
  calls_destroy (core, call);
}

// SPDX-License-Identifier: Apache-2.0
//
// What brokers answer to calls.
//
// A refusal means "nothing happened" only if the call was sent once. If an earlier send may have arrived at another
// broker, a refusal that may pass (a service that hasn't registered yet after a restart, the store away) is answered
// by sending again for a while; in the end the error says that it isn't known. (On one connection, too: the first
// send may have been refused, and the second accepted.)
//
// That the store is away, or the service unknown, is what one broker says, so the others are asked before it counts.
//
// A call whose input isn't known may have overtaken it, if that one is being sent again: it is sent again, too, as
// long as the input has no answer. When the input was refused, the call ends by the input's error (depending.c).
//
// A call with `wait` waits not only for its service, which the broker sees to that keeps it (parking.c), but for
// whatever may pass: the store that the broker has not reached yet, room in a queue.
//
// One that is refused as out_of_order is held back until the calls before it are stored, or have ended (ordering.c).
//
// Parts of an attempt count from its first one on: the rest alone would be taken for the whole.
//
// A call that was accepted and isn't known any more is not made again: it may have run.
//
// A nested call that is refused as stale says that its task's attempt is over: the task is cancelled, unless it has
// been adopted under another attempt since the call was sent; then the call is sent again under that one.

#include "node/calling.h"
#include "node/inputs.h"
#include "node/losing.h"
#include "node/ordering.h"
#include "node/serving.h"
#include "troupe/value.h"

enum {
  REFUSED_PATIENCE_MS = 5000, // two leases: services re-register within one
  WAIT_MS = 600 * 1000,       // the default deadline of calls: of one with `wait` that has none
};

static void
accept (troupe_placeholder_t *self)
{
  if (self->service == NULL || self->state == TROUPE_CALL_STORED)
    return;
  node_calling_answered (self);
  self->parked = false;
  self->retry_at = self->core->now + NODE_ASK_AGAIN_MS;
  self->refused_by = 0;
  if (!(self->flags & TROUPE_FLAG_VOLATILE)) {
    node_calling_drop_input (self);
    self->state = TROUPE_CALL_STORED;
    node_ordering_leave (self);
  }
  bool to_cancel = (self->flags & TROUPE_FLAG_VOLATILE) && self->parent != NULL;
  if (self->forgotten && !to_cancel)
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_NONE, NULL, NULL);
  else
    node_placeholder_arm (self);
}

void
node_calling_accepted (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_placeholder_t *self = node_table_find (&from->core->calls, &header->call);
  if (self == NULL)
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
  else if (!(self->flags & TROUPE_FLAG_VOLATILE))
    from->unwell_until = from->core->now; // its store is there
  for (troupe_placeholder_t *twin; self != NULL; self = twin) {
    twin = self->twin;
    accept (self);
  }
}

void
node_calling_part (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  json_t *part = NULL;
  troupe_placeholder_t *self = node_table_find (&from->core->calls, &header->call);
  if (self == NULL) {
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    return;
  }
  if (troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &part, NULL) != TROUPE_OK) {
    node_core_count (from->core, NODE_COUNT_FRAMES_BAD);
    return;
  }
  for (; self != NULL; self = self->twin) {
    if (self->part == NULL || self->forgotten)
      continue;
    bool behind =
      header->attempt < self->attempt || (header->attempt == self->attempt && header->sequence < self->sequence);
    bool headless = header->attempt > self->attempt && header->sequence > 0;
    if (behind || headless) {
      node_core_count (from->core, NODE_COUNT_PARTS_LATE);
      continue;
    }
    self->attempt = header->attempt;
    self->sequence = header->sequence + 1;
    if (!node_placeholder_keep_part (self, (unsigned)header->attempt, part))
      node_core_count (from->core, NODE_COUNT_PARTS_UNREAD);
  }
  json_decref (part);
}

void
node_calling_settled (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error; // set where it is read: clearing it would cost more than all else here
  json_t *json = NULL;
  troupe_status_t status = (troupe_status_t)header->status;
  bool runs_here = status != TROUPE_STATUS_NONE && node_losing_settled (from->core, &header->call);
  troupe_placeholder_t *self = node_table_find (&from->core->calls, &header->call);
  if (self == NULL && runs_here)
    return;
  if (self == NULL || status == TROUPE_STATUS_NONE) {
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    return;
  }
  if (troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, &error) != TROUPE_OK)
    status = status == TROUPE_STATUS_VALUE ? TROUPE_STATUS_ERROR : status;
  else if (status != TROUPE_STATUS_VALUE)
    troupe_error_of_json (&error, json);
  for (troupe_placeholder_t *twin; self != NULL; self = twin) {
    twin = self->twin;
    if (status == TROUPE_STATUS_VALUE)
      node_calling_settle (self, TROUPE_CALL_SETTLED, status, json_incref (json), NULL);
    else
      node_calling_settle (self, TROUPE_CALL_SETTLED, status, NULL, &error);
  }
  json_decref (json);
}

static troupe_status_t
status_of (troupe_err_t code)
{
  return code == TROUPE_DEADLINE    ? TROUPE_STATUS_DEADLINE
         : code == TROUPE_CANCELLED ? TROUPE_STATUS_CANCELLED
                                    : TROUPE_STATUS_ERROR;
}

void
node_calling_refuse (troupe_placeholder_t *self, const troupe_error_t *error)
{
  node_calling_settle (self, TROUPE_CALL_REFUSED, status_of (error->code), NULL, error);
}

// May it pass, so that sending again could tell what became of an earlier send?
static bool
may_pass (const troupe_error_t *error)
{
  return error->code == TROUPE_UNKNOWN_SERVICE || error->code == TROUPE_STORE_UNAVAILABLE ||
         error->code == TROUPE_OVERLOADED || error->code == TROUPE_UNAVAILABLE;
}

// True if its task's attempt is over. The header tells under which attempt the call was sent, or else it was the last
// one.
static bool
stale (troupe_placeholder_t *self, const troupe_header_t *header, const troupe_error_t *error)
{
  uint64_t under = troupe_header_has (header, TROUPE_F (ATTEMPT)) ? header->attempt : self->sent_under;
  if (under < self->parent->attempt) {
    node_calling_requeue (self);
    return false;
  }
  node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_ERROR, NULL, error);
  return true;
}

static bool
waits_on (const troupe_placeholder_t *self, const troupe_error_t *error)
{
  bool passes = troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE || error->code == TROUPE_UNKNOWN_SERVICE;
  return (self->flags & TROUPE_FLAG_WAIT) && passes &&
         (self->deadline != TROUPE_LOOP_NEVER || self->core->now - self->made_at < WAIT_MS);
}

static void
call_refused (troupe_placeholder_t *self, node_connection_t *from, const troupe_error_t *error)
{
  troupe_error_t unsure = *error;
  self->parked = false;
  if (self->cause != NULL && self->hopeless) {
    node_calling_refuse (self, self->cause);
    return;
  }
  if (node_calling_elsewhere (self, from, error->code))
    return;
  if (error->code == TROUPE_OUT_OF_ORDER && self->follows) {
    node_ordering_refused (self);
    return;
  }
  if (error->code == TROUPE_UNKNOWN_CALL && node_inputs_under_way (self)) {
    node_calling_retry_later (self, error);
    return;
  }
  if (waits_on (self, error)) {
    node_calling_unsend (self);
    self->refused_as = error->code;
    node_calling_retry_later (self, error);
    return;
  }
  if (error->code == TROUPE_UNKNOWN_CALL && self->cause != NULL)
    error = self->cause;
  if (self->sends <= 1) {
    node_calling_refuse (self, error);
    return;
  }
  if (self->refused_at == TROUPE_LOOP_NEVER)
    self->refused_at = self->core->now;
  if (may_pass (error) && self->core->now - self->refused_at < REFUSED_PATIENCE_MS) {
    node_calling_retry_later (self, error);
    return;
  }
  troupe_error_set (&unsure, error->code, error->object, error->next,
                    "%s (this answers the last of %u sends; whether an earlier one was accepted isn't known)",
                    error->why, self->sends);
  unsure.retry_after_ms = error->retry_after_ms;
  node_calling_settle (self, TROUPE_CALL_SETTLED, status_of (error->code), NULL, &unsure);
}

// It was accepted, so that it is unknown says something else than of another's call.
static void
lose (const troupe_placeholder_t *self, troupe_error_t *error)
{
  troupe_error_set (error, TROUPE_STORE_LOST, self->service, "see what it did before you call again, and why Redis lost "
                    "data: its disk, store.fsync, a failover",
                    "the call was stored, and the store doesn't have it any more; whether it ran is not known (unless it "
                    "ended while no broker could be asked, for longer than limits.retention)");
}

static void
await_refused (troupe_placeholder_t *self, node_connection_t *from, const troupe_error_t *error)
{
  troupe_error_t lost;
  if (node_calling_elsewhere (self, from, error->code))
    return;
  if (error->code == TROUPE_UNKNOWN_CALL && self->state == TROUPE_CALL_STORED) {
    lose (self, &lost);
    error = &lost;
  }
  if (troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE)
    node_calling_retry_later (self, error);
  else
    node_calling_settle (self, self->service == NULL ? TROUPE_CALL_REFUSED : TROUPE_CALL_SETTLED,
                         status_of (error->code), NULL, error);
}

void
node_calling_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  troupe_task_t *superseded = NULL;
  troupe_placeholder_t *self = NULL;
  if (troupe_header_has (header, TROUPE_F (CALL)))
    self = node_table_find (&from->core->calls, &header->call);
  bool asked = header->of == TROUPE_CMD_AWAIT && troupe_header_has (header, TROUPE_F (CALL)) &&
               node_losing_refused (from->core, &header->call, error);
  if (self == NULL && !asked)
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
  for (troupe_placeholder_t *twin; self != NULL; self = twin) {
    twin = self->twin;
    if (self->at != from)
      node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    else if (header->of == TROUPE_CMD_AWAIT && node_calling_awaits (self))
      await_refused (self, from, error);
    else if (header->of == TROUPE_CMD_CALL && error->code == TROUPE_STALE && self->parent != NULL) {
      troupe_task_t *parent = self->parent;
      if (!node_calling_awaits (self) && stale (self, header, error))
        superseded = parent;
    } else if (header->of == TROUPE_CMD_CALL && !node_calling_awaits (self))
      call_refused (self, from, error);
    else if (header->of == TROUPE_CMD_CANCEL && troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE)
      node_calling_retry_later (self, error);
  }
  if (superseded != NULL) // only now: its other calls may stand in that row
    node_task_cancel (superseded);
}

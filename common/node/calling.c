// SPDX-License-Identifier: Apache-2.0
//
// Outstanding calls: sending them, what brokers answer, and moving them to another broker.
//
// A call is in one of two places: in core->pending, sorted by the order in which the user made the calls, or in the list
// of the connection that has it. Dispatch moves calls from the first to the second as long as the connection takes more;
// losing a connection moves its calls back, to where their order says. Everything else follows:
//
//   - Calls keep their order through a failover, because they all go to one connection at a time. It stays the same until
//     it is lost; back to a more preferred one only when no call is without an answer, or later calls could overtake.
//   - What is not stored is sent as CALL, what is stored as AWAIT, so nothing is stored twice and nothing is forgotten.
//   - A refusal means "nothing happened" only if the call was sent once. If an earlier send may have arrived at another
//     broker, a refusal that may pass (a service that hasn't registered yet after a restart, the store away) is answered
//     by sending again for a while; in the end the error says that it isn't known.
//
// A command without an answer is sent again after a while even if the connection seems fine, so that no defect on the way
// lets a caller wait for ever.

#include "node/calling.h"

#include "node/serving.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  WINDOW = 4096,                   // frames on one connection; more calls wait in order in `pending`
  RESEND_MS = 5000,                // a CALL without an answer, doubling with each time
  RESEND_MAX_SHIFT = 4,            // up to 80 s
  ASK_AGAIN_MS = 30 * 1000,        // a stored call: whether it has settled, should its SETTLED have been lost
  REFUSED_RETRY_MS = 250,          // at least, after a refusal that may pass
  REFUSED_PATIENCE_MS = 5000,      // two leases: services re-register within one
  GIVE_UP_MS = 10 * 1000,          // a call without a deadline, while no broker is up
  GIVE_UP_STORED_MS = 600 * 1000,  // a stored one: the default deadline of calls, within which it would have settled
  UNAVAILABLE_RETRY_MS = 1000,
};

// -- Sending ---------------------------------------------------------------------------------------------------------

static void
answered (troupe_placeholder_t *self)
{
  if (!self->answered)
    self->core->unanswered--;
  self->answered = true;
}

static void
send_call (troupe_placeholder_t *self, node_connection_t *to)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &self->id);
  troupe_header_set_service (&header, troupe_text (self->service));
  troupe_header_set_session (&header, troupe_text (self->session));
  if (self->deadline != TROUPE_LOOP_NEVER) {
    int64_t remaining = self->deadline - self->core->now;
    troupe_header_set_deadline (&header, remaining < 1 ? 1 : (uint64_t) remaining);
  }
  if (self->path_count > 0)
    troupe_header_set_path (&header, self->path, self->path_count);
  if (self->flags != 0)
    troupe_header_set_flags (&header, self->flags);
  if (self->trace != NULL)
    troupe_header_set_trace (&header, troupe_text (self->trace));
  node_connection_send (to, &header, self->input);
  if (self->state == TROUPE_CALL_NOT_SENT)
    self->state = TROUPE_CALL_MAYBE;
  if (self->answered)
    self->core->unanswered++;
  self->answered = false;
}

static void
send_await (troupe_placeholder_t *self, node_connection_t *to)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &self->id);
  troupe_header_set_session (&header, troupe_text (self->session));
  if (self->flags & TROUPE_FLAG_STREAM)
    troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  node_connection_send (to, &header, NULL);
  if (self->state == TROUPE_CALL_NOT_SENT)
    self->state = TROUPE_CALL_MAYBE;
}

static void
send_cancel (troupe_placeholder_t *self, node_connection_t *to)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &self->id);
  troupe_header_set_session (&header, troupe_text (self->session));
  node_connection_send (to, &header, NULL);
}

static bool
is_await (const troupe_placeholder_t *self)
{
  return self->service == NULL || self->state == TROUPE_CALL_STORED;
}

static void
send_to (troupe_placeholder_t *self, node_connection_t *to)
{
  node_core_t *core = self->core;
  self->at = to;
  node_list_append (&to->calls, &self->place);
  if (self->sends++ > 0)
    node_core_count (core, NODE_COUNT_CALLS_RESENT);
  if (is_await (self)) {
    send_await (self, to);
    self->retry_at = core->now + ASK_AGAIN_MS;
  } else {
    unsigned shift = self->sends - 1 > RESEND_MAX_SHIFT ? RESEND_MAX_SHIFT : self->sends - 1;
    send_call (self, to);
    self->retry_at = core->now + ((int64_t) RESEND_MS << shift);
  }
  if (self->cancelling)
    send_cancel (self, to);
  node_placeholder_arm (self);
}

static void
choose_connection (node_core_t *core)
{
  node_connection_t *first = NULL;
  for (unsigned i = 0; i < core->connections_count && first == NULL; i++)
    if (node_connection_up (&core->connections[i]))
      first = &core->connections[i];
  if (!node_connection_up (core->current) || core->unanswered == 0)
    core->current = first;
}

void
node_calling_dispatch (node_core_t *core)
{
  if (node_list_empty (&core->pending))
    return;
  choose_connection (core);
  while (core->current != NULL && !core->current->broken && core->current->outbox.count < WINDOW
         && !node_list_empty (&core->pending))
    send_to (NODE_OF (core->pending.next, troupe_placeholder_t, place), core->current);
}

// -- Moving ----------------------------------------------------------------------------------------------------------

static uint64_t
order_at (node_list_t *place)
{
  return NODE_OF (place, troupe_placeholder_t, place)->order;
}

// Puts the call into `pending` where its order says, searching from `finger` on; returns its place. Whoever inserts
// many in descending order passes each result to the next, which makes it linear.
static node_list_t *
insert_pending (troupe_placeholder_t *self, node_list_t *finger)
{
  node_list_t *head = &self->core->pending;
  while (finger != head && order_at (finger) > self->order)
    finger = finger->prev;
  while (finger->next != head && order_at (finger->next) < self->order)
    finger = finger->next;
  answered (self);
  self->at = NULL;
  node_list_remove (&self->place);
  self->place.prev = finger;
  self->place.next = finger->next;
  finger->next->prev = &self->place;
  finger->next = &self->place;
  return &self->place;
}

void
node_calling_lost (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  node_list_t *finger = core->pending.prev;
  while (!node_list_empty (&connection->calls)) {
    troupe_placeholder_t *self = NODE_OF (connection->calls.prev, troupe_placeholder_t, place);
    finger = insert_pending (self, finger);
    self->retry_at = TROUPE_LOOP_NEVER;
    node_placeholder_arm (self);
  }
  node_calling_watch (core);
}

void
node_calling_watch (node_core_t *core)
{
  int64_t due = core->now + GIVE_UP_MS;
  if (core->up_count == 0 && (core->give_up_at == TROUPE_LOOP_NEVER || core->give_up_at > due))
    core->give_up_at = due;
}

void
node_calling_requeue (troupe_placeholder_t *self)
{
  if (self->at != NULL)
    insert_pending (self, self->core->pending.prev);
}

static void
retry_later (troupe_placeholder_t *self, const troupe_error_t *error)
{
  unsigned delay = error->retry_after_ms < REFUSED_RETRY_MS ? REFUSED_RETRY_MS : error->retry_after_ms;
  answered (self);
  self->retry_at = self->core->now + delay;
  node_placeholder_arm (self);
}

static void
give_up (troupe_placeholder_t *self)
{
  troupe_error_t error = {0}, health = {0};
  char id[TROUPE_ID_TEXT_SIZE];
  const char *so = self->state == TROUPE_CALL_STORED ? "the call is stored and may have settled"
                   : self->sends > 0 && self->service != NULL ? "the call was sent; whether it arrived isn't known"
                                                              : "the call was not sent";
  troupe_id_to_text (&self->id, id);
  node_core_health (self->core, &health);
  troupe_error_set (&error, TROUPE_UNAVAILABLE, self->service != NULL ? self->service : id, health.next, "%s; %s",
                    health.why, so);
  error.retry_after_ms = UNAVAILABLE_RETRY_MS;
  bool nothing_happened = self->service == NULL || self->sends == 0;
  node_calling_settle (self, nothing_happened ? TROUPE_CALL_REFUSED : TROUPE_CALL_SETTLED, TROUPE_STATUS_ERROR, NULL,
                       &error);
}

void
node_calling_give_up (node_core_t *core)
{
  int64_t next = TROUPE_LOOP_NEVER;
  core->give_up_at = TROUPE_LOOP_NEVER;
  if (core->up_count > 0)
    return;
  for (node_list_t *link = core->pending.next, *after; link != &core->pending; link = after) {
    troupe_placeholder_t *self = NODE_OF (link, troupe_placeholder_t, place);
    int64_t since = self->made_at > core->down_since ? self->made_at : core->down_since;
    int64_t due = since + (self->state == TROUPE_CALL_STORED ? GIVE_UP_STORED_MS : GIVE_UP_MS);
    after = link->next;
    if (self->deadline != TROUPE_LOOP_NEVER)
      continue;
    if (core->now >= due)
      give_up (self);
    else if (next == TROUPE_LOOP_NEVER || due < next)
      next = due;
  }
  core->give_up_at = next;
}

// -- Answers ---------------------------------------------------------------------------------------------------------

static bool
is_open (const troupe_placeholder_t *self)
{
  return self->state != TROUPE_CALL_REFUSED && self->state != TROUPE_CALL_SETTLED;
}

static void
drop_input (troupe_placeholder_t *self)
{
  troupe_buffer_unref (&self->input);
  free (self->path);
  free (self->trace);
  self->path = NULL;
  self->trace = NULL;
  self->path_count = 0;
}

static void
accept (troupe_placeholder_t *self)
{
  if (self->service == NULL || self->state == TROUPE_CALL_STORED)
    return;
  answered (self);
  drop_input (self);
  self->state = TROUPE_CALL_STORED;
  self->retry_at = self->core->now + ASK_AGAIN_MS;
  if (self->forgotten && self->parent == NULL)
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_NONE, NULL, NULL);
  else
    node_placeholder_arm (self);
}

void
node_calling_accepted (node_connection_t *from, const troupe_header_t *header)
{
  troupe_placeholder_t *self = node_table_find (&from->core->calls, &header->call);
  if (self == NULL)
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
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
    if (header->attempt < self->attempt || (header->attempt == self->attempt && header->sequence < self->sequence)) {
      node_core_count (from->core, NODE_COUNT_PARTS_LATE);
      continue;
    }
    self->attempt = header->attempt;
    self->sequence = header->sequence + 1;
    if (!node_placeholder_keep_part (self, (unsigned) header->attempt, part))
      node_core_count (from->core, NODE_COUNT_PARTS_UNREAD);
  }
  json_decref (part);
}

void
node_calling_settled (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  json_t *json = NULL;
  troupe_status_t status = (troupe_status_t) header->status;
  troupe_placeholder_t *self = node_table_find (&from->core->calls, &header->call);
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

// May it pass, so that sending again could tell what became of an earlier send?
static bool
may_pass (const troupe_error_t *error)
{
  return error->code == TROUPE_UNKNOWN_SERVICE || error->code == TROUPE_STORE_UNAVAILABLE
         || error->code == TROUPE_OVERLOADED || error->code == TROUPE_UNAVAILABLE;
}

static void
call_refused (troupe_placeholder_t *self, const troupe_error_t *error)
{
  troupe_error_t unsure = *error;
  if (self->sends <= 1) {
    node_calling_settle (self, TROUPE_CALL_REFUSED, status_of (error->code), NULL, error);
    return;
  }
  if (self->refused_at == TROUPE_LOOP_NEVER)
    self->refused_at = self->core->now;
  if (may_pass (error) && self->core->now - self->refused_at < REFUSED_PATIENCE_MS) {
    retry_later (self, error);
    return;
  }
  troupe_error_set (&unsure, error->code, error->object, error->next,
                    "%s (this answers the last of %u sends; whether an earlier one was accepted isn't known)", error->why,
                    self->sends);
  unsure.retry_after_ms = error->retry_after_ms;
  node_calling_settle (self, TROUPE_CALL_SETTLED, status_of (error->code), NULL, &unsure);
}

static void
await_refused (troupe_placeholder_t *self, const troupe_error_t *error)
{
  if (troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE)
    retry_later (self, error);
  else
    node_calling_settle (self, self->service == NULL ? TROUPE_CALL_REFUSED : TROUPE_CALL_SETTLED,
                         status_of (error->code), NULL, error);
}

void
node_calling_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  troupe_placeholder_t *self = NULL;
  if (troupe_header_has (header, TROUPE_F (CALL)))
    self = node_table_find (&from->core->calls, &header->call);
  if (self == NULL)
    node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
  for (troupe_placeholder_t *twin; self != NULL; self = twin) {
    twin = self->twin;
    if (self->at != from)
      node_core_count (from->core, NODE_COUNT_FRAMES_UNEXPECTED);
    else if (header->of == TROUPE_CMD_AWAIT && is_await (self))
      await_refused (self, error);
    else if (header->of == TROUPE_CMD_CALL && !is_await (self))
      call_refused (self, error);
    else if (header->of == TROUPE_CMD_CANCEL && troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE)
      retry_later (self, error);
  }
}

// -- Ending ----------------------------------------------------------------------------------------------------------

static void
leave_table (troupe_placeholder_t *self)
{
  node_table_t *calls = &self->core->calls;
  troupe_placeholder_t *first = node_table_find (calls, &self->id);
  if (first != self) {
    while (first->twin != self)
      first = first->twin;
    first->twin = self->twin;
  } else if (self->twin != NULL)
    node_table_replace (calls, &self->id, self->twin);
  else
    node_table_remove (calls, &self->id);
  self->twin = NULL;
}

void
node_calling_settle (troupe_placeholder_t *self, troupe_call_state_t state, troupe_status_t status, json_t *value,
                     const troupe_error_t *error)
{
  node_core_t *core = self->core;
  leave_table (self);
  answered (self);
  node_timers_release (&core->timers, &self->timer);
  node_list_remove (&self->place);
  node_list_remove (&self->sibling);
  core->open_calls--;
  drop_input (self);
  self->at = NULL;
  self->parent = NULL;
  self->state = state;
  self->status = status;
  self->value = value;
  if (error != NULL && (self->error = malloc (sizeof *error)) != NULL)
    *self->error = *error;

  if (self->forgotten)
    node_placeholder_free (self);
  else {
    self->core = NULL; // nothing more will come
    self->settled_due = self->settled != NULL;
    if (self->settled_due)
      node_core_ready (core, &self->ready);
  }
}

void
troupe_placeholder_cancel (troupe_placeholder_t *self)
{
  troupe_error_t error;
  if (self->core == NULL || !is_open (self) || self->cancelling)
    return;
  node_core_wake (self->core);
  self->cancelling = true;
  if (self->service != NULL && self->sends == 0) {
    troupe_error_set (&error, TROUPE_CANCELLED, self->service, NULL, "cancelled by its caller before it was sent");
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_CANCELLED, NULL, &error);
  } else if (self->at != NULL)
    send_cancel (self, self->at);
}

void
troupe_placeholder_destroy (troupe_placeholder_t **self_p)
{
  troupe_placeholder_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  if (self->core == NULL || !is_open (self)) {
    node_placeholder_free (self);
    return;
  }
  // A call that isn't stored yet, or that a task may have to cancel, goes on without the user's handle.
  self->forgotten = true;
  node_list_remove (&self->ready.place);
  bool needed = self->service != NULL && (self->state != TROUPE_CALL_STORED || self->parent != NULL);
  if (!needed)
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_NONE, NULL, NULL);
}

void
node_calling_cancel_children (troupe_task_t *parent)
{
  for (node_list_t *link = parent->children.next, *after; link != &parent->children; link = after) {
    after = link->next;
    troupe_placeholder_cancel (NODE_OF (link, troupe_placeholder_t, sibling));
  }
}

void
node_calling_orphan (troupe_task_t *parent)
{
  while (!node_list_empty (&parent->children)) {
    troupe_placeholder_t *self = NODE_OF (parent->children.next, troupe_placeholder_t, sibling);
    node_list_remove (&self->sibling);
    self->parent = NULL;
    if (self->forgotten && self->state == TROUPE_CALL_STORED && !self->cancelling)
      node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_NONE, NULL, NULL);
  }
}

void
node_calling_close (node_core_t *core)
{
  for (size_t i = 0; i < core->calls.capacity; i++) {
    for (troupe_placeholder_t *self = core->calls.slots[i].thing, *twin; self != NULL; self = twin) {
      twin = self->twin;
      node_list_remove (&self->place);
      node_list_remove (&self->sibling);
      node_list_remove (&self->ready.place);
      self->core = NULL;
      self->at = NULL;
      self->parent = NULL;
      if (self->forgotten)
        node_placeholder_free (self);
    }
  }
}

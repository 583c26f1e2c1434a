// SPDX-License-Identifier: Apache-2.0
//
// Outstanding calls: sending them, and moving them to another broker.
//
// A call is in one of two places: in core->pending, sorted by the order in which the user made the calls, or in the
// list of the connection that has it. Dispatch moves calls from the first to the second as long as the connection
// takes more; losing a connection moves its calls back, to where their order says. Everything else follows:
//
//   - Calls keep their order through a failover, because they all go to one connection at a time. It stays the same
//     until it is lost; back to a more preferred one only when no call is without an answer, or later calls could
//     overtake. What may be lost on the way all the same is found out by PREVIOUS (ordering.c).
//   - What is not stored is sent as CALL, what is stored as AWAIT, so nothing is stored twice and nothing is forgotten.
//     A volatile call is never stored: it is sent as CALL until it settles.
//   - What one broker refuses another may take: one whose store is away refuses what must be stored, and one that has
//     just started doesn't know the services that have yet to find it. So a call refused for either goes to the next
//     that is up, and is refused to the user only when none is left. For a while what is sent next avoids a broker
//     without its store. Each call moves when its own refusal comes, for that says that nothing happened to it;
//     PREVIOUS keeps the order meanwhile.
//   - A call with WAIT is kept by the last broker that is asked (parking.c).
//   - A nested call goes out under the attempt that its parent has at that moment: it may have been adopted in the
//     meantime. A volatile one names no attempt: the broker that it goes to may not know its parent, nor have a journal
//     to keep.
//
// A command without an answer is sent again after a while even if the connection seems fine, so that no defect on the
// way lets a caller wait for ever.

#include "node/calling.h"
#include "node/inputs.h"
#include "node/ordering.h"
#include "node/serving.h"

#include <string.h>

enum {
  WINDOW = 4096,                  // frames on one connection; more calls wait in order in `pending`
  RESEND_MS = 5000,               // a CALL without an answer, doubling with each time
  RESEND_MAX_SHIFT = 4,           // up to 80 s
  REFUSED_RETRY_MS = 250,         // at least, after a refusal that may pass
  GIVE_UP_MS = 10 * 1000,         // a call without a deadline, while no broker is up
  GIVE_UP_STORED_MS = 600 * 1000, // a stored one: the default deadline of calls, within which it would have settled
  UNAVAILABLE_RETRY_MS = 1000,
  UNWELL_MS = 1000, // then a broker whose store was away is tried again: one call a second finds out
};

// -- Sending ---------------------------------------------------------------------------------------------------------

void
node_calling_answered (troupe_placeholder_t *self)
{
  if (!self->answered)
    self->core->unanswered--;
  self->answered = true;
}

static bool
unwell (const node_connection_t *connection)
{
  return connection->core->now < connection->unwell_until;
}

node_connection_t *
node_calling_choose (node_core_t *core, uint32_t without)
{
  node_connection_t *sick = NULL;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *connection = &core->connections[i];
    if (!node_connection_up (connection) || (without >> i & 1) != 0)
      continue;
    if (!unwell (connection))
      return connection;
    if (sick == NULL)
      sick = connection;
  }
  return sick;
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
    troupe_header_set_deadline (&header, remaining < 1 ? 1 : (uint64_t)remaining);
  }
  if (self->path_count > 0)
    troupe_header_set_path (&header, self->path, self->path_count);
  if (self->inputs_count > 0)
    troupe_header_set_inputs (&header, self->inputs, self->inputs_count);
  if (self->hubs_count > 0)
    troupe_header_set_hubs (&header, self->hubs, self->hubs_count);
  if (!troupe_id_is_zero (&self->fan))
    troupe_header_set_fan (&header, &self->fan);
  if (self->parent != NULL && !(self->flags & TROUPE_FLAG_VOLATILE)) {
    self->sent_under = self->parent->attempt;
    troupe_header_set_parent (&header, self->sent_under);
  }
  const troupe_placeholder_t *previous = node_ordering_previous (self);
  if (previous != NULL)
    troupe_header_set_previous (&header, &previous->id);
  uint64_t flags = node_parking_flags (self, to);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  if (self->trace != NULL)
    troupe_header_set_trace (&header, troupe_text (self->trace));
  node_connection_send (to, &header, self->input);
  if (self->state == TROUPE_CALL_NOT_SENT)
    self->state = TROUPE_CALL_MAYBE;
  if (self->answered)
    self->core->unanswered++;
  self->answered = self->held_back = false;
  self->follows = previous != NULL;
  self->parked = (flags & TROUPE_FLAG_WAIT) != 0;
  self->sent = ++self->core->sends;
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
  if (self->service == NULL && self->parent != NULL && strcmp (self->session, self->parent->session) == 0)
    troupe_header_set_waiter (&header, &self->parent->call);
  node_connection_send (to, &header, NULL);
  if (self->state == TROUPE_CALL_NOT_SENT)
    self->state = TROUPE_CALL_MAYBE;
}

void
node_calling_send_cancel (troupe_placeholder_t *self, node_connection_t *to)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &self->id);
  troupe_header_set_session (&header, troupe_text (self->session));
  if (self->service != NULL && self->parent != NULL && !(self->flags & TROUPE_FLAG_VOLATILE))
    troupe_header_set_parent (&header, self->parent->attempt);
  node_connection_send (to, &header, NULL);
}

bool
node_calling_awaits (const troupe_placeholder_t *self)
{
  return self->service == NULL || self->state == TROUPE_CALL_STORED;
}

static int64_t
unanswered_for (const troupe_placeholder_t *self)
{
  unsigned shift = self->sends - 1 > RESEND_MAX_SHIFT ? RESEND_MAX_SHIFT : self->sends - 1;
  return (int64_t)RESEND_MS << shift;
}

static void
send_to (troupe_placeholder_t *self, node_connection_t *to)
{
  node_core_t *core = self->core;
  self->at = to;
  if (self->kept_by == to)
    node_calling_unsend (self); // what it answers now, it answers to both
  self->kept_by = NULL;
  node_list_append (&to->calls, &self->place);
  if (self->sends++ > 0)
    node_core_count (core, NODE_COUNT_CALLS_RESENT);
  if (node_calling_awaits (self)) {
    send_await (self, to);
    self->retry_at = core->now + NODE_ASK_AGAIN_MS;
  } else {
    send_call (self, to);
    self->retry_at = core->now + (self->parked ? node_parking_lasts (self) : unanswered_for (self));
  }
  if (self->cancelling)
    node_calling_send_cancel (self, to);
  node_placeholder_arm (self);
}

static void
choose_connection (node_core_t *core)
{
  if (!node_connection_up (core->current) || unwell (core->current) || core->unanswered == 0)
    core->current = node_calling_choose (core, 0);
}

static bool
has_room (const node_connection_t *connection)
{
  return connection != NULL && !connection->broken && connection->outbox.count < WINDOW;
}

void
node_calling_dispatch (node_core_t *core)
{
  node_depending_end_doomed (core);
  if (node_list_empty (&core->pending))
    return;
  choose_connection (core);
  while (!node_list_empty (&core->pending)) {
    troupe_placeholder_t *self = NODE_OF (core->pending.next, troupe_placeholder_t, place);
    node_connection_t *to = self->refused_by != 0 ? node_calling_choose (core, self->refused_by) : core->current;
    if (node_connection_up (self->kept_by))
      to = self->kept_by;
    if (to == NULL) // those that had not refused it are gone
      to = core->current;
    if (!has_room (to))
      return;
    send_to (self, to);
  }
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
  node_calling_answered (self);
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
    insert_pending (self, &self->core->pending); // it was made before most of those
}

void
node_calling_await_again (troupe_task_t *parent)
{
  for (node_list_t *link = parent->children.next; link != &parent->children; link = link->next) {
    troupe_placeholder_t *self = NODE_OF (link, troupe_placeholder_t, sibling);
    if (self->service == NULL)
      node_calling_requeue (self);
  }
}

void
node_calling_unsend (troupe_placeholder_t *self)
{
  if (--self->sends == 0)
    self->state = TROUPE_CALL_NOT_SENT;
}

bool
node_calling_elsewhere (troupe_placeholder_t *self, node_connection_t *from, troupe_err_t why)
{
  node_core_t *core = self->core;
  if (why != TROUPE_STORE_UNAVAILABLE && why != TROUPE_UNKNOWN_SERVICE)
    return false;
  if (why == TROUPE_STORE_UNAVAILABLE)
    from->unwell_until = core->now + UNWELL_MS;
  self->refused_by |= UINT32_C (1) << from->index;
  if (node_calling_choose (core, self->refused_by) == NULL) {
    self->refused_by = 0;
    return false;
  }
  node_core_count (core, NODE_COUNT_CALLS_MOVED);
  if (!node_calling_awaits (self)) {
    node_calling_unsend (self);
    self->refused_as = why;
  }
  self->retry_at = TROUPE_LOOP_NEVER;
  node_calling_requeue (self);
  node_placeholder_arm (self);
  return true;
}

void
node_calling_retry_later (troupe_placeholder_t *self, const troupe_error_t *error)
{
  unsigned delay = error->retry_after_ms < REFUSED_RETRY_MS ? REFUSED_RETRY_MS : error->retry_after_ms;
  node_calling_answered (self);
  self->retry_at = self->core->now + delay;
  node_placeholder_arm (self);
}

static void
give_up (troupe_placeholder_t *self)
{
  troupe_error_t error = {0}, health = {0};
  char id[TROUPE_ID_TEXT_SIZE];
  const char *so = self->state == TROUPE_CALL_STORED          ? "the call is stored and may have settled"
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

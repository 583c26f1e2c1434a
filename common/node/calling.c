// SPDX-License-Identifier: Apache-2.0
//
// Outstanding calls: where each is, and sending them. Moving them to another broker is moving.c's.
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
  WINDOW = 4096,        // frames on one connection; more calls wait in order in `pending`
  RESEND_MS = 5000,     // a CALL without an answer, doubling with each time
  RESEND_MAX_SHIFT = 4, // up to 80 s
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

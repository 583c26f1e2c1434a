// SPDX-License-Identifier: Apache-2.0
//
// Calls that change their place: taken back from a connection that is lost, sent again, moved to another broker because
// one can't take them, and given up.
//
//   - What one broker refuses another may take: one whose store is away refuses what must be stored, and one that has
//     just started doesn't know the services that have yet to find it. So a call refused for either goes to the next
//     that is up, and is refused to the user only when none is left. For a while what is sent next avoids a broker
//     without its store. Each call moves when its own refusal comes, for that says that nothing happened to it;
//     PREVIOUS keeps the order meanwhile (ordering.c).
//   - While no broker is up nobody looks after deadlines, nor after calls that have none. So after a while the caller is
//     told, and how far the call had got.

#include "node/calling.h"
#include "node/serving.h"

#include <string.h>

enum {
  REFUSED_RETRY_MS = 250,         // at least, after a refusal that may pass
  GIVE_UP_MS = 10 * 1000,         // a call without a deadline, while no broker is up
  GIVE_UP_STORED_MS = 600 * 1000, // a stored one: the default deadline of calls, within which it would have settled
  UNAVAILABLE_RETRY_MS = 1000,
  UNWELL_MS = 1000, // then a broker whose store was away is tried again: one call a second finds out
};

// -- Back into `pending` ---------------------------------------------------------------------------------------------

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

// -- Refused ---------------------------------------------------------------------------------------------------------

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

// -- Given up --------------------------------------------------------------------------------------------------------

void
node_calling_watch (node_core_t *core)
{
  int64_t due = core->now + GIVE_UP_MS;
  if (core->up_count == 0 && (core->give_up_at == TROUPE_LOOP_NEVER || core->give_up_at > due))
    core->give_up_at = due;
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
  for (node_list_t *link = core->pending.next; link != &core->pending; link = link->next) {
    troupe_placeholder_t *self = NODE_OF (link, troupe_placeholder_t, place);
    int64_t since = self->made_at > core->down_since ? self->made_at : core->down_since;
    int64_t due = since + (self->state == TROUPE_CALL_STORED ? GIVE_UP_STORED_MS : GIVE_UP_MS);
    if (self->deadline != TROUPE_LOOP_NEVER)
      continue;
    if (core->now >= due) {
      link = link->prev; // it leaves, and with it those behind it whose input it is
      give_up (self);
    } else if (next == TROUPE_LOOP_NEVER || due < next)
      next = due;
  }
  core->give_up_at = next;
}

// SPDX-License-Identifier: Apache-2.0
//
// A placeholder as the user sees it: its accessors, its functions when they are due, and its one timer.
//
// The timer stands for whichever comes first: sending again, or looking after the deadline. The broker settles a call
// whose deadline passes, and says so; only when it doesn't (none is up, or it doesn't answer) the node settles the
// placeholder itself, after a grace in which the answer may come, and says how far the call had got.

#include "node/calling.h"
#include "node/inputs.h"
#include "node/ordering.h"

#include <stdlib.h>

enum {
  GRACE_MS = 2500,   // a lease: a broker that lives answers within it
  ASKS_MAX = 2,      // then a broker that is up but silent about an overdue call is believed no more
  PARTS_MAX = 10000, // received and not read: the reader has stopped turning the loop
};

struct node_part {
  node_list_t place;
  unsigned attempt;
  json_t *json;
};

static void
free_part (node_part_t *part)
{
  node_list_remove (&part->place);
  json_decref (part->json);
  free (part);
}

void
node_placeholder_free (troupe_placeholder_t *self)
{
  node_ordering_leave (self);
  node_list_remove (&self->place);
  node_list_remove (&self->sibling);
  node_list_remove (&self->ready.place);
  while (!node_list_empty (&self->parts))
    free_part (NODE_OF (self->parts.next, node_part_t, place));
  node_calling_drop_input (self);
  node_depending_ended (self, NULL, false);
  json_decref (self->value);
  free (self->error);
  free (self->cause);
  free (self);
}

bool
node_placeholder_keep_part (troupe_placeholder_t *self, unsigned attempt, json_t *json)
{
  if (self->parts_count >= PARTS_MAX)
    return false;
  node_part_t *part = malloc (sizeof *part);
  if (part == NULL)
    return false;
  *part = (node_part_t){.attempt = attempt, .json = json_incref (json)};
  node_list_init (&part->place);
  node_list_append (&self->parts, &part->place);
  self->parts_count++;
  node_core_ready (self->core, &self->ready);
  return true;
}

// One function of the user's, which may destroy the placeholder: nothing of it is touched afterwards.
void
node_placeholder_deliver (node_core_t *core, node_ready_t *ready)
{
  troupe_placeholder_t *self = NODE_OF (ready, troupe_placeholder_t, ready);
  if (!node_list_empty (&self->parts)) {
    node_part_t *part = NODE_OF (self->parts.next, node_part_t, place);
    json_t *json = json_incref (part->json);
    unsigned attempt = part->attempt;
    free_part (part);
    self->parts_count--;
    if (self->parts_count > 0 || self->settled_due)
      node_core_ready (core, ready);
    self->part (self->context, self, attempt, json);
    json_decref (json);
  } else if (self->settled_due) {
    self->settled_due = false;
    self->settled (self->context, self);
  }
}

// -- The timer -------------------------------------------------------------------------------------------------------

static int64_t
overdue_at (const troupe_placeholder_t *self)
{
  if (self->deadline == TROUPE_LOOP_NEVER)
    return TROUPE_LOOP_NEVER;
  if (self->state == TROUPE_CALL_NOT_SENT)
    return self->deadline;
  return self->deadline + (int64_t)GRACE_MS * (1 + self->overdue);
}

void
node_placeholder_arm (troupe_placeholder_t *self)
{
  int64_t due = overdue_at (self);
  if (self->retry_at != TROUPE_LOOP_NEVER && (due == TROUPE_LOOP_NEVER || self->retry_at < due))
    due = self->retry_at;
  if (due == TROUPE_LOOP_NEVER)
    node_timers_stop (&self->core->timers, &self->timer);
  else
    node_timers_set (&self->core->timers, &self->timer, due);
}

// It was sent and refused, and waits to be sent again; nothing has happened.
static bool
refused_so_far (const troupe_placeholder_t *self)
{
  return self->state == TROUPE_CALL_NOT_SENT && (self->held_back || self->refused_as != TROUPE_OK);
}

static void
settle_overdue (troupe_placeholder_t *self)
{
  troupe_error_t error;
  const char *next = refused_so_far (self) ? NULL : "see that a broker is up (troupe ps)";
  const char *why = self->state == TROUPE_CALL_MAYBE ? "it was sent, and no broker answered: it may have been accepted"
                    : self->state != TROUPE_CALL_NOT_SENT ? "it is stored, and no broker tells how it ended"
                    : self->held_back ? "no broker took it: the call made before it in its session is not stored yet"
                    : self->refused_as != TROUPE_OK ? "no broker took it: "
                                                    : "it was never sent: no broker was up";
  const char *as = refused_so_far (self) && !self->held_back ? troupe_err_text (self->refused_as) : "";
  troupe_error_set (&error, TROUPE_DEADLINE, self->service, next, "the deadline passed; %s%s", why, as);
  node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_DEADLINE, NULL, &error);
}

void
node_placeholder_fire (node_timer_t *timer)
{
  troupe_placeholder_t *self = NODE_OF (timer, troupe_placeholder_t, timer);
  node_core_t *core = self->core;
  int64_t overdue = overdue_at (self);
  bool again = self->retry_at != TROUPE_LOOP_NEVER && core->now >= self->retry_at;
  if (overdue != TROUPE_LOOP_NEVER && core->now >= overdue) {
    if (core->up_count == 0 || self->overdue >= ASKS_MAX || refused_so_far (self)) {
      settle_overdue (self);
      return;
    }
    self->overdue++;
    again = true;
  }
  if (again)
    node_calling_again (self);
  node_placeholder_arm (self);
}

// -- What the user sees ----------------------------------------------------------------------------------------------

const troupe_id_t *
troupe_placeholder_id (const troupe_placeholder_t *self)
{
  return &self->id;
}

const char *
troupe_placeholder_session (const troupe_placeholder_t *self)
{
  return self->session;
}

troupe_call_state_t
troupe_placeholder_state (const troupe_placeholder_t *self)
{
  return self->state;
}

troupe_status_t
troupe_placeholder_status (const troupe_placeholder_t *self)
{
  return self->status;
}

const json_t *
troupe_placeholder_value (const troupe_placeholder_t *self)
{
  return self->value;
}

const troupe_error_t *
troupe_placeholder_error (const troupe_placeholder_t *self)
{
  static const troupe_error_t none = {.code = TROUPE_OK};
  static const troupe_error_t lost = {.code = TROUPE_NO_MEMORY,
                                      .why = "out of memory: the error that it ended with is lost"};
  if (self->error != NULL)
    return self->error;
  return self->status == TROUPE_STATUS_NONE || self->status == TROUPE_STATUS_VALUE ? &none : &lost;
}

void *
node_core_context_of (const troupe_placeholder_t *placeholder)
{
  return placeholder->core == NULL ? NULL : placeholder->core->options.context;
}

// SPDX-License-Identifier: Apache-2.0
//
// The ends of calls: settled, cancelled, forgotten by the user, or left behind by a task or by the node.
//
// Whatever happens, a placeholder leaves the table, the lists and the timers once, in node_calling_settle, and from
// then on has no core: what the user still does with it touches nothing but itself.
//
// The store cancels the nested calls of a call that settles. So when a task ends here its calls end here too, but no
// cancel is sent for them: attempts share the ids of their nested calls, and the cancel of one that was superseded
// would hit the call of the one that runs. Volatile calls, whose ids are new and which no store looks after, are
// cancelled.

#include "node/calling.h"

#include "node/inputs.h"
#include "node/ordering.h"
#include "node/serving.h"

#include <stdlib.h>

bool
node_calling_open (const troupe_placeholder_t *self)
{
  return self->state != TROUPE_CALL_REFUSED && self->state != TROUPE_CALL_SETTLED;
}

void
node_calling_drop_input (troupe_placeholder_t *self)
{
  troupe_buffer_unref (&self->input);
  free (self->path);
  free (self->inputs);
  free (self->hubs);
  free (self->trace);
  node_depending_leave (self);
  self->path = self->inputs = self->hubs = NULL;
  self->trace = NULL;
  self->path_count = self->inputs_count = 0;
}

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
    node_table_replace (calls, &self->twin->id, self->twin); // its own id: this one is about to be freed
  else
    node_table_remove (calls, &self->id);
  self->twin = NULL;
}

void
node_calling_settle (troupe_placeholder_t *self, troupe_call_state_t state, troupe_status_t status, json_t *value,
                     const troupe_error_t *error)
{
  node_core_t *core = self->core;
  bool nothing_happened = state == TROUPE_CALL_REFUSED || self->state == TROUPE_CALL_NOT_SENT;
  leave_table (self);
  node_ordering_leave (self);
  node_calling_answered (self);
  node_timers_release (&core->timers, &self->timer);
  node_list_remove (&self->place);
  node_list_remove (&self->sibling);
  core->open_calls--;
  node_calling_drop_input (self);
  node_depending_ended (self, error, nothing_happened);
  self->at = NULL;
  self->parent = NULL;
  self->state = state;
  self->status = status;
  self->value = value;
  if (error != NULL && error == self->cause) {
    self->error = self->cause;
    self->cause = NULL;
  } else if (error != NULL && (self->error = malloc (sizeof *error)) != NULL)
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
  if (self->core == NULL || !node_calling_open (self) || self->cancelling)
    return;
  node_core_wake (self->core);
  self->cancelling = true;
  if (self->service != NULL && self->sends == 0) {
    troupe_error_set (&error, TROUPE_CANCELLED, self->service, NULL, "cancelled by its caller before it was sent");
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_CANCELLED, NULL, &error);
  } else if (self->at != NULL)
    node_calling_send_cancel (self, self->at);
}

void
troupe_placeholder_destroy (troupe_placeholder_t **self_p)
{
  troupe_placeholder_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  if (self->core == NULL || !node_calling_open (self)) {
    node_placeholder_free (self);
    return;
  }
  // A call that isn't stored yet goes on without the user's handle.
  self->forgotten = true;
  node_list_remove (&self->ready.place);
  if (node_calling_awaits (self))
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_NONE, NULL, NULL);
}

void
node_calling_end_children (troupe_task_t *parent, const char *why)
{
  troupe_error_t error;
  while (!node_list_empty (&parent->children)) {
    troupe_placeholder_t *self = NODE_OF (parent->children.next, troupe_placeholder_t, sibling);
    if ((self->flags & TROUPE_FLAG_VOLATILE) && self->at != NULL)
      node_calling_send_cancel (self, self->at);
    troupe_error_set (&error, TROUPE_CANCELLED, self->service, NULL, "the task that waits for it %s", why);
    node_calling_settle (self, TROUPE_CALL_SETTLED, TROUPE_STATUS_CANCELLED, NULL, &error);
  }
}

void
node_calling_orphan (troupe_task_t *parent)
{
  while (!node_list_empty (&parent->children)) {
    troupe_placeholder_t *self = NODE_OF (parent->children.next, troupe_placeholder_t, sibling);
    node_list_remove (&self->sibling);
    self->parent = NULL;
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
      node_list_remove (&self->in_row);
      node_depending_ended (self, NULL, false);
      self->row = NULL;
      self->core = NULL;
      self->at = NULL;
      self->parent = NULL;
      if (self->forgotten)
        node_placeholder_free (self);
    }
  }
  node_ordering_close (core);
}

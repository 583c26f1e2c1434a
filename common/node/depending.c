// SPDX-License-Identifier: Apache-2.0
//
// Calls whose inputs are refused, or end before they were sent. Such an input is stored nowhere, so a broker can only
// say of the call that needs it that the store doesn't know that input, or that what was made before it isn't there:
// true, and of no help to whoever reads it. This node knows better. Each call that isn't stored yet hangs in a list of
// each of its inputs; when one is so ends, its error becomes their *cause*, and they end by it, word for word, however
// long the chain: what is told at its end is what went wrong at its beginning.
//
// One that no connection has, or that a broker refused and that is held back, ends at once, unsent. One that is on its
// way ends by the refusal that it is bound to get, for nothing can have stored it; so can't what another broker was
// sent before. (An input that failed without anybody knowing whether it was stored tells only why, should the call be
// refused.)
//
// Chains may be long, so they aren't followed by recursion: what is to end stands in core->doomed, until dispatch
// comes by.

#include "node/inputs.h"

#include <stdlib.h>

// One input of a call.
struct node_need {
  node_list_t in_input; // its `needed_by`
  troupe_placeholder_t *call;
};

troupe_err_t
node_depending_enter (troupe_placeholder_t *self, troupe_placeholder_t *const *inputs, unsigned count)
{
  if (count == 0)
    return TROUPE_OK;
  self->needs = malloc (count * sizeof *self->needs);
  if (self->needs == NULL)
    return TROUPE_NO_MEMORY;
  self->needs_count = count;
  for (unsigned i = 0; i < count; i++) {
    self->needs[i].call = self;
    node_list_init (&self->needs[i].in_input);
    if (inputs[i]->core != NULL && node_calling_open (inputs[i]))
      node_list_append (&inputs[i]->needed_by, &self->needs[i].in_input);
  }
  return TROUPE_OK;
}

void
node_depending_leave (troupe_placeholder_t *self)
{
  for (uint32_t i = 0; i < self->needs_count; i++)
    node_list_remove (&self->needs[i].in_input);
  free (self->needs);
  self->needs = NULL;
  self->needs_count = 0;
}

static void
blame (troupe_placeholder_t *self, const troupe_error_t *error, bool hopeless)
{
  if (self->cause != NULL || (self->cause = malloc (sizeof *error)) == NULL)
    return; // without memory it is told what the broker says of it
  *self->cause = *error;
  self->hopeless = hopeless;
  if (!hopeless)
    return;
  if (self->at != NULL && !self->held_back)
    return;
  self->at = NULL;
  node_list_append (&self->core->doomed, &self->place);
}

void
node_depending_ended (troupe_placeholder_t *self, const troupe_error_t *why, bool nothing_happened)
{
  node_depending_leave (self);
  while (!node_list_empty (&self->needed_by)) {
    node_need_t *need = NODE_OF (self->needed_by.next, node_need_t, in_input);
    node_list_remove (&need->in_input);
    if (why != NULL)
      blame (need->call, why, nothing_happened);
  }
}

void
node_depending_end_doomed (node_core_t *core)
{
  while (!node_list_empty (&core->doomed)) {
    troupe_placeholder_t *self = NODE_OF (core->doomed.next, troupe_placeholder_t, place);
    node_calling_refuse (self, self->cause);
  }
}

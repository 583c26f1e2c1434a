// SPDX-License-Identifier: Apache-2.0
//
// Handles: the calls that scripts made. A handle lives as long as a placeholder of Lua's refers to it, and at least
// until the call has settled: a script may drop a placeholder, and the call goes on. A call that couldn't be made is a
// handle, too, that failed at once: the error shows where the reply is used, like every other one.

#include "script/engine.h"

#include <stdlib.h>

handle_t *
handle_new (troupe_script_t *engine)
{
  handle_t *self = calloc (1, sizeof *self);
  if (self) {
    self->engine = engine;
    self->refs = 1;
  }
  return self;
}

void
handle_ref (handle_t *self)
{
  self->refs++;
}

static void
leave (handle_t *self)
{
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  self->link = NULL;
}

void
handle_unref (handle_t *self)
{
  if (--self->refs > 0)
    return;
  if (self->link)
    leave (self);
  troupe_placeholder_destroy (&self->placeholder);
  free (self->failure);
  free (self->service);
  free (self->name);
  free (self);
}

void
handle_track (handle_t *self)
{
  troupe_script_t *engine = self->engine;
  self->refs++;
  self->next = engine->handles;
  self->link = &engine->handles;
  if (self->next)
    self->next->link = &self->next;
  engine->handles = self;
}

void
handle_settled (void *context, troupe_placeholder_t *placeholder)
{
  handle_t *self = context;
  troupe_script_t *engine = self->engine;
  (void)placeholder;
  self->settled_at = troupe_loop_now ();
  for (strand_t *strand = engine->strands; strand; strand = strand->next)
    if (strand->waiting && strand->awaited == self)
      strand_ready (strand);
  engine_wake (engine); // a workflow that is ending looks whether this was the last one
  leave (self);
  handle_unref (self);
}

bool
handle_done (const handle_t *self)
{
  if (!self->placeholder)
    return true;
  troupe_call_state_t state = troupe_placeholder_state (self->placeholder);
  return state == TROUPE_CALL_SETTLED || state == TROUPE_CALL_REFUSED;
}

const troupe_error_t *
handle_error (const handle_t *self)
{
  if (!self->placeholder)
    return self->failure;
  const troupe_error_t *error = troupe_placeholder_error (self->placeholder);
  return handle_done (self) && error && error->code != TROUPE_OK ? error : NULL;
}

const json_t *
handle_value (const handle_t *self)
{
  return self->placeholder ? troupe_placeholder_value (self->placeholder) : NULL;
}

void
handle_cancel (handle_t *self)
{
  if (self->placeholder)
    troupe_placeholder_cancel (self->placeholder);
}

// SPDX-License-Identifier: Apache-2.0
//
// Building pipelines: trees that never change. Every function takes its parts over first, so that nothing leaks
// whatever goes wrong.

#include "pipeline/machine.h"

#include <stdlib.h>
#include <string.h>

void
troupe_pipeline_destroy (troupe_pipeline_t **self_p)
{
  troupe_pipeline_t *self = *self_p;
  if (!self)
    return;
  for (unsigned i = 0; i < self->count && self->parts; i++)
    troupe_pipeline_destroy (&self->parts[i]);
  free (self->parts);
  free (self->service);
  free (self);
  *self_p = NULL;
}

// Takes over `count` parts and one more, if `last` isn't NULL. On failure they are gone.
static troupe_err_t
make (troupe_pipeline_t **out, pipeline_kind_t kind, troupe_pipeline_t **parts, unsigned count,
      troupe_pipeline_t **last)
{
  unsigned room = count + (last ? 1 : 0);
  bool large = count > TROUPE_PIPELINE_STEPS_MAX;
  troupe_pipeline_t *self = large ? NULL : calloc (1, sizeof *self);
  if (self)
    self->parts = calloc (room + 1, sizeof *self->parts);
  bool made = self && self->parts;
  for (unsigned i = 0; i < room; i++) {
    troupe_pipeline_t **part = i < count ? &parts[i] : last;
    if (made)
      self->parts[i] = *part;
    else
      troupe_pipeline_destroy (part);
    *part = NULL;
  }
  *out = NULL;
  if (!made) {
    free (self);
    return large ? TROUPE_TOO_LARGE : TROUPE_NO_MEMORY;
  }
  self->kind = kind;
  self->count = room;
  for (unsigned i = 0; i < room; i++)
    if (self->parts[i] && self->parts[i]->depth >= self->depth)
      self->depth = self->parts[i]->depth + 1;
  if (self->depth >= TROUPE_PIPELINE_DEPTH_MAX) {
    troupe_pipeline_destroy (&self);
    return TROUPE_TOO_DEEP;
  }
  *out = self;
  return TROUPE_OK;
}

troupe_err_t
troupe_pipeline_service (troupe_pipeline_t **out, const char *service)
{
  *out = NULL;
  if (!service || !troupe_service_name_valid (service))
    return TROUPE_BAD_ARGUMENT;
  troupe_err_t err = make (out, PIPELINE_SERVICE, NULL, 0, NULL);
  if (err == TROUPE_OK && !((*out)->service = strdup (service))) {
    troupe_pipeline_destroy (out);
    err = TROUPE_NO_MEMORY;
  }
  return err;
}

troupe_err_t
troupe_pipeline_sequential (troupe_pipeline_t **out, troupe_pipeline_t **steps, unsigned count)
{
  return make (out, PIPELINE_SEQUENTIAL, steps, count, NULL);
}

troupe_err_t
troupe_pipeline_ifelse (troupe_pipeline_t **out, troupe_pipeline_t **then, troupe_pipeline_t **otherwise,
                        troupe_condition_fn *condition, void *context)
{
  troupe_pipeline_t *none = NULL;
  troupe_err_t err = make (out, PIPELINE_IFELSE, then, 1, otherwise ? otherwise : &none);
  if (err != TROUPE_OK)
    return err;
  (*out)->condition = condition;
  (*out)->context = context;
  return TROUPE_OK;
}

troupe_err_t
troupe_pipeline_switch (troupe_pipeline_t **out, troupe_pipeline_t **cases, unsigned count,
                        troupe_pipeline_t **otherwise, troupe_choice_fn *choice, void *context)
{
  troupe_pipeline_t *none = NULL;
  troupe_err_t err = make (out, PIPELINE_SWITCH, cases, count, otherwise ? otherwise : &none);
  if (err != TROUPE_OK)
    return err;
  (*out)->choice = choice;
  (*out)->context = context;
  return TROUPE_OK;
}

troupe_err_t
troupe_pipeline_forloop (troupe_pipeline_t **out, troupe_pipeline_t **body, unsigned max, troupe_condition_fn *done,
                         void *context)
{
  troupe_err_t err = make (out, PIPELINE_FORLOOP, body, 1, NULL);
  if (err != TROUPE_OK)
    return err;
  (*out)->max = max;
  (*out)->condition = done;
  (*out)->context = context;
  return TROUPE_OK;
}

troupe_err_t
troupe_pipeline_whileloop (troupe_pipeline_t **out, troupe_pipeline_t **body, troupe_round_fn *condition, void *context)
{
  troupe_err_t err = make (out, PIPELINE_WHILELOOP, body, 1, NULL);
  if (err != TROUPE_OK)
    return err;
  (*out)->round = condition;
  (*out)->context = context;
  return TROUPE_OK;
}

troupe_err_t
troupe_pipeline_fanout (troupe_pipeline_t **out, troupe_pipeline_t **branches, unsigned count)
{
  return make (out, PIPELINE_FANOUT, branches, count, NULL);
}

// SPDX-License-Identifier: Apache-2.0
//
// The machine: a tree of frames, one for each pipeline that is being run, and what flows between them. A frame goes on
// until it is done, needs a value that isn't there (then it waits), or has a part to run (then it is the part's turn).
// A fan-out runs all its parts; nothing else has more than one. When a reply has come, the waiting frames look again.

#include "pipeline/item.h"

#include <stdlib.h>

struct frame {
  const troupe_pipeline_t *pipeline; // NULL: passes x on
  frame_t *parent;
  unsigned place; // among the parent's parts
  item_t *x;
  unsigned i;   // parts begun, or rounds done
  bool chosen;  // ifelse, switch: the part runs; loops: a round has run
  unsigned fan; // the group of calls that it is a branch of; 0: none
  bool more;    // which isn't the last call of that
  frame_t **branches;
  item_t **results;
  unsigned running; // branches
};

typedef enum { WAITING, DONE } progress_t;

static progress_t frame_run (machine_t *self, frame_t **frame_p);

// -- Calls -----------------------------------------------------------------------------------------------------------

typedef struct {
  void *replies[TROUPE_INPUTS_MAX];
  unsigned count;
  bool full; // what is left has to be there by value
} inputs_t;

// x as the input of a call, a new reference; NULL: out of memory, or (full) something isn't there yet.
static json_t *
input_of (machine_t *self, item_t *item, inputs_t *inputs)
{
  if (item->list && !item->json) {
    json_t *list = json_array ();
    for (unsigned i = 0; list && i < item->count; i++) {
      json_t *one = input_of (self, item->list[i], inputs);
      if (!one || json_array_append_new (list, one)) {
        json_decref (list);
        return NULL;
      }
    }
    return list;
  }
  if (!item->reply)
    return json_incref (item->json);
  for (unsigned i = 0; i < inputs->count; i++)
    if (inputs->replies[i] == item->reply)
      return json_pack ("{s:i}", "$input", (int)i);
  if (inputs->count == TROUPE_INPUTS_MAX) {
    inputs->full = true;
    return item_known (self, item) ? json_incref (item->json) : NULL;
  }
  inputs->replies[inputs->count++] = item->reply;
  return json_pack ("{s:i}", "$input", (int)inputs->count - 1);
}

static progress_t
call (machine_t *self, frame_t *frame)
{
  inputs_t inputs = {.count = 0};
  troupe_error_t error;
  json_t *input = input_of (self, frame->x, &inputs);
  if (!input && inputs.full && !self->failed)
    return WAITING;
  item_t *reply = input ? item_new () : NULL;
  if (!reply) {
    json_decref (input);
    machine_fail_memory (self);
    return DONE;
  }
  troupe_err_t err = self->functions.call (self->world, &reply->reply, frame->pipeline->service, input, inputs.replies,
                                           inputs.count, frame->fan, frame->more, &error);
  json_decref (input);
  if (err != TROUPE_OK) {
    machine_fail (self, &error);
    free (reply);
    return DONE;
  }
  item_unref (self, frame->x);
  frame->x = reply;
  return DONE;
}

// -- Frames ----------------------------------------------------------------------------------------------------------

static frame_t *
frame_new (const troupe_pipeline_t *pipeline, frame_t *parent, unsigned place, item_t *x)
{
  frame_t *frame = calloc (1, sizeof *frame);
  if (!frame)
    return NULL;
  *frame = (frame_t){.pipeline = pipeline, .parent = parent, .place = place, .x = item_ref (x)};
  return frame;
}

static void
frame_free (machine_t *self, frame_t *frame)
{
  if (!frame)
    return;
  for (unsigned i = 0; frame->branches && i < frame->pipeline->count; i++)
    frame_free (self, frame->branches[i]);
  for (unsigned i = 0; frame->results && i < frame->pipeline->count; i++)
    item_unref (self, frame->results[i]);
  free (frame->branches);
  free (frame->results);
  item_unref (self, frame->x);
  free (frame);
}

// Begins a part in the place of `*frame_p`; nothing happens for one that passes x on.
static void
descend (machine_t *self, frame_t **frame_p, unsigned part)
{
  frame_t *frame = *frame_p;
  if (!frame->pipeline->parts[part])
    return;
  frame_t *child = frame_new (frame->pipeline->parts[part], frame, part, frame->x);
  if (child)
    *frame_p = child;
  else
    machine_fail_memory (self);
}

static progress_t
choose (machine_t *self, frame_t **frame_p)
{
  frame_t *frame = *frame_p;
  const troupe_pipeline_t *pipeline = frame->pipeline;
  if (frame->chosen)
    return DONE;
  if (!item_known (self, frame->x))
    return WAITING;
  const json_t *x = frame->x->json;
  unsigned part;
  frame->chosen = true;
  if (pipeline->kind == PIPELINE_IFELSE)
    part = pipeline->condition (pipeline->context, x) ? 0 : 1;
  else
    part = pipeline->choice (pipeline->context, x);
  descend (self, frame_p, part < pipeline->count ? part : pipeline->count - 1);
  return DONE;
}

static bool
goes_on (const frame_t *frame, bool asks)
{
  const troupe_pipeline_t *pipeline = frame->pipeline;
  if (pipeline->kind == PIPELINE_WHILELOOP)
    return pipeline->round (pipeline->context, frame->i, frame->x->json);
  return frame->i < pipeline->max && !(asks && pipeline->condition (pipeline->context, frame->x->json));
}

static progress_t
loop (machine_t *self, frame_t **frame_p)
{
  frame_t *frame = *frame_p;
  while (*frame_p == frame && !self->failed) {
    bool asks = frame->pipeline->kind == PIPELINE_WHILELOOP || (frame->chosen && frame->pipeline->condition);
    if (asks && !item_known (self, frame->x))
      return WAITING;
    if (!goes_on (frame, asks))
      return DONE;
    frame->i++;
    frame->chosen = true;
    descend (self, frame_p, 0);
  }
  return DONE;
}

// All that have ended: their list.
static progress_t
gather (machine_t *self, frame_t *frame)
{
  item_t *list = item_new ();
  if (!list) {
    machine_fail_memory (self);
    return DONE;
  }
  list->list = frame->results;
  list->count = frame->pipeline->count;
  frame->results = NULL;
  item_unref (self, frame->x);
  frame->x = list;
  return DONE;
}

static bool
begin_fanout (machine_t *self, frame_t *frame)
{
  unsigned count = frame->pipeline->count;
  frame->branches = calloc (count + 1, sizeof *frame->branches);
  frame->results = calloc (count + 1, sizeof *frame->results);
  for (unsigned i = 0; i < count && frame->branches; i++)
    frame->branches[i] = frame_new (frame->pipeline->parts[i], NULL, i, frame->x);
  frame->fan = ++self->fans;
  frame->running = count;
  return frame->branches && frame->results;
}

// Whether another call of the group comes after a branch. Only services that are branches themselves are in it.
static bool
more_follow (const troupe_pipeline_t *pipeline, unsigned i)
{
  while (++i < pipeline->count)
    if (pipeline->parts[i] && pipeline->parts[i]->service)
      return true;
  return false;
}

static progress_t
fan_out (machine_t *self, frame_t *frame)
{
  if (!frame->branches && !begin_fanout (self, frame)) {
    machine_fail_memory (self);
    return DONE;
  }
  for (unsigned i = 0; i < frame->pipeline->count && !self->failed; i++) {
    frame_t *branch = frame->branches[i];
    if (frame->results[i])
      continue;
    if (!branch) {
      machine_fail_memory (self);
      break;
    }
    if (!branch->parent && branch->pipeline == frame->pipeline->parts[i]) {
      branch->fan = frame->fan;
      branch->more = more_follow (frame->pipeline, i);
    }
    if (frame_run (self, &frame->branches[i]) == DONE && !self->failed) {
      frame->results[i] = item_ref (frame->branches[i]->x);
      frame->running--;
    }
  }
  return self->failed ? DONE : frame->running > 0 ? WAITING : gather (self, frame);
}

// One step of the innermost frame. DONE: it has ended, or another one is the innermost now.
static progress_t
advance (machine_t *self, frame_t **frame_p)
{
  frame_t *frame = *frame_p;
  if (!frame->pipeline)
    return DONE;
  switch (frame->pipeline->kind) {
  case PIPELINE_SERVICE:
    return call (self, frame);
  case PIPELINE_SEQUENTIAL:
    while (*frame_p == frame && frame->i < frame->pipeline->count && !self->failed)
      descend (self, frame_p, frame->i++);
    return DONE;
  case PIPELINE_IFELSE:
  case PIPELINE_SWITCH:
    return choose (self, frame_p);
  case PIPELINE_FORLOOP:
  case PIPELINE_WHILELOOP:
    return loop (self, frame_p);
  case PIPELINE_FANOUT:
    return fan_out (self, frame);
  }
  return DONE;
}

// Runs the chain of frames that ends with *frame_p until its outermost one (without a parent) is done, which is then
// *frame_p and holds the result, or something has to be waited for.
static progress_t
frame_run (machine_t *self, frame_t **frame_p)
{
  for (;;) {
    frame_t *frame = *frame_p;
    progress_t progress = advance (self, frame_p);
    if (self->failed)
      return DONE;
    if (progress == WAITING)
      return WAITING;
    if (*frame_p != frame)
      continue;
    if (!frame->parent)
      return DONE;
    frame_t *parent = frame->parent;
    item_unref (self, parent->x);
    parent->x = item_ref (frame->x);
    frame_free (self, frame);
    *frame_p = parent;
  }
}

// -- The whole -------------------------------------------------------------------------------------------------------

troupe_err_t
machine_new (machine_t **out, const troupe_pipeline_t *pipeline, const json_t *input, const machine_world_t *functions,
             void *world)
{
  machine_t *self = calloc (1, sizeof *self);
  item_t *x = self ? item_new () : NULL;
  if (x) {
    *self = (machine_t){.functions = *functions, .world = world};
    x->json = input ? json_incref ((json_t *)(uintptr_t)input) : json_null ();
    self->root = frame_new (pipeline, NULL, 0, x);
    item_unref (self, x);
  }
  if (!x || !self->root) {
    free (self);
    return TROUPE_NO_MEMORY;
  }
  *out = self;
  return TROUPE_OK;
}

// The chain from the innermost frame to the root.
static void
free_chain (machine_t *self, frame_t *frame)
{
  while (frame) {
    frame_t *parent = frame->parent;
    for (unsigned i = 0; frame->branches && i < frame->pipeline->count; i++) {
      free_chain (self, frame->branches[i]);
      frame->branches[i] = NULL;
    }
    frame_free (self, frame);
    frame = parent;
  }
}

void
machine_destroy (machine_t **self_p)
{
  machine_t *self = *self_p;
  if (!self)
    return;
  free_chain (self, self->root);
  item_unref (self, self->result);
  free (self);
  *self_p = NULL;
}

bool
machine_step (machine_t *self, const json_t **value, const troupe_error_t **error)
{
  *value = NULL;
  *error = NULL;
  if (!self->failed && !self->result && frame_run (self, &self->root) == DONE && !self->failed)
    self->result = item_ref (self->root->x);
  if (!self->failed && (!self->result || !item_known (self, self->result)) && !self->failed)
    return false;
  if (self->failed)
    *error = &self->error;
  else
    *value = self->result->json;
  return true;
}

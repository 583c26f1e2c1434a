// SPDX-License-Identifier: Apache-2.0
//
// Runs over a node: the machine's calls are the node's, and each reply that comes lets the machine go on. A reply that
// nobody needs any more is forgotten; its call goes on.

#include "pipeline/machine.h"

#include <stdlib.h>
#include <string.h>

typedef struct reply reply_t;

struct reply {
  reply_t *next, **link; // of the run, until the machine lets it go
  troupe_run_t *run;
  troupe_placeholder_t *placeholder;
};

struct troupe_run {
  troupe_run_options_t options;
  troupe_id_t hubs[TROUPE_HUBS_MAX];
  char session[TROUPE_ID_TEXT_SIZE]; // a new one
  char *given;                       // or the one that was given
  machine_t *machine;
  reply_t *replies;
  troupe_id_t base; // of the ids of groups
};

static void
go_on (troupe_run_t *self)
{
  const json_t *value;
  const troupe_error_t *error;
  if (!self->options.done || !machine_step (self->machine, &value, &error))
    return;
  troupe_run_done_fn *done = self->options.done;
  self->options.done = NULL;
  done (self->options.context, self, value, error);
}

static void
settled (void *context, troupe_placeholder_t *placeholder)
{
  reply_t *reply = context;
  (void)placeholder;
  go_on (reply->run);
}

// The id of group number `fan`: of a task's run, one that a repeated attempt makes again.
static troupe_id_t
id_of_fan (const troupe_run_t *self, unsigned fan)
{
  troupe_id_t id = self->base;
  for (int i = TROUPE_ID_SIZE - 1; fan > 0; i--, fan >>= 8)
    id.bytes[i] ^= (uint8_t)fan;
  return id;
}

static troupe_err_t
call (void *world, void **out, const char *service, const json_t *input, void *const *inputs, unsigned inputs_count,
      unsigned fan, bool more, troupe_error_t *error)
{
  troupe_run_t *self = world;
  troupe_placeholder_t *placeholders[TROUPE_INPUTS_MAX];
  troupe_id_t group = id_of_fan (self, fan);
  reply_t *reply = calloc (1, sizeof *reply);
  if (!reply)
    return troupe_error_set (error, TROUPE_NO_MEMORY, service, NULL, "out of memory");
  for (unsigned i = 0; i < inputs_count; i++)
    placeholders[i] = ((const reply_t *)inputs[i])->placeholder;
  troupe_call_t made = {.service = service,
                        .input = input,
                        .session = self->options.session,
                        .parent = self->options.parent,
                        .deadline_ms = self->options.deadline_ms,
                        .wait = self->options.wait,
                        .inputs = placeholders,
                        .inputs_count = inputs_count,
                        .hubs = self->hubs,
                        .hubs_count = self->options.hubs_count,
                        .fan = fan ? &group : NULL,
                        .more = more,
                        .settled = settled,
                        .context = reply};
  *reply = (reply_t){.next = self->replies, .link = &self->replies, .run = self};
  troupe_err_t err = troupe_node_call (self->options.node, &reply->placeholder, &made, error);
  if (err != TROUPE_OK) {
    free (reply);
    return err;
  }
  if (reply->next)
    reply->next->link = &reply->next;
  self->replies = reply;
  *out = reply;
  return TROUPE_OK;
}

static bool
look (void *world, void *of, const json_t **value, const troupe_error_t **error)
{
  const reply_t *reply = of;
  (void)world;
  troupe_call_state_t state = troupe_placeholder_state (reply->placeholder);
  if (state != TROUPE_CALL_SETTLED && state != TROUPE_CALL_REFUSED)
    return false;
  *value = troupe_placeholder_value (reply->placeholder);
  *error = *value ? NULL : troupe_placeholder_error (reply->placeholder);
  return true;
}

static void
release (void *world, void *of)
{
  reply_t *reply = of;
  (void)world;
  troupe_placeholder_destroy (&reply->placeholder);
  *reply->link = reply->next;
  if (reply->next)
    reply->next->link = reply->link;
  free (reply);
}

static const machine_world_t world_of_node = {call, look, release};

// A run that needs no reply ends in a turn of the loop as well, not inside of troupe_pipeline_run.
static int64_t
begin_once (void *context, int64_t now)
{
  troupe_run_t *self = context;
  (void)now;
  troupe_loop_remove_prepare (troupe_node_loop (self->options.node), begin_once, self);
  go_on (self);
  return TROUPE_LOOP_NEVER;
}

static void
choose_session (troupe_run_t *self)
{
  if (self->given)
    self->options.session = self->given;
  else if (!self->options.parent) {
    troupe_id_t id = troupe_id_new ();
    troupe_id_to_text (&id, self->session);
    self->options.session = self->session;
  }
}

troupe_err_t
troupe_pipeline_run (const troupe_pipeline_t *self, troupe_run_t **out, const troupe_run_options_t *options,
                     troupe_error_t *error)
{
  if (options->hubs_count > TROUPE_HUBS_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "pipeline", NULL, "it is run in %u hubs; at most %d",
                             options->hubs_count, TROUPE_HUBS_MAX);
  troupe_run_t *run = calloc (1, sizeof *run);
  if (!run)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "pipeline", NULL, "out of memory");
  run->options = *options;
  if (options->hubs_count > 0)
    memcpy (run->hubs, options->hubs, options->hubs_count * sizeof *run->hubs);
  run->base = options->parent ? *troupe_task_call (options->parent) : troupe_id_new ();
  run->given = options->session ? strdup (options->session) : NULL;
  bool complete = !options->session || run->given;
  choose_session (run);
  if (!complete || machine_new (&run->machine, self, options->input, &world_of_node, run) != TROUPE_OK ||
      troupe_loop_add_prepare (troupe_node_loop (options->node), begin_once, run) != TROUPE_OK) {
    machine_destroy (&run->machine);
    free (run->given);
    free (run);
    return troupe_error_set (error, TROUPE_NO_MEMORY, "pipeline", NULL, "out of memory");
  }
  *out = run;
  return TROUPE_OK;
}

void
troupe_run_cancel (troupe_run_t *self)
{
  for (reply_t *reply = self->replies; reply; reply = reply->next)
    troupe_placeholder_cancel (reply->placeholder);
}

void
troupe_run_destroy (troupe_run_t **self_p)
{
  troupe_run_t *self = *self_p;
  if (!self)
    return;
  troupe_loop_remove_prepare (troupe_node_loop (self->options.node), begin_once, self);
  machine_destroy (&self->machine);
  free (self->given);
  free (self);
  *self_p = NULL;
}

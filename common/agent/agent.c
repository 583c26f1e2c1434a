// SPDX-License-Identifier: Apache-2.0
//
// An agent: a type, an actor's service, and the memories of its latest sessions. A session costs an agent nothing
// while no turn of it runs, but for its place in the cache, which is bounded.

#include "agent/turn.h"

#include <stdlib.h>
#include <string.h>

enum {
  // Sessions whose memory is kept at hand, and the bytes they may take. Small, since it saves little: a session that
  // was dropped costs its next turn one larger answer of the store's, about 1 ms for 100 messages, beside a model's
  // call.
  MEMORIES_MAX = 1024,
  MEMORY_BYTES_MAX = 8 * 1024 * 1024
};

static const troupe_agent_type_t *const types[] = { &troupe_agent_dialog, &troupe_agent_dict_dialog };

const troupe_agent_type_t *
troupe_agent_type_of_name (const char *name)
{
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp (types[i]->name, name) == 0)
      return types[i];
  return NULL;
}

// What `troupe ps` and other agents may know of it.
static json_t *
describe (const troupe_agent_options_t *options)
{
  return json_pack ("{s:s, s:s*, s:O*}", "type", options->type->name, "description", options->description, "model",
                    json_object_get (options->settings, "model"));
}

static troupe_err_t
fill (troupe_agent_t *self, const troupe_agent_options_t *options)
{
  self->name = strdup (options->name);
  const char *session = options->session;
  if (asprintf (&self->service, "agent/%s%s%s", options->name, session ? "#" : "", session ? session : "") < 0)
    self->service = NULL;
  self->info = describe (options);
  self->forgets = json_is_false (json_object_get (options->settings, "memory"));
  if (!self->name || !self->service || !self->info)
    return TROUPE_NO_MEMORY;
  return cache_new (&self->memories, MEMORIES_MAX, MEMORY_BYTES_MAX);
}

troupe_err_t
troupe_agent_new (troupe_agent_t **out, troupe_node_t *node, const troupe_agent_options_t *options,
                  troupe_error_t *error)
{
  troupe_agent_t *self = calloc (1, sizeof *self);
  if (!self || fill (self, options) != TROUPE_OK) {
    troupe_agent_destroy (&self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "out of memory");
  }
  self->node = node;
  self->state = options->state;
  troupe_err_t code = TROUPE_OK;
  if (options->type->open)
    code = options->type->open (&self->state, self->name, options->settings, error);
  if (code == TROUPE_OK) {
    self->type = options->type; // from here on there is something to close
    bool hears = options->type->observe || options->type->hear;
    bool live = options->type->live ? options->type->live (self->state) : hears;
    troupe_service_t service = { .name = self->service,
                                 .actor = true,
                                 .credit = options->concurrency,
                                 .info = self->info,
                                 .observes = live ? TROUPE_OBSERVES_LIVE : TROUPE_OBSERVES_LATE,
                                 .serve = turn_serve,
                                 .context = self };
    code = troupe_node_serve (node, &service, error);
  }
  if (code != TROUPE_OK) {
    troupe_agent_destroy (&self);
    return code;
  }
  *out = self;
  return TROUPE_OK;
}

void
troupe_agent_write_metrics (const troupe_agent_t *self, troupe_metrics_t *metrics)
{
  if (self->type->tally)
    troupe_tally_write_metrics (self->type->tally (self->state), metrics);
}

void
troupe_agent_destroy (troupe_agent_t **self_p)
{
  troupe_agent_t *self = *self_p;
  if (!self)
    return;
  turn_cancel_all (self);
  if (self->type && self->type->close)
    self->type->close (self->state);
  cache_destroy (&self->memories);
  json_decref (self->info);
  free (self->service);
  free (self->name);
  free (self);
  *self_p = NULL;
}

// SPDX-License-Identifier: Apache-2.0
//
// troupe-model: serves one model of the configuration. It only wires; see troupe/model.h and troupe/daemon.h.

#include "troupe/daemon.h"
#include "troupe/model.h"

#include <stdlib.h>

typedef struct {
  troupe_engine_t *engine;
  troupe_model_t *model;
} served_t;

static void
stop (void **self_p)
{
  served_t *self = *self_p;
  troupe_model_destroy (&self->model);
  troupe_engine_destroy (&self->engine);
  free (self);
  *self_p = NULL;
}

static troupe_err_t
open_model (served_t *self, troupe_node_t *node, const troupe_model_options_t *options, troupe_error_t *error)
{
  json_t *errors = NULL;
  troupe_err_t code = troupe_engine_new (&self->engine, troupe_node_loop (node), error);
  if (code == TROUPE_OK)
    code = troupe_model_new (&self->model, self->engine, options, &errors, error);
  if (json_array_size (errors) > 1) // one alone is `error`
    troupe_config_print_errors (errors, stderr);
  json_decref (errors);
  return code == TROUPE_OK ? troupe_model_serve (self->model, node, error) : code;
}

static troupe_err_t
start (void **out, troupe_node_t *node, const troupe_config_t *config, const char *name, const json_t *settings,
       troupe_error_t *error)
{
  (void)config;
  served_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "no memory for a model");
  troupe_err_t code = open_model (self, node, &(troupe_model_options_t){.name = name, .config = settings}, error);
  *out = self;
  if (code != TROUPE_OK)
    stop (out);
  return code;
}

static troupe_err_t
ready (void *self, troupe_error_t *error)
{
  const served_t *served = self;
  return troupe_model_ready (served->model, error);
}

static void
metrics (void *self, troupe_metrics_t *out)
{
  const served_t *served = self;
  troupe_model_write_metrics (served->model, out);
}

int
main (int argc, char **argv)
{
  static const troupe_daemon_t daemon = {
    .program = "troupe-model",
    .summary = "serves a model of the configuration",
    .kind = "model",
    .section = "models",
    .start = start,
    .stop = stop,
    .ready = ready,
    .metrics = metrics,
  };
  return troupe_daemon_main (&daemon, argc, argv);
}

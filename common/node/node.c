// SPDX-License-Identifier: Apache-2.0
//
// The public face of a node: a core, its edge, and the clock and ids of a real process.

#include "node/edge.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <unistd.h>

static troupe_id_t
new_id (void *context)
{
  (void)context;
  return troupe_id_new ();
}

static void
wake (void *context)
{
  troupe_node_t *self = context;
  if (!self->preparing)
    troupe_loop_again (self->loop);
}

static troupe_err_t
pack_hello (const char *name, troupe_buffer_t **out)
{
  char host[256] = "";
  if (gethostname (host, sizeof host - 1) != 0)
    host[0] = '\0';
  json_t *json =
    json_pack ("{s:s, s:s, s:s, s:i}", "program", name, "version", TROUPE_VERSION, "host", host, "pid", (int)getpid ());
  troupe_err_t err = json == NULL ? TROUPE_NO_MEMORY : troupe_value_pack (json, out, NULL);
  json_decref (json);
  return err;
}

troupe_err_t
troupe_node_new (troupe_node_t **out, troupe_loop_t *loop, const troupe_node_options_t *options, troupe_error_t *error)
{
  troupe_buffer_t *hello = NULL;
  if (options->name == NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "node", "choose a name like \"alice\"", "it has no name");
  troupe_node_t *self = calloc (1, sizeof *self);
  troupe_err_t err = self == NULL ? TROUPE_NO_MEMORY : pack_hello (options->name, &hello);
  if (err != TROUPE_OK) {
    free (self);
    return troupe_error_set (error, err, options->name, "choose a name in UTF-8", "%s", troupe_err_text (err));
  }
  self->loop = loop;
  self->credentials = options->credentials;
  node_core_options_t core = {.name = options->name,
                              .mesh = options->mesh,
                              .brokers = options->brokers,
                              .hello = hello,
                              .new_id = new_id,
                              .wake = wake,
                              .context = self};
  err = node_core_new (&self->core, &core, troupe_loop_now (), error);
  troupe_buffer_unref (&hello);
  if (err == TROUPE_OK)
    err = node_edge_open (self, options->brokers, error);
  if (err != TROUPE_OK) {
    node_core_destroy (&self->core);
    free (self);
    return err;
  }
  *out = self;
  return TROUPE_OK;
}

void
troupe_node_destroy (troupe_node_t **self_p)
{
  troupe_node_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  node_core_leave (self->core);
  node_edge_close (self);
  node_core_destroy (&self->core);
  free (self);
}

troupe_loop_t *
troupe_node_loop (troupe_node_t *self)
{
  return self->loop;
}

const char *
troupe_node_instance (const troupe_node_t *self)
{
  return node_core_instance (self->core);
}

unsigned
troupe_node_brokers_up (const troupe_node_t *self)
{
  return node_core_brokers_up (self->core);
}

bool
troupe_node_broker_hangs (const troupe_node_t *self)
{
  return node_core_broker_hangs (self->core);
}

troupe_err_t
troupe_node_health (const troupe_node_t *self, troupe_error_t *error)
{
  return node_core_health (self->core, error);
}

troupe_err_t
troupe_node_ready (const troupe_node_t *self, troupe_error_t *error)
{
  return node_core_can_work (self->core, error);
}

void
troupe_node_write_metrics (const troupe_node_t *self, troupe_metrics_t *metrics)
{
  node_core_write_metrics (self->core, metrics);
}

troupe_err_t
troupe_node_serve (troupe_node_t *self, const troupe_service_t *service, troupe_error_t *error)
{
  return node_core_serve (self->core, service, error);
}

troupe_err_t
troupe_node_describe (troupe_node_t *self, const char *service, const json_t *info, troupe_error_t *error)
{
  return node_core_describe (self->core, service, info, error);
}

void
troupe_node_drain (troupe_node_t *self, troupe_drained_fn *drained, void *context)
{
  node_core_drain (self->core, drained, context);
}

troupe_err_t
troupe_node_call (troupe_node_t *self, troupe_placeholder_t **out, const troupe_call_t *call, troupe_error_t *error)
{
  return node_core_call (self->core, out, call, troupe_loop_now (), error);
}

troupe_err_t
troupe_node_await (troupe_node_t *self, troupe_placeholder_t **out, const troupe_await_t *await, troupe_error_t *error)
{
  return node_core_await (self->core, out, await, troupe_loop_now (), error);
}

troupe_err_t
troupe_node_report (troupe_node_t *self, int64_t timeout_ms, troupe_reported_fn *reported, void *context)
{
  if (timeout_ms < 0 || reported == NULL)
    return TROUPE_BAD_ARGUMENT;
  return node_core_report (self->core, timeout_ms, reported, context, troupe_loop_now ());
}

troupe_err_t
troupe_node_letters (troupe_node_t *self, const troupe_letters_t *ask, int64_t timeout_ms, troupe_reported_fn *reported,
                     void *context)
{
  return node_core_letters (self->core, ask, timeout_ms, reported, context, troupe_loop_now ());
}

troupe_err_t
troupe_node_sessions (troupe_node_t *self, uint64_t position, int64_t timeout_ms, troupe_reported_fn *reported,
                      void *context)
{
  return node_core_sessions (self->core, position, timeout_ms, reported, context, troupe_loop_now ());
}

troupe_err_t
troupe_node_end_session (troupe_node_t *self, const char *session, int64_t timeout_ms, troupe_reported_fn *reported,
                         void *context)
{
  return node_core_end_session (self->core, session, timeout_ms, reported, context, troupe_loop_now ());
}

void
troupe_node_stop_asking (troupe_node_t *self, const void *context)
{
  node_core_stop_asking (self->core, context);
}

troupe_err_t
troupe_node_on_event (troupe_node_t *self, troupe_event_fn *event, void *context, troupe_error_t *error)
{
  (void)error; // sockets are made when brokers say where they publish
  node_core_on_event (self->core, event, context);
  return TROUPE_OK;
}

troupe_err_t
troupe_placeholder_wait (troupe_placeholder_t *self, int64_t timeout_ms)
{
  int64_t end = troupe_loop_now () + timeout_ms;
  for (;;) {
    troupe_call_state_t state = troupe_placeholder_state (self);
    troupe_node_t *node = node_core_context_of (self);
    if (state == TROUPE_CALL_SETTLED || state == TROUPE_CALL_REFUSED)
      return TROUPE_OK;
    if (node == NULL)
      return TROUPE_UNAVAILABLE; // the node is gone
    if (troupe_loop_stopping (node->loop))
      return TROUPE_CANCELLED;
    int64_t remaining = timeout_ms < 0 ? -1 : end - troupe_loop_now ();
    if (timeout_ms >= 0 && remaining <= 0)
      return TROUPE_DEADLINE;
    troupe_err_t err = troupe_loop_turn (node->loop, remaining);
    if (err != TROUPE_OK)
      return err;
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Connecting (client.h). The signals are blocked before the node starts ZeroMQ's threads, so that they arrive at the
// loop.
#include "cli/client.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TURN_MS = 50 };

static const double DEADLINE_MAX_MS = 30.0 * 24 * 3600 * 1000; // as the protocol's

static troupe_err_t
take_signals (client_t *self, const client_signals_t *signals)
{
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
  if (!signals || !signals->fn)
    return TROUPE_OK;
  size_t count = sizeof numbers / sizeof *numbers - (signals->children ? 0 : 1);
  return troupe_loop_on_signals (self->loop, numbers, count, signals->fn, signals->context);
}

troupe_err_t
client_open (client_t *self, const mesh_t *mesh, const char *name, const client_signals_t *signals,
             troupe_error_t *error)
{
  *self = (client_t){0};
  signal (SIGPIPE, SIG_IGN);
  troupe_err_t err = troupe_loop_new (&self->loop);
  if (err == TROUPE_OK)
    err = take_signals (self, signals);
  if (err != TROUPE_OK)
    troupe_error_set (error, err, "loop", NULL, "can't be made");
  const char *known = mesh->name != NULL && *mesh->name != '\0' ? mesh->name : NULL;
  if (err == TROUPE_OK)
    err = troupe_credentials_new (&self->credentials, mesh->config, TROUPE_TOKEN_OPERATOR, error);
  troupe_node_options_t options = {.name = name,
                                   .mesh = known,
                                   .brokers = (const char *const *)mesh->brokers,
                                   .credentials = self->credentials};
  if (err == TROUPE_OK)
    err = troupe_node_new (&self->node, self->loop, &options, error);
  if (err != TROUPE_OK)
    client_close (self);
  return err;
}

void
client_close (client_t *self)
{
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  troupe_credentials_destroy (&self->credentials);
}

static troupe_err_t
no_broker (const client_t *self, const mesh_t *mesh, troupe_error_t *error)
{
  char hint[TROUPE_ERROR_NEXT_MAX], file[128];
  troupe_err_t err = troupe_node_health (self->node, error);
  if (err == TROUPE_OK)
    err = troupe_error_set (error, TROUPE_UNAVAILABLE, mesh->brokers[0], NULL, "no broker answers");
  if (err == TROUPE_UNAVAILABLE && error && !troupe_node_broker_hangs (self->node)) {
    snprintf (hint, sizeof hint, "is the mesh running? start it: troupe up%s",
              mesh_file_hint (mesh, file, sizeof file));
    snprintf (error->next, sizeof error->next, "%s", hint);
  }
  return err;
}

troupe_err_t
client_connect (client_t *self, const mesh_t *mesh, troupe_error_t *error)
{
  int64_t start = troupe_loop_now ();
  while (troupe_node_brokers_up (self->node) == 0) {
    int64_t past = troupe_loop_now () - start;
    if (past >= CLIENT_START_MS || (past >= CLIENT_CONNECT_MS && !mesh_starting (mesh)))
      return no_broker (self, mesh, error);
    if (troupe_loop_stopping (self->loop))
      return troupe_error_set (error, TROUPE_CANCELLED, mesh->name, NULL, "interrupted before a broker answered");
    troupe_err_t err = troupe_loop_turn (self->loop, TURN_MS);
    if (err != TROUPE_OK)
      return troupe_error_set (error, err, "loop", NULL, "failed");
  }
  return TROUPE_OK;
}

bool
client_lonely (client_t *self, int64_t now)
{
  if (troupe_node_brokers_up (self->node) > 0)
    self->alone_since = 0;
  else if (self->alone_since == 0)
    self->alone_since = now;
  return self->alone_since != 0 && now - self->alone_since >= CLIENT_ALONE_MS;
}

static void
keep_report (void *context, const json_t *reports)
{
  json_t **out = context;
  *out = json_deep_copy (reports);
}

json_t *
client_report (client_t *self, int64_t timeout_ms)
{
  json_t *reports = NULL;
  if (troupe_node_report (self->node, timeout_ms, keep_report, &reports) != TROUPE_OK)
    return NULL;
  while (!reports)
    if (troupe_loop_turn (self->loop, TURN_MS) != TROUPE_OK)
      return NULL;
  return reports;
}

bool
client_any_up (const json_t *reports)
{
  size_t i;
  json_t *report;
  json_array_foreach (reports, i, report)
    if (json_is_true (json_object_get (report, "up")))
      return true;
  return false;
}

bool
client_refuses (const json_t *report, troupe_error_t *error)
{
  const json_t *refusal = json_object_get (report, "error");
  if (!json_is_object (refusal))
    return false;
  troupe_error_of_json (error, refusal);
  return error->code != TROUPE_UNAVAILABLE;
}

bool
client_refused (const json_t *reports, troupe_error_t *error)
{
  size_t i;
  json_t *report;
  if (!client_any_up (reports))
    json_array_foreach (reports, i, report)
      if (client_refuses (report, error))
        return true;
  return false;
}

static double
unit_ms (const char *unit)
{
  static const struct {
    const char *name;
    double ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp (unit, units[i].name) == 0)
      return units[i].ms;
  return NAN;
}

troupe_err_t
client_parse_deadline (int64_t *out, const char *text, troupe_error_t *error)
{
  char *unit;
  double ms = strtod (text, &unit);
  ms = unit == text ? NAN : ms * unit_ms (unit);
  if (!(ms >= 1 && ms <= DEADLINE_MAX_MS))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--deadline", "for example 500ms, 30s, 2m or 1h",
                             "\"%s\" is no duration between 1 ms and 30 days", text);
  *out = (int64_t)ms;
  return TROUPE_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a call in the mesh, as any program of a user's has them: a worker that serves and returns its input,
// and a client that calls, both through a node (troupe/node.h).
//
// The worker is ready once every broker lists it, so that a measurement never begins with a broker that still finds
// nobody to offer to.
#include "cli/bench_end.h"
#include "cli/watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  CREDIT = 1000, // more than is ever in flight for one worker
  REPORT_MS = 1000,
  ASK_MS = 20 // until it is asked again: registering takes a few round trips
};

// -- The worker --------------------------------------------------------------------------------------------------------

static void
serve (void *context, troupe_task_t *task)
{
  (void)context;
  troupe_task_reply (&task, json_incref ((json_t *)(uintptr_t)troupe_task_input (task)));
}

typedef struct {
  bench_end_t end;
  bool asking, ready;
  int64_t due;
} worker_t;

static void
on_report (void *context, const json_t *reports)
{
  worker_t *self = context;
  bool listed = json_array_size (reports) > 0;
  size_t i;
  json_t *report;
  json_array_foreach (reports, i, report) {
    listed = listed && watch_lists (report, BENCH_SERVICE, getpid ()) && watch_lists (report, BENCH_ACTOR, getpid ());
  }
  self->asking = false;
  self->ready = listed;
  if (listed)
    bench_role_ready ();
}

static int64_t
ask (void *context, int64_t now)
{
  worker_t *self = context;
  if (self->ready || self->asking)
    return TROUPE_LOOP_NEVER;
  if (now < self->due)
    return self->due;
  self->due = now + ASK_MS;
  self->asking = troupe_node_report (self->end.node, REPORT_MS, on_report, self) == TROUPE_OK;
  return self->due;
}

troupe_err_t
bench_worker (const json_t *parameters, troupe_error_t *error)
{
  worker_t self = {0};
  troupe_err_t err = bench_end_open (&self.end, parameters, "bench-worker", NULL, NULL, error);
  troupe_service_t service = {.name = BENCH_SERVICE, .credit = CREDIT, .serve = serve};
  if (err == TROUPE_OK)
    err = troupe_node_serve (self.end.node, &service, error);
  service.name = BENCH_ACTOR;
  service.actor = true;
  if (err == TROUPE_OK)
    err = troupe_node_serve (self.end.node, &service, error);
  if (err == TROUPE_OK && (err = troupe_loop_add_prepare (self.end.loop, ask, &self)) == TROUPE_OK)
    err = troupe_loop_run (self.end.loop);
  bench_end_close (&self.end);
  return err;
}

// -- The client --------------------------------------------------------------------------------------------------------

typedef struct client_slot client_slot_t;

typedef struct {
  bench_end_t end;
  bench_load_t load;
  json_t *input;
  client_slot_t *slots;
  const char *service;
  bool is_volatile;
  troupe_error_t *error;
  bool failed;
} bench_client_t;

struct client_slot {
  bench_client_t *client;
  troupe_placeholder_t *placeholder;
};

static void begin (bench_client_t *self, uint64_t slot);

static void
fail (bench_client_t *self, const troupe_error_t *error)
{
  *self->error = *error;
  self->failed = true;
  troupe_loop_stop (self->end.loop);
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  client_slot_t *at = context;
  bench_client_t *self = at->client;
  uint64_t slot = (uint64_t)(at - self->slots);
  if (troupe_placeholder_status (placeholder) != TROUPE_STATUS_VALUE) {
    fail (self, troupe_placeholder_error (placeholder));
    return;
  }
  troupe_placeholder_destroy (&at->placeholder);
  if (bench_load_next (&self->load, slot))
    begin (self, slot);
  else if (bench_load_idle (&self->load))
    bench_load_tell (&self->load);
}

static void
begin (bench_client_t *self, uint64_t slot)
{
  char session[BENCH_SESSION_MAX];
  troupe_error_t error;
  bench_load_session (&self->load, session);
  troupe_call_t call = {.service = self->service,
                        .input = self->input,
                        .session = session,
                        .is_volatile = self->is_volatile,
                        .settled = on_settled,
                        .context = &self->slots[slot]};
  if (troupe_node_call (self->end.node, &self->slots[slot].placeholder, &call, &error) != TROUPE_OK)
    fail (self, &error);
}

static void
begin_all (void *context)
{
  bench_client_t *self = context;
  if (self->load.phase == BENCH_STANDING)
    bench_load_go (&self->load);
  for (uint64_t slot = 0; slot < self->load.in_flight && !self->failed; slot++)
    if (bench_load_begin (&self->load, slot))
      begin (self, slot);
}

static troupe_err_t
open_client (bench_client_t *self, const json_t *parameters, troupe_error_t *error)
{
  troupe_err_t err = bench_load_init (&self->load, parameters, error);
  if (err == TROUPE_OK)
    err = bench_role_text (&self->service, parameters, "service", error);
  if (err == TROUPE_OK)
    err = bench_end_open (&self->end, parameters, "bench-client", begin_all, self, error);
  if (err != TROUPE_OK)
    return err;
  self->is_volatile = json_is_true (json_object_get (parameters, "volatile"));
  self->input = json_string (bench_load_text ());
  self->slots = calloc (self->load.in_flight, sizeof *self->slots);
  if (!self->input || !self->slots)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  for (uint64_t slot = 0; slot < self->load.in_flight; slot++)
    self->slots[slot].client = self;
  return TROUPE_OK;
}

troupe_err_t
bench_client (const json_t *parameters, troupe_error_t *error)
{
  bench_client_t self = {.error = error};
  troupe_err_t err = open_client (&self, parameters, error);
  if (err == TROUPE_OK) {
    begin_all (&self);
    err = self.failed ? TROUPE_OK : troupe_loop_run (self.end.loop);
  }
  if (self.failed)
    err = error->code;
  for (uint64_t slot = 0; self.slots && slot < self.load.in_flight; slot++)
    troupe_placeholder_destroy (&self.slots[slot].placeholder);
  bench_end_close (&self.end);
  json_decref (self.input);
  free (self.slots);
  bench_load_free (&self.load);
  return err;
}

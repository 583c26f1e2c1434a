// SPDX-License-Identifier: Apache-2.0
//
// A broker's process: its core, stepped by what comes, and woken when it is due. Killed, it is gone at once, without a
// word; frozen, it does nothing, and then everything that has come meanwhile, in the order in which it came.

#include "sim/mesh_state.h"

#include "troupe/loop.h"

#include <stdlib.h>

// -- What it does ----------------------------------------------------------------------------------------------------

static void
on_send (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  mesh_line_answer (context, to, header, body);
}

static void
on_publish (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body, bool more)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  mesh_broker_t *self = context;
  (void)topic;
  (void)more; // what of it arrives, arrives by itself: so more is lost than by libzmq
  if (troupe_header_encode (header, bytes, sizeof bytes) == 0)
    mesh_found (self->mesh, MESH_CHECK_SPOKEN_WELL, "what %s publishes can't be encoded", self->name);
  mesh_publish (self, header, body);
}

static void
on_request (void *context, const ledger_request_t *request)
{
  mesh_store_submit (context, request);
}

static void
on_note (void *context, const broker_note_t *note)
{
  const mesh_broker_t *self = context;
  mesh_trace (self->mesh, "broker %u notes: %s (%s %s, %s %s)", self->index, note->event,
              note->name1 != NULL ? note->name1 : "", note->name1 != NULL ? note->value1 : "",
              note->name1 != NULL && note->name2 != NULL ? note->name2 : "",
              note->name1 != NULL && note->name2 != NULL ? note->value2 : "");
}

// -- Its loop --------------------------------------------------------------------------------------------------------

bool
mesh_broker_frozen (mesh_broker_t *self)
{
  mesh_clock_t *clock = &self->mesh->clock;
  if (clock->now >= self->frozen_until)
    return false;
  mesh_clock_defer (clock, self->frozen_until);
  return true;
}

static void
wake (mesh_t *mesh, void *thing)
{
  mesh_broker_t *self = thing;
  if (self->core == NULL || mesh->clock.now < self->wake_at)
    return; // another one is under way
  if (mesh_broker_frozen (self))
    return;
  self->wake_at = MESH_NEVER;
  mesh_broker_step (self, &(broker_event_t){.kind = BROKER_TIME});
  mesh_check_rest (mesh, broker_core_due (self->core), self->name);
}

static void
wake_when_due (mesh_broker_t *self)
{
  int64_t due = broker_core_due (self->core);
  if (due == TROUPE_LOOP_NEVER)
    return;
  int64_t at = due * MS > self->mesh->clock.now ? due * MS : self->mesh->clock.now + 1;
  if (at >= self->wake_at)
    return;
  self->wake_at = at;
  mesh_clock_at (&self->mesh->clock, at, wake, self, NULL);
}

void
mesh_broker_step (mesh_broker_t *self, const broker_event_t *event)
{
  broker_core_step (self->core, event, mesh_ms (self->mesh));
  mesh_check_broker (self);
  wake_when_due (self);
}

// -- Its life --------------------------------------------------------------------------------------------------------

void
mesh_broker_start (mesh_broker_t *self)
{
  mesh_t *mesh = self->mesh;
  self->life++;
  broker_limits_t limits = {.message = 1024 * 1024,
                            .open_calls = 400,
                            .open_bytes = 1024 * 1024,
                            .mailbox = mesh->shape.mailbox,
                            .attempts = mesh->shape.attempts,
                            .deadline = 60000,
                            .retention = 3600000,
                            .heartbeat = 500,
                            .lease = 2500};
  broker_core_options_t options = {.name = self->name,
                                   .endpoint = "ipc://publish",
                                   .pid = self->life,
                                   .limits = limits,
                                   .key = {{1, 2}},
                                   .outlet = {on_send, on_publish, on_request, on_note, self}};
  self->frozen_until = 0;
  self->wake_at = MESH_NEVER;
  self->received = self->unsent = self->parts_full = self->requests = self->lost = 0;
  mesh_trace (mesh, "broker %u starts, life %u", self->index, self->life);
  if (broker_core_new (&self->core, &options, mesh_ms (mesh)) != TROUPE_OK)
    abort ();
  mesh_store_connect (self);
  wake_when_due (self);
}

void
mesh_broker_kill (mesh_broker_t *self)
{
  if (self->core == NULL)
    return;
  mesh_trace (self->mesh, "broker %u dies", self->index);
  mesh_check_broker_counters (self);
  mesh_store_close (self);
  broker_core_destroy (&self->core);
  mesh_connection_broker_died (self);
}

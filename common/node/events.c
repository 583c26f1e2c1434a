// SPDX-License-Identifier: Apache-2.0
//
// What brokers publish comes by subscription: events of the mesh, and what is said in hubs, which is listening.c's.
// Events are for looking only, and may be lost; too many unread ones are dropped and counted.

#include "node/events.h"

#include "node/listening.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  node_list_t place; // in core->events
  char *service, *instance;
  json_t *json;
} event_t;

static void
free_event (event_t *self)
{
  node_list_remove (&self->place);
  json_decref (self->json);
  free (self->service);
  free (self->instance);
  free (self);
}

static void
deliver_event (node_core_t *core, node_ready_t *ready)
{
  event_t *self = NODE_OF (core->events.next, event_t, place);
  node_list_remove (&self->place);
  if (--core->events_count > 0)
    node_core_ready (core, ready);
  if (core->event != NULL)
    core->event (core->event_context, self->service, self->instance, self->json);
  free_event (self);
}

static event_t *
make_event (const troupe_header_t *header, json_t *json)
{
  event_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return NULL;
  node_list_init (&self->place);
  self->json = json_incref (json);
  self->service = strndup (header->service.data, header->service.size);
  self->instance = strndup (header->peer.data, header->peer.size);
  if (self->service != NULL && self->instance != NULL)
    return self;
  free_event (self);
  return NULL;
}

static void
keep_event (node_core_t *core, const troupe_header_t *header, json_t *json)
{
  event_t *event = core->events_count < NODE_EVENTS_MAX ? make_event (header, json) : NULL;
  if (event == NULL) {
    node_core_count (core, NODE_COUNT_EVENTS_UNREAD);
    return;
  }
  node_list_append (&core->events, &event->place);
  core->events_count++;
  node_core_ready (core, &core->events_ready);
}

void
node_events_published (node_connection_t *from, const node_event_t *event)
{
  troupe_header_t header;
  json_t *json = NULL;
  troupe_buffer_t *body;
  bool decoded = troupe_header_decode (&header, event->header, event->header_size, NULL) == TROUPE_OK &&
                 troupe_header_body (&header, event->frame, event->body, &body, NULL) == TROUPE_OK;
  if (decoded && header.command == TROUPE_CMD_SAID) {
    node_listening_said (from, &header, body);
    return;
  }
  bool good = decoded && header.command == TROUPE_CMD_EVENT &&
              troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, NULL) == TROUPE_OK;
  if (good)
    keep_event (from->core, &header, json);
  else
    node_core_count (from->core, NODE_COUNT_FRAMES_BAD);
  json_decref (json);
}

void
node_core_on_event (node_core_t *core, troupe_event_fn *event, void *context)
{
  core->event = event;
  core->event_context = context;
  node_core_wake (core);
}

void
node_events_init (node_core_t *core)
{
  node_list_init (&core->events);
  node_list_init (&core->events_ready.place);
  core->events_ready.deliver = deliver_event;
}

void
node_events_close (node_core_t *core)
{
  while (!node_list_empty (&core->events))
    free_event (NODE_OF (core->events.next, event_t, place));
}

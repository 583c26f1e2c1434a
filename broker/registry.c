// SPDX-License-Identifier: Apache-2.0
//
// Instances of one service agree on whether it is an actor: two that don't would break the order of its calls, so the
// second one is refused.
//
// An instance that unregisters is taken out of its service but stays with its peer until what it runs has ended. Its
// calls are retried only when it is lost.

#include "broker/registry.h"

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/attempts.h"
#include "broker/hubs.h"
#include "broker/placement.h"

#include <stdlib.h>

// -- Instances -------------------------------------------------------------------------------------------------------

bool
registry_is_live (const service_t *service)
{
  for (const list_link_t *link = service->instances.next; link != &service->instances; link = link->next)
    if (LIST_ITEM (link, const instance_t, in_service)->live)
      return true;
  return false;
}

uint64_t
registry_identity (const broker_core_t *core, const char *name)
{
  return name != NULL ? table_hash (&core->options.key, name, strlen (name)) | 1 : 0;
}

instance_t *
registry_instance (const peer_t *peer, const service_t *service)
{
  for (list_link_t *link = peer->instances.next; link != &peer->instances; link = link->next) {
    instance_t *instance = LIST_ITEM (link, instance_t, in_peer);
    if (instance->service == service)
      return instance;
  }
  return NULL;
}

static troupe_err_t
make_instance (broker_core_t *core, instance_t **out, peer_t *peer, service_t *service, troupe_error_t *error)
{
  if (peer->instances_count >= PEER_SERVICES_MAX) {
    core->drops[BROKER_QUEUE_PEER_SERVICES]++;
    return troupe_error_set (error, TROUPE_OVERLOADED, service->name, "serve it from another process",
                             "%s serves %d services, the limit for one process", peer->name, PEER_SERVICES_MAX);
  }
  instance_t *instance = calloc (1, sizeof *instance);
  if (instance == NULL)
    return answer_no_memory (core, service->name, error);
  static const table_key_t placement = {{0, 0}};
  instance->peer = peer;
  instance->service = service;
  instance->identity = registry_identity (core, peer->name);
  instance->seed = table_hash (&placement, peer->name, strlen (peer->name));
  list_init (&instance->in_service);
  list_init (&instance->calls);
  list_append (&peer->instances, &instance->in_peer);
  peer->instances_count++;
  *out = instance;
  return TROUPE_OK;
}

static void
open_instance (broker_core_t *core, instance_t *instance)
{
  if (instance->open)
    return;
  instance->open = true;
  list_append (&instance->service->instances, &instance->in_service);
  instance->service->instances_count++;
  answer_note (core, TROUPE_LOG_INFO, "registered", "service", instance->service->name, "instance",
               instance->peer->name);
  answer_publish (core, instance->service, instance->peer, "joined");
}

static void
close_instance (broker_core_t *core, instance_t *instance, const char *event)
{
  if (!instance->open)
    return;
  instance->open = false;
  list_remove (&instance->in_service);
  instance->service->instances_count--;
  answer_note (core, TROUPE_LOG_INFO, event, "service", instance->service->name, "instance", instance->peer->name);
  answer_publish (core, instance->service, instance->peer, event);
}

static void
free_instance (broker_core_t *core, instance_t *instance)
{
  service_t *service = instance->service;
  list_remove (&instance->in_peer);
  instance->peer->instances_count--;
  core->info_bytes -= troupe_buffer_size (instance->info);
  troupe_buffer_unref (&instance->info);
  free (instance);
  registry_drop_unused (core, service);
}

void
registry_end (broker_core_t *core, instance_t *instance, const char *event, const char *died)
{
  service_t *service = instance->service;
  service->calls++; // an end of its last call mustn't take it away from here
  close_instance (core, instance, event);
  // From the last to the first: each goes back to the front of the queue.
  while (!list_empty (&instance->calls)) {
    call_t *call = LIST_ITEM (instance->calls.prev, call_t, in_phase);
    list_remove (&call->in_phase);
    call->instance = NULL;
    attempts_lost (core, call, instance->peer, died);
  }
  free_instance (core, instance);
  registry_release (core, service);
}

void
registry_forget (broker_core_t *core, instance_t *instance)
{
  if (instance->open) {
    list_remove (&instance->in_service);
    instance->service->instances_count--;
  }
  free_instance (core, instance);
}

void
registry_return (broker_core_t *core, call_t *call)
{
  instance_t *instance = call->instance;
  list_remove (&call->in_phase);
  call->instance = NULL;
  call->phase = CALL_STORED;
  instance->running--;
  if (instance->open)
    placement_dispatch (core, instance->service);
  else if (instance->running == 0)
    free_instance (core, instance);
}

// -- Commands --------------------------------------------------------------------------------------------------------

static troupe_err_t
check_info (troupe_buffer_t *info, const char *name, troupe_error_t *error)
{
  size_t size = troupe_buffer_size (info);
  if (size > INFO_SIZE_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, name, NULL,
                             "the service's description has %zu bytes, at most %d are taken", size, INFO_SIZE_MAX);
  if (size == 0)
    return TROUPE_OK;
  json_t *map = NULL;
  troupe_err_t err = troupe_value_unpack (troupe_buffer_data (info), size, &map, error);
  if (err == TROUPE_OK && !json_is_object (map))
    err = troupe_error_set (error, TROUPE_BAD_MESSAGE, name, NULL, "the service's description is not a map");
  json_decref (map);
  return err;
}

// They are kept and reported, so all of them together are bounded as well as each.
static troupe_err_t
take_info (broker_core_t *core, instance_t *instance, troupe_buffer_t *info, troupe_error_t *error)
{
  size_t others = core->info_bytes - troupe_buffer_size (instance->info);
  if (others + troupe_buffer_size (info) > INFO_BYTES_MAX)
    return troupe_error_set (error, TROUPE_OVERLOADED, instance->service->name, "shorten it, or add a mesh",
                             "the descriptions of all services have %zu bytes, at most %d are taken",
                             others + troupe_buffer_size (info), INFO_BYTES_MAX);
  troupe_buffer_unref (&instance->info);
  instance->info = troupe_buffer_keep (info);
  core->info_bytes = others + troupe_buffer_size (info);
  return TROUPE_OK;
}

static troupe_err_t
register_instance (broker_core_t *core, peer_t *peer, service_t *service, const troupe_header_t *header,
                   troupe_buffer_t *info, troupe_error_t *error)
{
  if (hubs_is_operation (header->service))
    return troupe_error_set (error, TROUPE_PERMISSION, service->name, "choose another kind",
                             "the kind hub is the brokers' own");
  uint64_t flags = troupe_header_has (header, TROUPE_F (FLAGS)) ? header->flags : 0;
  bool actor = (flags & TROUPE_FLAG_ACTOR) != 0;
  instance_t *instance = registry_instance (peer, service);
  size_t others = service->instances_count - (instance != NULL && instance->open);
  if (others > 0 && service->actor != actor)
    return troupe_error_set (error, TROUPE_CONFLICT, service->name, "serve the two under different names",
                             "another instance serves it as %s actor", service->actor ? "an" : "no");
  troupe_err_t err = check_info (info, service->name, error);
  if (err == TROUPE_OK && instance == NULL)
    err = make_instance (core, &instance, peer, service, error);
  if (err == TROUPE_OK)
    err = take_info (core, instance, info, error);
  if (err != TROUPE_OK) {
    if (instance != NULL && !instance->open && instance->running == 0)
      free_instance (core, instance);
    return err;
  }
  service->actor = actor;
  instance->credit = (uint32_t)header->credit;
  instance->observes = actor && (flags & TROUPE_FLAG_OBSERVE) != 0;
  instance->live = instance->observes && (flags & TROUPE_FLAG_LIVE) != 0;
  open_instance (core, instance);
  return TROUPE_OK;
}

static void
answer_service (broker_core_t *core, const peer_t *peer, troupe_command_t command, troupe_text_t service)
{
  troupe_header_t header;
  troupe_header_init (&header, command);
  troupe_header_set_service (&header, service);
  answer_send (core, peer->connection, &header, NULL);
}

void
registry_on_register (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  service_t *service = registry_take (core, header->service, &error);
  if (service == NULL || register_instance (core, peer, service, header, body, &error) != TROUPE_OK) {
    answer_refuse (core, peer->connection, TROUPE_CMD_REGISTER, header, &error);
  } else {
    answer_service (core, peer, TROUPE_CMD_REGISTERED, header->service);
    accepting_service_appeared (core, service);
    placement_dispatch (core, service);
  }
  if (service != NULL)
    registry_release (core, service);
}

// Something is asked of the ledger before they are offered, and they won't be offered here any more.
static void
take_back_placed (broker_core_t *core, instance_t *instance)
{
  for (list_link_t *link = instance->calls.prev, *before; link != &instance->calls; link = before) {
    call_t *call = LIST_ITEM (link, call_t, in_phase);
    before = link->prev;
    if (call->phase != CALL_PLACED)
      continue;
    list_remove (&call->in_phase);
    call->instance = NULL;
    instance->running--;
    attempts_lost (core, call, instance->peer, NULL);
  }
}

void
registry_on_unregister (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  service_t *service = registry_find (core, header->service);
  instance_t *instance = service != NULL ? registry_instance (peer, service) : NULL;
  if (instance != NULL) {
    close_instance (core, instance, "left");
    take_back_placed (core, instance);
    if (instance->running == 0)
      free_instance (core, instance);
  }
  answer_service (core, peer, TROUPE_CMD_UNREGISTERED, header->service);
}

void
registry_on_grant (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  service_t *service = registry_find (core, header->service);
  instance_t *instance = service != NULL ? registry_instance (peer, service) : NULL;
  if (instance == NULL || !instance->open) {
    troupe_error_t error = {0};
    troupe_error_set (&error, TROUPE_UNKNOWN_SERVICE, NULL, "register it first",
                      "%s grants credit for a service that it doesn't serve", peer->name);
    answer_refuse (core, peer->connection, TROUPE_CMD_GRANT, header, &error);
    return;
  }
  instance->credit = (uint32_t)header->credit;
  placement_dispatch (core, service);
}

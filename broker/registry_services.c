// SPDX-License-Identifier: Apache-2.0
//
// A service is there as long as an instance serves it or a call refers to it; "known" means that at least one instance
// takes offers.

#include "broker/registry.h"

#include "broker/answer.h"

#include "troupe/option.h"

#include <stdlib.h>

enum {
  NAME_MAX_SIZE = 192, // as the protocol's field
  // Among how many names the nearest one is looked for: a person's typo is worth a millisecond, not more.
  NEAR_MAX = 2000
};

service_t *
registry_find (const broker_core_t *core, troupe_text_t name)
{
  table_link_t *link = table_first (&core->services, table_hash (&core->options.key, name.data, name.size));
  for (; link != NULL; link = table_next (link)) {
    service_t *service = LIST_ITEM (link, service_t, by_name);
    if (troupe_text_equal (name, service->name))
      return service;
  }
  return NULL;
}

static troupe_err_t
make_service (broker_core_t *core, service_t **out, const char *name, size_t size, troupe_error_t *error)
{
  static const table_key_t placement = {{0, 0}}; // known to all brokers: they shall propose the same instance
  if (core->services.count >= SERVICES_MAX) {
    core->drops[BROKER_QUEUE_SERVICES]++;
    return troupe_error_set (error, TROUPE_OVERLOADED, name, "add a mesh", "the broker knows %d services, its limit",
                             SERVICES_MAX);
  }
  service_t *service = calloc (1, sizeof *service + size + 1);
  if (service == NULL)
    return answer_no_memory (core, name, error);
  memcpy (service->name, name, size);
  service->hash = table_hash (&placement, name, size);
  list_init (&service->instances);
  list_init (&service->queue);
  list_init (&service->held);
  table_insert (&core->services, &service->by_name, table_hash (&core->options.key, name, size));
  list_append (&core->all_services, &service->in_core);
  *out = service;
  return TROUPE_OK;
}

void
registry_drop_unused (broker_core_t *core, service_t *service)
{
  if (service->instances_count > 0 || service->calls > 0)
    return;
  table_remove (&core->services, &service->by_name);
  list_remove (&service->in_core);
  free (service);
}

// Found or made, not yet referred to.
static service_t *
service_of (broker_core_t *core, troupe_text_t text, troupe_error_t *error)
{
  service_t *service = registry_find (core, text);
  if (service != NULL)
    return service;
  char name[NAME_MAX_SIZE + 1];
  size_t size = text.size < sizeof name ? text.size : sizeof name - 1;
  memcpy (name, text.data, size);
  name[size] = '\0';
  if (!troupe_service_name_valid (name)) {
    troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "name it kind/name, as agent/alice",
                      "not a service's name: two parts of 1 to 64 letters, digits, '.', '_' and '-'");
    return NULL;
  }
  return make_service (core, &service, name, size, error) == TROUPE_OK ? service : NULL;
}

service_t *
registry_take (broker_core_t *core, troupe_text_t text, troupe_error_t *error)
{
  service_t *service = service_of (core, text, error);
  if (service != NULL)
    service->calls++;
  return service;
}

void
registry_release (broker_core_t *core, service_t *service)
{
  service->calls--;
  registry_drop_unused (core, service);
}

troupe_err_t
registry_unknown (broker_core_t *core, const char *name, troupe_error_t *error)
{
  const char *near = NULL;
  size_t count = 0;
  const char **words = calloc (NEAR_MAX + 1, sizeof *words);
  if (words != NULL) {
    for (list_link_t *link = core->all_services.next; link != &core->all_services && count < NEAR_MAX;
         link = link->next) {
      const service_t *service = LIST_ITEM (link, service_t, in_core);
      if (service->instances_count > 0)
        words[count++] = service->name;
    }
    near = troupe_did_you_mean (name, words);
  }
  char next[TROUPE_ERROR_NEXT_MAX];
  if (near != NULL)
    snprintf (next, sizeof next, "did you mean %s?", near);
  else
    snprintf (next, sizeof next, "start a process that serves it; `troupe ps` shows what is there");
  troupe_error_set (error, TROUPE_UNKNOWN_SERVICE, name, next, "no instance of it is registered with %s", core->name);
  free (words);
  return TROUPE_UNKNOWN_SERVICE;
}

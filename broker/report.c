// SPDX-License-Identifier: Apache-2.0
//
// The one message whose body the broker makes as JSON. It is for people, who ask for it now and then; a broker with a
// hundred thousand instances takes some tens of milliseconds for it.

#include "broker/report.h"

#include "broker/answer.h"

#include <string.h>

enum {
  REPORT_SMALL = 64 * 1024, // bytes: less than a millisecond's work
  REPORT_KEPT_MS = 500,
  PROTOCOL_SIZE = 24,
};

static const char *const counter_names[] = {
#define BROKER_COUNTER(constant, name, unit, sentence) name,
#include "broker/counter.def"
#undef BROKER_COUNTER
};

// NULL: it has none.
static json_t *
instance_info (const instance_t *instance)
{
  json_t *info = NULL;
  const troupe_buffer_t *packed = instance->info;
  if (packed != NULL)
    troupe_value_unpack (troupe_buffer_data (packed), troupe_buffer_size (packed), &info, NULL);
  return info;
}

// Its description stands beside it where it isn't that of the service's first instance.
static json_t *
own_info (const instance_t *instance)
{
  const troupe_buffer_t *own = instance->info;
  const troupe_buffer_t *first = LIST_ITEM (instance->service->instances.next, const instance_t, in_service)->info;
  if (own == first || own == NULL || first == NULL ||
      (troupe_buffer_size (own) == troupe_buffer_size (first) &&
       memcmp (troupe_buffer_data (own), troupe_buffer_data (first), troupe_buffer_size (own)) == 0))
    return NULL;
  return instance_info (instance);
}

// As in "2.1".
static const char *
protocol_text (char text[PROTOCOL_SIZE], unsigned minor)
{
  snprintf (text, PROTOCOL_SIZE, "%d.%u", TROUPE_PROTOCOL_VERSION, minor);
  return text;
}

static json_t *
report_instance (const broker_core_t *core, const instance_t *instance)
{
  const peer_t *peer = instance->peer;
  const char *key = peer->identity != NULL ? troupe_identity_name (peer->identity) : NULL;
  char protocol[PROTOCOL_SIZE];
  return json_pack ("{s:s, s:s*, s:s, s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:o*}", "id", peer->name, "key", key,
                    "program", peer->program, "version", peer->version, "protocol",
                    protocol_text (protocol, peer->minor), "pid", (json_int_t)peer->pid, "host", peer->host, "credit",
                    (json_int_t)instance->credit, "running", (json_int_t)instance->running, "age_ms",
                    (json_int_t)(core->now - peer->since), "idle_ms", (json_int_t)(core->now - peer->heard), "info",
                    own_info (instance));
}

static json_t *
report_info (const service_t *service)
{
  const list_link_t *first = service->instances.next;
  json_t *info = first != &service->instances ? instance_info (LIST_ITEM (first, const instance_t, in_service)) : NULL;
  return info != NULL ? info : json_object ();
}

static json_t *
report_service (const broker_core_t *core, const service_t *service)
{
  json_t *instances = json_array ();
  for (const list_link_t *link = service->instances.next; link != &service->instances; link = link->next)
    if (json_array_append_new (instances, report_instance (core, LIST_ITEM (link, const instance_t, in_service))) !=
        0) {
      json_decref (instances);
      return NULL;
    }
  return json_pack ("{s:s, s:b, s:I, s:o, s:o}", "name", service->name, "actor", (int)service->actor, "queue",
                    (json_int_t)service->queue_count, "info", report_info (service), "instances", instances);
}

static json_t *
report_services (const broker_core_t *core)
{
  json_t *services = json_array ();
  for (const list_link_t *link = core->all_services.next; link != &core->all_services; link = link->next) {
    json_t *service = report_service (core, LIST_ITEM (link, const service_t, in_core));
    if (json_array_append_new (services, service) != 0) {
      json_decref (services);
      return NULL;
    }
  }
  return services;
}

static json_t *
report_counters (const broker_core_t *core)
{
  json_t *counters = json_object ();
  for (size_t i = 0; i < BROKER_COUNTERS; i++)
    if (json_object_set_new (counters, counter_names[i], json_integer ((json_int_t)core->counters[i])) != 0) {
      json_decref (counters);
      return NULL;
    }
  return counters;
}

static json_t *
report (const broker_core_t *core)
{
  char protocol[PROTOCOL_SIZE];
  return json_pack (
    "{s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:o, s:o}", "broker", core->name, "version", TROUPE_VERSION,
    "protocol", protocol_text (protocol, TROUPE_PROTOCOL_MINOR), "pid",
    (json_int_t)core->options.pid, "uptime_ms", (json_int_t)(core->now - core->started), "store",
    core->up ? "up" : "down", "open_calls", (json_int_t)core->calls.count, "open_bytes", (json_int_t)core->open_bytes,
    "peers", (json_int_t)core->peers.count, "services", report_services (core), "counters", report_counters (core));
}

static troupe_err_t
make_report (broker_core_t *core, troupe_buffer_t **out, troupe_error_t *error)
{
  json_t *json = report (core);
  troupe_err_t err = json == NULL ? answer_no_memory (core, core->name, error) : troupe_value_pack (json, out, error);
  json_decref (json);
  return err;
}

// A large report takes the loop tens of milliseconds, and asking for one takes a peer nothing: so it is given out for a
// while.
static troupe_err_t
take_report (broker_core_t *core, troupe_buffer_t **out, troupe_error_t *error)
{
  if (core->now < core->report_until) {
    *out = troupe_buffer_ref (core->report);
    if (*out != NULL)
      return TROUPE_OK;
    troupe_error_set (error, TROUPE_OVERLOADED, core->name, "ask another broker", "its report was too large just now");
    error->retry_after_ms = REPORT_KEPT_MS;
    return TROUPE_OVERLOADED;
  }
  troupe_err_t err = make_report (core, out, error);
  bool dear = err != TROUPE_OK || troupe_buffer_size (*out) > REPORT_SMALL;
  troupe_buffer_unref (&core->report);
  core->report = dear ? troupe_buffer_ref (*out) : NULL;
  core->report_until = dear ? core->now + REPORT_KEPT_MS : 0;
  return err;
}

void
report_on_status (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_error_t error = {0};
  troupe_buffer_t *packed = NULL;
  if (take_report (core, &packed, &error) != TROUPE_OK) {
    answer_refuse (core, peer->connection, TROUPE_CMD_STATUS, header, &error);
    return;
  }
  troupe_header_t answer;
  troupe_header_init (&answer, TROUPE_CMD_REPORT);
  troupe_header_set_request (&answer, header->request);
  answer_send (core, peer->connection, &answer, packed);
  troupe_buffer_unref (&packed);
}

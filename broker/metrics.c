// SPDX-License-Identifier: Apache-2.0
//
// Looks at the core and changes nothing. Nothing is labelled by service or instance: their names are chosen by whoever
// connects, so there could be any number of them; `troupe ps` shows those.

#include "broker/metrics.h"

#include "broker/state.h"

enum { UNKNOWN = UINT64_MAX }; // a length that nobody knows here

static const troupe_metric_t counters[] = {
#define BROKER_COUNTER(constant, name, unit, sentence)                                                                 \
  {"troupe_broker_" name "_total", TROUPE_METRIC_COUNTER, sentence, {NULL}},
#include "broker/counter.def"
#undef BROKER_COUNTER
};

typedef enum {
#define BROKER_GAUGE(constant, name, unit, sentence) GAUGE_##constant,
#include "broker/gauge.def"
#undef BROKER_GAUGE
  GAUGES
} gauge_t;

static const troupe_metric_t gauges[] = {
#define BROKER_GAUGE(constant, name, unit, sentence) {"troupe_broker_" name, TROUPE_METRIC_GAUGE, sentence, {NULL}},
#include "broker/gauge.def"
#undef BROKER_GAUGE
};

static const char *const queue_names[] = {
#define BROKER_QUEUE(constant, name, unit, sentence) name,
#include "broker/queue.def"
#undef BROKER_QUEUE
};

static void
count_services (const broker_core_t *core, uint64_t values[GAUGES])
{
  for (const list_link_t *link = core->all_services.next; link != &core->all_services; link = link->next) {
    const service_t *service = LIST_ITEM (link, const service_t, in_core);
    values[GAUGE_SERVICES_SERVED] += service->instances_count > 0;
    values[GAUGE_CALLS_QUEUED] += service->queue_count;
    for (const list_link_t *held = service->held.next; held != &service->held; held = held->next)
      values[GAUGE_CALLS_HELD]++;
    for (const list_link_t *at = service->instances.next; at != &service->instances; at = at->next) {
      const instance_t *instance = LIST_ITEM (at, const instance_t, in_service);
      values[GAUGE_INSTANCES]++;
      values[GAUGE_CREDIT] += instance->credit;
      values[GAUGE_CALLS_RUNNING] += instance->running;
    }
  }
}

static void
write_gauges (const broker_core_t *core, troupe_metrics_t *metrics)
{
  uint64_t values[GAUGES] = {[GAUGE_STORE_UP] = core->up, [GAUGE_STORE_GENERATION] = core->generation};
  count_services (core, values);
  for (size_t i = 0; i < GAUGES; i++)
    troupe_metrics_add (metrics, &gauges[i], values[i]);
}

static void
write_queues (const broker_core_t *core, troupe_metrics_t *metrics)
{
  static const troupe_metric_t length = {
    "troupe_broker_queue_length", TROUPE_METRIC_GAUGE, "How much a bounded queue of the broker holds.", {"queue"}};
  static const troupe_metric_t capacity = {
    "troupe_broker_queue_capacity", TROUPE_METRIC_GAUGE, "How much a bounded queue of the broker may hold.", {"queue"}};
  static const troupe_metric_t drops = {"troupe_broker_queue_drops_total",
                                        TROUPE_METRIC_COUNTER,
                                        "What was refused or put off because a bounded queue of the broker was full.",
                                        {"queue"}};
  const broker_limits_t *limits = &core->options.limits;
  const struct {
    uint64_t length, capacity;
  } queues[BROKER_QUEUES] = {
    [BROKER_QUEUE_OPEN_CALLS] = {broker_core_open_calls (core), limits->open_calls},
    [BROKER_QUEUE_OPEN_BYTES] = {core->open_bytes, limits->open_bytes},
    [BROKER_QUEUE_OUTCOME_BYTES] = {core->outcome_bytes, limits->open_bytes},
    [BROKER_QUEUE_UNREAD] = {core->unread, limits->unread},
    [BROKER_QUEUE_UNREAD_TOTAL] = {core->unread_total, limits->unread_total},
    [BROKER_QUEUE_MAILBOX] = {UNKNOWN, limits->mailbox},
    [BROKER_QUEUE_STORE] = {core->requests, LEDGER_ACCEPTS_MAX},
    [BROKER_QUEUE_PEERS] = {core->peers.count, PEERS_MAX},
    [BROKER_QUEUE_SERVICES] = {core->services.count, SERVICES_MAX},
    [BROKER_QUEUE_PEER_SERVICES] = {UNKNOWN, PEER_SERVICES_MAX},
    [BROKER_QUEUE_WAITERS] = {UNKNOWN, WAITERS_MAX},
    [BROKER_QUEUE_RECALLS] = {core->reads, RECALLS_MAX},
    [BROKER_QUEUE_INQUIRIES] = {core->inquiries.count - core->reads, INQUIRIES_MAX},
    [BROKER_QUEUE_ROUSINGS] = {core->rousings.count, ROUSINGS_MAX},
  };
  for (size_t i = 0; i < BROKER_QUEUES; i++)
    if (queues[i].length != UNKNOWN)
      troupe_metrics_add_labelled (metrics, &length, queue_names[i], NULL, queues[i].length);
  for (size_t i = 0; i < BROKER_QUEUES; i++)
    troupe_metrics_add_labelled (metrics, &capacity, queue_names[i], NULL, queues[i].capacity);
  for (size_t i = 0; i < BROKER_QUEUES; i++)
    troupe_metrics_add_labelled (metrics, &drops, queue_names[i], NULL, core->drops[i]);
}

void
broker_metrics_write (const broker_core_t *core, troupe_metrics_t *metrics)
{
  for (size_t i = 0; i < BROKER_COUNTERS; i++)
    troupe_metrics_add (metrics, &counters[i], core->counters[i]);
  write_gauges (core, metrics);
  write_queues (core, metrics);
}

troupe_err_t
broker_metrics_ready (const broker_core_t *core, troupe_error_t *error)
{
  if (core->stopped)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, core->name, NULL, "the broker is stopping");
  if (!core->up)
    return troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, core->name, "look into its log, and at Redis",
                             "Redis doesn't answer, or the ledger's Functions are not loaded there");
  if (!core->leased)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, core->name, NULL, "the broker has no lease in Redis yet");
  if (!core->settled_in)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, core->name, NULL,
                             "the broker has just begun, and services have yet to find it");
  return TROUPE_OK;
}

// SPDX-License-Identifier: Apache-2.0
//
// What a node has counted and how it stands, and whether that is enough to work. Looks at the core and changes nothing.

#include "node/serving.h"
#include "node/state.h"

static const troupe_metric_t counters[] = {
#define NODE_COUNTER(constant, name, unit, sentence)                                                                   \
  {"troupe_node_" name "_total", TROUPE_METRIC_COUNTER, sentence, {NULL}},
#include "node/counters.def"
#undef NODE_COUNTER
};

typedef enum {
#define NODE_GAUGE(constant, name, unit, sentence) GAUGE_##constant,
#include "node/gauges.def"
#undef NODE_GAUGE
  GAUGES
} gauge_t;

static const troupe_metric_t gauges[] = {
#define NODE_GAUGE(constant, name, unit, sentence) {"troupe_node_" name, TROUPE_METRIC_GAUGE, sentence, {NULL}},
#include "node/gauges.def"
#undef NODE_GAUGE
};

typedef enum {
#define NODE_QUEUE(constant, name, unit, sentence) QUEUE_##constant,
#include "node/queues.def"
#undef NODE_QUEUE
  QUEUES
} queue_t;

static const char *const queue_names[] = {
#define NODE_QUEUE(constant, name, unit, sentence) name,
#include "node/queues.def"
#undef NODE_QUEUE
};

static uint64_t
registered_with (const node_core_t *self, const node_connection_t *connection)
{
  uint64_t count = 0;
  for (unsigned i = 0; node_connection_up (connection) && i < self->services_count; i++)
    count += connection->registrations[i].state == NODE_REGISTERED;
  return count;
}

static void
write_gauges (const node_core_t *self, troupe_metrics_t *metrics)
{
  uint64_t values[GAUGES] = {[GAUGE_BROKERS] = self->connections_count,
                             [GAUGE_BROKERS_UP] = self->up_count,
                             [GAUGE_SERVICES] = self->services_count,
                             [GAUGE_TASKS_RUNNING] = self->running};
  for (unsigned i = 0; i < self->connections_count; i++)
    values[GAUGE_REGISTERED] += registered_with (self, &self->connections[i]);
  for (unsigned i = 0; i < self->services_count; i++) {
    values[GAUGE_CREDIT] += self->services[i]->credit;
    values[GAUGE_TASKS_WAITING] += self->services[i]->running - self->services[i]->busy;
  }
  for (size_t i = 0; i < GAUGES; i++)
    troupe_metrics_add (metrics, &gauges[i], values[i]);
}

static uint64_t
longest_outbox (const node_core_t *self)
{
  uint64_t longest = 0;
  for (unsigned i = 0; i < self->connections_count; i++)
    if (self->connections[i].outbox.count > longest)
      longest = self->connections[i].outbox.count;
  return longest;
}

static void
write_queues (const node_core_t *self, troupe_metrics_t *metrics)
{
  static const troupe_metric_t length = {
    "troupe_node_queue_length", TROUPE_METRIC_GAUGE, "How much a bounded queue of the node holds.", {"queue"}};
  static const troupe_metric_t capacity = {
    "troupe_node_queue_capacity", TROUPE_METRIC_GAUGE, "How much a bounded queue of the node may hold.", {"queue"}};
  static const troupe_metric_t drops = {"troupe_node_queue_drops_total",
                                        TROUPE_METRIC_COUNTER,
                                        "What was refused or dropped because a bounded queue of the node was full.",
                                        {"queue"}};
  const struct {
    uint64_t length, capacity, drops;
  } queues[QUEUES] = {
    [QUEUE_CALLS] = {self->open_calls, NODE_CALLS_MAX, self->counters[NODE_COUNT_CALLS_OVERLOADED]},
    [QUEUE_PARTS] = {longest_outbox (self), NODE_PARTS_QUEUE_MAX, self->counters[NODE_COUNT_PARTS_DROPPED]},
    [QUEUE_EVENTS] = {self->events_count, NODE_EVENTS_MAX, self->counters[NODE_COUNT_EVENTS_UNREAD]},
  };
  for (size_t i = 0; i < QUEUES; i++)
    troupe_metrics_add_labelled (metrics, &length, queue_names[i], NULL, queues[i].length);
  for (size_t i = 0; i < QUEUES; i++)
    troupe_metrics_add_labelled (metrics, &capacity, queue_names[i], NULL, queues[i].capacity);
  for (size_t i = 0; i < QUEUES; i++)
    troupe_metrics_add_labelled (metrics, &drops, queue_names[i], NULL, queues[i].drops);
}

void
node_core_write_metrics (const node_core_t *self, troupe_metrics_t *metrics)
{
  for (size_t i = 0; i < NODE_COUNTERS; i++)
    troupe_metrics_add (metrics, &counters[i], self->counters[i]);
  write_gauges (self, metrics);
  write_queues (self, metrics);
}

// It was reached, or has welcomed us, and its answer is on its way. One that took a connection and said nothing before
// isn't waited for: it hangs.
static bool
is_coming (const node_core_t *self, const node_connection_t *connection)
{
  if (!node_connection_up (connection))
    return connection->state == NODE_CONNECTION_GREETING && connection->reached && !connection->silent;
  for (unsigned i = 0; i < self->services_count; i++)
    if (connection->registrations[i].state == NODE_REGISTERING)
      return true;
  return false;
}

// A broker that has welcomed us is asked by callers as well. So all of them must have the services before somebody ends
// another instance because this one is ready.
troupe_err_t
node_core_can_work (const node_core_t *self, troupe_error_t *error)
{
  troupe_err_t err = node_core_health (self, error);
  if (err != TROUPE_OK)
    return err;
  if (self->draining)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, self->instance, NULL, "it drains: it takes no more calls");
  for (unsigned i = 0; i < self->connections_count; i++)
    if (is_coming (self, &self->connections[i]))
      return troupe_error_set (error, TROUPE_UNAVAILABLE, self->connections[i].endpoint, NULL,
                               "this broker has yet to register its services");
  for (unsigned i = 0; i < self->connections_count; i++)
    if (node_connection_up (&self->connections[i]) &&
        registered_with (self, &self->connections[i]) == self->services_count)
      return TROUPE_OK;
  return troupe_error_set (error, TROUPE_UNAVAILABLE, self->services[0]->name, "see its log",
                           "no broker has registered all of its services (yet)");
}

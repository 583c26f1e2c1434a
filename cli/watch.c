// SPDX-License-Identifier: Apache-2.0
//
// Readiness (watch.h). A process is ready when a broker that is up lists its pid for its service; a broker when it
// answers; Redis when every broker that is up says that the store is. When no broker answers nothing is known of the
// services, so what was said of them last stands.
//
// A Redis that runs elsewhere is no process of ours, and without it no call is accepted: so until the mesh was ready
// once, a broker becomes ready only when it has reached its store. Later it isn't the broker that is missing.
#include "cli/watch.h"

#include <string.h>

enum {
  REPORT_MS = 1000,
  SOON_MS = 20, // a start takes some 100 ms; a report is one small message to each broker
  LATER_MS = 1000
};

bool
watch_lists (const json_t *report, const char *service, pid_t pid)
{
  size_t i, j;
  json_t *entry, *instance;
  json_array_foreach (json_object_get (report, "services"), i, entry) {
    const char *name = json_string_value (json_object_get (entry, "name"));
    if (!name || strcmp (name, service) != 0)
      continue;
    json_array_foreach (json_object_get (entry, "instances"), j, instance)
      if (pid == 0 || json_integer_value (json_object_get (instance, "pid")) == pid)
        return true;
  }
  return false;
}

static bool
up (const json_t *report)
{
  return json_is_true (json_object_get (report, "up"));
}

static bool
store_up (const json_t *report)
{
  const char *store = json_string_value (json_object_get (report, "store"));
  return store && strcmp (store, "up") == 0;
}

// A broker that isn't connected to the store yet refuses calls: only when none is left is the store ready for all.
static bool
store_everywhere (const json_t *reports)
{
  size_t i;
  json_t *report;
  bool any = false;
  json_array_foreach (reports, i, report) {
    if (up (report) && !store_up (report))
      return false;
    any = any || up (report);
  }
  return any;
}

static bool
known (const plan_item_t *item, const supervisor_unit_t *unit, bool complete, const json_t *reports)
{
  size_t i;
  json_t *report;
  if (item->kind == PLAN_BROKER) { // another mesh's may answer there
    report = json_array_get (reports, item->broker);
    return up (report) && json_integer_value (json_object_get (report, "pid")) == unit->pid &&
           (complete || unit->state == SUPERVISOR_READY || store_up (report));
  }
  if (item->kind == PLAN_STORE)
    return store_everywhere (reports);
  json_array_foreach (reports, i, report)
    if (up (report) && watch_lists (report, item->service, unit->pid))
      return true;
  return false;
}

static bool
any_up (const json_t *reports)
{
  size_t i;
  json_t *report;
  json_array_foreach (reports, i, report)
    if (up (report))
      return true;
  return false;
}

static void
on_report (void *context, const json_t *reports)
{
  watch_t *self = context;
  self->asking = false;
  bool told = any_up (reports), all = true;
  for (size_t i = 0; i < self->plan->count; i++) {
    const plan_item_t *item = &self->plan->items[i];
    if (told || item->kind == PLAN_BROKER) {
      bool ready = known (item, &self->supervisor->units[i], self->supervisor->complete, reports);
      supervisor_set_ready (self->supervisor, i, ready);
    }
    all = all && self->supervisor->units[i].state == SUPERVISOR_READY;
  }
  self->due = troupe_loop_now () + (all ? LATER_MS : SOON_MS);
}

static void
on_event (void *context, const char *service, const char *instance, const json_t *event)
{
  watch_t *self = context;
  (void)service;
  (void)instance;
  (void)event;
  self->due = 0;
}

troupe_err_t
watch_init (watch_t *self, troupe_node_t *node, const plan_t *plan, supervisor_t *supervisor, troupe_error_t *error)
{
  *self = (watch_t){.node = node, .plan = plan, .supervisor = supervisor};
  return troupe_node_on_event (node, on_event, self, error);
}

int64_t
watch_prepare (watch_t *self, int64_t now)
{
  if (!self->asking && now >= self->due) {
    self->asking = troupe_node_report (self->node, REPORT_MS, on_report, self) == TROUPE_OK;
    self->due = now + SOON_MS;
  }
  return self->asking ? TROUPE_LOOP_NEVER : self->due;
}

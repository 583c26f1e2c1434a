// SPDX-License-Identifier: Apache-2.0
//
// What a user's functions would do: count, and keep what came last.

#include "rig.h"

static void
keep (probe_t *probe, const json_t *json)
{
  json_decref (probe->last);
  probe->last = json_deep_copy (json);
}

void
probe_settled (void *context, troupe_placeholder_t *placeholder)
{
  probe_t *probe = context;
  (void)placeholder;
  probe->settled++;
}

void
probe_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  probe_t *probe = context;
  (void)placeholder;
  probe->parts++;
  probe->attempt = attempt;
  keep (probe, part);
}

void
probe_serve (void *context, troupe_task_t *task)
{
  probe_t *probe = context;
  probe->served++;
  probe->task = task;
}

void
probe_cancelled (void *context, troupe_task_t *task)
{
  probe_t *probe = context;
  (void)task;
  probe->cancelled++;
}

void
probe_recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error)
{
  probe_t *probe = context;
  (void)task;
  probe->recalled++;
  probe->code = error == NULL ? TROUPE_OK : error->code;
  json_decref (probe->last);
  probe->last = entries;
}

void
probe_drained (void *context)
{
  ((probe_t *)context)->drained++;
}

void
probe_reported (void *context, const json_t *reports)
{
  probe_t *probe = context;
  probe->reported++;
  keep (probe, reports);
}

void
probe_event (void *context, const char *service, const char *instance, const json_t *event)
{
  probe_t *probe = context;
  cr_assert_str_eq (service, "agent/alice");
  cr_assert_str_eq (instance, "alice-1");
  probe->events++;
  keep (probe, event);
}

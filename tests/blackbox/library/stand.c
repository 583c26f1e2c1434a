// SPDX-License-Identifier: Apache-2.0

#include "blackbox/library/stand.h"

#include "troupe/log.h"

#include <criterion/criterion.h>

void
stand_join (stand_t *self)
{
  static const char *const brokers[] = {"ipc://.troupe/troupe/broker-1.ipc", NULL};
  troupe_error_t error;
  cr_assert_eq (
    troupe_node_new (&self->node, self->loop, &(troupe_node_options_t){.name = "test", .brokers = brokers}, &error),
    TROUPE_OK, "%s", error.why);
}

void
stand_open (stand_t *self, const char *yaml)
{
  troupe_log_init (&(troupe_log_options_t){.program = "test", .level = TROUPE_LOG_WARNING});
  self->up = mesh_up (yaml);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  stand_join (self);
}

void
stand_close (stand_t *self)
{
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  mesh_down (&self->up);
}

troupe_agent_t *
stand_serve (stand_t *self, const char *name, const troupe_agent_type_t *type)
{
  troupe_agent_t *agent;
  troupe_error_t error;
  troupe_agent_options_t options = {.name = name, .type = type, .concurrency = 4};
  cr_assert_eq (troupe_agent_new (&agent, self->node, &options, &error), TROUPE_OK, "%s", error.why);
  return agent;
}

troupe_placeholder_t *
stand_call (stand_t *self, const char *service, const char *input, const troupe_hub_t *hub)
{
  json_t *value = json_loads (input, JSON_DECODE_ANY, NULL);
  troupe_placeholder_t *placeholder;
  troupe_error_t error;
  troupe_call_t call = {.service = service,
                        .input = value,
                        .session = "s",
                        .wait = true,
                        .hubs = hub ? troupe_hub_id (hub) : NULL,
                        .hubs_count = hub ? 1 : 0};
  cr_assert_not_null (value, "%s", input);
  cr_assert_eq (troupe_node_call (self->node, &placeholder, &call, &error), TROUPE_OK, "%s", error.why);
  json_decref (value);
  return placeholder;
}

json_t *
stand_outcome (troupe_placeholder_t *placeholder, troupe_error_t *error)
{
  json_t *value = NULL;
  cr_assert_eq (troupe_placeholder_wait (placeholder, DEADLINE_MS), TROUPE_OK);
  *error = *troupe_placeholder_error (placeholder);
  if (troupe_placeholder_status (placeholder) == TROUPE_STATUS_VALUE)
    value = json_deep_copy (troupe_placeholder_value (placeholder));
  troupe_placeholder_destroy (&placeholder);
  return value;
}

void
stand_expect (troupe_placeholder_t *placeholder, const char *content)
{
  troupe_error_t error;
  json_t *value = stand_outcome (placeholder, &error);
  cr_assert_not_null (value, "%s: %s", error.object, error.why);
  cr_assert_str_eq (json_string_value (json_object_get (value, "content")), content);
  json_decref (value);
}

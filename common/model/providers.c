// SPDX-License-Identifier: Apache-2.0
//
// The table of providers, as troupe/provider.def has it.

#include "model/provider.h"

#include <string.h>

static const vendor_t vendors[] = {
#define TROUPE_PROVIDER(type, base_url, auth, layout, keys, text) {type, base_url, AUTH_##auth, LAYOUT_##layout},
#include "troupe/provider.def"
#undef TROUPE_PROVIDER
};

static const struct {
  const char *type;
  model_task_t task;
  const char *api;
  const provider_t *provider;
} wires[] = {
#define TROUPE_WIRE(type, task, api, provider) {type, TASK_##task, api, &provider##_provider},
#include "troupe/provider.def"
#undef TROUPE_WIRE
};

static const char *const tasks[] = {"chat", "embedding", "image", "speech", "transcription"};

enum {
  VENDORS = sizeof vendors / sizeof *vendors,
  WIRES = sizeof wires / sizeof *wires,
  TASKS = sizeof tasks / sizeof *tasks
};

const vendor_t *
provider_vendor (const char *type)
{
  for (size_t i = 0; type && i < VENDORS; i++)
    if (strcmp (type, vendors[i].type) == 0)
      return &vendors[i];
  return NULL;
}

bool
provider_task (model_task_t *out, const char *name)
{
  for (size_t i = 0; i < TASKS; i++)
    if (strcmp (name, tasks[i]) == 0) {
      *out = (model_task_t)i;
      return true;
    }
  return false;
}

const char *
provider_task_name (model_task_t task)
{
  return tasks[task];
}

const provider_t *
provider_find (const char *type, model_task_t task, const char *api)
{
  for (size_t i = 0; i < WIRES; i++)
    if (strcmp (type, wires[i].type) == 0 && task == wires[i].task &&
        (!api || !wires[i].api || strcmp (api, wires[i].api) == 0))
      return wires[i].provider;
  return NULL;
}

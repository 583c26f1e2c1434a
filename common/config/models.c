// SPDX-License-Identifier: Apache-2.0
//
// Models: which keys a type takes, where its provider is by default, and the files that a model names, whose paths are
// relative to the configuration. The types stand in troupe/provider.def.

#include "config/config.h"

#include <string.h>

enum {
  HTTP = CONFIG_HTTP,
  REHEARSAL = CONFIG_REHEARSAL,
  OPENAI = CONFIG_OPENAI,
  AZURE = CONFIG_AZURE,
  POST_API = CONFIG_POST_API,
  PATH_SIZE = 3 * CONFIG_NAME_MAX,
  FALLBACK_DEPTH_MAX = 4 // further than that nobody falls back
};

typedef struct {
  const char *type, *base_url;
  unsigned keys;
} provider_t;

static const provider_t providers[] = {
#define TROUPE_PROVIDER(type, base_url, auth, layout, keys, text) {type, base_url, keys},
#include "troupe/provider.def"
#undef TROUPE_PROVIDER
};

static const char *const files[] = {"rules", "ranks"};

static const provider_t *
find_provider (const json_t *model)
{
  const char *type = json_string_value (json_object_get (model, "type"));
  for (size_t i = 0; type && i < sizeof providers / sizeof *providers; i++)
    if (strcmp (type, providers[i].type) == 0)
      return &providers[i];
  return NULL;
}

// -- Defaults --------------------------------------------------------------------------------------------------------

void
config_derive_models (troupe_config_t *self, config_report_t *report)
{
  const char *name;
  json_t *model;
  json_object_foreach (json_object_get (self->root, "models"), name, model)
  {
    const provider_t *provider = find_provider (model);
    if (provider != NULL && provider->keys & HTTP) {
      if (json_object_get (model, "model") == NULL)
        config_report_set (report, model, "model", json_string (name));
      if (json_object_get (model, "base_url") == NULL && provider->base_url != NULL)
        config_report_set (report, model, "base_url", json_string (provider->base_url));
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
      config_derive_path (self, model, files[i], "models", report);
    config_derive_path (self, model, "files", "models", report);
  }
}

bool
config_model_takes (const json_t *model, const config_key_t *key)
{
  const provider_t *provider = find_provider (model);
  unsigned whose = key->flags & CONFIG_SOME_MODELS;
  return whose == 0 || provider == NULL || whose & provider->keys;
}

// -- Checks ----------------------------------------------------------------------------------------------------------

static void
check_keys (troupe_config_t *self, const char *name, const json_t *model, const provider_t *provider,
            config_report_t *report)
{
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    char path[PATH_SIZE];
    if (config_model_takes (model, key))
      continue;
    snprintf (path, sizeof path, "models.%s.%s", name, config_key_name (key));
    if (config_is_given (self, path) && config_find (self->root, path) != NULL) // what came out empty isn't there
      config_report_add (report, config_place (self, path), path, NULL, "models of the type %s don't have this key",
                         provider->type);
  }
}

static void
check_base_url (troupe_config_t *self, const char *name, const json_t *model, const provider_t *provider,
                config_report_t *report)
{
  char path[PATH_SIZE];
  snprintf (path, sizeof path, "models.%s.base_url", name);
  if (provider->keys & HTTP && json_object_get (model, "base_url") == NULL && !config_is_given (self, path))
    config_report_add (report, config_place (self, path), path, NULL, "required for models of the type %s, but missing",
                       provider->type);
}

// Whether falling back from a model leads to `name`.
static bool
leads_to (json_t *models, const json_t *model, const char *name, unsigned depth)
{
  size_t i;
  json_t *next;
  json_array_foreach (json_object_get (model, "fallback"), i, next)
  {
    const char *other = json_string_value (next);
    if (strcmp (other, name) == 0 ||
        (depth > 0 && leads_to (models, json_object_get (models, other), name, depth - 1)))
      return true;
  }
  return false;
}

static void
check_fallback (troupe_config_t *self, const char *name, const json_t *model, config_report_t *report)
{
  size_t i;
  char path[PATH_SIZE];
  json_t *other, *models = json_object_get (self->root, "models");
  snprintf (path, sizeof path, "models.%s.fallback", name);
  json_array_foreach (json_object_get (model, "fallback"), i, other)
  {
    if (json_object_get (models, json_string_value (other)) == NULL)
      config_report_add (report, config_place (self, path), path, NULL, "there is no model \"%s\" in models",
                         json_string_value (other));
  }
  if (leads_to (models, model, name, FALLBACK_DEPTH_MAX))
    config_report_add (report, config_place (self, path), path, NULL, "it leads back to %s", name);
}

void
config_check_models (troupe_config_t *self, config_report_t *report)
{
  const char *name;
  json_t *model;
  json_object_foreach (json_object_get (self->root, "models"), name, model)
  {
    const provider_t *provider = find_provider (model);
    if (provider == NULL)
      continue;
    check_keys (self, name, model, provider, report);
    check_base_url (self, name, model, provider, report);
    check_fallback (self, name, model, report);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
      const char *file = json_string_value (json_object_get (model, files[i]));
      char path[PATH_SIZE];
      snprintf (path, sizeof path, "models.%s.%s", name, files[i]);
      if (file != NULL && !(strcmp (files[i], "rules") == 0 && !(provider->keys & REHEARSAL)))
        config_check_file (self, path, file, report);
    }
  }
}

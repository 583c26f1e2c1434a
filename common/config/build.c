// SPDX-License-Identifier: Apache-2.0
//
// The file's nodes against the table of keys: types, unknown and missing keys, defaults. What is wrong is reported and
// left out, and the walk goes on, so that one run finds everything; what was wrong is never also called missing.

#include "config/config.h"
#include "config/expand.h"
#include "config/scalar.h"
#include "troupe/option.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 }; // for did-you-mean; no level of the table has that many keys

typedef struct {
  troupe_config_t *config;
  config_report_t *report;
  char path[CONFIG_PATH_SIZE];
} builder_t;

static json_t *build (builder_t *self, const config_node_t *node, const config_key_t *key);

static const config_node_t empty = {.kind = CONFIG_MAPPING};

// Appends ".name" or "name"; returns the size to go back to.
static size_t
enter (builder_t *self, const char *name, config_mark_t mark)
{
  size_t size = strlen (self->path);
  snprintf (self->path + size, sizeof self->path - size, "%s%s", size > 0 ? "." : "", name);
  if (mark.line > 0)
    config_report_set (self->report, self->config->places, self->path,
                       json_pack ("[I, I]", (json_int_t)mark.line, (json_int_t)mark.column));
  return size;
}

static void
leave (builder_t *self, size_t size)
{
  self->path[size] = '\0';
}

static void
report (builder_t *self, config_mark_t mark, const config_fault_t *fault)
{
  if (fault->why[0] == '\0')
    self->report->no_memory = true;
  else
    config_report_add (self->report, mark, self->path, fault->hint, "%s", fault->why);
}

static json_t *
wrong_kind (builder_t *self, const config_node_t *node, const char *expected)
{
  static const char *const kinds[] = {"a single value", "a list", "a map"};
  if (node->kind != CONFIG_BROKEN)
    config_report_add (self->report, node->mark, self->path, NULL, "%s is expected, not %s", expected,
                       kinds[node->kind]);
  return NULL;
}

static bool
is_null (const config_node_t *node)
{
  const char *text = node->kind == CONFIG_SCALAR && node->plain ? node->text : "x";
  return *text == '\0' || strcmp (text, "~") == 0 || strcmp (text, "null") == 0;
}

// A text that came out empty, for a key that has no default, is a key that isn't given: ${API_KEY:-}.
static bool
is_absent (const config_key_t *key, const char *text)
{
  return *text == '\0' && key->fallback == NULL;
}

static json_t *
missing (builder_t *self, config_mark_t mark)
{
  config_report_add (self->report, mark, self->path, NULL, "a value is missing");
  return NULL;
}

// Whether the secret at the current path lies in the part whose secrets are read.
static bool
may_read (const builder_t *self)
{
  const char *part = self->config->part;
  if (part == NULL)
    return true;
  size_t size = strlen (part);
  return size > 0 && strncmp (self->path, part, size) == 0 && self->path[size] == '.';
}

static void
note_secret (builder_t *self, const config_node_t *node)
{
  char *reference = config_expand_reference (node->text);
  config_report_set (self->report, self->config->secrets, self->path,
                     reference != NULL ? json_string (reference) : json_null ());
  free (reference);
}

static json_t *
build_scalar (builder_t *self, const config_node_t *node, const config_key_t *key)
{
  config_fault_t fault;
  bool expanded;
  if (node->kind != CONFIG_SCALAR)
    return wrong_kind (self, node, "a single value");
  if (is_null (node)) {
    config_report_add (self->report, node->mark, self->path, "leave the key out for its default, or quote the text",
                       "it has no value");
    return NULL;
  }
  if (key->flags & CONFIG_SECRET && !may_read (self))
    return NULL;
  char *text = config_expand (node, self->path, &expanded, self->report);
  json_t *value = NULL;
  if (text != NULL && is_absent (key, text))
    value = key->flags & CONFIG_REQUIRED ? missing (self, node->mark) : NULL;
  else if (text != NULL) {
    value = config_scalar (key, text, node->text, &fault);
    if (value == NULL)
      report (self, node->mark, &fault);
  }
  if (value != NULL && (key->flags & CONFIG_SECRET))
    note_secret (self, node);
  free (text);
  return value;
}

static json_t *
build_any_scalar (builder_t *self, const config_node_t *node)
{
  config_fault_t fault;
  bool expanded;
  char *text = config_expand (node, self->path, &expanded, self->report);
  json_t *value = text != NULL ? config_scalar_any (text, node->plain, &fault) : NULL;
  if (text != NULL && value == NULL)
    report (self, node->mark, &fault);
  free (text);
  return value;
}

static json_t *
build_any (builder_t *self, const config_node_t *node)
{
  if (node->kind == CONFIG_SCALAR)
    return build_any_scalar (self, node);
  if (node->kind == CONFIG_BROKEN)
    return NULL;
  json_t *result = node->kind == CONFIG_SEQUENCE ? json_array () : json_object ();
  if (result == NULL)
    self->report->no_memory = true;
  for (size_t i = 0; i < node->count; i++) {
    const config_entry_t *entry = &node->entries[i];
    char index[24];
    snprintf (index, sizeof index, "%zu", i);
    size_t size = enter (self, entry->name != NULL ? entry->name : index, entry->mark);
    json_t *value = build_any (self, entry->value);
    leave (self, size);
    if (value == NULL)
      continue;
    if (entry->name != NULL)
      config_report_set (self->report, result, entry->name, value);
    else if (json_array_append_new (result, value) != 0)
      self->report->no_memory = true;
  }
  return result;
}

// The items that are wrong are left out, so an item's place is known by its index in the file, not in the result; since
// a file with errors has no result, nobody sees the difference.
static json_t *
build_list (builder_t *self, const config_node_t *node, const config_key_t *key)
{
  int64_t least, most;
  if (node->kind != CONFIG_SEQUENCE && !is_null (node))
    return wrong_kind (self, node, "a list");
  bool bounded = config_scalar_bounds (key, &least, &most);
  if (bounded && (int64_t)node->count > most)
    config_report_add (self->report, node->mark, self->path, NULL, "%zu items: at most %lld are allowed", node->count,
                       (long long)most);
  else if (bounded && (int64_t)node->count < least)
    config_report_add (self->report, node->mark, self->path, NULL, "%zu items: at least %lld are needed", node->count,
                       (long long)least);
  json_t *result = json_array ();
  if (result == NULL)
    self->report->no_memory = true;
  for (size_t i = 0; i < node->count; i++) {
    char index[24];
    snprintf (index, sizeof index, "%zu", i);
    size_t size = enter (self, index, node->entries[i].mark);
    json_t *value = build (self, node->entries[i].value, config_key_item (key));
    leave (self, size);
    if (value != NULL && json_array_append_new (result, value) != 0)
      self->report->no_memory = true;
  }
  return result;
}

static void
unknown_key (builder_t *self, const config_entry_t *entry, const config_key_t *parent)
{
  const char *names[NAMES_MAX + 1], *near;
  char hint[TROUPE_ERROR_NEXT_MAX] = "";
  size_t count = 0;
  for (const config_key_t *key = config_keys + 1; key->path != NULL && count < NAMES_MAX; key++)
    if (config_key_is_child (parent, key))
      names[count++] = config_key_name (key);
  names[count] = NULL;
  near = troupe_did_you_mean (entry->name, names);
  if (near != NULL)
    snprintf (hint, sizeof hint, "did you mean %s?", near);
  config_report_add (self->report, entry->mark, self->path, hint, "unknown key");
}

static void
build_entry (builder_t *self, json_t *result, const config_entry_t *entry, const config_key_t *parent)
{
  config_fault_t fault;
  const config_key_t *key = config_key_child (parent, entry->name);
  size_t size = enter (self, entry->name, entry->mark);
  if (key == NULL)
    unknown_key (self, entry, parent);
  else {
    bool chosen = strcmp (config_key_name (key), "*") == 0 && key->type == CONFIG_MAP;
    if (chosen && !config_name_check (entry->name, &fault))
      report (self, entry->mark, &fault);
    json_t *value = build (self, entry->value, key);
    if (value != NULL)
      config_report_set (self->report, result, entry->name, value);
  }
  leave (self, size);
}

// What the file doesn't give: the default, an empty map with its own defaults, or an error.
static void
build_absent (builder_t *self, json_t *result, const config_key_t *key, config_mark_t around)
{
  config_fault_t fault;
  const char *name = config_key_name (key);
  json_t *value = NULL;
  size_t size = enter (self, name, (config_mark_t){0, 0});
  if (key->flags & CONFIG_REQUIRED)
    config_report_add (self->report, around, self->path, NULL, "required, but missing");
  else if (key->type == CONFIG_MAP)
    value = build (self, &empty, key);
  else if (key->fallback != NULL && (value = config_scalar (key, key->fallback, key->fallback, &fault)) == NULL)
    report (self, around, &fault); // only when out of memory: a test checks every default
  if (value != NULL)
    config_report_set (self->report, result, name, value);
  leave (self, size);
}

static json_t *
build_map (builder_t *self, const config_node_t *node, const config_key_t *key)
{
  if (node->kind != CONFIG_MAPPING && !is_null (node))
    return wrong_kind (self, node, "a map");
  json_t *result = json_object ();
  if (result == NULL) {
    self->report->no_memory = true;
    return NULL;
  }
  for (size_t i = 0; i < node->count; i++)
    build_entry (self, result, &node->entries[i], key);
  config_mark_t around = config_place (self->config, self->path);
  for (const config_key_t *child = config_keys + 1; child->path != NULL; child++)
    if (config_key_is_child (key, child) && strcmp (config_key_name (child), "*") != 0 &&
        json_object_get (result, config_key_name (child)) == NULL &&
        (config_node_find (node, config_key_name (child)) == NULL || child->fallback != NULL))
      build_absent (self, result, child, around);
  return result;
}

static json_t *
build (builder_t *self, const config_node_t *node, const config_key_t *key)
{
  switch (key->type) {
  case CONFIG_MAP:
    return build_map (self, node, key);
  case CONFIG_LIST:
    return build_list (self, node, key);
  case CONFIG_ANY:
    return build_any (self, node);
  default:
    return key->flags & CONFIG_LISTABLE && node->kind == CONFIG_SEQUENCE ? build_list (self, node, key)
                                                                         : build_scalar (self, node, key);
  }
}

void
config_build (troupe_config_t *self, const config_node_t *node, config_report_t *report_)
{
  builder_t *builder = calloc (1, sizeof *builder);
  self->places = json_object ();
  self->secrets = json_object ();
  if (builder == NULL || self->places == NULL || self->secrets == NULL) {
    report_->no_memory = true;
    free (builder);
    return;
  }
  builder->config = self;
  builder->report = report_;
  self->root = build (builder, node, config_keys);
  free (builder);
}

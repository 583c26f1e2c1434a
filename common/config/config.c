// SPDX-License-Identifier: Apache-2.0
//
// A configuration, from bytes to an immutable tree, and the ways to read it. Loading never stops at the first error
// (unless nothing can follow from there, as in broken YAML) and never gives out a tree that has one.

#include "config/config.h"
#include "config/source.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>

static const char hidden[] = "***";

static troupe_err_t
new_config (troupe_config_t **out, const char *path)
{
  troupe_config_t *self = calloc (1, sizeof *self);
  if (self != NULL && (self->path = strdup (path)) == NULL) {
    free (self);
    self = NULL;
  }
  *out = self;
  return self != NULL ? TROUPE_OK : TROUPE_NO_MEMORY;
}

static void
parse (troupe_config_t *self, const char *text, size_t size, config_report_t *report)
{
  config_node_t *node = NULL;
  if (size > CONFIG_FILE_MAX) {
    config_report_add (report, (config_mark_t){0, 0}, NULL, NULL, "larger than %d KiB", CONFIG_FILE_MAX / 1024);
    return;
  }
  if (!config_source_check (text, size, report) || (node = config_node_parse (text, size, report)) == NULL)
    return;
  config_build (self, node, report);
  config_node_destroy (&node);
  if (self->root == NULL)
    return;
  config_read_agentscope (self, report);
  config_derive (self, report);
  config_check (self, report);
}

// Ends a load: hands out the tree, or the errors.
static troupe_err_t
finish (troupe_config_t **out, troupe_config_t *self, troupe_err_t code, config_report_t *report, json_t **errors,
        troupe_error_t *error)
{
  if (report->count > 0)
    config_report_sort (report);
  if (code == TROUPE_OK && (report->count > 0 || self == NULL || self->root == NULL))
    code = TROUPE_BAD_CONFIG;
  if (report->no_memory)
    code = TROUPE_NO_MEMORY;
  if (code != TROUPE_OK) {
    code = config_report_sum (report, code, error);
    troupe_config_destroy (&self);
  }
  *out = self;
  if (errors != NULL)
    *errors = report->list;
  else
    json_decref (report->list);
  return code;
}

troupe_err_t
config_parse_part (troupe_config_t **out, const char *name, const char *text, size_t size, const char *part, json_t **errors,
            troupe_error_t *error)
{
  config_report_t report;
  troupe_config_t *self;
  config_report_init (&report, name);
  if (new_config (&self, name) != TROUPE_OK)
    report.no_memory = true;
  else {
    self->part = part;
    parse (self, text, size, &report);
    self->part = NULL;
  }
  return finish (out, self, TROUPE_OK, &report, errors, error);
}

troupe_err_t
troupe_config_parse (troupe_config_t **out, const char *name, const char *text, size_t size, json_t **errors,
                     troupe_error_t *error)
{
  return config_parse_part (out, name, text, size, NULL, errors, error);
}

troupe_err_t
troupe_config_load (troupe_config_t **out, const char *path, json_t **errors, troupe_error_t *error)
{
  return troupe_config_load_part (out, path, NULL, errors, error);
}

troupe_err_t
troupe_config_load_part (troupe_config_t **out, const char *path, const char *part, json_t **errors,
                         troupe_error_t *error)
{
  config_report_t report;
  config_fault_t fault;
  char *text;
  size_t size;
  troupe_err_t code = config_source_read (&text, &size, path, CONFIG_FILE_MAX, &fault);
  if (code == TROUPE_OK) {
    code = config_parse_part (out, path, text, size, part, errors, error);
    free (text);
    return code;
  }
  config_report_init (&report, path);
  config_report_add (&report, (config_mark_t){0, 0}, NULL, fault.hint, "%s", fault.why);
  if (code == TROUPE_NO_MEMORY)
    report.no_memory = true;
  return finish (out, NULL, code == TROUPE_TOO_LARGE ? TROUPE_BAD_CONFIG : code, &report, errors, error);
}

void
troupe_config_destroy (troupe_config_t **self_p)
{
  troupe_config_t *self = *self_p;
  if (self == NULL)
    return;
  json_decref (self->root);
  json_decref (self->places);
  json_decref (self->secrets);
  free (self->path);
  free (self);
  *self_p = NULL;
}

// Names may hold dots, so each dot of the path may or may not divide: the first division that leads somewhere is meant.
// Paths are written by programs over names that were checked; their depth bounds the recursion.
json_t *
config_find (const json_t *root, const char *path)
{
  char key[CONFIG_PATH_SIZE];
  if (json_is_array (root)) {
    char *end;
    size_t index = strtoul (path, &end, 10);
    json_t *item = end != path ? json_array_get (root, index) : NULL;
    return *end == '\0' ? item : *end == '.' && item != NULL ? config_find (item, end + 1) : NULL;
  }
  for (size_t size = strcspn (path, "."); size < sizeof key; size += 1 + strcspn (path + size + 1, ".")) {
    memcpy (key, path, size);
    key[size] = '\0';
    json_t *value = json_object_get (root, key);
    if (value != NULL && path[size] == '.')
      value = config_find (value, path + size + 1);
    if (value != NULL || path[size] == '\0')
      return value;
  }
  return NULL;
}

bool
config_is_given (const troupe_config_t *self, const char *path)
{
  return json_object_get (self->places, path) != NULL;
}

config_mark_t
config_place (const troupe_config_t *self, const char *path)
{
  char part[CONFIG_PATH_SIZE];
  snprintf (part, sizeof part, "%s", path);
  for (char *dot = part; dot != NULL && *part != '\0';) {
    json_int_t line, column;
    json_t *place = json_object_get (self->places, part);
    if (place != NULL && json_unpack (place, "[I, I]", &line, &column) == 0)
      return (config_mark_t){(size_t)line, (size_t)column};
    dot = strrchr (part, '.');
    if (dot != NULL)
      *dot = '\0';
  }
  return (config_mark_t){1, 1};
}

const json_t *
troupe_config_root (const troupe_config_t *self)
{
  return self->root;
}

const json_t *
troupe_config_get (const troupe_config_t *self, const char *path)
{
  return config_find (self->root, path);
}

const char *
troupe_config_text (const troupe_config_t *self, const char *path)
{
  return json_string_value (config_find (self->root, path));
}

int64_t
troupe_config_int (const troupe_config_t *self, const char *path)
{
  return json_integer_value (config_find (self->root, path));
}

bool
troupe_config_bool (const troupe_config_t *self, const char *path)
{
  return json_is_true (config_find (self->root, path));
}

char *
troupe_config_where (const troupe_config_t *self, const char *path)
{
  char *text = NULL;
  config_mark_t mark = config_place (self, path);
  int size = config_is_given (self, path) ? asprintf (&text, "%s:%zu:%zu", self->path, mark.line, mark.column)
                                          : asprintf (&text, "%s", self->path);
  return size >= 0 ? text : NULL;
}

json_t *
troupe_config_redacted (const troupe_config_t *self)
{
  const char *path;
  json_t *reference, *copy = json_deep_copy (self->root);
  if (copy == NULL)
    return NULL;
  json_object_foreach (self->secrets, path, reference)
  {
    json_t *secret = config_find (copy, path);
    if (json_string_set (secret, hidden) != 0) {
      json_decref (copy);
      return NULL;
    }
  }
  return copy;
}

void
troupe_config_hide_secrets (const troupe_config_t *self)
{
  const char *path;
  json_t *reference;
  json_object_foreach (self->secrets, path, reference)
  {
    troupe_log_secret (troupe_config_text (self, path));
  }
}

const char *
troupe_config_path (const troupe_config_t *self)
{
  return self->path;
}

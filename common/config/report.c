// SPDX-License-Identifier: Apache-2.0
//
// Errors are collected, never returned one by one, so that a file is mended in one go. Each goes through an error
// record, which makes its texts one line of valid UTF-8: keys come from the file and may hold anything. Being out of
// memory is remembered apart from the list, which may be what there was no memory for.

#include "config/report.h"
#include "error/utf8.h"
#include "troupe/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
config_report_init (config_report_t *self, const char *file)
{
  size_t size = strlen (file), out = 0;
  *self = (config_report_t){.list = json_array ()};
  self->no_memory = self->list == NULL;
  if (size >= sizeof self->file)
    file += size - sizeof self->file + 1;
  while (*file != '\0') {
    size_t step = utf8_size (file, strlen (file));
    bool shown = step > 1 || (step == 1 && (unsigned char)*file >= ' ' && *file != 0x7F);
    memcpy (self->file + out, shown ? file : "?", shown ? step : 1);
    out += shown ? step : 1;
    file += step > 0 ? step : 1;
  }
}

static void
append (config_report_t *self, config_mark_t mark, const troupe_error_t *record)
{
  json_t *entry =
    json_pack ("{s:s, s:I, s:I, s:s, s:s, s:s}", "file", self->file, "line", (json_int_t)mark.line, "column",
               (json_int_t)mark.column, "path", record->object, "why", record->why, "hint", record->next);
  if (entry == NULL || json_array_append_new (self->list, entry) != 0)
    self->no_memory = true;
}

void
config_report_add (config_report_t *self, config_mark_t mark, const char *path, const char *hint, const char *why, ...)
{
  troupe_error_t record;
  char text[TROUPE_ERROR_WHY_MAX];
  va_list list;
  if (++self->count > CONFIG_ERRORS_MAX || self->list == NULL)
    return;
  va_start (list, why);
  vsnprintf (text, sizeof text, why, list);
  va_end (list);
  troupe_error_set (&record, TROUPE_BAD_CONFIG, path, hint, "%s", text);
  append (self, mark, &record);
}

static json_int_t
integer (const json_t *entry, const char *key)
{
  return json_integer_value (json_object_get (entry, key));
}

static const char *
string (const json_t *entry, const char *key)
{
  const char *text = json_string_value (json_object_get (entry, key));
  return text != NULL ? text : "";
}

static int
by_place (const void *a, const void *b)
{
  const json_t *const *one = a, *const *other = b;
  json_int_t lines = integer (*one, "line") - integer (*other, "line");
  json_int_t columns = integer (*one, "column") - integer (*other, "column");
  json_int_t order = lines != 0 ? lines : columns;
  return order < 0 ? -1 : order > 0;
}

void
config_report_sort (config_report_t *self)
{
  size_t count = json_array_size (self->list);
  json_t *entries[CONFIG_ERRORS_MAX];
  if (count > CONFIG_ERRORS_MAX)
    count = CONFIG_ERRORS_MAX;
  for (size_t i = 0; i < count; i++)
    entries[i] = json_incref (json_array_get (self->list, i));
  qsort (entries, count, sizeof *entries, by_place);
  for (size_t i = 0; i < count; i++)
    if (json_array_set_new (self->list, i, entries[i]) != 0)
      self->no_memory = true;
}

// "troupe.yaml:3:5"
static void
place (char *out, size_t size, const json_t *entry)
{
  if (integer (entry, "line") == 0)
    snprintf (out, size, "%s", string (entry, "file"));
  else
    snprintf (out, size, "%s:%lld:%lld", string (entry, "file"), (long long)integer (entry, "line"),
              (long long)integer (entry, "column"));
}

troupe_err_t
config_report_sum (const config_report_t *self, troupe_err_t code, troupe_error_t *error)
{
  char object[TROUPE_ERROR_OBJECT_MAX], more[64] = "";
  const json_t *first = json_array_get (self->list, 0);
  if (self->no_memory || first == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->file, NULL, "out of memory while reading it");
  place (object, sizeof object, first);
  if (self->count > 1)
    snprintf (more, sizeof more, " (and %zu more error%s)", self->count - 1, self->count > 2 ? "s" : "");
  const char *path = string (first, "path");
  return troupe_error_set (error, code, object, string (first, "hint"), "%s%s%s%s", path, *path != '\0' ? ": " : "",
                           string (first, "why"), more);
}

void
config_report_set (config_report_t *self, json_t *object, const char *key, json_t *value)
{
  if (object == NULL || value == NULL || json_object_set_new (object, key, value) != 0) {
    if (object == NULL)
      json_decref (value);
    self->no_memory = true;
  }
}

bool
config_fault (config_fault_t *self, const char *hint, const char *why, ...)
{
  va_list list;
  va_start (list, why);
  vsnprintf (self->why, sizeof self->why, why, list);
  va_end (list);
  snprintf (self->hint, sizeof self->hint, "%s", hint != NULL ? hint : "");
  return false;
}

void
troupe_config_print_errors (const json_t *errors, FILE *file)
{
  size_t i;
  json_t *entry;
  json_array_foreach (errors, i, entry)
  {
    char at[2 * TROUPE_ERROR_OBJECT_MAX];
    place (at, sizeof at, entry);
    const char *path = string (entry, "path"), *hint = string (entry, "hint");
    fprintf (file, "%s: %s%s%s%s%s\n", at, path, *path != '\0' ? ": " : "", string (entry, "why"),
             *hint != '\0' ? ", " : "", hint);
  }
  if (json_array_size (errors) == CONFIG_ERRORS_MAX)
    fprintf (file, "There may be more errors than these %d.\n", CONFIG_ERRORS_MAX);
}

// SPDX-License-Identifier: Apache-2.0
//
// AgentScope's files, read as they are. What they say is written as a file of ours would say it, and that goes through
// the same checks and gets the same defaults; so a dollar is doubled, for it means nothing in AgentScope's files.

#include "config/agentscope.h"
#include "config/source.h"
#include "error/reading.h"

#include <stdlib.h>
#include <string.h>

// Dollars doubled, at any depth.
json_t *
agentscope_quote (const json_t *value)
{
  const char *key;
  json_t *member, *out;
  size_t i;
  if (json_is_string (value)) {
    const char *text = json_string_value (value);
    char *doubled = malloc (2 * strlen (text) + 1), *at = doubled;
    for (; doubled != NULL && *text != '\0'; text++) {
      *at++ = *text;
      if (*text == '$')
        *at++ = '$';
    }
    out = doubled != NULL ? json_stringn (doubled, (size_t)(at - doubled)) : NULL;
    free (doubled);
    return out;
  }
  if (!json_is_object (value) && !json_is_array (value))
    return json_deep_copy (value);
  out = json_is_object (value) ? json_object () : json_array ();
  json_object_foreach ((json_t *)(uintptr_t)value, key, member)
    json_object_set_new (out, key, agentscope_quote (member));
  json_array_foreach ((json_t *)(uintptr_t)value, i, member)
    json_array_append_new (out, agentscope_quote (member));
  return out;
}

static const char *
file_of (const troupe_config_t *self, const char *key)
{
  return json_string_value (json_object_get (self->root, key));
}

void
agentscope_wrong (const troupe_config_t *self, const char *key, size_t i, config_report_t *report, const char *why)
{
  config_report_add (report, config_place (self, key), key, NULL, "%s: [%zu]: %s", file_of (self, key), i, why);
}

json_t *
agentscope_read (troupe_config_t *self, const char *key, config_report_t *report)
{
  size_t size;
  char *text;
  config_fault_t fault;
  json_error_t cause;
  if (file_of (self, key) == NULL)
    return NULL;
  config_derive_path (self, self->root, key, key, report);
  const char *file = file_of (self, key);
  if (config_source_read (&text, &size, file, CONFIG_FILE_MAX, &fault) != TROUPE_OK) {
    config_report_add (report, config_place (self, key), key, "the path is relative to this file",
                       "the file \"%s\" can't be read: %s", file, fault.why);
    return NULL;
  }
  json_t *list = reading_json (text, size, JSON_REJECT_DUPLICATES, &cause);
  free (text);
  if (json_is_object (list))
    list = json_pack ("[o]", list);
  if (json_is_array (list))
    return list;
  config_report_add (report, config_place (self, key), key, NULL, "%s:%d:%d: %s", file, cause.line, cause.column,
                     cause.text);
  json_decref (list);
  return NULL;
}

// Puts the parts of another tree beside ours.
static void
add_parts (troupe_config_t *self, const troupe_config_t *theirs, const char *key, const char *section,
           config_report_t *report)
{
  const char *name;
  json_t *part;
  if (json_object_get (self->root, section) == NULL)
    json_object_set_new (self->root, section, json_object ());
  json_t *ours = json_object_get (self->root, section);
  json_object_foreach (json_object_get (theirs->root, section), name, part) {
    if (json_object_get (ours, name) != NULL)
      config_report_add (report, config_place (self, key), key, NULL, "%s: the %.*s %s is in this file too",
                         file_of (self, key), (int)strlen (section) - 1, section, name);
    else
      json_object_set (ours, name, part);
  }
  json_object_update (self->secrets, theirs->secrets);
  config_mark_t place = config_place (self, key);
  json_object_set_new (self->places, section, json_pack ("[I, I]", (json_int_t)place.line, (json_int_t)place.column));
}

void
agentscope_merge (troupe_config_t *self, const char *key, const char *section, const json_t *parts,
                  config_report_t *report)
{
  size_t i;
  json_t *fault, *errors = NULL, *whole = json_pack ("{s:O}", section, parts);
  char *text = whole != NULL ? json_dumps (whole, JSON_INDENT (1)) : NULL;
  const char *file = file_of (self, key);
  troupe_config_t *theirs = NULL;
  json_decref (whole);
  if (text == NULL)
    report->no_memory = true;
  else if (config_parse_part (&theirs, file, text, strlen (text), self->part, &errors, NULL) == TROUPE_OK)
    add_parts (self, theirs, key, section, report);
  json_array_foreach (errors, i, fault)
    config_report_add (report, config_place (self, key), key, json_string_value (json_object_get (fault, "hint")),
                       "%s: %s: %s", file, json_string_value (json_object_get (fault, "path")),
                       json_string_value (json_object_get (fault, "why")));
  json_decref (errors);
  troupe_config_destroy (&theirs);
  free (text);
}

void
config_read_agentscope (troupe_config_t *self, config_report_t *report)
{
  config_read_agentscope_models (self, report);
  config_read_agentscope_agents (self, report);
}

// SPDX-License-Identifier: Apache-2.0
//
// Key files are read by the reader of configurations, so that their errors have lines and columns, but without
// variables: a key may hold `${`. The few members stand in one table, by which files are checked, filled up and
// written.

#include "keys/document.h"

#include "config/node.h"
#include "config/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { FILE_SIZE_MAX = 64 * 1024 }; // a thousand services

typedef enum { NAME, KEY, TEXTS, FLAG } type_t;

typedef struct {
  const char *name;
  type_t type;
  int fallback; // of a right: FLAG: its value; TEXTS: whether that is all, else none. -1: no right
  const char *expected;
} member_t;

static const member_t members[] = {
  {"name", NAME, -1, "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"},
  {"public", KEY, -1, "a key of 40 characters in quotes"},
  {"secret", KEY, -1, "a key of 40 characters in quotes"},
  {"serves", TEXTS, 0, "a list of services, as [agent/alice, \"tool/*\"]"},
  {"calls", FLAG, 1, "true or false"},
  {"sessions", TEXTS, 1, "a list of sessions, as [\"team-a-*\"]"},
  {"operator", FLAG, 0, "true or false"},
  {"broker", FLAG, 0, "true or false"},
};

enum { MEMBERS = sizeof members / sizeof *members };

static const member_t *
member_of (const char *name)
{
  for (size_t i = 0; i < MEMBERS; i++)
    if (strcmp (members[i].name, name) == 0)
      return &members[i];
  return NULL;
}

bool
document_name_valid (const char *name)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t size = strlen (name);
  return size >= 1 && size <= 64 && strchr (letters, name[0]) != NULL && strspn (name, others) == size;
}

bool
document_key_valid (const char *text)
{
  uint8_t bytes[32];
  return strlen (text) == 40 && zmq_z85_decode (bytes, text) != NULL;
}

static bool
is_text_list (const json_t *value)
{
  size_t i;
  json_t *item;
  if (!json_is_array (value))
    return false;
  json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
    if (!json_is_string (item) || json_string_length (item) == 0)
      return false;
  }
  return true;
}

static bool
is_of_type (const json_t *value, type_t type)
{
  switch (type) {
  case NAME:
    return json_is_string (value) && document_name_valid (json_string_value (value));
  case KEY:
    return json_is_string (value) && document_key_valid (json_string_value (value));
  case TEXTS:
    return is_text_list (value);
  case FLAG:
    break;
  }
  return json_is_boolean (value);
}

// -- Reading ---------------------------------------------------------------------------------------------------------

// A new value of what the node says; NULL: nothing that a member could be.
static json_t *
value_of (const config_node_t *node, type_t type)
{
  if (node->kind == CONFIG_SEQUENCE) {
    json_t *list = json_array ();
    for (size_t i = 0; i < node->count; i++) {
      const config_node_t *item = node->entries[i].value;
      json_array_append_new (list, item->kind == CONFIG_SCALAR ? json_string (item->text) : json_null ());
    }
    return list;
  }
  if (node->kind != CONFIG_SCALAR)
    return NULL;
  if (type == FLAG && node->plain && strcmp (node->text, "true") == 0)
    return json_true ();
  if (type == FLAG && node->plain && strcmp (node->text, "false") == 0)
    return json_false ();
  return json_string (node->text);
}

static void
take_entry (json_t *out, const config_entry_t *entry, config_report_t *report)
{
  const member_t *member = member_of (entry->name);
  if (member == NULL) {
    config_report_add (report, entry->mark, entry->name, "a key file has name, public, secret, and rights",
                       "no such member");
    return;
  }
  json_t *value = value_of (entry->value, member->type);
  if (value != NULL && is_of_type (value, member->type))
    config_report_set (report, out, member->name, value);
  else {
    json_decref (value);
    config_report_add (report, entry->value->mark, member->name, NULL, "%s is expected", member->expected);
  }
}

static json_t *
parse (const char *text, size_t size, config_report_t *report)
{
  config_node_t *node = NULL;
  json_t *out = json_object ();
  if (out == NULL) {
    report->no_memory = true;
    return NULL;
  }
  if (config_source_check (text, size, report))
    node = config_node_parse (text, size, report);
  if (node != NULL && node->kind != CONFIG_MAPPING)
    config_report_add (report, node->mark, NULL, "make it by `troupe keygen`", "not a key file");
  for (size_t i = 0; node != NULL && node->kind == CONFIG_MAPPING && i < node->count; i++)
    take_entry (out, &node->entries[i], report);
  if (report->count == 0 && (json_object_get (out, "name") == NULL || json_object_get (out, "public") == NULL))
    config_report_add (report, (config_mark_t){1, 1}, NULL, "make it by `troupe keygen`", "name or public is missing");
  config_node_destroy (&node);
  return out;
}

troupe_err_t
document_read (json_t **out, const char *path, troupe_error_t *error)
{
  config_report_t report;
  config_fault_t fault;
  char *text;
  size_t size;
  *out = NULL;
  troupe_err_t err = config_source_read (&text, &size, path, FILE_SIZE_MAX, &fault);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, path, fault.hint[0] != '\0' ? fault.hint : NULL, "%s", fault.why);
  config_report_init (&report, path);
  *out = parse (text, size, &report);
  if (report.no_memory)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  else if (report.count > 0)
    err = config_report_sum (&report, TROUPE_BAD_CONFIG, error);
  json_decref (report.list);
  explicit_bzero (text, size);
  free (text);
  if (err != TROUPE_OK) {
    json_decref (*out);
    *out = NULL;
  }
  return err;
}

// -- Rights ----------------------------------------------------------------------------------------------------------

json_t *
document_rights (const json_t *given, const char **wrong)
{
  json_t *out = json_object ();
  *wrong = NULL;
  for (size_t i = 0; out != NULL && i < MEMBERS; i++) {
    const member_t *member = &members[i];
    if (member->fallback < 0)
      continue;
    json_t *value = json_incref (json_object_get (given, member->name));
    if (value == NULL && member->type == FLAG)
      value = json_boolean (member->fallback);
    else if (value == NULL)
      value = member->fallback != 0 ? json_pack ("[s]", "*") : json_array ();
    else if (!is_of_type (value, member->type))
      *wrong = member->name;
    if (json_object_set_new (out, member->name, value) != 0 || *wrong != NULL) {
      json_decref (out);
      return NULL;
    }
  }
  return out;
}

// -- Writing ---------------------------------------------------------------------------------------------------------

// JSON is YAML: texts in double quotes, lists in brackets.
bool
document_write (int fd, const char *comment, const json_t *what)
{
  bool written = dprintf (fd, "# %s\n", comment) > 0;
  for (size_t i = 0; written && i < MEMBERS; i++) {
    const json_t *value = json_object_get (what, members[i].name);
    if (value == NULL)
      continue;
    char *text = json_dumps (value, JSON_ENCODE_ANY);
    written = text != NULL && dprintf (fd, "%s: %s\n", members[i].name, text) > 0;
    if (text != NULL)
      explicit_bzero (text, strlen (text));
    free (text);
  }
  return written && fsync (fd) == 0;
}

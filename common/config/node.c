// SPDX-License-Identifier: Apache-2.0
//
// libyaml's events as a tree. Events, because its document API builds before one can count, and resolves aliases, by
// which a few lines stand for millions of nodes. Anchors, aliases, merge keys and tags are errors here: the schema
// knows every type, and a value that is needed twice is short. Everything is bounded (node.h), so the recursion is too.
//
// What libyaml can't parse ends the work: what follows a syntax error means something else than its writer thought.

#include "config/node.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct {
  yaml_parser_t yaml;
  const char *text;
  size_t size;
  config_report_t *report;
  size_t nodes;
  bool stopped; // a reason not to go on was reported
} parser_t;

static config_node_t *parse_value (parser_t *self, yaml_event_t *event, size_t depth);

static config_mark_t
mark_of (yaml_mark_t mark)
{
  return (config_mark_t){mark.line + 1, mark.column + 1};
}

static void
out_of_memory (parser_t *self)
{
  self->report->no_memory = true;
  self->stopped = true;
}

// The first byte of a character by its place; 0 beyond the text.
static char
character_at (const parser_t *self, config_mark_t mark)
{
  const char *at = self->text, *end = self->text + self->size;
  for (size_t line = 1; line < mark.line && at < end; at++)
    line += *at == '\n';
  for (size_t column = 1; column < mark.column && at < end; column++)
    do
      at++;
    while (at < end && (*at & 0xC0) == 0x80);
  return at < end ? *at : '\0';
}

static void
syntax_error (parser_t *self)
{
  static const struct {
    const char *problem, *hint;
  } hints[] = {
    {"mapping values are not allowed in this context", "quote a text that holds \": \""},
    {"did not find expected key", "check the indentation"},
    {"did not find expected '-' indicator", "check the indentation"},
    {"could not find expected ':'", "a key ends with a colon and a blank"},
    {"found unexpected end of stream", "close the quote"},
    {"did not find expected ',' or ']'", "close the bracket, and quote ${...} inside it"},
    {"did not find expected ',' or '}'", "close the brace, and quote ${...} inside it"},
  };
  const char *problem = self->yaml.problem != NULL ? self->yaml.problem : "not YAML";
  const char *context = self->yaml.context;
  config_mark_t mark = mark_of (self->yaml.problem_mark);
  const char *hint = NULL;
  self->stopped = true;
  if (self->yaml.error == YAML_MEMORY_ERROR) {
    out_of_memory (self);
    return;
  }
  if (character_at (self, mark) == '\t')
    hint = "indent with blanks, YAML takes no tabs there";
  for (size_t i = 0; i < sizeof hints / sizeof *hints && hint == NULL; i++)
    if (strcmp (problem, hints[i].problem) == 0)
      hint = hints[i].hint;
  config_report_add (self->report, mark, NULL, hint, "not YAML: %s%s%s", problem, context != NULL ? " " : "",
                     context != NULL ? context : "");
}

static bool
next_event (parser_t *self, yaml_event_t *event)
{
  if (self->stopped)
    return false;
  if (yaml_parser_parse (&self->yaml, event))
    return true;
  syntax_error (self);
  return false;
}

static config_node_t *
new_node (parser_t *self, config_kind_t kind, config_mark_t mark)
{
  if (++self->nodes > CONFIG_NODES_MAX) {
    config_report_add (self->report, mark, NULL, NULL, "more than %d values in one file", CONFIG_NODES_MAX);
    self->stopped = true;
    return NULL;
  }
  config_node_t *node = calloc (1, sizeof *node);
  if (node == NULL)
    out_of_memory (self);
  else
    *node = (config_node_t){.kind = kind, .mark = mark};
  return node;
}

// Anchors and tags, of any event that may have them.
static void
check_properties (parser_t *self, config_mark_t mark, const yaml_char_t *anchor, const yaml_char_t *tag)
{
  if (anchor != NULL)
    config_report_add (self->report, mark, NULL, "write the value where it is needed", "anchors (&%s) aren't supported",
                       (const char *)anchor);
  if (tag != NULL)
    config_report_add (self->report, mark, NULL, "remove it, each key knows its type", "tags (%s) aren't supported",
                       (const char *)tag);
}

static size_t
count_characters (const char *text, size_t size)
{
  size_t count = 0;
  for (size_t i = 0; i < size; i++)
    count += (text[i] & 0xC0) != 0x80;
  return count;
}

static config_node_t *
parse_scalar (parser_t *self, const yaml_event_t *event)
{
  config_mark_t mark = mark_of (event->start_mark);
  const char *value = (const char *)event->data.scalar.value;
  size_t length = event->data.scalar.length;
  check_properties (self, mark, event->data.scalar.anchor, event->data.scalar.tag);
  config_node_t *node = new_node (self, CONFIG_SCALAR, mark);
  if (node == NULL)
    return NULL;
  if (memchr (value, '\0', length) != NULL) {
    config_report_add (self->report, mark, NULL, NULL, "a text with NUL in it");
    node->kind = CONFIG_BROKEN;
    return node;
  }
  node->text = strdup (value);
  if (node->text == NULL)
    out_of_memory (self);
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  size_t quote = node->plain ? 0 : 1;
  size_t columns = event->end_mark.column - event->start_mark.column;
  if (event->start_mark.line == event->end_mark.line && columns == count_characters (value, length) + 2 * quote)
    node->text_column = mark.column + quote;
  return node;
}

// Room for one more entry; false: reported, or no memory.
static bool
reserve (parser_t *self, config_node_t *node)
{
  if (node->count == CONFIG_ENTRIES_MAX) {
    config_report_add (self->report, node->mark, NULL, NULL, "a list or map with more than %d entries",
                       CONFIG_ENTRIES_MAX);
    self->stopped = true;
    return false;
  }
  if (node->count < node->capacity)
    return true;
  size_t capacity = node->capacity == 0 ? 8 : 2 * node->capacity;
  config_entry_t *larger = realloc (node->entries, capacity * sizeof *larger);
  if (larger == NULL) {
    out_of_memory (self);
    return false;
  }
  node->entries = larger;
  node->capacity = capacity;
  return true;
}

static config_node_t *
parse_sequence (parser_t *self, const yaml_event_t *start, size_t depth)
{
  yaml_event_t event;
  config_mark_t mark = mark_of (start->start_mark);
  check_properties (self, mark, start->data.sequence_start.anchor, start->data.sequence_start.tag);
  config_node_t *node = new_node (self, CONFIG_SEQUENCE, mark);
  while (node != NULL && next_event (self, &event)) {
    bool end = event.type == YAML_SEQUENCE_END_EVENT;
    config_mark_t item = mark_of (event.start_mark);
    config_node_t *value = end ? NULL : parse_value (self, &event, depth + 1);
    yaml_event_delete (&event);
    if (end)
      break;
    if (value == NULL || !reserve (self, node))
      config_node_destroy (&value);
    else
      node->entries[node->count++] = (config_entry_t){NULL, item, value};
  }
  return node;
}

// The key as a text of its own; NULL, with a report, when it is none.
static char *
key_of (parser_t *self, const config_node_t *key)
{
  const char *why = NULL, *hint = NULL;
  if (key->kind == CONFIG_BROKEN)
    return NULL;
  if (key->kind != CONFIG_SCALAR)
    why = "a key must be a text", hint = "quote a text that begins with [ or {";
  else if (key->text != NULL && key->plain && strcmp (key->text, "<<") == 0)
    why = "merge keys aren't supported", hint = "write the keys where they are needed";
  else if (key->text != NULL && (*key->text == '\0' || strlen (key->text) > CONFIG_NAME_MAX))
    why = "a key has 1 to 128 bytes";
  if (why != NULL) {
    config_report_add (self->report, key->mark, NULL, hint, "%s", why);
    return NULL;
  }
  char *name = key->text != NULL ? strdup (key->text) : NULL;
  if (name == NULL)
    out_of_memory (self);
  return name;
}

// Whether the map has the key; `lines` knows in which line each was given, since maps may be large. Notes it if not.
static bool
is_repeated (parser_t *self, json_t *lines, const char *name, config_mark_t mark)
{
  const json_t *before = json_object_get (lines, name);
  if (before != NULL)
    config_report_add (self->report, mark, name, "keep one of them", "given already in line %lld",
                       (long long)json_integer_value (before));
  else if (json_object_set_new (lines, name, json_integer ((json_int_t)mark.line)) != 0)
    out_of_memory (self);
  return before != NULL;
}

// Takes `value`. An entry without a usable key, or of a key that was there before, is dropped.
static void
add_entry (parser_t *self, config_node_t *node, const config_node_t *key, config_node_t *value, json_t *lines)
{
  char *name = value != NULL ? key_of (self, key) : NULL;
  if (name != NULL && !is_repeated (self, lines, name, key->mark) && reserve (self, node)) {
    node->entries[node->count++] = (config_entry_t){name, key->mark, value};
    return;
  }
  free (name);
  config_node_destroy (&value);
}

static config_node_t *
parse_mapping (parser_t *self, const yaml_event_t *start, size_t depth)
{
  yaml_event_t event;
  config_mark_t mark = mark_of (start->start_mark);
  json_t *lines = json_object ();
  if (lines == NULL)
    out_of_memory (self);
  check_properties (self, mark, start->data.mapping_start.anchor, start->data.mapping_start.tag);
  config_node_t *node = new_node (self, CONFIG_MAPPING, mark);
  while (node != NULL && next_event (self, &event)) {
    bool end = event.type == YAML_MAPPING_END_EVENT;
    config_node_t *key = end ? NULL : parse_value (self, &event, depth + 1);
    yaml_event_delete (&event);
    if (end)
      break;
    if (key != NULL && next_event (self, &event)) {
      config_node_t *value = parse_value (self, &event, depth + 1);
      yaml_event_delete (&event);
      add_entry (self, node, key, value, lines);
    }
    config_node_destroy (&key);
  }
  json_decref (lines);
  return node;
}

static config_node_t *
parse_value (parser_t *self, yaml_event_t *event, size_t depth)
{
  config_mark_t mark = mark_of (event->start_mark);
  if (depth > CONFIG_DEPTH_MAX) {
    config_report_add (self->report, mark, NULL, NULL, "nested deeper than %d levels", CONFIG_DEPTH_MAX);
    self->stopped = true;
    return NULL;
  }
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    return parse_scalar (self, event);
  case YAML_SEQUENCE_START_EVENT:
    return parse_sequence (self, event, depth);
  case YAML_MAPPING_START_EVENT:
    return parse_mapping (self, event, depth);
  case YAML_ALIAS_EVENT:
    config_report_add (self->report, mark, NULL, "write the value where it is needed", "aliases (*%s) aren't supported",
                       (const char *)event->data.alias.anchor);
    return new_node (self, CONFIG_BROKEN, mark);
  default: // libyaml gives no other event where a value stands
    config_report_add (self->report, mark, NULL, NULL, "not YAML");
    self->stopped = true;
    return NULL;
  }
}

// Stream start, one document at most, stream end.
static config_node_t *
parse_stream (parser_t *self)
{
  yaml_event_t event;
  config_node_t *root = NULL;
  bool end = false;
  while (!end && next_event (self, &event)) {
    config_mark_t mark = mark_of (event.start_mark);
    bool frame = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT;
    end = event.type == YAML_STREAM_END_EVENT;
    if (event.type == YAML_DOCUMENT_START_EVENT && root != NULL) {
      config_report_add (self->report, mark, NULL, "one file describes one mesh", "a second document begins here");
      self->stopped = true;
    } else if (!end && !frame && event.type != YAML_DOCUMENT_START_EVENT)
      root = parse_value (self, &event, 1);
    yaml_event_delete (&event);
  }
  if (root == NULL && !self->stopped)
    root = new_node (self, CONFIG_MAPPING, (config_mark_t){1, 1});
  return root;
}

config_node_t *
config_node_parse (const char *text, size_t size, config_report_t *report)
{
  parser_t self = {.text = text, .size = size, .report = report};
  if (!yaml_parser_initialize (&self.yaml)) {
    report->no_memory = true;
    return NULL;
  }
  yaml_parser_set_encoding (&self.yaml, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string (&self.yaml, (const unsigned char *)text, size);
  config_node_t *root = parse_stream (&self);
  yaml_parser_delete (&self.yaml);
  if (self.stopped)
    config_node_destroy (&root);
  return root;
}

void
config_node_destroy (config_node_t **self_p)
{
  config_node_t *self = *self_p;
  if (self == NULL)
    return;
  for (size_t i = 0; i < self->count; i++) {
    free (self->entries[i].name);
    config_node_destroy (&self->entries[i].value);
  }
  free (self->entries);
  free (self->text);
  free (self);
  *self_p = NULL;
}

const config_entry_t *
config_node_find (const config_node_t *self, const char *name)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->entries[i].name != NULL && strcmp (self->entries[i].name, name) == 0)
      return &self->entries[i];
  return NULL;
}

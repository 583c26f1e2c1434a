// SPDX-License-Identifier: Apache-2.0
//
// What a rule does: a text or one of several, JSON, calls of tools, a failure; after which delay, and in which
// pieces.

#include "config/amount.h"
#include "config/scalar.h"
#include "model/rule_reader.h"
#include "troupe/option.h"

#include <stdlib.h>
#include <string.h>

enum {
  DELAY_MAX_MS = 3600 * 1000, // an hour, as for `timeout`
  CHUNK_MAX = 1024 * 1024     // characters: as long as a text may be
};

void
reader_say (reader_t *self, const config_node_t *node)
{
  rule_t *rule = self->rule;
  bool list = node->kind == CONFIG_SEQUENCE;
  size_t count = list ? node->count : 1;
  if (count == 0) {
    reader_wrong (self, node, NULL, "at least one text is needed");
    return;
  }
  rule->says = calloc (count, sizeof *rule->says);
  for (size_t i = 0; rule->says && i < count; i++) {
    const char *text = reader_text (self, list ? node->entries[i].value : node);
    if (text && (rule->says[rule->say_count] = reader_copy (self, text)))
      rule->say_count++;
  }
  if (!rule->says)
    self->report->no_memory = true;
}

static json_t *make_json (reader_t *self, const config_node_t *node);

static json_t *
make_container (reader_t *self, const config_node_t *node)
{
  bool map = node->kind == CONFIG_MAPPING;
  json_t *made = map ? json_object () : json_array ();
  for (size_t i = 0; made && i < node->count; i++) {
    json_t *value = make_json (self, node->entries[i].value);
    if (map)
      config_report_set (self->report, made, node->entries[i].name, value);
    else if (json_array_append_new (made, value) < 0)
      self->report->no_memory = true;
  }
  return made;
}

// The node as JSON; null in place of what is broken. Its depth is bounded by the parser's.
static json_t *
make_json (reader_t *self, const config_node_t *node)
{
  config_fault_t fault = {.why = ""};
  json_t *made = NULL;
  if (node->kind == CONFIG_MAPPING || node->kind == CONFIG_SEQUENCE)
    made = make_container (self, node);
  else if (node->kind == CONFIG_BROKEN)
    made = json_null ();
  else if (!(made = config_scalar_any (node->text, node->plain, &fault)) && fault.why[0]) {
    reader_wrong (self, node, fault.hint, fault.why);
    made = json_null ();
  }
  if (!made)
    self->report->no_memory = true;
  return made;
}

void
reader_json (reader_t *self, const config_node_t *node)
{
  self->rule->json = make_json (self, node);
}

static void
check_call (reader_t *self, const config_node_t *node)
{
  const config_entry_t *name = node->kind == CONFIG_MAPPING ? config_node_find (node, "name") : NULL,
                       *input = node->kind == CONFIG_MAPPING ? config_node_find (node, "input") : NULL;
  if (!name) {
    reader_wrong (self, node, NULL, "a map with the tool's name and its input is needed");
    return;
  }
  const char *text = reader_text (self, name->value);
  if (text && !prompt_name_fits (text))
    reader_wrong (self, name->value, NULL, "a tool's name is 1 to 64 letters, digits, _ and -");
  if (input && input->value->kind != CONFIG_MAPPING)
    reader_wrong (self, input->value, NULL, "the input of a tool is a map");
  for (size_t i = 0; i < node->count; i++)
    if (&node->entries[i] != name && &node->entries[i] != input)
      reader_unknown (self, node->entries[i].mark, "key", node->entries[i].name, NULL);
}

// {"name", "input"} of a checked node; NULL when out of memory.
static json_t *
make_call (reader_t *self, const config_node_t *node)
{
  if (node->kind != CONFIG_MAPPING)
    return json_null ();
  const config_entry_t *name = config_node_find (node, "name"), *input = config_node_find (node, "input");
  const char *text = name && name->value->text ? name->value->text : "";
  return json_pack ("{s:s,s:o}", "name", text, "input", input ? make_json (self, input->value) : json_object ());
}

void
reader_call (reader_t *self, const config_node_t *node)
{
  bool list = node->kind == CONFIG_SEQUENCE;
  size_t count = list ? node->count : 1;
  self->rule->calls = json_array ();
  if (count == 0 || count > REPLY_TOOLS_MAX)
    reader_wrong (self, node, NULL, "a call or a list of at most 128 calls is needed");
  for (size_t i = 0; i < count && i < REPLY_TOOLS_MAX; i++) {
    const config_node_t *call = list ? node->entries[i].value : node;
    check_call (self, call);
    if (json_array_append_new (self->rule->calls, make_call (self, call)) < 0)
      self->report->no_memory = true;
  }
}

static bool
read_duration (reader_t *self, const config_node_t *node, int64_t *out)
{
  config_fault_t fault;
  const char *text = reader_text (self, node);
  if (!text)
    return false;
  if (!config_amount_parse (out, config_durations, text, &fault)) {
    reader_wrong (self, node, fault.hint, fault.why);
    return false;
  }
  if (*out >= 0 && *out <= DELAY_MAX_MS)
    return true;
  reader_wrong (self, node, NULL, "from 0 to 1h is possible");
  return false;
}

static void
read_failure_code (reader_t *self, const config_node_t *node)
{
  static const char *const names[] = {
#define TROUPE_ERROR(constant, name, class, exit_code, text) name,
#include "troupe/error.def"
#undef TROUPE_ERROR
    NULL};
  const char *name = reader_text (self, node);
  for (size_t i = 1; name && names[i]; i++)
    if (strcmp (names[i], name) == 0) {
      self->rule->failure = (troupe_err_t)i;
      return;
    }
  if (!name)
    return;
  const char *near = troupe_did_you_mean (name, names + 1);
  reader_unknown (self, node->mark, "error", name, near);
}

void
reader_fail (reader_t *self, const config_node_t *node)
{
  self->rule->fails = true;
  if (node->kind != CONFIG_MAPPING) {
    read_failure_code (self, node);
    return;
  }
  if (!config_node_find (node, "code"))
    reader_wrong (self, node, NULL, "code is missing, the name of an error");
  for (size_t i = 0; i < node->count; i++) {
    const config_entry_t *entry = &node->entries[i];
    int64_t pause;
    const char *why;
    if (strcmp (entry->name, "code") == 0)
      read_failure_code (self, entry->value);
    else if (strcmp (entry->name, "why") == 0) {
      if ((why = reader_text (self, entry->value)))
        self->rule->why = reader_copy (self, why);
    } else if (strcmp (entry->name, "retry_after") != 0)
      reader_unknown (self, entry->mark, "key", entry->name, NULL);
    else if (read_duration (self, entry->value, &pause))
      self->rule->retry_after_ms = (unsigned)pause;
  }
}

void
reader_delay (reader_t *self, const config_node_t *node)
{
  int64_t delay;
  if (read_duration (self, node, &delay))
    self->script->delay_ms = delay;
}

void
reader_chunk_delay (reader_t *self, const config_node_t *node)
{
  int64_t delay;
  if (read_duration (self, node, &delay))
    self->script->chunk_delay_ms = delay;
}

void
reader_chunk (reader_t *self, const config_node_t *node)
{
  config_fault_t fault;
  int64_t chunk = 0;
  const char *text = reader_text (self, node);
  self->script->words = text && strcmp (text, "word") == 0;
  self->script->chunk = 0;
  if (!text || self->script->words || strcmp (text, "all") == 0)
    return;
  if (!config_whole_parse (&chunk, text, &fault) || chunk < 1 || chunk > CHUNK_MAX)
    reader_wrong (self, node, NULL, "word, all, or a number of characters is needed");
  else
    self->script->chunk = (size_t)chunk;
}

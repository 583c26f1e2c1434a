// SPDX-License-Identifier: Apache-2.0
//
// Reading a file of rules. It is YAML like the mesh's file and read by the same parser, which keeps the place of
// every value; each key of the tables below has a function that checks one value, and what is wrong is noted and read
// on, so that a file is mended in one go. Templates are checked last, when a rule's patterns are known.

#include "config/source.h"
#include "model/rule_reader.h"
#include "model/template.h"
#include "troupe/option.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
  RULES_MAX = 10 * 1000, // more than a person writes; each is tried in turn
  PATH_SIZE = 64         // "rules[9999].chunk_delay"
};

typedef struct {
  const char *name;
  reader_fn *read;
} rule_key_t;

void
reader_wrong (const reader_t *self, const config_node_t *node, const char *hint, const char *why)
{
  if (node->kind != CONFIG_BROKEN)
    config_report_add (self->report, node->mark, self->path, hint, "%s", why);
}

void
reader_unknown (const reader_t *self, config_mark_t mark, const char *kind, const char *name, const char *near)
{
  char hint[64] = "";
  if (near)
    snprintf (hint, sizeof hint, "did you mean %s?", near);
  config_report_add (self->report, mark, self->path, hint, "unknown %s \"%s\"", kind, name);
}

const char *
reader_text (const reader_t *self, const config_node_t *node)
{
  if (node->kind == CONFIG_SCALAR && node->text)
    return node->text;
  reader_wrong (self, node, NULL, "a text is needed");
  return NULL;
}

char *
reader_copy (const reader_t *self, const char *text)
{
  char *made = strdup (text);
  if (!made)
    self->report->no_memory = true;
  return made;
}

static const rule_key_t timing_keys[] = {
  {"delay", reader_delay}, {"chunk", reader_chunk}, {"chunk_delay", reader_chunk_delay}, {NULL, NULL}};
static const rule_key_t rule_keys[] = {{"last", reader_last},
                                       {"heard", reader_heard},
                                       {"agent", reader_agent},
                                       {"system", reader_system},
                                       {"turn", reader_turn},
                                       {"chance", reader_chance},
                                       {"say", reader_say},
                                       {"json", reader_json},
                                       {"call", reader_call},
                                       {"fail", reader_fail},
                                       {"delay", reader_delay},
                                       {"chunk", reader_chunk},
                                       {"chunk_delay", reader_chunk_delay},
                                       {NULL, NULL}};

enum { KEYS_MAX = 16 }; // of either table, with its end, and "rules"

static void
unknown_key (const reader_t *self, const config_entry_t *entry, const rule_key_t *keys, const char *also)
{
  const char *names[KEYS_MAX + 1] = {NULL};
  size_t count = 0;
  for (; keys[count].name; count++)
    names[count] = keys[count].name;
  if (also)
    names[count] = also;
  const char *near = troupe_did_you_mean (entry->name, names);
  reader_unknown (self, entry->mark, "key", entry->name, near);
}

// Reads the value of one key; false: there is no such key.
static bool
read_key (reader_t *self, const config_entry_t *entry, const rule_key_t *keys, const char *prefix)
{
  char path[PATH_SIZE];
  for (; keys->name; keys++)
    if (strcmp (keys->name, entry->name) == 0) {
      const char *before = self->path;
      snprintf (path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", keys->name);
      self->path = path;
      keys->read (self, entry->value);
      self->path = before;
      return true;
    }
  return false;
}

static void
check_template (const reader_t *self, const config_node_t *node, const template_scope_t *scope)
{
  config_fault_t fault;
  if (node->kind == CONFIG_SCALAR && node->text && !template_check (node->text, scope, &fault))
    reader_wrong (self, node, fault.hint, fault.why);
  for (size_t i = 0; i < node->count && (node->kind == CONFIG_SEQUENCE || node->kind == CONFIG_MAPPING); i++)
    check_template (self, node->entries[i].value, scope);
}

static size_t
groups_of (const pattern_t *pattern)
{
  size_t groups = pattern->regex ? pattern->compiled.re_nsub + 1 : 0;
  return groups < PATTERN_GROUPS ? groups : PATTERN_GROUPS;
}

// What can be seen only when a rule was read whole.
static void
check_rule (reader_t *self, const config_node_t *node)
{
  static const char *const spoken[] = {"say", "json", "call", "fail"};
  template_scope_t scope = {groups_of (&self->rule->last), groups_of (&self->rule->heard), self->rule->heard.text};
  const config_entry_t *found[4];
  unsigned count = 0;
  for (size_t i = 0; i < 4; i++) {
    found[i] = config_node_find (node, spoken[i]);
    count += found[i] != NULL;
    if (found[i])
      check_template (self, found[i]->value, &scope);
  }
  if (count == 0)
    reader_wrong (self, node, NULL, "it does nothing: say, json, call or fail is needed");
  if (found[3] && count > 1)
    reader_wrong (self, found[3]->value, NULL, "a rule that fails says nothing else");
  if (found[0] && found[1])
    reader_wrong (self, found[1]->value, NULL, "either say or json, not both");
}

static rule_t *
add_rule (rules_t *rules, config_report_t *report)
{
  if (rules->count == rules->capacity) {
    size_t capacity = rules->capacity ? rules->capacity * 2 : 16;
    rule_t *grown = realloc (rules->rules, capacity * sizeof *grown);
    if (!grown) {
      report->no_memory = true;
      return NULL;
    }
    rules->rules = grown;
    rules->capacity = capacity;
  }
  rule_t *rule = &rules->rules[rules->count++];
  *rule = (rule_t){.turn_most = UINT_MAX, .chance = 1, .failure = TROUPE_MODEL_FAILED, .script = rules->script};
  return rule;
}

static void
read_rule (reader_t *self, rules_t *rules, const config_node_t *node, size_t index)
{
  char path[32];
  snprintf (path, sizeof path, "rules[%zu]", index);
  self->path = path;
  if (node->kind != CONFIG_MAPPING) {
    reader_wrong (self, node, NULL, "a rule is a map of conditions and what is said");
    return;
  }
  self->rule = add_rule (rules, self->report);
  if (!self->rule)
    return;
  self->script = &self->rule->script;
  for (size_t i = 0; i < node->count; i++)
    if (!read_key (self, &node->entries[i], rule_keys, path))
      unknown_key (self, &node->entries[i], rule_keys, NULL);
  check_rule (self, node);
}

static void
read_rules (reader_t *self, rules_t *rules, const config_node_t *root)
{
  const config_entry_t *entry = config_node_find (root, "rules");
  const config_node_t *list = entry ? entry->value : root;
  self->path = "rules";
  if (!entry || list->kind != CONFIG_SEQUENCE || list->count == 0 || list->count > RULES_MAX)
    reader_wrong (self, list, NULL, "rules is needed, a list of 1 to 10000 rules");
  else
    for (size_t i = 0; i < list->count; i++)
      read_rule (self, rules, list->entries[i].value, i);
}

static void
read_root (reader_t *self, rules_t *rules, const config_node_t *root)
{
  self->path = NULL;
  self->script = &rules->script;
  if (root->kind != CONFIG_MAPPING) {
    reader_wrong (self, root, NULL, "a map with rules is needed");
    return;
  }
  for (size_t i = 0; i < root->count; i++)
    if (!read_key (self, &root->entries[i], timing_keys, "") && strcmp (root->entries[i].name, "rules") != 0)
      unknown_key (self, &root->entries[i], timing_keys, "rules");
  read_rules (self, rules, root);
}

bool
rules_parse (rules_t *out, const char *text, size_t size, config_report_t *report)
{
  *out = (rules_t){0};
  reader_t reader = {.report = report};
  config_node_t *root = config_source_check (text, size, report) ? config_node_parse (text, size, report) : NULL;
  if (root)
    read_root (&reader, out, root);
  config_node_destroy (&root);
  if (root == NULL && report->count == 0 && !report->no_memory)
    return true;
  rules_clear (out);
  return false;
}

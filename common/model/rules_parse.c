// SPDX-License-Identifier: Apache-2.0
//
// Reading a file of rules. It is YAML like the mesh's file and read by the same parser, which keeps the place of every
// value; each key of the table below has a function that checks one value, and what is wrong is noted and read on, so
// that a file is mended in one go. Templates are checked last, when a rule's patterns are known.

#include "config/amount.h"
#include "config/node.h"
#include "config/scalar.h"
#include "config/source.h"
#include "model/rules.h"
#include "model/template.h"
#include "troupe/option.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
  RULES_MAX = 10 * 1000,        // more than a person writes; each is tried in turn
  DELAY_MAX_MS = 3600 * 1000,   // an hour, as for `timeout`
  CHUNK_MAX = 1024 * 1024,      // characters: as long as a text may be
  PATH_MAX_SIZE = 160,          // "rules[9999].last.ignore_case"
  REPEAT_MAX = 10 * 1000        // of a regex's parts: they are copies in memory, multiplied where they nest
};

typedef struct {
  config_report_t *report;
  const char *path; // of the value that is read
  rule_t *rule;     // NULL at the top
  script_t *script;
} reader_t;

typedef void (read_fn) (reader_t *self, const config_node_t *node);

typedef struct {
  const char *name;
  read_fn *read;
} rule_key_t;

static void
wrong (const reader_t *self, const config_node_t *node, const char *hint, const char *why)
{
  if (node->kind != CONFIG_BROKEN)
    config_report_add (self->report, node->mark, self->path, hint, "%s", why);
}

static const char *
text_of (const reader_t *self, const config_node_t *node)
{
  if (node->kind == CONFIG_SCALAR && node->text)
    return node->text;
  wrong (self, node, NULL, "a text is needed");
  return NULL;
}

static char *
copy (const reader_t *self, const char *text)
{
  char *made = strdup (text);
  if (!made)
    self->report->no_memory = true;
  return made;
}

// -- Conditions ------------------------------------------------------------------------------------------------------

static bool
read_bool (const reader_t *self, const config_node_t *node)
{
  const char *text = text_of (self, node);
  bool yes = text && strcmp (text, "true") == 0;
  if (text && !yes && strcmp (text, "false") != 0)
    wrong (self, node, "true or false", "neither true nor false");
  return yes;
}

// Whether the repetitions {n,m} of a regex, one inside the other, may make more of it than REPEAT_MAX copies.
static bool
repeats_too_much (const char *regex)
{
  unsigned long copies = 1;
  for (const char *at = regex; (at = strpbrk (at, "{,")); at++) {
    unsigned long count = strtoul (at + 1, NULL, 10);
    if (count > REPEAT_MAX || (count > 1 && (copies *= count) > REPEAT_MAX))
      return true;
  }
  return false;
}

static void
compile (const reader_t *self, const config_node_t *node, pattern_t *pattern)
{
  char why[128];
  if (repeats_too_much (pattern->text)) {
    wrong (self, node, NULL, "a regex that repeats too much");
    return;
  }
  int failure = regcomp (&pattern->compiled, pattern->text,
                         REG_EXTENDED | REG_NEWLINE | (pattern->ignore_case ? REG_ICASE : 0));
  pattern->regex = failure == 0;
  if (!failure)
    return;
  regerror (failure, &pattern->compiled, why, sizeof why);
  config_report_add (self->report, node->mark, self->path, "it is a POSIX extended regular expression", "regex: %s", why);
}

static void
read_pattern_member (reader_t *self, const config_entry_t *entry, pattern_t *pattern, const config_node_t **text)
{
  static const char *const names[] = {"text", "regex", "ignore_case", NULL};
  if (strcmp (entry->name, "ignore_case") == 0)
    pattern->ignore_case = read_bool (self, entry->value);
  else if (strcmp (entry->name, "text") != 0 && strcmp (entry->name, "regex") != 0) {
    const char *near = troupe_did_you_mean (entry->name, names);
    config_report_add (self->report, entry->mark, self->path, near ? near : "text, regex and ignore_case are known",
                       near ? "unknown key %s, did you mean" : "unknown key %s", entry->name);
  }
  else if (*text)
    config_report_add (self->report, entry->mark, self->path, NULL, "either text or regex, not both");
  else
    *text = entry->value;
}

static void
read_pattern (reader_t *self, const config_node_t *node, pattern_t *pattern)
{
  const config_node_t *text = node;
  if (node->kind == CONFIG_MAPPING) {
    text = NULL;
    for (size_t i = 0; i < node->count; i++)
      read_pattern_member (self, &node->entries[i], pattern, &text);
    if (!text) {
      wrong (self, node, NULL, "text or regex is needed");
      return;
    }
  }
  const char *value = text_of (self, text);
  if (value)
    pattern->text = copy (self, value);
  if (pattern->text && node->kind == CONFIG_MAPPING && config_node_find (node, "regex"))
    compile (self, text, pattern);
}

static void
read_last (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->last);
}

static void
read_heard (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->heard);
}

static void
read_agent (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->agent);
}

static void
read_system (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->system);
}

static bool
parse_turn (const char *text, unsigned *least, unsigned *most)
{
  char first[16], rest[16] = "";
  const char *dots = strstr (text, "..");
  int64_t low = 0, high = UINT_MAX;
  config_fault_t fault;
  size_t size = dots ? (size_t) (dots - text) : strlen (text);
  if (size >= sizeof first || (dots && strlen (dots + 2) >= sizeof rest))
    return false;
  snprintf (first, sizeof first, "%.*s", (int) size, text);
  snprintf (rest, sizeof rest, "%s", dots ? dots + 2 : first);
  if ((first[0] && !config_whole_parse (&low, first, &fault)) || (rest[0] && !config_whole_parse (&high, rest, &fault)))
    return false;
  *least = (unsigned) low;
  *most = (unsigned) high;
  return (first[0] || rest[0]) && low >= 0 && low <= high && high <= UINT_MAX;
}

static void
read_turn (reader_t *self, const config_node_t *node)
{
  const char *text = text_of (self, node);
  if (text && !parse_turn (text, &self->rule->turn_least, &self->rule->turn_most))
    wrong (self, node, "such as 1, 2..4, 3.. or ..2", "neither a number of turns nor a range");
}

static void
read_chance (reader_t *self, const config_node_t *node)
{
  const char *text = text_of (self, node);
  char *end = NULL;
  double chance = text ? strtod (text, &end) : 1;
  if (text && (end == text || *end || !(chance >= 0 && chance <= 1)))
    wrong (self, node, NULL, "a number from 0 to 1 is needed");
  else
    self->rule->chance = chance;
}

// -- What it does ----------------------------------------------------------------------------------------------------

static void
read_say (reader_t *self, const config_node_t *node)
{
  rule_t *rule = self->rule;
  bool list = node->kind == CONFIG_SEQUENCE;
  size_t count = list ? node->count : 1;
  if (count == 0) {
    wrong (self, node, NULL, "at least one text is needed");
    return;
  }
  rule->says = calloc (count, sizeof *rule->says);
  for (size_t i = 0; rule->says && i < count; i++) {
    const char *text = text_of (self, list ? node->entries[i].value : node);
    if (text && (rule->says[rule->say_count] = copy (self, text)))
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
    wrong (self, node, fault.hint, fault.why);
    made = json_null ();
  }
  if (!made)
    self->report->no_memory = true;
  return made;
}

static void
read_json (reader_t *self, const config_node_t *node)
{
  self->rule->json = make_json (self, node);
}

static void
check_call (reader_t *self, const config_node_t *node)
{
  const config_entry_t *name = node->kind == CONFIG_MAPPING ? config_node_find (node, "name") : NULL,
                       *input = node->kind == CONFIG_MAPPING ? config_node_find (node, "input") : NULL;
  if (!name) {
    wrong (self, node, NULL, "a map with the tool's name and its input is needed");
    return;
  }
  const char *text = text_of (self, name->value);
  if (text && !prompt_name_fits (text))
    wrong (self, name->value, NULL, "a tool's name is 1 to 64 letters, digits, _ and -");
  if (input && input->value->kind != CONFIG_MAPPING)
    wrong (self, input->value, NULL, "the input of a tool is a map");
  for (size_t i = 0; i < node->count; i++)
    if (&node->entries[i] != name && &node->entries[i] != input)
      config_report_add (self->report, node->entries[i].mark, self->path, "name and input are known",
                         "unknown key %s", node->entries[i].name);
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

static void
read_call (reader_t *self, const config_node_t *node)
{
  bool list = node->kind == CONFIG_SEQUENCE;
  size_t count = list ? node->count : 1;
  self->rule->calls = json_array ();
  if (count == 0 || count > REPLY_TOOLS_MAX)
    wrong (self, node, NULL, "a call or a list of at most 128 calls is needed");
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
  const char *text = text_of (self, node);
  if (!text)
    return false;
  if (!config_amount_parse (out, config_durations, text, &fault)) {
    wrong (self, node, fault.hint, fault.why);
    return false;
  }
  if (*out >= 0 && *out <= DELAY_MAX_MS)
    return true;
  wrong (self, node, NULL, "from 0 to 1h is possible");
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
  const char *name = text_of (self, node);
  for (size_t i = 1; name && names[i]; i++)
    if (strcmp (names[i], name) == 0) {
      self->rule->failure = (troupe_err_t) i;
      return;
    }
  if (!name)
    return;
  const char *near = troupe_did_you_mean (name, names + 1);
  config_report_add (self->report, node->mark, self->path, near ? near : "rate_limited, model_failed ...",
                     near ? "no error is called %s, did you mean" : "no error is called %s", name);
}

static void
read_fail (reader_t *self, const config_node_t *node)
{
  self->rule->fails = true;
  if (node->kind != CONFIG_MAPPING) {
    read_failure_code (self, node);
    return;
  }
  if (!config_node_find (node, "code"))
    wrong (self, node, NULL, "code is missing, the name of an error");
  for (size_t i = 0; i < node->count; i++) {
    const config_entry_t *entry = &node->entries[i];
    int64_t pause;
    const char *why;
    if (strcmp (entry->name, "code") == 0)
      read_failure_code (self, entry->value);
    else if (strcmp (entry->name, "why") == 0) {
      if ((why = text_of (self, entry->value)))
        self->rule->why = copy (self, why);
    }
    else if (strcmp (entry->name, "retry_after") != 0)
      config_report_add (self->report, entry->mark, self->path, "code, why and retry_after are known",
                         "unknown key %s", entry->name);
    else if (read_duration (self, entry->value, &pause))
      self->rule->retry_after_ms = (unsigned) pause;
  }
}

static void
read_delay (reader_t *self, const config_node_t *node)
{
  int64_t delay;
  if (read_duration (self, node, &delay))
    self->script->delay_ms = delay;
}

static void
read_chunk_delay (reader_t *self, const config_node_t *node)
{
  int64_t delay;
  if (read_duration (self, node, &delay))
    self->script->chunk_delay_ms = delay;
}

static void
read_chunk (reader_t *self, const config_node_t *node)
{
  config_fault_t fault;
  int64_t chunk = 0;
  const char *text = text_of (self, node);
  self->script->words = text && strcmp (text, "word") == 0;
  self->script->chunk = 0;
  if (!text || self->script->words || strcmp (text, "all") == 0)
    return;
  if (!config_whole_parse (&chunk, text, &fault) || chunk < 1 || chunk > CHUNK_MAX)
    wrong (self, node, NULL, "word, all, or a number of characters is needed");
  else
    self->script->chunk = (size_t) chunk;
}

// -- Rules -----------------------------------------------------------------------------------------------------------

static const rule_key_t timing_keys[] = {
  {"delay", read_delay}, {"chunk", read_chunk}, {"chunk_delay", read_chunk_delay}, {NULL, NULL}};
static const rule_key_t rule_keys[] = {
  {"last", read_last}, {"heard", read_heard}, {"agent", read_agent}, {"system", read_system},
  {"turn", read_turn}, {"chance", read_chance},
  {"say", read_say}, {"json", read_json}, {"call", read_call}, {"fail", read_fail},
  {"delay", read_delay}, {"chunk", read_chunk}, {"chunk_delay", read_chunk_delay}, {NULL, NULL}};

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
  config_report_add (self->report, entry->mark, self->path, near, near ? "unknown key %s, did you mean" : "unknown key %s",
                     entry->name);
}

// Reads the value of one key; false: there is no such key.
static bool
read_key (reader_t *self, const config_entry_t *entry, const rule_key_t *keys, const char *prefix)
{
  char path[PATH_MAX_SIZE];
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
    wrong (self, node, fault.hint, fault.why);
  for (size_t i = 0; i < node->count && (node->kind == CONFIG_SEQUENCE || node->kind == CONFIG_MAPPING); i++)
    check_template (self, node->entries[i].value, scope);
}

static size_t
groups_of (const pattern_t *pattern)
{
  size_t groups = pattern->regex ? pattern->compiled.re_nsub + 1 : 0;
  return groups < SCENE_GROUPS ? groups : SCENE_GROUPS;
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
    wrong (self, node, NULL, "it does nothing: say, json, call or fail is needed");
  if (found[3] && count > 1)
    wrong (self, found[3]->value, NULL, "a rule that fails says nothing else");
  if (found[0] && found[1])
    wrong (self, found[1]->value, NULL, "either say or json, not both");
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
    wrong (self, node, NULL, "a rule is a map of conditions and what is said");
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
    wrong (self, list, NULL, "rules is needed, a list of 1 to 10000 rules");
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
    wrong (self, root, NULL, "a map with rules is needed");
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

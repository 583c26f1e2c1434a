// SPDX-License-Identifier: Apache-2.0
//
// The conditions of a rule. A pattern is a text, or a map of text or regex and ignore_case; a turn is a number or a
// range.

#include "config/amount.h"
#include "model/rule_reader.h"
#include "troupe/option.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool
read_bool (const reader_t *self, const config_node_t *node)
{
  const char *text = reader_text (self, node);
  bool yes = text && strcmp (text, "true") == 0;
  if (text && !yes && strcmp (text, "false") != 0)
    reader_wrong (self, node, "true or false", "neither true nor false");
  return yes;
}

static void
compile (const reader_t *self, const config_node_t *node, pattern_t *pattern)
{
  char why[128];
  if (!pattern_compile (pattern, why, sizeof why))
    config_report_add (self->report, node->mark, self->path, "it is a POSIX extended regular expression", "regex: %s",
                       why);
}

static void
read_pattern_member (reader_t *self, const config_entry_t *entry, pattern_t *pattern, const config_node_t **text)
{
  static const char *const names[] = {"text", "regex", "ignore_case", NULL};
  if (strcmp (entry->name, "ignore_case") == 0)
    pattern->ignore_case = read_bool (self, entry->value);
  else if (strcmp (entry->name, "text") != 0 && strcmp (entry->name, "regex") != 0) {
    const char *near = troupe_did_you_mean (entry->name, names);
    reader_unknown (self, entry->mark, "key", entry->name, near);
  } else if (*text)
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
      reader_wrong (self, node, NULL, "text or regex is needed");
      return;
    }
  }
  const char *value = reader_text (self, text);
  if (value)
    pattern->text = reader_copy (self, value);
  if (pattern->text && node->kind == CONFIG_MAPPING && config_node_find (node, "regex"))
    compile (self, text, pattern);
}

void
reader_last (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->last);
}

void
reader_heard (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->heard);
}

void
reader_agent (reader_t *self, const config_node_t *node)
{
  read_pattern (self, node, &self->rule->agent);
}

void
reader_system (reader_t *self, const config_node_t *node)
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
  size_t size = dots ? (size_t)(dots - text) : strlen (text);
  if (size >= sizeof first || (dots && strlen (dots + 2) >= sizeof rest))
    return false;
  snprintf (first, sizeof first, "%.*s", (int)size, text);
  snprintf (rest, sizeof rest, "%s", dots ? dots + 2 : first);
  if ((first[0] && !config_whole_parse (&low, first, &fault)) || (rest[0] && !config_whole_parse (&high, rest, &fault)))
    return false;
  *least = (unsigned)low;
  *most = (unsigned)high;
  return (first[0] || rest[0]) && low >= 0 && low <= high && high <= UINT_MAX;
}

void
reader_turn (reader_t *self, const config_node_t *node)
{
  const char *text = reader_text (self, node);
  if (text && !parse_turn (text, &self->rule->turn_least, &self->rule->turn_most))
    reader_wrong (self, node, "such as 1, 2..4, 3.. or ..2", "neither a number of turns nor a range");
}

void
reader_chance (reader_t *self, const config_node_t *node)
{
  const char *text = reader_text (self, node);
  char *end = NULL;
  double chance = text ? strtod (text, &end) : 1;
  if (text && (end == text || *end || !(chance >= 0 && chance <= 1)))
    reader_wrong (self, node, NULL, "a number from 0 to 1 is needed");
  else
    self->rule->chance = chance;
}

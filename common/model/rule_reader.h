// SPDX-License-Identifier: Apache-2.0
//
// Reading rules, value by value: what the two halves of a rule's keys share. Each function checks one value, stores
// it in the rule, and reports what is wrong with it.
#ifndef TROUPE_MODEL_RULE_READER_H
#define TROUPE_MODEL_RULE_READER_H

#include "config/node.h"
#include "model/rules.h"

typedef struct {
  config_report_t *report;
  const char *path; // of the value that is read
  rule_t *rule;     // NULL at the top of the file
  script_t *script; // the rule's timing, or that of all rules
} reader_t;

typedef void (reader_fn) (reader_t *self, const config_node_t *node);

void reader_wrong (const reader_t *self, const config_node_t *node, const char *hint, const char *why);
// A key or an error that there isn't; `near` is the one that may be meant, or NULL.
void reader_unknown (const reader_t *self, config_mark_t mark, const char *kind, const char *name, const char *near);
// The text of a scalar; NULL, and reported, when it is none.
const char *reader_text (const reader_t *self, const config_node_t *node);
char *reader_copy (const reader_t *self, const char *text);

// When a rule fits (rule_when.c).
reader_fn reader_last, reader_heard, reader_agent, reader_system, reader_turn, reader_chance;
// What it does, and when (rule_then.c).
reader_fn reader_say, reader_json, reader_call, reader_fail, reader_delay, reader_chunk, reader_chunk_delay;

#endif

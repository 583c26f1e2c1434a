// SPDX-License-Identifier: Apache-2.0
//
// The rules of a rehearsal, as docs/reference/rehearsal.md describes them.
#ifndef TROUPE_MODEL_RULES_H
#define TROUPE_MODEL_RULES_H

#include "config/report.h"
#include "model/provider.h"
#include "model/scene.h"

typedef struct {
  // When it fits: all of these.
  pattern_t last, heard, agent, system;
  unsigned turn_least, turn_most;
  double chance;
  // What it does.
  char **says; // one of these templates
  size_t say_count;
  json_t *json;  // a reply as JSON, with templates in its texts
  json_t *calls; // a list of {"name", "input"}
  bool fails;
  troupe_err_t failure;
  char *why; // a template, or NULL
  unsigned retry_after_ms;
  script_t script; // its timing
} rule_t;

typedef struct {
  rule_t *rules;
  size_t count, capacity;
  script_t script; // the timing of a rule that names none
} rules_t;

// Reads rules from memory; every error is added to `report`. False: there were any, or there was no memory (which the
// report notes).
bool rules_parse (rules_t *out, const char *text, size_t size, config_report_t *report);
void rules_clear (rules_t *self);

// Plays the first rule that fits: fills `reply` and `script`. model_refused: none does. too_large, no_memory.
troupe_err_t rules_play (const rules_t *self, scene_t *scene, reply_t *reply, script_t *script, troupe_error_t *error);

// The built-in rules: small talk that says that it is a rehearsal.
extern const char rules_small_talk[];

#endif

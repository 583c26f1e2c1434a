// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: a configuration, and the steps that make it: build (types, defaults of the table), derive
// (defaults that follow from other keys), check (what concerns several keys).
#ifndef TROUPE_CONFIG_INTERNAL_H
#define TROUPE_CONFIG_INTERNAL_H

#include "config/key.h"
#include "config/node.h"
#include "config/report.h"
#include "troupe/config.h"

struct troupe_config {
  char *path;
  const char *part; // while it is built: whose secrets are read (troupe_config_load_part); NULL: all
  json_t *root;
  json_t *places;  // {path: [line, column]} of all that the file gives
  json_t *secrets; // {path: the reference that stands in the file, or null when the secret itself stands there}
};

// Fills root, places and secrets.
void config_build (troupe_config_t *self, const config_node_t *node, config_report_t *report);
// Adds the models and the agents of the AgentScope files that `model_configs` and `agent_configs` name.
void config_read_agentscope (troupe_config_t *self, config_report_t *report);
void config_read_agentscope_models (troupe_config_t *self, config_report_t *report);
void config_read_agentscope_agents (troupe_config_t *self, config_report_t *report);
// As troupe_config_parse, of which only the secrets in `part` are read (NULL: all).
troupe_err_t config_parse_part (troupe_config_t **out, const char *name, const char *text, size_t size, const char *part,
                                json_t **errors, troupe_error_t *error);
void config_derive (troupe_config_t *self, config_report_t *report);
void config_check (troupe_config_t *self, config_report_t *report);
// That no two brokers, and no two sockets of them, are the same (a part of config_check).
void config_check_brokers (troupe_config_t *self, config_report_t *report);
// Makes a path that the file gives, relative to the file itself, one that can be opened; and checks that it can.
void config_derive_path (troupe_config_t *self, json_t *part, const char *key, const char *section,
                         config_report_t *report);
void config_check_file (troupe_config_t *self, const char *path, const char *file, config_report_t *report);
// The models' parts of derive and check.
void config_derive_models (troupe_config_t *self, config_report_t *report);
// Whether a model may have that key: not so when it is for models of other types.
bool config_model_takes (const json_t *model, const config_key_t *key);
void config_check_models (troupe_config_t *self, config_report_t *report);

// Where a part was given, or the nearest part around it that was.
config_mark_t config_place (const troupe_config_t *self, const char *path);
// Whether the file gives it.
bool config_is_given (const troupe_config_t *self, const char *path);
// A part of `root` by its path.
json_t *config_find (const json_t *root, const char *path);

#endif

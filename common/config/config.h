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
  json_t *secrets; // paths
};

// Fills root, places and secrets.
void config_build (troupe_config_t *self, const config_node_t *node, config_report_t *report);
void config_derive (troupe_config_t *self, config_report_t *report);
void config_check (troupe_config_t *self, config_report_t *report);
// That no two brokers, and no two sockets of them, are the same (a part of config_check).
void config_check_brokers (troupe_config_t *self, config_report_t *report);

// Where a part was given, or the nearest part around it that was.
config_mark_t config_place (const troupe_config_t *self, const char *path);
// Whether the file gives it.
bool config_is_given (const troupe_config_t *self, const char *path);
// A part of `root` by its path.
json_t *config_find (const json_t *root, const char *path);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: YAML as it was written: kinds, texts and places, without types yet.
#ifndef TROUPE_CONFIG_NODE_H
#define TROUPE_CONFIG_NODE_H

#include "config/report.h"

enum {
  CONFIG_DEPTH_MAX = 32,          // our keys reach 4; a request's options some more
  CONFIG_ENTRIES_MAX = 10 * 1000, // of one list or map
  CONFIG_NODES_MAX = 200 * 1000,  // of the whole file
  CONFIG_NAME_MAX = 128,          // bytes of a key
  // "a.b.c" of the deepest, longest keys.
  CONFIG_PATH_SIZE = (CONFIG_DEPTH_MAX + 1) * (CONFIG_NAME_MAX + 1) + 1
};

typedef enum {
  CONFIG_SCALAR,
  CONFIG_SEQUENCE,
  CONFIG_MAPPING,
  CONFIG_BROKEN // reported already: what expects a value here says nothing more
} config_kind_t;

typedef struct config_node config_node_t;

typedef struct {
  char *name;         // NULL in a list
  config_mark_t mark; // of the key, or of the item
  config_node_t *value;
} config_entry_t;

struct config_node {
  config_kind_t kind;
  config_mark_t mark;
  char *text;         // of a scalar: without NUL inside
  bool plain;         // not quoted
  size_t text_column; // where the text itself begins in the mark's line; 0: its columns aren't those of the file
  config_entry_t *entries;
  size_t count, capacity;
};

// Parses one YAML document. NULL, with the reason in `report`, when there is no tree to go on with; what is wrong
// locally (a repeated key, an alias) is reported too, but leaves a tree. An empty document is an empty map.
config_node_t *config_node_parse (const char *text, size_t size, config_report_t *report);
void config_node_destroy (config_node_t **self_p);
// The entry of a key; NULL when there is none.
const config_entry_t *config_node_find (const config_node_t *self, const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the table of keys (troupe/config.def), and its tree.
#ifndef TROUPE_CONFIG_KEY_H
#define TROUPE_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  CONFIG_TEXT,
  CONFIG_NAME,
  CONFIG_ENUM,
  CONFIG_INT,
  CONFIG_NUMBER,
  CONFIG_BOOL,
  CONFIG_DURATION,
  CONFIG_SIZE,
  CONFIG_ENDPOINT,
  CONFIG_URL,
  CONFIG_ADDRESS,
  CONFIG_MAP,
  CONFIG_LIST,
  CONFIG_ANY
} config_type_t;

enum {
  CONFIG_REQUIRED = 1,
  CONFIG_SECRET = 2,
  CONFIG_LISTABLE = 128, // a value, or a list of such
  // For models of some types only.
  CONFIG_HTTP = 4,
  CONFIG_REHEARSAL = 8,
  CONFIG_OPENAI = 16,
  CONFIG_AZURE = 32,
  CONFIG_POST_API = 64,
  CONFIG_SOME_MODELS = CONFIG_HTTP | CONFIG_REHEARSAL | CONFIG_OPENAI | CONFIG_AZURE | CONFIG_POST_API
};

typedef struct {
  const char *path;
  config_type_t type;
  const char *fallback; // NULL: none
  const char *constraint;
  unsigned flags;
  const char *help;
} config_key_t;

// In the table's order; ends with a NULL path. The first is the root: a map with an empty path.
extern const config_key_t config_keys[];

// Whether `key` stands directly below `parent`.
bool config_key_is_child (const config_key_t *parent, const config_key_t *key);
// The child of a name: the key itself, or the one that stands for every name (*); NULL: no such key.
const config_key_t *config_key_child (const config_key_t *parent, const char *name);
// The items of a list.
const config_key_t *config_key_item (const config_key_t *list);
// The last part of its path: "endpoint", "*".
const char *config_key_name (const config_key_t *key);

#endif

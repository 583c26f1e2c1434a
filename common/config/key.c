// SPDX-License-Identifier: Apache-2.0
//
// The table is flat, because it is read by people; the tree in it is found by comparing paths. It has some hundred
// keys, so a plain loop is fast enough for any file that we take.

#include "config/key.h"

#include <string.h>

enum {
  REQUIRED = CONFIG_REQUIRED,
  SECRET = CONFIG_SECRET,
  LISTABLE = CONFIG_LISTABLE,
  HTTP = CONFIG_HTTP,
  REHEARSAL = CONFIG_REHEARSAL,
  OPENAI = CONFIG_OPENAI,
  AZURE = CONFIG_AZURE,
  POST_API = CONFIG_POST_API
};

const config_key_t config_keys[] = {
  {"", CONFIG_MAP, NULL, NULL, 0, ""},
#define TROUPE_KEY(path, type, fallback, constraint, flags, help)                                                      \
  {path, CONFIG_##type, fallback, constraint, flags, help},
#include "troupe/config.def"
#undef TROUPE_KEY
  {NULL, CONFIG_ANY, NULL, NULL, 0, NULL},
};

bool
config_key_is_child (const config_key_t *parent, const config_key_t *key)
{
  size_t size = strlen (parent->path);
  if (key == config_keys || strncmp (key->path, parent->path, size) != 0)
    return false;
  const char *rest = key->path + size;
  if (size > 0 && *rest++ != '.')
    return false;
  return strpbrk (rest, ".[") == NULL;
}

const config_key_t *
config_key_child (const config_key_t *parent, const char *name)
{
  const config_key_t *any = NULL;
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    if (!config_key_is_child (parent, key))
      continue;
    if (strcmp (config_key_name (key), "*") == 0)
      any = key;
    else if (strcmp (config_key_name (key), name) == 0)
      return key;
  }
  return any;
}

const config_key_t *
config_key_item (const config_key_t *list)
{
  size_t size = strlen (list->path);
  const config_key_t *key = config_keys;
  while (strncmp (key->path, list->path, size) != 0 || strcmp (key->path + size, "[]") != 0)
    key++; // every list of the table has its items there; a test checks that
  return key;
}

const char *
config_key_name (const config_key_t *key)
{
  const char *dot = strrchr (key->path, '.');
  return dot != NULL ? dot + 1 : key->path;
}

// SPDX-License-Identifier: Apache-2.0
//
// A form is a configuration of a parser. The prompt names the keys of a map in an order of its own, since maps have
// none (Lua's differs from run to run), and the same question must read the same in every attempt: the thought first,
// so that what is said follows from it, then what is said, then the rest by name. A list is taken as it is.
//
// By default what an agent says is its key "speak", and the reply carries every key but "thought": a reply is heard
// as a whole by everybody in its hubs, so what isn't for them must not be in it.

#include "agent/form.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
rank (const char *key)
{
  return strcmp (key, FORM_THOUGHT) == 0 ? 0 : strcmp (key, FORM_SPEAK) == 0 ? 1 : 2;
}

static int
compare (const void *a, const void *b)
{
  const char *left = *(const char *const *)a, *right = *(const char *const *)b;
  return rank (left) != rank (right) ? rank (left) - rank (right) : strcmp (left, right);
}

// The keys in order: a new reference, NULL: out of memory.
static json_t *
in_order (json_t *keys)
{
  size_t size = json_object_size (keys), count = 0;
  const char *key;
  json_t *type;
  if (size < 2)
    return json_incref (keys);
  json_t *sorted = json_object ();
  const char **names = calloc (size, sizeof *names);
  json_object_foreach (keys, key, type)
    if (names)
      names[count++] = key;
  if (names)
    qsort (names, count, sizeof *names, compare);
  for (size_t i = 0; i < count && sorted; i++)
    if (json_object_set (sorted, names[i], json_object_get (keys, names[i]))) {
      json_decref (sorted);
      sorted = NULL;
    }
  free (names);
  if (sorted && json_object_size (sorted) == size)
    return sorted;
  json_decref (sorted);
  return NULL;
}

static int
add_key (json_t *public, const char *key)
{
  return strcmp (key, FORM_THOUGHT) != 0 ? json_array_append_new (public, json_string (key)) : 0;
}

// The keys that others may see; NULL: out of memory.
static json_t *
public_keys (json_t *keys, bool *speaks)
{
  json_t *public = json_array (), *item;
  const char *key;
  size_t i;
  int failed = !public;
  *speaks = false;
  json_object_foreach (keys, key, item) {
    failed = failed || add_key (public, key);
    *speaks = *speaks || strcmp (key, FORM_SPEAK) == 0;
  }
  json_array_foreach (keys, i, item) {
    key = json_string_value (item);
    failed = failed || (key && add_key (public, key));
    *speaks = *speaks || (key && strcmp (key, FORM_SPEAK) == 0);
  }
  if (!failed)
    return public;
  json_decref (public);
  return NULL;
}

static troupe_err_t
check_keys (const json_t *keys, const json_t *public, troupe_error_t *error)
{
  bool map = json_is_object (keys), list = json_is_array (keys);
  if ((map || list) && json_array_size (public) > 0)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_CONFIG, "keys", "such as {thought: string, speak: string}",
                           map || list ? "a key that others may hear is missing"
                                       : "a map of keys and their types, or a list of keys expected");
}

// The settings' choice, or else the default.
static int
choose (json_t *config, const json_t *settings, const char *name, json_t *fallback)
{
  json_t *choice = json_object_get (settings, name);
  return json_object_set (config, name, choice ? choice : fallback);
}

troupe_err_t
form_new (troupe_parser_t **out, const json_t *keys, const json_t *settings, troupe_error_t *error)
{
  bool speaks;
  json_t *required = in_order ((json_t *)(uintptr_t)keys); // jansson asks for changeable values also to read them
  json_t *public = required ? public_keys (required, &speaks) : NULL, *speak = json_string (FORM_SPEAK);
  json_t *config = json_pack ("{s:s, s:O*}", "type", "json_object", "required", required);
  troupe_err_t code = TROUPE_OK;
  if (!public || !speak || !config || choose (config, settings, "to_content", speaks ? speak : public) ||
      choose (config, settings, "to_metadata", public) || choose (config, settings, "to_memory", json_true ()))
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "keys", NULL, "out of memory");
  if (code == TROUPE_OK)
    code = check_keys (keys, public, error);
  if (code == TROUPE_OK)
    code = troupe_parser_new (out, config, error);
  json_decref (required);
  json_decref (public);
  json_decref (speak);
  json_decref (config);
  return code;
}

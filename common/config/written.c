// SPDX-License-Identifier: Apache-2.0
//
// The way back: from the tree to what a file would say. The tree is walked with the table of keys, which knows what is
// a duration or a size. What was derived and has no key (store.private) is left out, and with it the url of the private
// store, which would make it somebody else's store.
//
// Secrets are never read here: in their place stands the reference that the file has.

#include "config/amount.h"
#include "config/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const troupe_config_t *config;
  char path[CONFIG_PATH_SIZE];
} writer_t;

static json_t *write_value (writer_t *self, const json_t *value, const config_key_t *key);

static size_t
enter (writer_t *self, const char *name)
{
  size_t size = strlen (self->path);
  snprintf (self->path + size, sizeof self->path - size, "%s%s", size > 0 ? "." : "", name);
  return size;
}

// In the largest unit that it is a whole number of.
static json_t *
write_amount (const json_t *value, const config_unit_t *units)
{
  json_int_t amount = json_integer_value (value);
  const config_unit_t *best = units;
  for (const config_unit_t *unit = units; unit->name != NULL; unit++)
    if (amount >= unit->factor && amount % unit->factor == 0)
      best = unit;
  return json_sprintf ("%" JSON_INTEGER_FORMAT "%s", amount / best->factor, best->name);
}

// A dollar begins a variable, so those of the text are doubled.
static json_t *
write_text (const char *text)
{
  char *doubled = malloc (2 * strlen (text) + 1), *at = doubled;
  for (; doubled != NULL && *text != '\0'; text++) {
    *at++ = *text;
    if (*text == '$')
      *at++ = '$';
  }
  json_t *result = doubled != NULL ? json_stringn (doubled, (size_t)(at - doubled)) : NULL;
  free (doubled);
  return result;
}

static json_t *
write_secret (const writer_t *self)
{
  const json_t *reference = json_object_get (self->config->secrets, self->path);
  if (json_is_string (reference))
    return json_string (json_string_value (reference));
  char name[CONFIG_PATH_SIZE];
  size_t size = 0;
  for (; self->path[size] != '\0'; size++)
    name[size] = isalnum ((unsigned char)self->path[size]) ? (char)toupper ((unsigned char)self->path[size]) : '_';
  return json_sprintf ("${%.*s}", (int)size, name);
}

static json_t *
write_path (const char *path)
{
  char *directory = *path != '/' ? getcwd (NULL, 0) : NULL, *absolute = NULL;
  if (directory != NULL && asprintf (&absolute, "%s/%s", directory, path) < 0)
    absolute = NULL;
  json_t *result = write_text (absolute != NULL ? absolute : path);
  free (directory);
  free (absolute);
  return result;
}

// Below a key whose value is free.
static json_t *
write_any (const json_t *value)
{
  const char *name;
  const json_t *member;
  size_t i;
  if (json_is_string (value))
    return write_text (json_string_value (value));
  if (!json_is_object (value) && !json_is_array (value))
    return json_deep_copy (value);
  json_t *result = json_is_object (value) ? json_object () : json_array ();
  for (void *at = json_object_iter ((json_t *)(uintptr_t)value); at != NULL;
       at = json_object_iter_next ((json_t *)(uintptr_t)value, at)) {
    name = json_object_iter_key (at);
    member = json_object_iter_value (at);
    json_object_set_new (result, name, write_any (member));
  }
  json_array_foreach (value, i, member)
    json_array_append_new (result, write_any (member));
  return result;
}

static json_t *
write_scalar (writer_t *self, const json_t *value, const config_key_t *key)
{
  if (key->flags & CONFIG_SECRET)
    return write_secret (self);
  if (key->type == CONFIG_DURATION)
    return write_amount (value, config_durations);
  if (key->type == CONFIG_SIZE)
    return write_amount (value, config_sizes);
  if (strcmp (key->path, "models.*.rules") == 0 || strcmp (key->path, "models.*.ranks") == 0 ||
      strncmp (key->path, "keys.", strlen ("keys.")) == 0)
    return write_path (json_string_value (value));
  return json_is_string (value) ? write_text (json_string_value (value)) : json_deep_copy (value);
}

// Keys for models of another type have their defaults in the tree, and must not stand in a file.
static bool
is_of_other_type (const json_t *model, const config_key_t *key)
{
  return !config_model_takes (model, key);
}

static bool
is_derived (const writer_t *self, const char *name)
{
  return strcmp (self->path, "store") == 0 && strcmp (name, "url") == 0 &&
         troupe_config_bool (self->config, "store.private");
}

// A default that says nothing, and may not be said of what it stands in.
static bool
is_empty_default (const writer_t *self, const json_t *value)
{
  bool empty =
    (json_is_object (value) || json_is_array (value)) && json_object_size (value) + json_array_size (value) == 0;
  return empty && !config_is_given (self->config, self->path);
}

static json_t *
write_map (writer_t *self, const json_t *map, const config_key_t *key)
{
  json_t *result = json_object ();
  // jansson iterates over objects without const, though it changes nothing.
  json_t *whole = (json_t *)(uintptr_t)map;
  for (void *at = json_object_iter (whole); at != NULL; at = json_object_iter_next (whole, at)) {
    const char *name = json_object_iter_key (at);
    const config_key_t *child = config_key_child (key, name);
    if (child == NULL || is_derived (self, name) || is_of_other_type (map, child))
      continue;
    size_t size = enter (self, name);
    bool left_out = is_empty_default (self, json_object_iter_value (at));
    json_t *value = left_out ? NULL : write_value (self, json_object_iter_value (at), child);
    self->path[size] = '\0';
    if (left_out)
      continue;
    if (value == NULL || json_object_set_new (result, name, value) != 0) {
      json_decref (result);
      return NULL;
    }
  }
  return result;
}

static json_t *
write_list (writer_t *self, const json_t *list, const config_key_t *key)
{
  json_t *result = json_array ();
  for (size_t i = 0; i < json_array_size (list); i++) {
    char index[24];
    snprintf (index, sizeof index, "%zu", i);
    size_t size = enter (self, index);
    json_t *value = write_value (self, json_array_get (list, i), config_key_item (key));
    self->path[size] = '\0';
    if (value == NULL || json_array_append_new (result, value) != 0) {
      json_decref (result);
      return NULL;
    }
  }
  return result;
}

static json_t *
write_value (writer_t *self, const json_t *value, const config_key_t *key)
{
  switch (key->type) {
  case CONFIG_MAP:
    return write_map (self, value, key);
  case CONFIG_LIST:
    return write_list (self, value, key);
  case CONFIG_ANY:
    return write_any (value);
  default:
    return write_scalar (self, value, key);
  }
}

json_t *
troupe_config_written (const troupe_config_t *self)
{
  writer_t *writer = calloc (1, sizeof *writer);
  if (writer == NULL)
    return NULL;
  writer->config = self;
  json_t *result = write_value (writer, self->root, config_keys);
  free (writer);
  return result;
}

// SPDX-License-Identifier: Apache-2.0
//
// Packing a value: jansson's tree goes through msgpack-c's packer into the bytes of a buffer.
//
// A value comes from the user's code, so it may be anything that jansson can hold: too deep (also a tree that contains
// itself), too large, text that is not UTF-8 or holds a NUL. All of that is found while packing, within the limits, and
// is an error; what was packed so far is freed.

#include "error/utf8.h"
#include "troupe/value.h"

#include <msgpack/pack.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  msgpack_packer packer; // writes by `append`
  troupe_buffer_t *buffer;
  char *bytes; // the buffer's
  size_t size, capacity;
  size_t items;
  bool canonical;   // maps in the order of their keys
  troupe_err_t err; // why `append` failed
  troupe_error_t *error;
} packing_t;

enum { FIRST_CAPACITY = 512 }; // most messages are smaller

static bool
grow (packing_t *self, size_t wanted)
{
  size_t capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity;
  while (capacity < wanted) // ends: `wanted` is at most TROUPE_VALUE_SIZE_MAX
    capacity *= 2;
  void *bytes = NULL;
  troupe_err_t err = self->buffer == NULL ? troupe_buffer_begin (&self->buffer, capacity, &bytes)
                                          : troupe_buffer_grow (&self->buffer, capacity, &bytes);
  if (err != TROUPE_OK)
    return false;
  self->bytes = bytes;
  self->capacity = capacity;
  return true;
}

static int
append (void *context, const char *bytes, size_t size)
{
  packing_t *self = context;
  if (size > TROUPE_VALUE_SIZE_MAX - self->size)
    self->err = TROUPE_TOO_LARGE;
  else if (self->size + size > self->capacity && !grow (self, self->size + size))
    self->err = TROUPE_NO_MEMORY;
  if (self->err != TROUPE_OK)
    return -1;
  memcpy (self->bytes + self->size, bytes, size);
  self->size += size;
  return 0;
}

static troupe_err_t
refuse (packing_t *self, troupe_err_t code, const char *why)
{
  return troupe_error_set (self->error, code, "value", NULL, "%s", why);
}

// The result of the packer's last function.
static troupe_err_t
packed (packing_t *self, int result)
{
  if (result == 0)
    return TROUPE_OK;
  return refuse (self, self->err, self->err == TROUPE_TOO_LARGE ? "more than 16 MiB" : "out of memory");
}

static troupe_err_t
pack_text (packing_t *self, const char *text, size_t size)
{
  if (!utf8_valid (text, size))
    return refuse (self, TROUPE_BAD_MESSAGE, "a text that is not UTF-8, or that holds a NUL");
  if (size > TROUPE_VALUE_SIZE_MAX)
    return refuse (self, TROUPE_TOO_LARGE, "more than 16 MiB");
  return packed (self, msgpack_pack_str_with_body (&self->packer, text, size));
}

static troupe_err_t pack_any (packing_t *self, json_t *json, unsigned depth);

// Admits a list or a map of `count` items into the limits.
static troupe_err_t
enter (packing_t *self, size_t count, unsigned depth)
{
  if (depth >= TROUPE_VALUE_DEPTH_MAX)
    return refuse (self, TROUPE_TOO_DEEP, "lists and maps nested more than 64 deep");
  if (count > TROUPE_VALUE_ITEMS_MAX - self->items)
    return refuse (self, TROUPE_TOO_LARGE, "more than 1,000,000 items");
  self->items += count;
  return TROUPE_OK;
}

static troupe_err_t
pack_list (packing_t *self, json_t *list, unsigned depth)
{
  size_t count = json_array_size (list);
  troupe_err_t err = enter (self, count, depth);
  if (err == TROUPE_OK)
    err = packed (self, msgpack_pack_array (&self->packer, count));
  for (size_t i = 0; err == TROUPE_OK && i < count; i++)
    err = pack_any (self, json_array_get (list, i), depth + 1);
  return err;
}

static troupe_err_t
pack_pair (packing_t *self, void *at, unsigned depth)
{
  troupe_err_t err = pack_text (self, json_object_iter_key (at), json_object_iter_key_len (at));
  return err != TROUPE_OK ? err : pack_any (self, json_object_iter_value (at), depth + 1);
}

static int
compare_pairs (const void *a, const void *b)
{
  void *const *first = a, *const *second = b;
  return strcmp (json_object_iter_key (*first), json_object_iter_key (*second)); // one with NUL is refused in the end
}

static troupe_err_t
pack_sorted (packing_t *self, json_t *map, size_t count, unsigned depth)
{
  troupe_err_t err = TROUPE_OK;
  void **pairs = malloc ((count + 1) * sizeof *pairs);
  size_t known = 0;
  if (pairs == NULL)
    return refuse (self, TROUPE_NO_MEMORY, "out of memory");
  for (void *at = json_object_iter (map); at != NULL && known < count; at = json_object_iter_next (map, at))
    pairs[known++] = at;
  qsort (pairs, known, sizeof *pairs, compare_pairs);
  for (size_t i = 0; err == TROUPE_OK && i < known; i++)
    err = pack_pair (self, pairs[i], depth);
  free (pairs);
  return err;
}

static troupe_err_t
pack_map (packing_t *self, json_t *map, unsigned depth)
{
  size_t count = json_object_size (map);
  troupe_err_t err = enter (self, count, depth);
  if (err == TROUPE_OK)
    err = packed (self, msgpack_pack_map (&self->packer, count));
  if (err == TROUPE_OK && self->canonical)
    return pack_sorted (self, map, count, depth);
  for (void *at = json_object_iter (map); err == TROUPE_OK && at != NULL; at = json_object_iter_next (map, at))
    err = pack_pair (self, at, depth);
  return err;
}

static troupe_err_t
pack_any (packing_t *self, json_t *json, unsigned depth)
{
  switch (json_typeof (json)) {
  case JSON_OBJECT:
    return pack_map (self, json, depth);
  case JSON_ARRAY:
    return pack_list (self, json, depth);
  case JSON_STRING:
    return pack_text (self, json_string_value (json), json_string_length (json));
  case JSON_INTEGER:
    return packed (self, msgpack_pack_int64 (&self->packer, json_integer_value (json)));
  case JSON_REAL: // jansson holds neither NaN nor infinity
    return packed (self, msgpack_pack_double (&self->packer, json_real_value (json)));
  case JSON_TRUE:
    return packed (self, msgpack_pack_true (&self->packer));
  case JSON_FALSE:
    return packed (self, msgpack_pack_false (&self->packer));
  case JSON_NULL:
    return packed (self, msgpack_pack_nil (&self->packer));
  }
  return refuse (self, TROUPE_BAD_MESSAGE, "not a JSON value");
}

static troupe_err_t
pack (const json_t *value, bool canonical, troupe_buffer_t **out, troupe_error_t *error)
{
  packing_t self = {.canonical = canonical, .error = error};
  if (value == NULL)
    return refuse (&self, TROUPE_NO_MEMORY, "no value: jansson ran out of memory, or refused a text");
  msgpack_packer_init (&self.packer, &self, append);
  // jansson iterates over objects without const, though it changes nothing.
  troupe_err_t err = pack_any (&self, (json_t *)(uintptr_t)value, 0);
  if (err == TROUPE_OK) { // there is a buffer: every value has a byte
    troupe_buffer_finish (self.buffer, self.size);
    *out = self.buffer;
  } else
    troupe_buffer_unref (&self.buffer);
  return err;
}

troupe_err_t
troupe_value_pack (const json_t *value, troupe_buffer_t **out, troupe_error_t *error)
{
  return pack (value, false, out, error);
}

troupe_err_t
troupe_value_pack_canonical (const json_t *value, troupe_buffer_t **out, troupe_error_t *error)
{
  return pack (value, true, out, error);
}

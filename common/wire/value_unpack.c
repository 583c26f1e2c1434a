// SPDX-License-Identifier: Apache-2.0
//
// Unpacking a value: the bytes are checked whole (value_check.c), then jansson's tree is built straight from the
// cursor. msgpack-c's unpacker isn't used: it would build a tree of its own first, twice the memory and the time, and
// the check needs a reader of our own anyhow.
//
// After the check only two things can go wrong: a key that is there twice, and memory. A repeated key shows when the
// map doesn't grow (jansson's objects are hash tables with a random seed, so this is linear whatever the keys are).

#include "troupe/value.h"
#include "wire/cursor.h"

static json_t *build (cursor_t *cursor, troupe_err_t *err);

static json_t *
give_up (json_t *json, troupe_err_t *err, troupe_err_t code)
{
  if (*err == TROUPE_OK)
    *err = code;
  json_decref (json);
  return NULL;
}

static json_t *
build_list (cursor_t *cursor, uint32_t count, troupe_err_t *err)
{
  json_t *list = json_array ();
  if (list == NULL)
    return give_up (NULL, err, TROUPE_NO_MEMORY);
  for (uint32_t i = 0; i < count; i++) {
    json_t *item = build (cursor, err);
    if (item == NULL || json_array_append_new (list, item) != 0)
      return give_up (list, err, TROUPE_NO_MEMORY);
  }
  return list;
}

static json_t *
build_map (cursor_t *cursor, uint32_t count, troupe_err_t *err)
{
  json_t *map = json_object ();
  if (map == NULL)
    return give_up (NULL, err, TROUPE_NO_MEMORY);
  for (uint32_t i = 0; i < count; i++) {
    cursor_item_t key;
    cursor_next (cursor, &key);
    json_t *value = build (cursor, err);
    if (value == NULL || json_object_setn_new_nocheck (map, (const char *)key.data, key.size, value) != 0)
      return give_up (map, err, TROUPE_NO_MEMORY);
    if (json_object_size (map) != (size_t)i + 1)
      return give_up (map, err, TROUPE_BAD_MESSAGE);
  }
  return map;
}

static json_t *
build_scalar (const cursor_item_t *item)
{
  switch (item->kind) {
  case CURSOR_NIL:
    return json_null ();
  case CURSOR_BOOL:
    return json_boolean (item->number);
  case CURSOR_UINT:
    return json_integer ((json_int_t)item->number);
  case CURSOR_INT:
    return json_integer (item->negative);
  case CURSOR_FLOAT:
    return json_real (item->real);
  case CURSOR_TEXT:
    return json_stringn_nocheck ((const char *)item->data, item->size);
  default:
    return NULL; // the check lets no other pass
  }
}

// NULL with *err set. Recursion is bounded by the check: TROUPE_VALUE_DEPTH_MAX.
static json_t *
build (cursor_t *cursor, troupe_err_t *err)
{
  cursor_item_t item;
  if (!cursor_next (cursor, &item))
    return give_up (NULL, err, TROUPE_INTERNAL);
  if (item.kind == CURSOR_LIST)
    return build_list (cursor, item.size, err);
  if (item.kind == CURSOR_MAP)
    return build_map (cursor, item.size, err);
  json_t *scalar = build_scalar (&item);
  return scalar != NULL ? scalar : give_up (NULL, err, TROUPE_NO_MEMORY);
}

troupe_err_t
troupe_value_unpack (const void *data, size_t size, json_t **out, troupe_error_t *error)
{
  troupe_err_t err = troupe_value_check (data, size, error);
  if (err != TROUPE_OK)
    return err;
  cursor_t cursor = cursor_over (data, size);
  json_t *value = build (&cursor, &err);
  if (value == NULL)
    return troupe_error_set (error, err, "value", NULL, "%s, before byte %zu",
                             err == TROUPE_BAD_MESSAGE ? "a map with the same key twice" : "out of memory",
                             cursor_offset (&cursor));
  *out = value;
  return TROUPE_OK;
}

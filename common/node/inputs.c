// SPDX-License-Identifier: Apache-2.0
//
// Both ends of a call's inputs. The caller names calls whose values it needs and writes {"$input": n}, a map of
// exactly that one key, wherever the n-th value (from 0) is to stand; the broker offers the call when all have
// settled, the values behind the input in the body; here they are put in their places before the service sees the
// task.
//
// In a call without inputs such a map is data like any other, and in a value that takes a place nothing is looked for:
// what a service answered can't reach for other inputs. A value may stand in several places; it is shared, not copied.

#include "node/inputs.h"

#include "node/serving.h"
#include "troupe/value.h"

#include <string.h>

static bool
is_reference (const json_t *json, json_int_t *index)
{
  const json_t *number = json_object_get (json, "$input");
  if (!json_is_integer (number) || json_object_size (json) != 1)
    return false;
  *index = json_integer_value (number);
  return true;
}

static troupe_err_t
check_index (json_int_t index, size_t count, troupe_err_t code, troupe_error_t *error)
{
  if (index >= 0 && (size_t)index < count)
    return TROUPE_OK;
  return troupe_error_set (error, code, "input", "count from 0",
                           "{\"$input\": %" JSON_INTEGER_FORMAT "} names none of the call's %zu inputs", index, count);
}

// -- The caller ------------------------------------------------------------------------------------------------------

// `depth` bounds a tree that contains itself, which packing refuses afterwards.
static troupe_err_t
check_references (json_t *json, size_t count, unsigned depth, troupe_error_t *error)
{
  json_int_t index;
  troupe_err_t err = TROUPE_OK;
  if (depth > TROUPE_VALUE_DEPTH_MAX)
    return troupe_error_set (error, TROUPE_TOO_DEEP, "input", NULL, "lists and maps nested more than 64 deep");
  if (is_reference (json, &index))
    return check_index (index, count, TROUPE_BAD_ARGUMENT, error);
  for (size_t i = 0; err == TROUPE_OK && json_is_array (json) && i < json_array_size (json); i++)
    err = check_references (json_array_get (json, i), count, depth + 1, error);
  for (void *at = json_object_iter (json); err == TROUPE_OK && at != NULL; at = json_object_iter_next (json, at))
    err = check_references (json_object_iter_value (at), count, depth + 1, error);
  return err;
}

static troupe_err_t
check_input (const troupe_placeholder_t *input, const char *session, troupe_error_t *error)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&input->id, id);
  if (strcmp (input->session, session) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, id, "pass its value on once it has settled",
                             "an input is a call of the same session; it is in %s", input->session);
  if (input->flags & TROUPE_FLAG_VOLATILE)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, id, "pass its value on once it has settled",
                             "it is volatile: its value is stored nowhere");
  if (input->state != TROUPE_CALL_REFUSED)
    return TROUPE_OK;
  const troupe_error_t *cause = troupe_placeholder_error (input);
  if (error != NULL)
    *error = *cause;
  return cause->code;
}

troupe_err_t
node_inputs_check (const troupe_call_t *call, troupe_error_t *error)
{
  if (call->inputs_count == 0)
    return TROUPE_OK;
  if (call->inputs_count > TROUPE_INPUTS_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "collect some of them by another call",
                             "%u inputs; a call has at most %d", call->inputs_count, TROUPE_INPUTS_MAX);
  if (call->is_volatile || (call->parent != NULL && call->parent->is_volatile))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "pass values", "a volatile call has no inputs");
  const char *session = call->session != NULL  ? call->session
                        : call->parent != NULL ? call->parent->session
                                               : call->inputs[0]->session;
  for (unsigned i = 0; i < call->inputs_count; i++) {
    troupe_err_t err = check_input (call->inputs[i], session, error);
    if (err != TROUPE_OK)
      return err;
  }
  // jansson iterates over objects without const, though it changes nothing.
  return check_references ((json_t *)(uintptr_t)call->input, call->inputs_count, 0, error);
}

bool
node_inputs_under_way (const troupe_placeholder_t *self)
{
  for (uint32_t i = 0; i < self->inputs_count; i++)
    for (const troupe_placeholder_t *input = node_table_find (&self->core->calls, &self->inputs[i]); input != NULL;
         input = input->twin)
      if (!node_calling_awaits (input))
        return true;
  return false;
}

// -- The service -----------------------------------------------------------------------------------------------------

static troupe_err_t fill_in (json_t *json, json_t *const *values, size_t count, troupe_error_t *error);

// Sets *place when a value takes the place of `json`; else looks for places inside.
static troupe_err_t
resolve (json_t *json, json_t **place, json_t *const *values, size_t count, troupe_error_t *error)
{
  json_int_t index;
  *place = NULL;
  if (!is_reference (json, &index))
    return fill_in (json, values, count, error);
  troupe_err_t err = check_index (index, count, TROUPE_BAD_MESSAGE, error);
  if (err == TROUPE_OK)
    *place = values[index];
  return err;
}

static troupe_err_t
fill_in (json_t *json, json_t *const *values, size_t count, troupe_error_t *error)
{
  json_t *place;
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; err == TROUPE_OK && json_is_array (json) && i < json_array_size (json); i++) {
    err = resolve (json_array_get (json, i), &place, values, count, error);
    if (place != NULL)
      json_array_set (json, i, place);
  }
  for (void *at = json_object_iter (json); err == TROUPE_OK && at != NULL; at = json_object_iter_next (json, at)) {
    err = resolve (json_object_iter_value (at), &place, values, count, error);
    if (place != NULL)
      json_object_iter_set (json, at, place);
  }
  return err;
}

static troupe_err_t
place_all (json_t **input, json_t *const *values, size_t count, troupe_error_t *error)
{
  json_t *whole;
  troupe_err_t err = resolve (*input, &whole, values, count, error);
  if (whole != NULL) {
    json_decref (*input);
    *input = json_incref (whole);
  }
  return err;
}

static troupe_err_t
unpack_values (const troupe_header_t *offer, const char *bytes, json_t **values, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (uint32_t i = 0; err == TROUPE_OK && i < offer->sizes_count; bytes += offer->sizes[i++])
    err = troupe_value_unpack (bytes, offer->sizes[i], &values[i], error);
  return err;
}

troupe_err_t
node_inputs_unpack (const troupe_header_t *offer, troupe_buffer_t *body, json_t **out, troupe_error_t *error)
{
  const char *bytes = troupe_buffer_data (body);
  size_t size = troupe_buffer_size (body), behind = 0;
  uint32_t count = troupe_header_has (offer, TROUPE_F (SIZES)) ? offer->sizes_count : 0;
  for (uint32_t i = 0; i < count; i++)
    behind += offer->sizes[i];
  if (behind > size)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "input", NULL, "the sizes of its inputs exceed the body");
  troupe_err_t err = troupe_value_unpack (bytes, size - behind, out, error);
  if (err != TROUPE_OK || count == 0)
    return err;
  json_t *values[TROUPE_SIZES_MAX] = {NULL};
  err = unpack_values (offer, bytes + size - behind, values, error);
  if (err == TROUPE_OK)
    err = place_all (out, values, count, error);
  for (uint32_t i = 0; i < count; i++)
    json_decref (values[i]);
  if (err != TROUPE_OK) {
    json_decref (*out);
    *out = NULL;
  }
  return err;
}

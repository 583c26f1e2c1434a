// SPDX-License-Identifier: Apache-2.0
//
// The examples of example.def: a function that fills each one's header, the table of them, and their bytes.

#include "generate/reference.h"
#include "troupe/value.h"

static troupe_id_t
id_of (const char *text)
{
  troupe_id_t id = {{0}};
  troupe_id_of_text (&id, text); // the examples are checked by tests
  return id;
}

#define TEXT(field, value) troupe_header_set_##field (header, troupe_text (value));
#define NUMBER(field, value) troupe_header_set_##field (header, value);
#define NUMBERS(field, value) troupe_header_set_##field (header, (const uint32_t[]){value}, 1);
#define ID(field, value) troupe_header_set_##field (header, (const troupe_id_t[]){id_of (value)});
#define IDS(field, value) troupe_header_set_##field (header, (const troupe_id_t[]){id_of (value)}, 1);

#define EXAMPLE(id, name, what, command, fields, ...)                                                                  \
  static void fill_##id (troupe_header_t *header)                                                                      \
  {                                                                                                                    \
    troupe_header_init (header, TROUPE_CMD_##command);                                                                 \
    fields                                                                                                             \
  }
#include "generate/example.def"
#undef EXAMPLE

const example_t examples[] = {
#define EXAMPLE(id, name, what, command, fields, ...) {name, what, fill_##id, {__VA_ARGS__}},
#include "generate/example.def"
#undef EXAMPLE
};

const size_t examples_count = sizeof examples / sizeof examples[0];

static troupe_err_t
pack_body (const char *json, troupe_buffer_t **out, troupe_error_t *error)
{
  json_error_t where;
  json_t *value = json_loads (json, JSON_DECODE_ANY, &where);
  if (value == NULL)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, json, NULL, "%s", where.text);
  troupe_err_t err = troupe_value_pack (value, out, error);
  json_decref (value);
  return err;
}

troupe_err_t
example_encode (const example_t *self, void *bytes, size_t *size, troupe_buffer_t **body, troupe_error_t *error)
{
  enum { BODY_MAX = 1024 }; // they are for people to read
  char joined[BODY_MAX];
  size_t used = 0;
  uint32_t sizes[EXAMPLE_BODIES_MAX];
  uint32_t count = 0;
  for (; self->bodies[count] != NULL; count++) {
    troupe_buffer_t *packed = NULL;
    troupe_err_t err = pack_body (self->bodies[count], &packed, error);
    if (err != TROUPE_OK)
      return err;
    sizes[count] = (uint32_t)troupe_buffer_size (packed);
    bool fits = sizes[count] <= BODY_MAX - used;
    if (fits)
      memcpy (joined + used, troupe_buffer_data (packed), sizes[count]);
    troupe_buffer_unref (&packed);
    if (!fits)
      return troupe_error_set (error, TROUPE_TOO_LARGE, self->name, NULL, "its body has more than %d bytes", BODY_MAX);
    used += sizes[count];
  }
  troupe_header_t header;
  self->fill (&header);
  if (count > 1)
    troupe_header_set_sizes (&header, sizes + 1, count - 1);
  *size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
  if (*size == 0)
    return troupe_error_set (error, TROUPE_INTERNAL, self->name, NULL, "its header breaks the rules of protocol.def");
  return troupe_buffer_new (body, joined, used);
}

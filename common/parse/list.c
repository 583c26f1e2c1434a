// SPDX-License-Identifier: Apache-2.0
//
// The parser of lists. Models that are asked for a JSON list often write one line an item instead, with bullets or
// numbers; that is a list as well.

#include "parse/parser.h"
#include "error/reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"items", "min", "max", "schema", NULL};

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  static const char *const limits[] = {"min", "max"};
  json_t *items = json_object_get (self->config, "items");
  troupe_err_t err = items != NULL ? type_check (items, "items", error) : TROUPE_OK;
  for (size_t i = 0; err == TROUPE_OK && i < 2; i++) {
    json_t *limit = json_object_get (self->config, limits[i]);
    if (limit != NULL && (!json_is_integer (limit) || json_integer_value (limit) < 0))
      err = parser_refuse (error, limits[i], NULL, "it must be a number of items, 0 or more");
  }
  return err == TROUPE_OK ? schema_take (self, error) : err;
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  json_t *items = json_object_get (self->config, "items"), *schema = json_object_get (self->config, "schema");
  json_t *min = json_object_get (self->config, "min"), *max = json_object_get (self->config, "max");
  fputs ("Answer with one JSON list in a block fenced as json, and nothing else:\n```json\n[", file);
  type_print (items, file);
  fputs (", ", file);
  type_print (items, file);
  fputs (", ...]\n```\n", file);
  if (min != NULL)
    fprintf (file, "The list must have at least %lld items.\n", (long long)json_integer_value (min));
  if (max != NULL)
    fprintf (file, "The list must have at most %lld items.\n", (long long)json_integer_value (max));
  if (schema != NULL) {
    fputs ("The list must be valid under this JSON Schema: ", file);
    json_dumpf (schema, file, JSON_COMPACT);
    fputc ('\n', file);
  }
}

// The size of a bullet or number with the blanks behind it, at a line's begin; 0: none.
static size_t
bullet_size (const char *line, size_t size)
{
  static const char *const bullets[] = {"-", "*", "+", "\xE2\x80\xA2", "\xE2\x80\x93", "\xE2\x80\x94"};
  size_t at = 0, blanks;
  for (size_t i = 0; at == 0 && i < sizeof bullets / sizeof *bullets; i++)
    if (size > strlen (bullets[i]) && memcmp (line, bullets[i], strlen (bullets[i])) == 0)
      at = strlen (bullets[i]);
  if (at == 0) {
    while (at < size && at < 4 && isdigit ((unsigned char)line[at]))
      at++;
    if (at == 0 || at == size || (line[at] != '.' && line[at] != ')'))
      return 0;
    at++;
  }
  for (blanks = at; blanks < size && (line[blanks] == ' ' || line[blanks] == '\t');)
    blanks++;
  return blanks > at ? blanks : 0;
}

// An item's text as what its type asks for: a number of "42", when it is no text that is expected.
static json_t *
item_of_line (const json_t *type, const char *line, size_t size)
{
  json_t *text = json_stringn (line, size);
  if (text == NULL || type_fits (type, text))
    return text;
  json_t *value = reading_json (line, size, JSON_DECODE_ANY, NULL);
  if (value == NULL || !type_fits (type, value)) {
    json_decref (value);
    return text;
  }
  json_decref (text);
  return value;
}

// The lines with bullets, a new list; NULL: there are none (or no memory, or a line is no UTF-8).
static json_t *
read_lines (const troupe_parser_t *self, reading_t *reading)
{
  const json_t *type = json_object_get (self->config, "items");
  const char *at = reading->text, *end = at + reading->size;
  json_t *list = json_array ();
  while (list != NULL && at < end) {
    const char *line = at, *stop = memchr (at, '\n', (size_t)(end - at));
    stop = stop != NULL ? stop : end;
    at = stop < end ? stop + 1 : end;
    while (line < stop && isspace ((unsigned char)*line))
      line++;
    while (stop > line && isspace ((unsigned char)stop[-1]))
      stop--;
    size_t bullet = bullet_size (line, (size_t)(stop - line));
    if (bullet == 0)
      continue;
    if (json_array_size (list) == 0 && mending_note (reading, MENDING_BULLETS, line) != TROUPE_OK)
      break;
    json_t *item = item_of_line (type, line + bullet, (size_t)(stop - line) - bullet);
    if (item != NULL && json_array_append_new (list, item) != 0)
      break;
  }
  if (json_array_size (list) > 0)
    return list;
  json_decref (list);
  return NULL;
}

static bool
check_items (const troupe_parser_t *self, reading_t *reading, const json_t *list)
{
  const json_t *type = json_object_get (self->config, "items"), *item;
  json_t *min = json_object_get (self->config, "min"), *max = json_object_get (self->config, "max");
  size_t size = json_array_size (list), i;
  bool right = true;
  json_array_foreach (list, i, item)
    if (right && !type_fits (type, item)) {
      right = false;
      parser_wrong (reading, "item %zu must be ", i + 1);
      type_name (type, reading->wrong);
      fputs (", not ", reading->wrong);
      type_show (item, reading->wrong);
    }
  if (min != NULL && (json_int_t)size < json_integer_value (min)) {
    parser_wrong (reading, "the list has %zu items, and at least %lld are expected", size,
                  (long long)json_integer_value (min));
    right = false;
  }
  if (max != NULL && (json_int_t)size > json_integer_value (max)) {
    parser_wrong (reading, "the list has %zu items, and at most %lld are expected", size,
                  (long long)json_integer_value (max));
    right = false;
  }
  return right;
}

static troupe_err_t
read_list (const troupe_parser_t *self, reading_t *reading)
{
  json_t *list;
  troupe_err_t err = mending_json (reading, reading->text, reading->size, TROUPE_REPAIR_WANT_LIST, false, &list);
  if (err == TROUPE_BAD_MESSAGE && (list = read_lines (self, reading)) == NULL) {
    parser_wrong (reading, "there is no JSON list in the reply, and no lines with bullets either");
    return err;
  }
  if (err != TROUPE_OK && err != TROUPE_BAD_MESSAGE)
    return err;
  reading->parsed->fields = json_pack ("{s:o}", "items", list);
  if (reading->parsed->fields == NULL)
    return TROUPE_NO_MEMORY;
  return check_items (self, reading, list) ? schema_fits (reading, self->schema, list, "the list") : TROUPE_BAD_MESSAGE;
}

const parser_verbs_t parser_LIST_verbs = {keys, "true", "false", check, instruct, read_list};

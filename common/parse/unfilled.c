// SPDX-License-Identifier: Apache-2.0
//
// Forms that were not filled in: a weak model repeats the instruction with its placeholders ({"speak": <string>}). Read
// as an answer, they would be said aloud, so such a value counts as none. A placeholder is known by its whole text, as
// it stands in the instruction that was given: an answer that merely looks like one ("<br>") stays.

#include "parse/parser.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
  SAID_MAX = 8,         // sentences about placeholders: a long list of them needs no more
  PLACEHOLDER_MAX = 512 // bytes of one; a longer text is an answer
};

typedef struct {
  const troupe_parser_t *parser;
  reading_t *reading;
  unsigned said;
} search_t;

// Whether `before`, the text and `after` stand in `where` in this order, with nothing between.
static bool
stands (const char *where, const char *before, const char *text, size_t size, const char *after)
{
  char wanted[PLACEHOLDER_MAX + 8];
  snprintf (wanted, sizeof wanted, "%s%.*s%s", before, (int)size, text, after);
  return strstr (where, wanted) != NULL;
}

// Whether a schema names this text as a value, as in an enum: then it is one, though the instruction shows it.
static troupe_err_t
is_value (const troupe_parser_t *self, const char *text, size_t size, bool *is)
{
  static const char *const members[] = {"schema", "tools"};
  for (size_t i = 0; i < sizeof members / sizeof *members && !*is; i++) {
    json_t *member = json_object_get (self->config, members[i]);
    char *dump = member != NULL ? json_dumps (member, JSON_COMPACT) : NULL;
    if (member != NULL && dump == NULL)
      return TROUPE_NO_MEMORY;
    *is = dump != NULL && stands (dump, "\"", text, size, "\"");
    free (dump);
  }
  return TROUPE_OK;
}

// <string>, <string: what you say>, or one half of the latter.
static bool
is_bracketed (const troupe_parser_t *self, const char *text, size_t size)
{
  if (size < 3 || text[0] != '<' || text[size - 1] != '>')
    return false;
  return stands (self->instruction, "", text, size, "") || stands (self->instruction, "", text, size - 1, ":") ||
         stands (self->instruction, ": ", text + 1, size - 1, "");
}

// What the instruction shows between two tags. A hint of a single word may well be an answer.
static bool
is_hint (const troupe_parser_t *self, const char *text, size_t size)
{
  json_t *tags = json_object_get (self->config, "tags"), *tag;
  size_t i;
  if (self->type != PARSER_TAGGED || json_object_get (self->config, "instruction") != NULL)
    return false;
  json_array_foreach (tags, i, tag) {
    const char *hint = json_string_value (json_object_get (tag, "hint"));
    bool words = hint == NULL || strchr (hint, ' ') != NULL;
    hint = hint != NULL ? hint : "...";
    if (words && strlen (hint) == size && memcmp (hint, text, size) == 0)
      return true;
  }
  return false;
}

static troupe_err_t
is_placeholder (const troupe_parser_t *self, const json_t *value, bool *is)
{
  const char *text = json_string_value (value), *end = text + json_string_length (value);
  bool meant = false;
  while (text < end && isspace ((unsigned char)*text))
    text++;
  while (end > text && isspace ((unsigned char)end[-1]))
    end--;
  size_t size = (size_t)(end - text);
  *is = size > 0 && size <= PLACEHOLDER_MAX && memchr (text, '\0', size) == NULL &&
        (is_bracketed (self, text, size) || is_hint (self, text, size));
  troupe_err_t err = *is ? is_value (self, text, size, &meant) : TROUPE_OK;
  *is = *is && !meant;
  return err;
}

// `key`: of the value, or NULL and its number `n` in a list.
static troupe_err_t
search_value (search_t *self, const json_t *value, const char *key, size_t n)
{
  bool is = false;
  troupe_err_t err = is_placeholder (self->parser, value, &is);
  if (err != TROUPE_OK || !is)
    return err;
  if (key != NULL)
    parser_wrong (self->reading, "the value of \"%s\" is expected, not ", key);
  else
    parser_wrong (self->reading, "the value of item %zu is expected, not ", n);
  type_show (value, self->reading->wrong);
  fputs (", which only shows where it belongs", self->reading->wrong);
  self->said++;
  return TROUPE_OK;
}

static troupe_err_t
search (search_t *self, json_t *value, const char *key, size_t n)
{
  troupe_err_t err = TROUPE_OK;
  const char *name;
  json_t *part;
  size_t i;
  if (json_is_string (value))
    return search_value (self, value, key, n);
  json_object_foreach (value, name, part)
    if (err == TROUPE_OK && self->said < SAID_MAX)
      err = search (self, part, name, 0);
  json_array_foreach (value, i, part)
    if (err == TROUPE_OK && self->said < SAID_MAX)
      err = search (self, part, NULL, i + 1);
  return err;
}

// An object without keys, from "{...}" as the instruction of a parser without keys shows it.
static bool
is_bare (const troupe_parser_t *self, const reading_t *reading)
{
  static const char form[] = "{...}";
  return self->type == PARSER_JSON_OBJECT && json_is_object (reading->parsed->fields) &&
         json_object_size (reading->parsed->fields) == 0 && strstr (self->instruction, form) != NULL &&
         strstr (reading->text, form) != NULL;
}

troupe_err_t
unfilled_check (const troupe_parser_t *self, reading_t *reading)
{
  search_t all = {.parser = self, .reading = reading};
  troupe_err_t err = TROUPE_OK;
  const char *key;
  json_t *value;
  if (is_bare (self, reading)) {
    parser_wrong (reading, "the object's keys and values are expected, not {...}, which only shows its form");
    return TROUPE_BAD_MESSAGE;
  }
  json_object_foreach (reading->parsed->fields, key, value)
    if (err == TROUPE_OK && (self->type != PARSER_TOOL_CALLS || strcmp (key, "thought") != 0)) // calls count without it
      err = search (&all, value, key, 0);
  return err == TROUPE_OK && all.said > 0 ? TROUPE_BAD_MESSAGE : err;
}

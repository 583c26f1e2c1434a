// SPDX-License-Identifier: Apache-2.0
//
// The parser of texts between tags: for texts that models don't escape well (code, poems), and for several of them in a
// reply. The first of each tag counts. A tag in other letters is the tag; one that is never closed ends at the next tag
// that begins, or with the reply.

#include "parse/parser.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"tags", NULL};

enum {
  TAG_MAX = 128, // bytes of a tag
  TAGS_MAX = 32  // a tag that is never closed is looked for behind every other
};

static troupe_err_t
check_tag (json_t *tag, size_t n, troupe_error_t *error)
{
  static const char *const texts[] = {"begin", "end", "hint"}, *const flags[] = {"json", "optional"};
  const char *name = json_string_value (json_object_get (tag, "name"));
  if (name == NULL || *name == '\0' || strlen (name) > TAG_MAX - 4)
    return parser_refuse (error, "tags", "{\"name\": \"thought\"}", "tag %zu has no name", n);
  size_t known = 1;
  for (size_t i = 0; i < 3; i++) {
    json_t *text = json_object_get (tag, texts[i]);
    size_t size = json_string_length (text);
    known += text != NULL;
    if (text != NULL && (!json_is_string (text) || (i < 2 && (size == 0 || size > TAG_MAX))))
      return parser_refuse (error, name, NULL, "\"%s\" is a text of 1 to %d bytes", texts[i], TAG_MAX);
  }
  for (size_t i = 0; i < 2; i++) {
    json_t *flag = json_object_get (tag, flags[i]);
    known += flag != NULL;
    if (flag != NULL && !json_is_boolean (flag))
      return parser_refuse (error, name, "true or false", "\"%s\" is neither", flags[i]);
  }
  if (known != json_object_size (tag))
    return parser_refuse (error, name, "name, begin, end, hint, json, optional", "a tag has no other keys than these");
  return TROUPE_OK;
}

static bool
default_tag (json_t *tag, const char *key, const char *form)
{
  char text[TAG_MAX];
  if (json_object_get (tag, key) != NULL)
    return true;
  snprintf (text, sizeof text, form[1] == '/' ? "</%s>" : "<%s>", json_string_value (json_object_get (tag, "name")));
  return json_object_set_new (tag, key, json_string (text)) == 0;
}

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  json_t *tags = json_object_get (self->config, "tags"), *tag;
  size_t i;
  if (json_array_size (tags) == 0 || json_array_size (tags) > TAGS_MAX)
    return parser_refuse (error, "tags", "[{\"name\": \"thought\"}, ...]", "it must be a list of 1 to %d tags", TAGS_MAX);
  json_array_foreach (tags, i, tag) {
    troupe_err_t err = check_tag (tag, i + 1, error);
    if (err != TROUPE_OK)
      return err;
    if (!default_tag (tag, "begin", "<>") || !default_tag (tag, "end", "</>"))
      return parser_no_memory (error);
  }
  return TROUPE_OK;
}

static const char *
text_of (const json_t *tag, const char *key)
{
  return json_string_value (json_object_get (tag, key));
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  json_t *tags = json_object_get (self->config, "tags"), *tag;
  size_t i;
  fputs ("Answer with these tags, and with your text between them:\n", file);
  json_array_foreach (tags, i, tag)
    fprintf (file, "%s%s%s\n", text_of (tag, "begin"), text_of (tag, "hint") != NULL ? text_of (tag, "hint") : "...",
             text_of (tag, "end"));
  json_array_foreach (tags, i, tag)
    if (json_is_true (json_object_get (tag, "json")))
      fprintf (file, "What is between %s and %s must be JSON.\n", text_of (tag, "begin"), text_of (tag, "end"));
  json_array_foreach (tags, i, tag)
    if (json_is_true (json_object_get (tag, "optional")))
      fprintf (file, "%s may be left out.\n", text_of (tag, "begin"));
}

// The first `tag` from `at`; in other letters when it isn't there as it is (*other).
static const char *
find_tag (const char *at, const char *tag, bool *other)
{
  const char *found = strstr (at, tag);
  *other = found == NULL && (found = strcasestr (at, tag)) != NULL;
  return found;
}

// Where a text that isn't closed ends: at the next tag that begins, else with the reply.
static const char *
open_end (const json_t *tags, const char *at)
{
  const char *end = at + strlen (at), *found;
  const json_t *tag;
  size_t i;
  bool other;
  json_array_foreach (tags, i, tag)
    if ((found = find_tag (at, text_of (tag, "begin"), &other)) != NULL && found < end)
      end = found;
  return end;
}

static troupe_err_t
keep (reading_t *reading, const json_t *tag, const char *text, const char *end)
{
  json_t *value;
  while (text < end && isspace ((unsigned char)*text))
    text++;
  while (end > text && isspace ((unsigned char)end[-1]))
    end--;
  if (!json_is_true (json_object_get (tag, "json")))
    value = json_stringn (text, (size_t)(end - text));
  else {
    troupe_err_t err = mending_json (reading, text, (size_t)(end - text), TROUPE_REPAIR_WANT_ANY, false, &value);
    if (err == TROUPE_BAD_MESSAGE)
      parser_wrong (reading, "what is between %s and %s is not JSON", text_of (tag, "begin"), text_of (tag, "end"));
    if (err != TROUPE_OK)
      return err;
  }
  return json_object_set_new (reading->parsed->fields, text_of (tag, "name"), value) == 0 ? TROUPE_OK
                                                                                          : TROUPE_NO_MEMORY;
}

static troupe_err_t
read_tag (const json_t *tags, const json_t *tag, reading_t *reading)
{
  bool other, other_end;
  troupe_err_t err = TROUPE_OK;
  const char *begin = text_of (tag, "begin"), *end = text_of (tag, "end");
  const char *at = find_tag (reading->text, begin, &other);
  if (at == NULL && json_is_true (json_object_get (tag, "optional")))
    return TROUPE_OK;
  if (at == NULL) {
    parser_wrong (reading, "the tag %s is missing", begin);
    return TROUPE_BAD_MESSAGE;
  }
  const char *text = at + strlen (begin), *stop = find_tag (text, end, &other_end);
  const char *next = open_end (tags, text);
  if (other || (stop != NULL && other_end))
    err = mending_note (reading, MENDING_TAG_CASE, other ? at : stop);
  if (err == TROUPE_OK && (stop == NULL || (next < stop && strcmp (begin, end) != 0 && *next != '\0' &&
                                            strncasecmp (next, begin, strlen (begin)) != 0))) {
    stop = next; // another tag begins before this one ends: it was forgotten
    err = mending_note (reading, MENDING_OPEN_TAG, stop);
  }
  return err == TROUPE_OK ? keep (reading, tag, text, stop) : err;
}

static troupe_err_t
read_tagged (const troupe_parser_t *self, reading_t *reading)
{
  json_t *tags = json_object_get (self->config, "tags"), *tag;
  size_t i;
  bool right = true;
  reading->parsed->fields = json_object ();
  if (reading->parsed->fields == NULL)
    return TROUPE_NO_MEMORY;
  json_array_foreach (tags, i, tag) {
    troupe_err_t err = read_tag (tags, tag, reading);
    if (err != TROUPE_OK && err != TROUPE_BAD_MESSAGE)
      return err;
    right = right && err == TROUPE_OK;
  }
  return right ? TROUPE_OK : TROUPE_BAD_MESSAGE;
}

const parser_verbs_t parser_TAGGED_verbs = {keys, "true", "false", check, instruct, read_tagged};

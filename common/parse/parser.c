// SPDX-License-Identifier: Apache-2.0
//
// Parsers: what is common to all types. A configuration is checked whole when the parser is made (an unknown key is an
// error, as everywhere), so reading a reply can only fail for the reply's sake. A reply's failure is a text for the
// model: what was wrong, then the instruction once more; weak models answer a bare "invalid" with an apology.

#include "parse/parser.h"
#include "error/utf8.h"
#include "troupe/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 160 }; // more than all keys of any type

static const struct {
  const char *name;
  const parser_verbs_t *verbs;
} types[PARSER_COUNT] = {
#define TROUPE_PARSER(constant, name, text) [PARSER_##constant] = {name, &parser_##constant##_verbs},
#include "troupe/parse.def"
#undef TROUPE_PARSER
};

troupe_err_t
parser_refuse (troupe_error_t *error, const char *key, const char *next, const char *format, ...)
{
  char why[TROUPE_ERROR_WHY_MAX];
  va_list arguments;
  va_start (arguments, format);
  if (vsnprintf (why, sizeof why, format, arguments) < 0)
    why[0] = '\0';
  va_end (arguments);
  return troupe_error_set (error, TROUPE_BAD_CONFIG, key, next, "%s", why);
}

troupe_err_t
parser_no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "parser", NULL, "%s", troupe_err_text (TROUPE_NO_MEMORY));
}

void
parser_wrong (reading_t *reading, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  if (ftell (reading->wrong) > 0)
    fputs ("; ", reading->wrong);
  vfprintf (reading->wrong, format, arguments);
  va_end (arguments);
}

// "a, b, c", as much of it as there is room for.
static const char *
list_words (char out[LIST_SIZE], const char *const *words)
{
  out[0] = '\0';
  for (size_t i = 0, used = 0; words[i] != NULL && used < LIST_SIZE; i++)
    used += (size_t)snprintf (out + used, LIST_SIZE - used, "%s%s", i > 0 ? ", " : "", words[i]);
  return out;
}

static troupe_err_t
find_type (const json_t *config, parser_type_t *type, troupe_error_t *error)
{
  const char *names[PARSER_COUNT + 1] = {0}, *name = json_string_value (json_object_get (config, "type"));
  for (size_t i = 0; i < PARSER_COUNT; i++)
    names[i] = types[i].name;
  if (name == NULL)
    return parser_refuse (error, "type", "{\"type\": \"json_object\"}", "a parser's configuration names its type");
  for (size_t i = 0; i < PARSER_COUNT; i++)
    if (strcmp (names[i], name) == 0) {
      *type = (parser_type_t)i;
      return TROUPE_OK;
    }
  char all[LIST_SIZE];
  return parser_refuse (error, "type", troupe_did_you_mean (name, names), "there is no parser \"%s\"; there are %s", name,
                        list_words (all, names));
}

static bool
is_in (const char *const *keys, const char *key)
{
  for (; *keys != NULL; keys++)
    if (strcmp (*keys, key) == 0)
      return true;
  return false;
}

static troupe_err_t
check_keys (json_t *config, const parser_verbs_t *verbs, troupe_error_t *error)
{
  static const char *const common[] = {"type", "to_memory", "to_content", "to_metadata", "instruction", NULL};
  const char *key;
  json_t *value;
  json_object_foreach (config, key, value)
    if (!is_in (common, key) && !is_in (verbs->keys, key)) {
      const char *near = troupe_did_you_mean (key, verbs->keys);
      char all[LIST_SIZE];
      return parser_refuse (error, key, near != NULL ? near : troupe_did_you_mean (key, common),
                            "this type of parser has no such key; its own are %s", list_words (all, verbs->keys));
    }
  json_t *instruction = json_object_get (config, "instruction");
  if (instruction != NULL && !json_is_string (instruction))
    return parser_refuse (error, "instruction", "a text for the prompt", "it is no text");
  return choice_check (config, error);
}

static troupe_err_t
write_instruction (troupe_parser_t *self, const parser_verbs_t *verbs, troupe_error_t *error)
{
  const char *own = json_string_value (json_object_get (self->config, "instruction"));
  size_t size;
  FILE *file = open_memstream (&self->instruction, &size);
  if (file == NULL)
    return parser_no_memory (error);
  if (own != NULL)
    fputs (own, file);
  else
    verbs->instruct (self, file);
  bool failed = ferror (file) != 0;
  return fclose (file) != 0 || failed ? parser_no_memory (error) : TROUPE_OK;
}

troupe_err_t
troupe_parser_new (troupe_parser_t **out, const json_t *config, troupe_error_t *error)
{
  parser_type_t type = PARSER_JSON_OBJECT;
  *out = NULL;
  troupe_err_t err = find_type (config, &type, error);
  if (err != TROUPE_OK)
    return err;
  const parser_verbs_t *verbs = types[type].verbs;
  troupe_parser_t *self = calloc (1, sizeof *self);
  if (self == NULL || (self->config = json_deep_copy (config)) == NULL) {
    free (self);
    return parser_no_memory (error);
  }
  self->type = type;
  err = check_keys (self->config, verbs, error);
  if (err == TROUPE_OK)
    err = verbs->check (self, error);
  if (err == TROUPE_OK)
    err = write_instruction (self, verbs, error);
  if (err != TROUPE_OK)
    troupe_parser_destroy (&self);
  *out = self;
  return err;
}

void
troupe_parser_destroy (troupe_parser_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_parser_t *self = *self_p;
  json_decref (self->config);
  pcre2_code_free (self->pattern);
  for (size_t i = 0; self->arguments != NULL && i < self->tool_count; i++)
    troupe_schema_destroy (&self->arguments[i]);
  free (self->arguments);
  troupe_schema_destroy (&self->schema);
  free (self->instruction);
  free (self);
  *self_p = NULL;
}

const char *
troupe_parser_type (const troupe_parser_t *self)
{
  return types[self->type].name;
}

const char *
troupe_parser_instruction (const troupe_parser_t *self)
{
  return self->instruction;
}

// What the model is told: what was wrong, what was tried, and what is expected.
static troupe_err_t
write_feedback (const troupe_parser_t *self, troupe_parsed_t *parsed, const char *wrong)
{
  size_t size, i;
  json_t *entry;
  FILE *file = open_memstream (&parsed->feedback, &size);
  if (file == NULL)
    return TROUPE_NO_MEMORY;
  fprintf (file, "Your reply could not be used: %s.", wrong);
  json_array_foreach (parsed->repairs, i, entry)
    fprintf (file, "%s%s (at byte %lld)", i == 0 ? " Repairs that were tried: " : "; ",
             json_string_value (json_object_get (entry, "text")),
             (long long)json_integer_value (json_object_get (entry, "offset")));
  fprintf (file, "%s\n%s", json_array_size (parsed->repairs) > 0 ? "." : "", self->instruction);
  bool failed = ferror (file) != 0;
  return fclose (file) != 0 || failed ? TROUPE_NO_MEMORY : TROUPE_OK;
}

static troupe_err_t
finish (const troupe_parser_t *self, troupe_err_t err, reading_t *reading, const char *wrong, troupe_parsed_t **out,
        troupe_error_t *error)
{
  const parser_verbs_t *verbs = types[self->type].verbs;
  troupe_err_t finished = err == TROUPE_OK            ? choice_apply (self, verbs, reading->parsed)
                          : err == TROUPE_BAD_MESSAGE ? write_feedback (self, reading->parsed, wrong)
                                                      : err;
  if (finished != TROUPE_OK) {
    troupe_parsed_destroy (&reading->parsed);
    return troupe_error_set (error, finished, "reply", NULL, "%s", troupe_err_text (finished));
  }
  if (err == TROUPE_BAD_MESSAGE) {
    json_decref (reading->parsed->fields);
    reading->parsed->fields = NULL;
    troupe_error_set (error, err, "reply", "ask the model again, with the feedback", "%s", wrong);
  }
  *out = reading->parsed;
  return err;
}

// The reply as valid UTF-8, which JSON texts must be: a copy with U+FFFD for other bytes. NULL: no memory.
static char *
valid_copy (const char *reply, size_t size)
{
  static const char replacement[] = "\xEF\xBF\xBD";
  char *copy = malloc (size * (sizeof replacement - 1) + 1), *end = copy;
  for (size_t i = 0, step; copy != NULL && i < size; i += step) {
    size_t character = utf8_size (reply + i, size - i);
    step = character > 0 ? character : 1;
    end = mempcpy (end, character > 0 ? reply + i : replacement, character > 0 ? character : sizeof replacement - 1);
  }
  if (copy != NULL)
    *end = '\0';
  return copy;
}

// Passes over a thought at the reply's begin. JSON is left to the repair, which does so itself; a tag that the parser
// itself asks for is no thought.
static troupe_err_t
skip_thought (const troupe_parser_t *self, reading_t *reading)
{
  json_t *tag;
  size_t i, skipped = troupe_repair_answer (reading->text, reading->size);
  const char *begin = reading->text + strspn (reading->text, " \t\r\n");
  if (skipped == 0 || self->type == PARSER_JSON_OBJECT || self->type == PARSER_LIST)
    return TROUPE_OK;
  json_array_foreach (json_object_get (self->config, "tags"), i, tag) {
    const char *own = json_string_value (json_object_get (tag, "begin"));
    if (strncmp (begin, own, strlen (own)) == 0)
      return TROUPE_OK;
  }
  troupe_err_t err = mending_note (reading, MENDING_THOUGHT, reading->text);
  reading->text += skipped;
  reading->size -= skipped;
  reading->skipped = skipped;
  if (err != TROUPE_OK || reading->size > 0)
    return err;
  parser_wrong (reading, "the reply ends in the middle of a thought, before any answer");
  return TROUPE_BAD_MESSAGE;
}

static troupe_parsed_t *
new_parsed (void)
{
  troupe_parsed_t *parsed = calloc (1, sizeof *parsed);
  if (parsed != NULL && (parsed->repairs = json_array ()) == NULL) {
    free (parsed);
    return NULL;
  }
  return parsed;
}

// Placeholders are named besides whatever else is wrong, so that one more try can mend all of it.
static troupe_err_t
read_fields (const troupe_parser_t *self, reading_t *reading)
{
  troupe_err_t err = types[self->type].verbs->read (self, reading);
  if (err != TROUPE_OK && err != TROUPE_BAD_MESSAGE)
    return err;
  troupe_err_t checked = unfilled_check (self, reading);
  return checked != TROUPE_OK ? checked : err;
}

static troupe_err_t
parse_valid (const troupe_parser_t *self, const char *reply, troupe_parsed_t **out, troupe_error_t *error)
{
  reading_t reading = {.text = reply, .size = strlen (reply), .parsed = new_parsed ()};
  char *wrong = NULL;
  size_t size;
  reading.wrong = reading.parsed != NULL ? open_memstream (&wrong, &size) : NULL;
  if (reading.wrong == NULL) {
    troupe_parsed_destroy (&reading.parsed);
    return parser_no_memory (error);
  }
  troupe_err_t err = skip_thought (self, &reading);
  if (err == TROUPE_OK)
    err = read_fields (self, &reading);
  if (ferror (reading.wrong) != 0)
    err = TROUPE_NO_MEMORY;
  if (fclose (reading.wrong) != 0)
    err = TROUPE_NO_MEMORY;
  err = finish (self, err, &reading, wrong, out, error);
  free (wrong);
  return err;
}

troupe_err_t
troupe_parser_parse (const troupe_parser_t *self, const char *reply, troupe_parsed_t **out, troupe_error_t *error)
{
  size_t size = strnlen (reply, TROUPE_PARSER_REPLY_MAX + 1);
  *out = NULL;
  if (size > TROUPE_PARSER_REPLY_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "reply", NULL, "a reply may have %d bytes",
                             TROUPE_PARSER_REPLY_MAX);
  if (utf8_valid (reply, size))
    return parse_valid (self, reply, out, error);
  char *copy = valid_copy (reply, size);
  troupe_err_t err = copy != NULL ? parse_valid (self, copy, out, error) : parser_no_memory (error);
  free (copy);
  return err;
}

troupe_err_t
troupe_parser_accept (const troupe_parser_t *self, json_t *fields, troupe_parsed_t **out, troupe_error_t *error)
{
  reading_t reading = {.parsed = new_parsed ()};
  *out = NULL;
  if (!json_is_object (fields)) {
    troupe_parsed_destroy (&reading.parsed);
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "fields", NULL, "the fields of a result are an object");
  }
  if (reading.parsed == NULL)
    return parser_no_memory (error);
  reading.parsed->fields = json_incref (fields);
  return finish (self, TROUPE_OK, &reading, "", out, error);
}

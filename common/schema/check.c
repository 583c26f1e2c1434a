// SPDX-License-Identifier: Apache-2.0
//
// Checking a value against a subschema: its keywords one after another. All errors are looked for, so that one more try
// can mend all of them; only where alternatives are tried the first error ends one.
//
// What was evaluated of an object or list (for the unevaluated keywords) is a row of marks. Each subschema has its own
// and gives them on when it fits; one that doesn't fit has evaluated nothing.

#include "schema/check.h"
#include "error/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  SHOWN_MAX = 80,            // bytes of a value in an error
  MATCH_LIMIT = 1000 * 1000, // steps of one regular expression's backtracking
  MATCH_EASY = 1000,         // that nearly every match is done with
  MATCH_COST = 8,            // what one counts among the evaluations, so that many end as soon as other work would
  MATCH_DEAR = 100 * 1000,   // and one that is not done with the easy ones: 20 of them, a second or two
  MATCH_DEPTH = 10 * 1000,
  MATCH_HEAP_KIB = 20 * 1024
};

bool
keyword_none (const check_t *self)
{
  (void)self;
  return true;
}

bool
check_goes_on (run_t *run, size_t steps)
{
  run->steps += steps;
  if (run->err == TROUPE_OK && run->steps > TROUPE_SCHEMA_STEPS_MAX)
    run->err = TROUPE_TOO_LARGE;
  return run->err == TROUPE_OK;
}

void
check_mark (const check_t *self, size_t i)
{
  if (self->marks != NULL && i < self->marks->count)
    self->marks->seen[i] = true;
}

const step_t *
check_sibling_step (const check_t *self, const char *name)
{
  for (size_t i = 0; i < self->node->count; i++)
    if (strcmp (self->node->steps[i].keyword->name, name) == 0)
      return &self->node->steps[i];
  return NULL;
}

json_t *
check_sibling (const check_t *self, const char *name)
{
  const step_t *step = check_sibling_step (self, name);
  return step != NULL ? step->value : NULL;
}

bool
check_matches (run_t *run, const pcre2_code *pattern, const char *text, size_t size)
{
  int count = PCRE2_ERROR_MATCHLIMIT;
  if (check_goes_on (run, MATCH_COST))
    count = pcre2_match (pattern, (PCRE2_SPTR)text, size, 0, 0, run->match, run->limits);
  if (count == PCRE2_ERROR_MATCHLIMIT && check_goes_on (run, MATCH_DEAR)) {
    pcre2_set_match_limit (run->limits, MATCH_LIMIT);
    count = pcre2_match (pattern, (PCRE2_SPTR)text, size, 0, 0, run->match, run->limits);
    pcre2_set_match_limit (run->limits, MATCH_EASY);
  }
  if (count < 0 && count != PCRE2_ERROR_NOMATCH && run->err == TROUPE_OK)
    run->err = count == PCRE2_ERROR_NOMEMORY ? TROUPE_NO_MEMORY : TROUPE_TOO_LARGE;
  return count >= 0;
}

static bool
path_put (run_t *run, const char *bytes, size_t size)
{
  if (run->path_size + size + 1 > run->path_room) {
    size_t room = (run->path_size + size + 1) * 2;
    char *grown = realloc (run->path, room);
    if (grown == NULL) {
      run->err = TROUPE_NO_MEMORY;
      return false;
    }
    run->path = grown;
    run->path_room = room;
  }
  memcpy (run->path + run->path_size, bytes, size);
  run->path_size += size;
  run->path[run->path_size] = '\0';
  return true;
}

static bool
path_push (run_t *run, const char *token)
{
  bool put = path_put (run, "/", 1);
  for (; put && *token != '\0'; token++)
    put = *token == '~' ? path_put (run, "~0", 2) : *token == '/' ? path_put (run, "~1", 2) : path_put (run, token, 1);
  return put;
}

static void
path_pop (run_t *run, size_t size)
{
  run->path_size = size;
  if (run->path != NULL)
    run->path[size] = '\0';
}

// A value as an error shows it, cut at a character's end.
static void
show (const json_t *value, char *out, size_t room)
{
  char *text = json_dumps (value, JSON_ENCODE_ANY);
  size_t size = text != NULL ? strlen (text) : 0, shown = size;
  if (size > SHOWN_MAX)
    for (shown = SHOWN_MAX; shown > 0 && (text[shown] & 0xC0) == 0x80;)
      shown--;
  snprintf (out, room, "%.*s%s", (int)shown, text != NULL ? text : "", shown < size ? "..." : "");
  free (text);
}

static bool
report (run_t *run, const char *keyword, const json_t *value, const char *expected)
{
  char came[SHOWN_MAX + 8], *text = NULL;
  const char *at = run->path != NULL ? run->path : "";
  if (run->quiet > 0 || run->err != TROUPE_OK || json_array_size (run->errors) >= TROUPE_SCHEMA_ERRORS_MAX)
    return false;
  show (value, came, sizeof came);
  if (asprintf (&text, "%s must be %s, not %s", *at != '\0' ? at : "the value", expected, came) < 0)
    text = NULL;
  json_t *entry = text != NULL ? json_pack ("{s:s, s:s, s:s, s:s, s:s}", "at", at, "keyword", keyword, "expected",
                                            expected, "came", came, "text", text)
                               : NULL;
  free (text);
  if (entry == NULL || json_array_append_new (run->errors, entry) != 0)
    run->err = TROUPE_NO_MEMORY;
  return false;
}

// A list that was cut may have been so in the middle of a character, and errors are JSON.
static void
make_valid (char *text)
{
  size_t size = strlen (text), step;
  for (size_t i = 0; i<size; i += step> 0 ? step : 1)
    if ((step = utf8_size (text + i, size - i)) == 0)
      text[i] = '?';
}

bool
check_fails (const check_t *self, const char *format, ...)
{
  char *expected;
  va_list arguments;
  if (self->run->quiet > 0)
    return false;
  va_start (arguments, format);
  int size = vasprintf (&expected, format, arguments);
  va_end (arguments);
  if (size < 0) {
    self->run->err = TROUPE_NO_MEMORY;
    return false;
  }
  make_valid (expected);
  report (self->run, self->step->keyword->name, self->value, expected);
  free (expected);
  return false;
}

bool
check_member (run_t *run, json_t *schema, json_t *value, const char *key)
{
  size_t size = run->path_size;
  bool fits = path_push (run, key) && check_schema (run, schema, value, NULL);
  path_pop (run, size);
  return fits;
}

bool
check_item (run_t *run, json_t *schema, json_t *value, size_t index)
{
  char key[24];
  snprintf (key, sizeof key, "%zu", index);
  return check_member (run, schema, value, key);
}

bool
check_quietly (run_t *run, json_t *schema, json_t *value, marks_t *marks)
{
  run->quiet++;
  bool fits = check_schema (run, schema, value, marks);
  run->quiet--;
  return fits;
}

static bool
new_marks (run_t *run, const json_t *value, marks_t *marks)
{
  size_t count = json_is_object (value) ? json_object_size (value) : json_array_size (value);
  *marks = (marks_t){0};
  if (!run->schema->marks || count == 0)
    return true;
  marks->seen = calloc (count, sizeof *marks->seen);
  marks->count = marks->seen != NULL ? count : 0;
  if (marks->seen == NULL)
    run->err = TROUPE_NO_MEMORY;
  return marks->seen != NULL;
}

static bool
check_steps (run_t *run, const node_t *node, json_t *value, marks_t *marks)
{
  bool fits = true;
  for (size_t i = 0; i < node->count && run->err == TROUPE_OK; i++) {
    check_t check = {run, node, &node->steps[i], value, marks->seen != NULL ? marks : NULL};
    if (!node->steps[i].keyword->holds (&check)) {
      fits = false;
      if (run->quiet > 0)
        break;
    }
  }
  return fits && run->err == TROUPE_OK;
}

bool
check_schema (run_t *run, json_t *schema, json_t *value, marks_t *outer)
{
  marks_t marks;
  if (!check_goes_on (run, 1))
    return false;
  if (json_is_boolean (schema))
    return json_is_true (schema) || report (run, "false", value, "left out");
  const node_t *node = model_node (run->schema, schema);
  if (node == NULL)
    return true;
  if (run->depth == TROUPE_SCHEMA_DEPTH_MAX) {
    run->err = TROUPE_TOO_DEEP;
    return false;
  }
  if (!new_marks (run, value, &marks))
    return false;
  bool enters = run->scopes == 0 || run->scope[run->scopes - 1] != node->resource;
  if (enters)
    run->scope[run->scopes++] = node->resource;
  run->depth++;
  bool fits = check_steps (run, node, value, &marks);
  run->depth--;
  run->scopes -= enters;
  for (size_t i = 0; fits && outer != NULL && i < marks.count; i++)
    outer->seen[i] = outer->seen[i] || marks.seen[i];
  free (marks.seen);
  return fits;
}

static troupe_err_t
start (run_t *run, const troupe_schema_t *self)
{
  *run = (run_t){.schema = self, .errors = json_array ()};
  run->match = pcre2_match_data_create (1, NULL);
  run->limits = pcre2_match_context_create (NULL);
  if (run->errors == NULL || run->match == NULL || run->limits == NULL)
    return TROUPE_NO_MEMORY;
  pcre2_set_match_limit (run->limits, MATCH_EASY);
  pcre2_set_depth_limit (run->limits, MATCH_DEPTH);
  pcre2_set_heap_limit (run->limits, MATCH_HEAP_KIB);
  return TROUPE_OK;
}

static troupe_err_t
finish (run_t *run, bool fits, json_t **errors, troupe_error_t *error)
{
  troupe_err_t err = run->err != TROUPE_OK ? run->err : fits ? TROUPE_OK : TROUPE_BAD_MESSAGE;
  json_t *first = json_array_get (run->errors, 0);
  if (err == TROUPE_TOO_DEEP)
    troupe_error_set (error, err, "value", NULL,
                      "checking it nests deeper than %d: a schema that refers to itself, or a "
                      "value that nests so deeply",
                      TROUPE_SCHEMA_DEPTH_MAX);
  else if (err == TROUPE_TOO_LARGE)
    troupe_error_set (error, err, "value", NULL, "checking it takes more than %d steps", TROUPE_SCHEMA_STEPS_MAX);
  else if (err == TROUPE_BAD_MESSAGE)
    troupe_error_set (error, err, json_string_value (json_object_get (first, "at")), NULL, "%s",
                      json_string_value (json_object_get (first, "text")));
  else if (err != TROUPE_OK)
    troupe_error_set (error, err, "value", NULL, "%s", troupe_err_text (err));
  if (err == TROUPE_BAD_MESSAGE && errors != NULL)
    *errors = json_incref (run->errors);
  json_decref (run->errors);
  free (run->path);
  pcre2_match_data_free (run->match);
  pcre2_match_context_free (run->limits);
  return err;
}

troupe_err_t
troupe_schema_validate (const troupe_schema_t *self, const json_t *value, json_t **errors, troupe_error_t *error)
{
  run_t run;
  bool fits = false;
  if (errors != NULL)
    *errors = NULL;
  run.err = start (&run, self);
  if (run.err == TROUPE_OK)
    fits = check_schema (&run, self->root, (json_t *)(uintptr_t)value, NULL); // only read
  return finish (&run, fits, errors, error);
}

// SPDX-License-Identifier: Apache-2.0
//
// The parser of regular expressions: named groups become fields. The pattern comes from a configuration and the text
// from a model, so matching is bounded: a pattern that backtracks without end fails instead of holding the process.

#include "parse/parser.h"

#include <string.h>

static const char *const keys[] = {"pattern", "required", "ignore_case", "multiline", NULL};

enum {
  PATTERN_MAX = 4096,        // bytes of a pattern
  MATCH_LIMIT = 1000 * 1000, // steps of backtracking: some tenths of a second
  DEPTH_LIMIT = 10 * 1000,   // of nested backtracking
  HEAP_LIMIT_KIB = 20 * 1024 // of memory for it
};

static troupe_err_t
compile (troupe_parser_t *self, const char *pattern, troupe_error_t *error)
{
  uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, count = 0;
  int code;
  size_t offset;
  if (json_is_true (json_object_get (self->config, "ignore_case")))
    options |= PCRE2_CASELESS;
  if (json_is_true (json_object_get (self->config, "multiline")))
    options |= PCRE2_MULTILINE | PCRE2_DOTALL;
  self->pattern = pcre2_compile ((PCRE2_SPTR)pattern, strlen (pattern), options, &code, &offset, NULL);
  if (self->pattern == NULL && code == PCRE2_ERROR_HEAP_FAILED)
    return parser_no_memory (error);
  if (self->pattern == NULL) {
    PCRE2_UCHAR why[256];
    pcre2_get_error_message (code, why, sizeof why);
    return parser_refuse (error, "pattern", NULL, "%s at byte %zu", (const char *)why, offset);
  }
  pcre2_pattern_info (self->pattern, PCRE2_INFO_NAMECOUNT, &count);
  if (count == 0)
    return parser_refuse (error, "pattern", "(?<name>...)", "it has no named group, so nothing would be read");
  return TROUPE_OK;
}

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  static const char *const flags[] = {"ignore_case", "multiline"};
  const char *pattern = json_string_value (json_object_get (self->config, "pattern"));
  json_t *required = json_object_get (self->config, "required"), *name;
  size_t i;
  if (pattern == NULL || *pattern == '\0' || strlen (pattern) > PATTERN_MAX)
    return parser_refuse (error, "pattern", "a PCRE2 pattern with named groups", "it must be a text of 1 to %d bytes",
                          PATTERN_MAX);
  for (i = 0; i < 2; i++)
    if (json_object_get (self->config, flags[i]) != NULL && !json_is_boolean (json_object_get (self->config, flags[i])))
      return parser_refuse (error, flags[i], "true or false", "it is neither");
  if (json_object_get (self->config, "instruction") == NULL)
    return parser_refuse (error, "instruction", "say in words what the reply must look like",
                          "a parser of this type needs one: a pattern tells a model little");
  troupe_err_t err = compile (self, pattern, error);
  if (err == TROUPE_OK && required != NULL && !json_is_array (required))
    return parser_refuse (error, "required", "[\"name\", ...]", "it is no list of groups");
  json_array_foreach (required, i, name)
    if (err == TROUPE_OK && (!json_is_string (name) || pcre2_substring_number_from_name (
                                                         self->pattern, (PCRE2_SPTR)json_string_value (name)) < 0))
      return parser_refuse (error, "required", NULL, "entry %zu is no group of the pattern", i + 1);
  return err;
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  (void)self; // the configuration has it, see check
  (void)file;
}

// Matches; *data is freed by the caller.
static int
match (const troupe_parser_t *self, const reading_t *reading, pcre2_match_data **data)
{
  pcre2_match_context *context = pcre2_match_context_create (NULL);
  *data = context != NULL ? pcre2_match_data_create_from_pattern (self->pattern, NULL) : NULL;
  int count = PCRE2_ERROR_NOMEMORY;
  if (*data != NULL) {
    pcre2_set_match_limit (context, MATCH_LIMIT);
    pcre2_set_depth_limit (context, DEPTH_LIMIT);
    pcre2_set_heap_limit (context, HEAP_LIMIT_KIB);
    count = pcre2_match (self->pattern, (PCRE2_SPTR)reading->text, reading->size, 0, 0, *data, context);
  }
  pcre2_match_context_free (context);
  return count;
}

// The name of the nth named group, and its number.
static const char *
group_name (const troupe_parser_t *self, uint32_t n, uint32_t *number)
{
  PCRE2_SPTR table;
  uint32_t size;
  pcre2_pattern_info (self->pattern, PCRE2_INFO_NAMETABLE, &table);
  pcre2_pattern_info (self->pattern, PCRE2_INFO_NAMEENTRYSIZE, &size);
  const unsigned char *entry = table + (size_t)n * size;
  *number = (uint32_t)(entry[0] << 8 | entry[1]);
  return (const char *)entry + 2;
}

static bool
is_required (const troupe_parser_t *self, const char *name)
{
  json_t *required = json_object_get (self->config, "required"), *entry;
  size_t i;
  json_array_foreach (required, i, entry)
    if (strcmp (json_string_value (entry), name) == 0)
      return true;
  return required == NULL;
}

static troupe_err_t
take_groups (const troupe_parser_t *self, reading_t *reading, pcre2_match_data *data, int groups)
{
  const size_t *spans = pcre2_get_ovector_pointer (data);
  uint32_t count, number;
  bool right = true;
  pcre2_pattern_info (self->pattern, PCRE2_INFO_NAMECOUNT, &count);
  if ((reading->parsed->fields = json_object ()) == NULL)
    return TROUPE_NO_MEMORY;
  for (uint32_t i = 0; i < count; i++) {
    const char *name = group_name (self, i, &number);
    bool matched = (int)number < groups && spans[2 * number] != PCRE2_UNSET;
    if (!matched && is_required (self, name) && json_object_get (reading->parsed->fields, name) == NULL) {
      parser_wrong (reading, "the part \"%s\" is missing", name);
      right = false;
    }
    if (matched && json_object_set_new (
                     reading->parsed->fields, name,
                     json_stringn (reading->text + spans[2 * number], spans[2 * number + 1] - spans[2 * number])) != 0)
      return TROUPE_NO_MEMORY;
  }
  return right ? TROUPE_OK : TROUPE_BAD_MESSAGE;
}

static troupe_err_t
read_regex (const troupe_parser_t *self, reading_t *reading)
{
  pcre2_match_data *data;
  int count = match (self, reading, &data);
  troupe_err_t err = TROUPE_BAD_MESSAGE;
  if (count == PCRE2_ERROR_NOMEMORY)
    err = TROUPE_NO_MEMORY;
  else if (count == PCRE2_ERROR_NOMATCH)
    parser_wrong (reading, "it does not have the form that is expected");
  else if (count < 0)
    parser_wrong (reading, "it takes too long to find the form that is expected in it");
  else
    err = take_groups (self, reading, data, count);
  pcre2_match_data_free (data);
  return err;
}

const parser_verbs_t parser_REGEX_verbs = {keys, "true", "false", check, instruct, read_regex};

// SPDX-License-Identifier: Apache-2.0
//
// `troupe parse`: what a model replied as the fields that a program gets, or what the model would be told of it,
// without a mesh. It is how a parser's configuration is tried out before an agent has it.
#include "troupe/parse.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>

// A parser's type under its shorter name as well.
static const char *
type_of (const char *word)
{
  return strcmp (word, "json") == 0 ? "json_object" : word;
}

static json_t *
read_json (const char *operand, const char *option, troupe_error_t *error)
{
  json_error_t why;
  json_t *value = operand[0] == '@' ? json_load_file (operand + 1, JSON_REJECT_DUPLICATES, &why)
                                    : json_loads (operand, JSON_REJECT_DUPLICATES, &why);
  if (!value && json_error_code (&why) == json_error_cannot_open_file)
    troupe_error_set (error, TROUPE_NOT_FOUND, operand + 1, "check the name", "can't be opened");
  else if (!value)
    troupe_error_set (error, TROUPE_BAD_ARGUMENT, option, NULL, "line %d, column %d: not JSON: %s", why.line,
                      why.column, why.text);
  else if (!json_is_object (value)) {
    json_decref (value);
    value = NULL;
    troupe_error_set (error, TROUPE_BAD_ARGUMENT, option, NULL, "an object of settings expected");
  }
  return value;
}

// One "KEY=VALUE": JSON, or else a text as it stands there.
static troupe_err_t
set_one (json_t *config, const char *setting, troupe_error_t *error)
{
  const char *equals = strchr (setting, '=');
  if (!equals || equals == setting)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--set", "such as --set language=python",
                             "KEY=VALUE expected, not %s", setting);
  json_t *value = json_loads (equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
  if (!value)
    value = json_string (equals + 1);
  if (!value)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--set", NULL, "the value of %.*s is not UTF-8",
                             (int)(equals - setting), setting);
  if (json_object_setn_new (config, setting, (size_t)(equals - setting), value))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--set", NULL, "the key is not UTF-8, or out of memory");
  return TROUPE_OK;
}

static troupe_err_t
read_config (json_t **out, const troupe_args_t *args, troupe_error_t *error)
{
  const char *with = troupe_args_value (args, "with"), *given = troupe_args_value (args, "config"), *setting;
  *out = given ? read_json (given, "--config", error) : json_object ();
  if (!*out)
    return given ? error->code : troupe_error_set (error, TROUPE_NO_MEMORY, "parser", NULL, "out of memory");
  for (size_t i = 0; (setting = troupe_args_nth (args, "set", i)); i++)
    if (set_one (*out, setting, error) != TROUPE_OK)
      return error->code;
  if (with && json_object_set_new (*out, "type", json_string (type_of (with))))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--with", NULL, "a type of parser expected");
  if (!json_object_get (*out, "type"))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--with", "troupe help parse",
                             "which parser? It is named by --with, or by \"type\" in --config");
  return TROUPE_OK;
}

static troupe_err_t
written (bool done, troupe_error_t *error)
{
  return done ? TROUPE_OK : troupe_error_set (error, TROUPE_IO, "standard output", NULL, "it can't be written");
}

static troupe_err_t
show (const troupe_parsed_t *parsed, bool whole, troupe_error_t *error)
{
  if (!whole)
    return written (output_json (troupe_parsed_fields (parsed)), error);
  json_t *record = troupe_parsed_to_json (parsed);
  if (!record)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "reply", NULL, "out of memory");
  troupe_err_t code = written (output_json (record), error);
  json_decref (record);
  return code;
}

static troupe_err_t
read_reply (const troupe_parser_t *parser, const char *file, bool whole, troupe_error_t *error)
{
  char *text = NULL;
  size_t size = 0;
  troupe_parsed_t *parsed = NULL;
  const char *name = strcmp (file, "-") == 0 ? "standard input" : file;
  troupe_error_t unprinted;
  troupe_err_t code = reply_read (&text, &size, file, TROUPE_PARSER_REPLY_MAX, error);
  if (code == TROUPE_OK && memchr (text, '\0', size))
    code = troupe_error_set (error, TROUPE_BAD_MESSAGE, name, NULL, "it holds a NUL byte, which no text does");
  if (code == TROUPE_OK && (code = troupe_parser_parse (parser, text, &parsed, error)) != TROUPE_OK)
    snprintf (error->object, sizeof error->object, "%s", name);
  if (code == TROUPE_OK)
    code = show (parsed, whole, error);
  else if (parsed && whole)
    show (parsed, true, &unprinted); // the reply's own error is what is told
  troupe_parsed_destroy (&parsed);
  free (text);
  return code;
}

int
parse_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  json_t *config = NULL;
  troupe_parser_t *parser = NULL;
  const char *file = troupe_args_operand (args, 0);
  bool instruction = troupe_args_flag (args, "instruction");
  troupe_err_t code = read_config (&config, args, &error);
  if (code == TROUPE_OK)
    code = troupe_parser_new (&parser, config, &error);
  if (code == TROUPE_OK && !file && !instruction)
    code = troupe_error_set (&error, TROUPE_BAD_ARGUMENT, "FILE", "`-` reads standard input", "which file?");
  if (code == TROUPE_OK && instruction)
    code = written (puts (troupe_parser_instruction (parser)) != EOF && fflush (stdout) == 0, &error);
  if (code == TROUPE_OK && file)
    code = read_reply (parser, file, troupe_args_flag (args, "json"), &error);
  troupe_parser_destroy (&parser);
  json_decref (config);
  return code == TROUPE_OK ? 0 : output_error (&error);
}

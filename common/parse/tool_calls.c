// SPDX-License-Identifier: Apache-2.0
//
// The parser of tool calls. Whatever shape was asked for, every shape is read: a model falls back on the one that it
// was trained with. Marked calls (tags, "Action:") come before JSON that merely looks like one. Something that is
// marked as a call and can't be read as one is an error, never an answer: taking it for an answer would end the work.

#include "parse/calls.h"
#include "troupe/option.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"shape", "tools", "require_call", NULL};

static const struct {
  const char *name;
  const char *instruction;
} shapes[SHAPES] = {
  [SHAPE_AUTO] = {"auto", "To call a tool, write this, once for each call:\n<tool_call>\n{\"name\": \"<tool>\", "
                          "\"arguments\": {...}}\n</tool_call>\n"},
  [SHAPE_OPENAI] = {"openai",
                    "To call tools, answer with this JSON and nothing else:\n{\"tool_calls\": [{\"id\": \"call_1\", "
                    "\"type\": \"function\", \"function\": {\"name\": \"<tool>\", \"arguments\": {...}}}]}\n"},
  [SHAPE_REACT] = {"react",
                   "To call a tool, write these three lines, and then stop:\nThought: <what you think>\nAction: "
                   "<tool>\nAction Input: <its arguments as a JSON object>\nYou will be told the result after "
                   "\"Observation:\". When you know the answer, write\nFinal Answer: <your answer>\n"},
  [SHAPE_TOOL_CALL] = {"tool_call",
                       "To call a tool, write this, once for each call:\n<tool_call>\n{\"name\": \"<tool>\", "
                       "\"arguments\": {...}}\n</tool_call>\n"},
  [SHAPE_MODELSCOPE] = {"modelscope",
                        "To call a tool, write this:\n<|startofthink|>```JSON\n{\"api_name\": \"<tool>\", "
                        "\"parameters\": {...}}\n```<|endofthink|>\nYou will be told the result between "
                        "<|startofexec|> and <|endofexec|>.\n"},
  [SHAPE_JSON] = {"json",
                  "To call a tool, write this, once for each call:\n```json\n{\"name\": \"<tool>\", \"arguments\": "
                  "{...}}\n```\n"},
};

// The shape of the configuration; SHAPES: there is no such.
static shape_t
shape_of (const troupe_parser_t *self)
{
  const char *name = json_string_value (json_object_get (self->config, "shape"));
  shape_t shape = SHAPE_AUTO;
  while (name != NULL && shape < SHAPES && strcmp (shapes[shape].name, name) != 0)
    shape++;
  return shape;
}

static troupe_err_t
check_tool (json_t *tool, size_t n, troupe_schema_t **schema, troupe_error_t *error)
{
  const char *name = json_string_value (json_object_get (tool, "name"));
  json_t *description = json_object_get (tool, "description"), *parameters = json_object_get (tool, "parameters");
  size_t known = 1 + (size_t)(description != NULL) + (size_t)(parameters != NULL);
  if (name == NULL || *name == '\0')
    return parser_refuse (error, "tools", "{\"name\": \"search\"}", "tool %zu has no name", n);
  if (known != json_object_size (tool) || (description != NULL && !json_is_string (description)))
    return parser_refuse (error, name, "name, description, parameters", "a tool has these keys and no other");
  return parameters != NULL ? troupe_schema_new (schema, parameters, NULL, error) : TROUPE_OK;
}

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  json_t *tools = json_object_get (self->config, "tools"), *required = json_object_get (self->config, "require_call");
  json_t *shape = json_object_get (self->config, "shape");
  if (shape_of (self) == SHAPES || (shape != NULL && !json_is_string (shape)))
    return parser_refuse (error, "shape", "auto, openai, react, tool_call, modelscope or json",
                          "there is no such shape");
  if (required != NULL && !json_is_boolean (required))
    return parser_refuse (error, "require_call", "true or false", "it is neither");
  if (tools == NULL)
    return TROUPE_OK;
  size_t count = json_array_size (tools);
  if (!json_is_array (tools) || count > TROUPE_PARSER_KEYS_MAX)
    return parser_refuse (error, "tools", "[{\"name\": \"search\"}]", "it must be a list of at most %d tools",
                          TROUPE_PARSER_KEYS_MAX);
  self->arguments = calloc (count + 1, sizeof *self->arguments);
  if (self->arguments == NULL)
    return parser_no_memory (error);
  self->tool_count = count;
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; err == TROUPE_OK && i < count; i++)
    err = check_tool (json_array_get (tools, i), i + 1, &self->arguments[i], error);
  return err;
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  json_t *tools = json_object_get (self->config, "tools"), *tool;
  size_t i;
  if (json_array_size (tools) > 0)
    fputs ("You can use these tools:\n", file);
  json_array_foreach (tools, i, tool) {
    const char *description = json_string_value (json_object_get (tool, "description"));
    json_t *parameters = json_object_get (tool, "parameters");
    fprintf (file, "- %s%s%s", json_string_value (json_object_get (tool, "name")), description != NULL ? ": " : "",
             description != NULL ? description : "");
    if (parameters != NULL) {
      fputs (" Its arguments, as a JSON Schema: ", file);
      json_dumpf (parameters, file, JSON_COMPACT);
    }
    fputc ('\n', file);
  }
  fputs (shapes[shape_of (self)].instruction, file);
  if (!json_is_true (json_object_get (self->config, "require_call")) && shape_of (self) != SHAPE_REACT)
    fputs ("When you need no tool, just answer.\n", file);
}

// Whether every call is of a tool that exists, with arguments that fit.
static troupe_err_t
check_calls (calls_t *self)
{
  const troupe_parser_t *parser = self->parser;
  json_t *tools = json_object_get (parser->config, "tools"), *call;
  const char *names[TROUPE_PARSER_KEYS_MAX + 1] = {0};
  char what[CALLS_NAME_MAX + 40];
  size_t i, n;
  troupe_err_t result = TROUPE_OK;
  for (i = 0; i < parser->tool_count; i++)
    names[i] = json_string_value (json_object_get (json_array_get (tools, i), "name"));
  json_array_foreach (self->calls, i, call) {
    const char *name = json_string_value (json_object_get (call, "name"));
    if (tools == NULL)
      break;
    if (calls_tool (parser, name, &n) == NULL) {
      const char *near = troupe_did_you_mean (name, names);
      parser_wrong (self->reading, "there is no tool \"%s\"%s%s%s", name, near != NULL ? "; did you mean \"" : "",
                    near != NULL ? near : "", near != NULL ? "\"?" : "");
      result = TROUPE_BAD_MESSAGE;
      continue;
    }
    snprintf (what, sizeof what, "the arguments of %s", name);
    troupe_err_t err = schema_fits (self->reading, parser->arguments[n], json_object_get (call, "arguments"), what);
    if (err != TROUPE_OK && err != TROUPE_BAD_MESSAGE)
      return err;
    result = err == TROUPE_OK ? result : err;
  }
  return result;
}

static json_t *
trimmed (const char *text, const char *end)
{
  while (text < end && isspace ((unsigned char)*text))
    text++;
  while (end > text && isspace ((unsigned char)end[-1]))
    end--;
  return json_stringn (text, (size_t)(end - text));
}

// What stands before the first call, without the fence that opens it.
static json_t *
words_before (const calls_t *self)
{
  const char *text = self->reading->text, *end = self->first, *line;
  if (self->label != NULL && self->label < end)
    end = self->label;
  while (end > text && isspace ((unsigned char)end[-1]))
    end--;
  for (line = end; line > text && line[-1] != '\n';)
    line--;
  return trimmed (text, end - line >= 3 && strncmp (line, "```", 3) == 0 ? line : end);
}

static troupe_err_t
make_fields (calls_t *self)
{
  bool called = json_array_size (self->calls) > 0;
  const char *end = self->end, *text = self->final != NULL ? self->final : self->reading->text;
  json_t *fields = json_pack ("{s:O}", "calls", self->calls);
  if (fields == NULL)
    return TROUPE_NO_MEMORY;
  self->reading->parsed->fields = fields;
  json_t *thought = self->thought != NULL ? json_incref (self->thought) : called ? words_before (self) : NULL;
  bool empty = thought == NULL || json_string_length (thought) == 0;
  if (!empty && json_object_set (fields, "thought", thought) != 0)
    empty = true;
  json_decref (thought);
  if (!called && json_object_set_new (fields, "final", trimmed (text, end)) != 0)
    return TROUPE_NO_MEMORY;
  return TROUPE_OK;
}

static troupe_err_t
read_calls (const troupe_parser_t *self, reading_t *reading, calls_t *calls)
{
  shape_t wanted = shape_of (self);
  troupe_err_t err = calls_read_tags (calls);
  if (err == TROUPE_OK && json_array_size (calls->calls) == 0 && !calls->broken)
    err = calls_read_lines (calls);
  if (err == TROUPE_OK && json_array_size (calls->calls) == 0 && !calls->broken && calls->final == NULL)
    err = calls_read_json (calls);
  bool called = json_array_size (calls->calls) > 0;
  if (err == TROUPE_OK && calls->broken)
    err = TROUPE_BAD_MESSAGE;
  if (err == TROUPE_OK && called && wanted != SHAPE_AUTO && calls->shape != wanted)
    err = mending_note (reading, MENDING_OTHER_SHAPE, calls->first);
  if (err == TROUPE_OK && !called && json_is_true (json_object_get (self->config, "require_call"))) {
    parser_wrong (reading, "there is no tool call in the reply");
    err = TROUPE_BAD_MESSAGE;
  }
  if (err == TROUPE_OK)
    err = check_calls (calls);
  return err == TROUPE_OK ? make_fields (calls) : err;
}

static troupe_err_t
read_tool_calls (const troupe_parser_t *self, reading_t *reading)
{
  calls_t calls = {.parser = self, .reading = reading, .end = reading->text + reading->size, .calls = json_array ()};
  troupe_err_t err = calls.calls != NULL ? read_calls (self, reading, &calls) : TROUPE_NO_MEMORY;
  json_decref (calls.calls);
  json_decref (calls.thought);
  return err;
}

const parser_verbs_t parser_TOOL_CALLS_verbs = {keys, "\"final\"", "[\"calls\"]", check, instruct, read_tool_calls};

// SPDX-License-Identifier: Apache-2.0
//
// A call in JSON, under the names that models give its parts: OpenAI's {"function": {"name", "arguments": "text"}},
// {"name", "arguments"} of Qwen and Hermes, {"name", "parameters"} of Llama, {"api_name", "parameters"} of
// ModelScope-Agent, {"action", "action_input"} of LangChain. Arguments may be a text with JSON in it, as OpenAI sends
// them.

#include "parse/calls.h"

#include <ctype.h>
#include <string.h>

static const char *const name_keys[] = {"name", "api_name", "tool_name", "tool", "action", "function"};
static const char *const argument_keys[] = {"arguments", "parameters",   "args",      "params",
                                            "input",     "action_input", "tool_input"};
static const char *const list_keys[] = {"tool_calls", "function_call", "calls", "function"};

json_t *
calls_tool (const troupe_parser_t *parser, const char *name, size_t *n)
{
  json_t *tools = json_object_get (parser->config, "tools"), *tool;
  size_t i;
  json_array_foreach (tools, i, tool) {
    *n = i;
    if (strcmp (json_string_value (json_object_get (tool, "name")), name) == 0)
      return tool;
  }
  return NULL;
}

void
calls_name (char *out, const char *word, const char *end)
{
  size_t size = (size_t)(end - word);
  if (size > CALLS_NAME_MAX)
    for (size = CALLS_NAME_MAX; size > 0 && (word[size] & 0xC0) == 0x80;)
      size--;
  memcpy (out, word, size);
  out[size] = '\0';
}

troupe_err_t
calls_add (calls_t *self, const char *id, const char *name, json_t *arguments, const char *at)
{
  char made[32];
  size_t count = json_array_size (self->calls);
  if (count == TROUPE_PARSER_CALLS_MAX) {
    json_decref (arguments);
    parser_wrong (self->reading, "there are more than %d tool calls", TROUPE_PARSER_CALLS_MAX);
    return TROUPE_BAD_MESSAGE;
  }
  snprintf (made, sizeof made, "call_%zu", count + 1);
  json_t *call =
    json_pack ("{s:s, s:s, s:o}", "id", id != NULL && *id != '\0' ? id : made, "name", name, "arguments", arguments);
  self->first = self->first != NULL ? self->first : at;
  return call != NULL && json_array_append_new (self->calls, call) == 0 ? TROUPE_OK : TROUPE_NO_MEMORY;
}

// The one property of a tool that takes a single one; NULL: none or several.
static const char *
only_property (const calls_t *self, const char *name)
{
  size_t n;
  json_t *tool = calls_tool (self->parser, name, &n);
  json_t *properties = json_object_get (json_object_get (tool, "parameters"), "properties");
  return json_object_size (properties) == 1 ? json_object_iter_key (json_object_iter (properties)) : NULL;
}

troupe_err_t
calls_arguments (calls_t *self, const char *name, const char *text, size_t size, json_t **arguments)
{
  *arguments = NULL;
  while (size > 0 && isspace ((unsigned char)*text)) {
    text++;
    size--;
  }
  while (size > 0 && isspace ((unsigned char)text[size - 1]))
    size--;
  if (size > 0 && (*text == '{' || (*text == '`' && memchr (text, '{', size) != NULL))) {
    troupe_err_t err = mending_json (self->reading, text, size, TROUPE_REPAIR_WANT_OBJECT, false, arguments);
    if (err != TROUPE_BAD_MESSAGE)
      return err;
  }
  if (size == 0 || (size == 4 && strncasecmp (text, "none", 4) == 0) || (size == 2 && memcmp (text, "{}", 2) == 0)) {
    *arguments = json_object ();
    return *arguments != NULL ? TROUPE_OK : TROUPE_NO_MEMORY;
  }
  if (size >= 2 && *text == '"' && text[size - 1] == '"') {
    text++;
    size -= 2;
  }
  const char *key = only_property (self, name);
  *arguments = json_pack ("{s:s%}", key != NULL ? key : "input", text, size);
  if (*arguments == NULL)
    return TROUPE_NO_MEMORY;
  return mending_note (self->reading, MENDING_PLAIN_INPUT, text);
}

static json_t *
first_of (const json_t *object, const char *const *keys, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (json_object_get (object, keys[i]) != NULL)
      return json_object_get (object, keys[i]);
  return NULL;
}

// The arguments of a call in JSON; *arguments is NULL when they are none.
static troupe_err_t
arguments_of (calls_t *self, const char *name, json_t *value, const char *at, json_t **arguments)
{
  *arguments = NULL;
  if (json_is_object (value))
    *arguments = json_incref (value);
  if (value == NULL || json_is_null (value))
    return (*arguments = json_object ()) != NULL ? TROUPE_OK : TROUPE_NO_MEMORY;
  if (!json_is_string (value))
    return TROUPE_OK;
  // The offsets in such a text are not the reply's: what was repaired in it is said of the call.
  reading_t inner = *self->reading;
  inner.text = json_string_value (value);
  inner.size = json_string_length (value);
  inner.skipped += (size_t)(at - self->reading->text);
  calls_t within = *self;
  within.reading = &inner;
  return calls_arguments (&within, name, inner.text, inner.size, arguments);
}

static troupe_err_t
add_value (calls_t *self, json_t *value, const char *at, bool marked, unsigned depth)
{
  enum { NESTING = 4 }; // {"tool_calls": [{"function": {...}}]}
  json_t *entry, *arguments;
  size_t i, n;
  troupe_err_t err = TROUPE_OK;
  json_array_foreach (value, i, entry)
    if (err == TROUPE_OK && depth < NESTING)
      err = add_value (self, entry, at, marked, depth + 1);
  if (err != TROUPE_OK || !json_is_object (value))
    return err;
  json_t *list = first_of (value, list_keys, sizeof list_keys / sizeof *list_keys);
  if ((json_is_object (list) || json_is_array (list)) && depth < NESTING) {
    if (json_is_object (list) && json_object_get (list, "id") == NULL && json_is_string (json_object_get (value, "id")))
      if (json_object_set (list, "id", json_object_get (value, "id")) != 0)
        return TROUPE_NO_MEMORY;
    return add_value (self, list, at, true, depth + 1);
  }
  const char *name = json_string_value (first_of (value, name_keys, sizeof name_keys / sizeof *name_keys));
  json_t *given = first_of (value, argument_keys, sizeof argument_keys / sizeof *argument_keys);
  if (name == NULL || *name == '\0' || (given == NULL && !marked && calls_tool (self->parser, name, &n) == NULL))
    return TROUPE_OK;
  err = arguments_of (self, name, given, at, &arguments);
  if (err == TROUPE_OK && arguments == NULL) {
    parser_wrong (self->reading, "the arguments of the call of \"%s\" must be an object, not ", name);
    type_show (given, self->reading->wrong);
    self->broken = true;
    return TROUPE_OK;
  }
  if (err == TROUPE_OK && self->thought == NULL && json_is_string (json_object_get (value, "thought")))
    self->thought = json_incref (json_object_get (value, "thought"));
  const char *id = json_string_value (json_object_get (value, "id"));
  return err == TROUPE_OK ? calls_add (self, id, name, arguments, at) : err;
}

troupe_err_t
calls_add_json (calls_t *self, const char *text, size_t size, bool marked)
{
  troupe_repair_t *repair;
  troupe_error_t error;
  size_t before = json_array_size (self->calls), start, end;
  troupe_err_t err = troupe_repair_new (&repair, text, size, TROUPE_REPAIR_WANT_ANY, &error);
  if (err == TROUPE_NO_MEMORY)
    return err;
  for (size_t i = 0; repair != NULL && err == TROUPE_OK && i < troupe_repair_document_count (repair); i++) {
    troupe_repair_document_span (repair, i, &start, &end);
    err = add_value (self, troupe_repair_document (repair, i), text + start, marked, 0);
  }
  bool found = json_array_size (self->calls) > before;
  if (err == TROUPE_OK && found)
    err = mending_repairs (self->reading, repair, text);
  if (marked && repair == NULL)
    parser_wrong (self->reading, "in a tool call, %s", error.why);
  else if (marked && !found && !self->broken)
    parser_wrong (self->reading, "a tool call must be a JSON object with \"name\" and \"arguments\"");
  self->broken = self->broken || (marked && !found);
  bool none = repair == NULL;
  troupe_repair_destroy (&repair);
  return none ? TROUPE_OK : err; // no JSON, too deep, too large: no call
}

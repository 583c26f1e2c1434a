// SPDX-License-Identifier: Apache-2.0
//
// From an input to a prompt. Everything that can be wrong with an ask for every provider alike is found here, and
// named by its path in the input, because the one who reads the error wrote an agent in another process and sees no
// other trace. Unknown members are refused: a "tool" that was meant to be "tools" would otherwise vanish without a
// word.

#include "model/prompt.h"
#include "troupe/option.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const input_members[] = {"messages", "tools", "options", "agent", NULL};
static const char *const tool_members[] = {"name", "description", "parameters", NULL};

bool
prompt_name_fits (const char *name)
{
  size_t size = strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
  return size > 0 && size <= 64 && name[size] == 0;
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
}

static troupe_err_t
check_members (const json_t *object, const char *path, const char *const *known, troupe_error_t *error)
{
  const char *key;
  json_t *value;
  json_object_foreach ((json_t *) (uintptr_t) object, key, value) {
    const char *const *word = known;
    while (*word && strcmp (*word, key) != 0)
      word++;
    if (*word)
      continue;
    const char *near = troupe_did_you_mean (key, known);
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "%s%s: unknown member%s%s%s", path, key,
                             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  }
  return TROUPE_OK;
}

static troupe_err_t
add_message (prompt_t *self, json_t *json, troupe_error_t *error)
{
  troupe_error_t cause;
  troupe_err_t code = troupe_message_of_json (&self->messages[self->count], json, &cause);
  if (code == TROUPE_OK) {
    self->count++;
    return TROUPE_OK;
  }
  if (code == TROUPE_NO_MEMORY)
    return no_memory (error);
  return troupe_error_set (error, code, NULL, cause.next, "messages[%zu]: %s", self->count, cause.why);
}

static troupe_err_t
take_messages (prompt_t *self, const json_t *messages, troupe_error_t *error)
{
  size_t count = json_array_size (messages);
  if (count == 0)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, "give at least one message",
                             "messages: a list of messages is needed, and is %s",
                             !messages ? "missing" : json_is_array (messages) ? "empty" : "of another type");
  self->messages = calloc (count, sizeof *self->messages);
  if (!self->messages)
    return no_memory (error);
  for (size_t i = 0; i < count; i++) {
    troupe_err_t code = add_message (self, json_array_get (messages, i), error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
check_tool (const json_t *tool, size_t i, troupe_error_t *error)
{
  char path[32];
  snprintf (path, sizeof path, "tools[%zu].", i);
  if (!json_is_object (tool))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "tools[%zu]: a map is needed", i);
  const json_t *name = json_object_get (tool, "name"), *text = json_object_get (tool, "description"),
               *parameters = json_object_get (tool, "parameters");
  if (!json_is_string (name) || !prompt_name_fits (json_string_value (name)))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "%sname: 1 to 64 letters, digits, _ and - are needed", path);
  if (text && !json_is_string (text))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "%sdescription: a text is needed", path);
  if (parameters && !json_is_object (parameters))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "%sparameters: a JSON Schema (a map) is needed", path);
  return check_members (tool, path, tool_members, error);
}

static troupe_err_t
take_tools (prompt_t *self, json_t *tools, troupe_error_t *error)
{
  if (!json_is_array (tools))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "tools: a list is needed");
  for (size_t i = 0; i < json_array_size (tools); i++) {
    troupe_err_t code = check_tool (json_array_get (tools, i), i, error);
    if (code != TROUPE_OK)
      return code;
  }
  self->tools = json_array_size (tools) ? tools : NULL;
  return TROUPE_OK;
}

static troupe_err_t
take_members (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  troupe_err_t code = check_members (input, "", input_members, error);
  if (code == TROUPE_OK)
    code = take_messages (self, json_object_get (input, "messages"), error);
  json_t *tools = json_object_get (input, "tools"), *options = json_object_get (input, "options"),
         *agent = json_object_get (input, "agent");
  if (code == TROUPE_OK && tools && !json_is_null (tools))
    code = take_tools (self, tools, error);
  if (code != TROUPE_OK)
    return code;
  if (options && !json_is_null (options) && !json_is_object (options))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "options: a map is needed");
  if (agent && !json_is_null (agent) && !json_is_string (agent))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "agent: a name (a text) is needed");
  self->options = json_is_object (options) ? options : NULL;
  self->agent = json_is_string (agent) ? json_string_value (agent) : "";
  return TROUPE_OK;
}

// The input as an object: itself, or around the one message that a string is.
static json_t *
input_object (const json_t *input)
{
  if (json_is_object (input))
    return json_copy ((json_t *) (uintptr_t) input);
  return json_pack ("{s:[{s:s,s:s,s:O}]}", "messages", "role", "user", "name", "user", "content", input);
}

troupe_err_t
prompt_of_input (prompt_t *out, const json_t *input, troupe_error_t *error)
{
  *out = (prompt_t){.agent = ""};
  if (!json_is_object (input) && !json_is_string (input))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "the input of a model is a map with messages, or a text; this is neither");
  out->input = input_object (input);
  if (!out->input)
    return no_memory (error);
  troupe_err_t code = take_members (out, out->input, error);
  if (code != TROUPE_OK)
    prompt_clear (out);
  return code;
}

void
prompt_clear (prompt_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    troupe_message_unref (&self->messages[i]);
  free (self->messages);
  json_decref (self->input);
  *self = (prompt_t){.agent = ""};
}

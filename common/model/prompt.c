// SPDX-License-Identifier: Apache-2.0
//
// From an input to a prompt. Everything that can be wrong with an ask for every provider alike is found here, and
// named by its path in the input, because the one who reads the error wrote an agent in another process and sees no
// other trace. Unknown members are refused: a "tool" that was meant to be "tools" would otherwise vanish without a
// word.

#include "model/parameters.h"
#include "troupe/option.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const chat_members[] = {"messages", "tools",     "format", "parameters",
                                           "options",  "knowledge", "agent",  NULL};
static const char *const other_members[] = {"messages", "texts", "text", "audio", "options", "agent", NULL};
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
  json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
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
                             !messages                  ? "missing"
                             : json_is_array (messages) ? "empty"
                                                        : "of another type");
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
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "%sparameters: a JSON Schema (a map) is needed",
                             path);
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
wrong (troupe_error_t *error, const char *member, const char *why)
{
  return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "%s: %s", member, why);
}

// A member that is there and isn't null.
static json_t *
member (const json_t *input, const char *key)
{
  json_t *value = json_object_get (input, key);
  return json_is_null (value) ? NULL : value;
}

static troupe_err_t
take_parameters (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  char why[160];
  json_t *parameters = member (input, "parameters"), *options = member (input, "options");
  if (!parameters_check (parameters, why, sizeof why))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "parameters%s%s",
                             json_is_object (parameters) ? "." : ": ", why);
  if (options && !json_is_object (options))
    return wrong (error, "options", "a map is needed");
  self->parameters = json_incref (parameters);
  self->options = json_incref (options);
  return TROUPE_OK;
}

static bool
is_text_list (const json_t *list)
{
  size_t i;
  json_t *item;
  json_array_foreach ((json_t *)(uintptr_t)list, i, item)
    if (!json_is_string (item))
      return false;
  return json_is_array (list);
}

static troupe_err_t
take_format (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  const json_t *format = member (input, "format"), *knowledge = member (input, "knowledge");
  const char *word = json_string_value (format);
  if (format && !json_is_object (format) && !(word && strcmp (word, "json") == 0))
    return wrong (error, "format", "a JSON Schema (a map), or the word json, is needed");
  if (knowledge && !is_text_list (knowledge))
    return wrong (error, "knowledge", "a list of texts is needed");
  self->format = format;
  self->knowledge = json_array_size (knowledge) ? knowledge : NULL;
  return TROUPE_OK;
}

static troupe_err_t
take_agent (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  const json_t *agent = member (input, "agent");
  if (agent && !json_is_string (agent))
    return wrong (error, "agent", "a name (a text) is needed");
  self->agent = agent ? json_string_value (agent) : "";
  return TROUPE_OK;
}

static troupe_err_t
take_chat (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  json_t *tools = member (input, "tools");
  troupe_err_t code = check_members (input, "", chat_members, error);
  if (code == TROUPE_OK)
    code = take_messages (self, json_object_get (input, "messages"), error);
  if (code == TROUPE_OK && tools)
    code = take_tools (self, tools, error);
  if (code == TROUPE_OK)
    code = take_parameters (self, input, error);
  if (code == TROUPE_OK)
    code = take_format (self, input, error);
  return code == TROUPE_OK ? take_agent (self, input, error) : code;
}

// jansson leaves out members that there is no memory for.
static json_t *
copy_whole (const json_t *object)
{
  json_t *copy = json_copy ((json_t *)(uintptr_t)object);
  if (json_object_size (copy) == json_object_size (object))
    return copy;
  json_decref (copy);
  return NULL;
}

// The input as an object: itself, or around the one message that a string is.
static json_t *
chat_object (const json_t *input)
{
  if (json_is_object (input))
    return copy_whole (input);
  return json_pack ("{s:[{s:s,s:s,s:O}]}", "messages", "role", "user", "name", "user", "content", input);
}

// -- Other tasks -----------------------------------------------------------------------------------------------------

static json_t *
other_object (const json_t *input)
{
  if (json_is_object (input))
    return copy_whole (input);
  return json_is_array (input) ? json_pack ("{s:O}", "texts", input) : json_pack ("{s:O}", "text", input);
}

static const troupe_message_t *
last_message (const prompt_t *self)
{
  return self->count ? self->messages[self->count - 1] : NULL;
}

// Of texts, text and the last message the first that is there.
static troupe_err_t
take_texts (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  json_t *texts = member (input, "texts"), *text = member (input, "text");
  if (texts && (!is_text_list (texts) || json_array_size (texts) == 0))
    return wrong (error, "texts", "a list of at least one text is needed");
  if (text && !json_is_string (text))
    return wrong (error, "text", "a text is needed");
  if (texts)
    self->texts = json_incref (texts);
  else if (text)
    self->texts = json_pack ("[O]", text);
  else if (last_message (self)) {
    char *said = troupe_message_text (last_message (self));
    self->texts = said ? json_pack ("[s]", said) : NULL;
    free (said);
  } else
    return wrong (error, "text", "it is missing");
  return self->texts ? TROUPE_OK : no_memory (error);
}

// The member audio, or the first audio block of the last message, or its url.
static troupe_err_t
take_audio (prompt_t *self, const json_t *input, troupe_error_t *error)
{
  const json_t *audio = member (input, "audio"), *block;
  const troupe_message_t *message = last_message (self);
  size_t i;
  if (audio && !json_is_string (audio))
    return wrong (error, "audio", "a URL (a text) is needed");
  if (!audio && message) {
    json_array_foreach ((json_t *)(uintptr_t)troupe_message_content (message), i, block)
      if (!audio && strcmp (json_string_value (json_object_get (block, "type")), "audio") == 0)
        audio = json_object_get (block, "url");
    if (!audio)
      audio = json_array_get (troupe_message_url (message), 0);
  }
  self->audio = json_string_value (audio);
  return self->audio ? TROUPE_OK : wrong (error, "audio", "it is missing");
}

static troupe_err_t
take_other (prompt_t *self, model_task_t task, const json_t *input, troupe_error_t *error)
{
  const json_t *messages = member (input, "messages");
  troupe_err_t code = check_members (input, "", other_members, error);
  if (code == TROUPE_OK && messages)
    code = take_messages (self, messages, error);
  if (code == TROUPE_OK)
    code = take_parameters (self, input, error);
  if (code == TROUPE_OK)
    code = task == TASK_TRANSCRIPTION ? take_audio (self, input, error) : take_texts (self, input, error);
  return code == TROUPE_OK ? take_agent (self, input, error) : code;
}

troupe_err_t
prompt_of_task (prompt_t *out, model_task_t task, const json_t *input, troupe_error_t *error)
{
  *out = (prompt_t){.agent = ""};
  if (!json_is_object (input) && !json_is_string (input) && (task == TASK_CHAT || !json_is_array (input)))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "the input of a model is a map with messages, or a text; this is neither");
  out->input = task == TASK_CHAT ? chat_object (input) : other_object (input);
  out->left_out = json_object ();
  troupe_err_t code = out->input && out->left_out ? TROUPE_OK : no_memory (error);
  if (code == TROUPE_OK)
    code = task == TASK_CHAT ? take_chat (out, out->input, error) : take_other (out, task, out->input, error);
  if (code != TROUPE_OK)
    prompt_clear (out);
  return code;
}

troupe_err_t
prompt_of_input (prompt_t *out, const json_t *input, troupe_error_t *error)
{
  return prompt_of_task (out, TASK_CHAT, input, error);
}

bool
prompt_note (const prompt_t *self, const char *what, json_t *item)
{
  json_t *list = json_object_get (self->left_out, what);
  if (!list) {
    list = json_array ();
    if (json_object_set_new (self->left_out, what, list) < 0)
      list = NULL;
  }
  if (list)
    return json_array_append_new (list, item) == 0;
  json_decref (item);
  return false;
}

void
prompt_clear (prompt_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    troupe_message_unref (&self->messages[i]);
  free (self->messages);
  json_decref (self->options);
  json_decref (self->parameters);
  json_decref (self->texts);
  json_decref (self->left_out);
  json_decref (self->input);
  *self = (prompt_t){.agent = ""};
}

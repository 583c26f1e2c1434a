// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's chat completions, which vLLM, Ollama, llama.cpp, LM Studio, DashScope and many others
// speak too (AgentScope's "openai_chat" wrapper). This file knows the address, the key and what a reply looks like;
// what a prompt looks like stands in openai_prompt.c.
//
// Servers leave things out, so nothing is required but what a reply can't do without: no [DONE], null content, no
// usage, no index or id of a tool call, a finish reason of "stop" with tool calls, an error object in the middle of a
// stream: all of these are read. A choice other than the first is passed over.

#include "model/failure.h"
#include "model/openai_prompt.h"

#include <stdlib.h>
#include <string.h>

static const char *
config_text (const troupe_model_options_t *options, const char *key)
{
  return json_string_value (json_object_get (options->config, key));
}

static troupe_err_t
bad_config (troupe_model_t *self, const char *key, const char *why, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_BAD_CONFIG, self->object, NULL, "models.%s.%s: %s", self->name, key, why);
}

static troupe_err_t
no_memory (const troupe_model_t *self, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, self->object, NULL, "no memory for a model");
}

// A part of `url` as a string of malloc's.
static char *
copy_url (CURLU *url)
{
  char *text = NULL;
  if (curl_url_get (url, CURLUPART_URL, &text, 0) != CURLUE_OK)
    return NULL;
  char *copy = strdup (text);
  curl_free (text);
  return copy;
}

static CURLUcode
append_path (CURLU *url)
{
  static const char end[] = "/chat/completions";
  char *path = NULL;
  CURLUcode result = curl_url_get (url, CURLUPART_PATH, &path, 0);
  if (result != CURLUE_OK)
    return result;
  size_t size = strlen (path);
  while (size && path[size - 1] == '/')
    size--;
  char *whole = malloc (size + sizeof end);
  if (whole) {
    memcpy (whole, path, size);
    memcpy (whole + size, end, sizeof end);
    result = curl_url_set (url, CURLUPART_PATH, whole, 0);
  }
  else
    result = CURLUE_OUT_OF_MEMORY;
  free (whole);
  curl_free (path);
  return result;
}

static troupe_err_t
set_url (troupe_model_t *self, const char *base, troupe_error_t *error)
{
  CURLU *url = curl_url ();
  if (!url)
    return no_memory (self, error);
  troupe_err_t code = TROUPE_OK;
  CURLUcode result = curl_url_set (url, CURLUPART_URL, base, 0);
  if (result == CURLUE_OK)
    result = append_path (url);
  if (result == CURLUE_OK)
    self->url = copy_url (url);
  curl_url_set (url, CURLUPART_USER, NULL, 0);
  curl_url_set (url, CURLUPART_PASSWORD, NULL, 0);
  if (result == CURLUE_OK)
    self->shown_url = copy_url (url);
  if (result != CURLUE_OK && result != CURLUE_OUT_OF_MEMORY)
    code = bad_config (self, "base_url", curl_url_strerror (result), error);
  else if (!self->url || !self->shown_url)
    code = no_memory (self, error);
  curl_url_cleanup (url);
  return code;
}

static troupe_err_t
add_header (troupe_model_t *self, const char *key, const char *name, const char *value, troupe_error_t *error)
{
  for (const char *c = value; *c; c++)
    if ((unsigned char) *c < ' ' || *c == 127)
      return bad_config (self, key, "it holds a line feed or another control character", error);
  bytes_t line = {0};
  struct curl_slist *headers = NULL;
  if (bytes_add_text (&line, name) && bytes_add_text (&line, value))
    headers = curl_slist_append (self->headers, line.data);
  bytes_clear (&line);
  if (!headers)
    return no_memory (self, error);
  self->headers = headers;
  return TROUPE_OK;
}

static troupe_err_t
set_headers (troupe_model_t *self, const char *key, const char *organization, troupe_error_t *error)
{
  troupe_err_t code = add_header (self, "type", "Content-Type: ", "application/json", error);
  if (code == TROUPE_OK) // curl would wait a second for "100 Continue" before it sends a long prompt
    code = add_header (self, "type", "Expect:", "", error);
  if (code == TROUPE_OK && key && key[0]) {
    code = add_header (self, "api_key", "Authorization: Bearer ", key, error);
    self->secret = strdup (key);
    if (code == TROUPE_OK && !self->secret)
      code = no_memory (self, error);
  }
  if (code == TROUPE_OK && organization && organization[0])
    code = add_header (self, "organization", "OpenAI-Organization: ", organization, error);
  return code;
}

static troupe_err_t
chat_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void) errors;
  const char *model = config_text (options, "model"), *base = config_text (options, "base_url");
  json_t *extra = json_object_get (options->config, "options");
  const char *reserved = openai_reserved (extra);
  if (reserved)
    return bad_config (self, "options", reserved, error);
  if (!base)
    return bad_config (self, "base_url", "it is missing", error);
  self->model_name = strdup (model && model[0] ? model : self->name);
  self->state = extra ? json_deep_copy (extra) : json_object ();
  if (!self->model_name || !self->state)
    return no_memory (self, error);
  troupe_err_t code = set_url (self, base, error);
  if (code == TROUPE_OK)
    code = set_headers (self, config_text (options, "api_key"), config_text (options, "organization"), error);
  return code;
}

static void
chat_close (troupe_model_t *self)
{
  json_decref (self->state);
  self->state = NULL;
}

static troupe_err_t
chat_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  return openai_write_prompt (prompt, self->model_name, self->state, stream, body, error);
}

// -- Replies ---------------------------------------------------------------------------------------------------------

static troupe_err_t
no_room (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a reply");
}

// Content is text, null, or (Mistral) a list of parts of which those with text count.
static troupe_err_t
take_content (const json_t *content, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *part;
  if (json_is_string (content)
      && !bytes_add (&reply->text, json_string_value (content), json_string_length (content)))
    return no_room (error);
  json_array_foreach (content, i, part) {
    const json_t *text = json_object_get (part, "text");
    if (json_is_string (text) && !bytes_add (&reply->text, json_string_value (text), json_string_length (text)))
      return no_room (error);
  }
  return TROUPE_OK;
}

static bool
add_arguments (reply_tool_t *tool, const json_t *arguments)
{
  if (json_is_string (arguments))
    return bytes_add (&tool->arguments, json_string_value (arguments), json_string_length (arguments));
  if (!json_is_object (arguments))
    return true;
  char *text = json_dumps (arguments, JSON_COMPACT); // older Ollama sends an object
  bool added = text && bytes_add_text (&tool->arguments, text);
  free (text);
  return added;
}

// Without an index, a call that has an id begins a new one, and one that has none goes on with the last.
static int64_t
tool_index (const json_t *call, const reply_t *reply)
{
  const json_t *index = json_object_get (call, "index");
  if (json_is_integer (index))
    return json_integer_value (index);
  const char *id = json_string_value (json_object_get (call, "id"));
  bool begins = (id && id[0]) || reply->tool_count == 0;
  int64_t last = reply->tool_count ? reply->tools[reply->tool_count - 1].index : -1;
  return begins ? last + 1 : last;
}

static troupe_err_t
take_function (const json_t *function, reply_tool_t *tool, troupe_error_t *error)
{
  const json_t *name = json_object_get (function, "name");
  // The name comes once; a server that repeats it in every piece must not make "getget" of it.
  if (json_is_string (name) && tool->name.size == 0
      && !bytes_add (&tool->name, json_string_value (name), json_string_length (name)))
    return no_room (error);
  return add_arguments (tool, json_object_get (function, "arguments")) ? TROUPE_OK : no_room (error);
}

static troupe_err_t
take_call (const json_t *call, int64_t index, reply_t *reply, troupe_error_t *error)
{
  if (index == INT64_MAX || index < 0)
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "a tool call has an index out of range");
  size_t before = reply->tool_count;
  reply_tool_t *tool = reply_tool (reply, index);
  if (!tool)
    return before == REPLY_TOOLS_MAX
             ? troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "the model calls more than %d tools at once",
                                 REPLY_TOOLS_MAX)
             : no_room (error);
  const char *id = json_string_value (json_object_get (call, "id"));
  reply_set_word (tool->id, id ? id : "");
  return take_function (json_object_get (call, "function"), tool, error);
}

// A message of a whole reply, or the delta of a streamed one: they have the same members.
static troupe_err_t
take_message (const json_t *message, reply_t *reply, troupe_error_t *error)
{
  troupe_err_t code = take_content (json_object_get (message, "content"), reply, error);
  if (code == TROUPE_OK)
    code = take_content (json_object_get (message, "refusal"), reply, error);
  size_t i;
  json_t *call;
  json_array_foreach (json_object_get (message, "tool_calls"), i, call) {
    if (code == TROUPE_OK)
      code = take_call (call, tool_index (call, reply), reply, error);
  }
  const json_t *function = json_object_get (message, "function_call"); // what tool_calls were called until 2023
  if (code == TROUPE_OK && json_is_object (function)) {
    reply_tool_t *tool = reply_tool (reply, 0);
    code = tool ? take_function (function, tool, error) : no_room (error);
  }
  return code;
}

static void
take_finish (const json_t *choice, reply_t *reply)
{
  const char *reason = json_string_value (json_object_get (choice, "finish_reason"));
  if (!reason || !reason[0])
    return;
  bool tools = strcmp (reason, "tool_calls") == 0 || strcmp (reason, "function_call") == 0;
  reply_set_word (reply->finish, tools ? "tool_use" : reason);
}

static void
take_usage (const json_t *root, reply_t *reply)
{
  const json_t *usage = json_object_get (root, "usage");
  const json_t *input = json_object_get (usage, "prompt_tokens");
  const json_t *output = json_object_get (usage, "completion_tokens");
  if (json_is_integer (input) && json_integer_value (input) >= 0)
    reply->input_tokens = json_integer_value (input);
  if (json_is_integer (output) && json_integer_value (output) >= 0)
    reply->output_tokens = json_integer_value (output);
}

static const json_t *
first_choice (const json_t *root)
{
  size_t i;
  json_t *choice;
  json_array_foreach (json_object_get (root, "choices"), i, choice) {
    if (json_integer_value (json_object_get (choice, "index")) == 0)
      return choice;
  }
  return NULL;
}

static troupe_err_t
take_root (const troupe_model_t *self, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  const json_t *cause = json_object_get (root, "error");
  if (cause && !json_is_null (cause))
    return failure_of_object (self, cause, error);
  const char *model = json_string_value (json_object_get (root, "model"));
  reply_set_word (reply->model, model && model[0] ? model : reply->model[0] ? "" : self->model_name);
  take_usage (root, reply);
  const json_t *choice = first_choice (root), *message = json_object_get (choice, "delta");
  take_finish (choice, reply);
  return take_message (message ? message : json_object_get (choice, "message"), reply, error);
}

static troupe_err_t
load (const troupe_model_t *self, const char *data, size_t size, json_t **out, troupe_error_t *error)
{
  json_error_t cause;
  *out = json_loadb (data, size, 0, &cause);
  if (json_is_object (*out))
    return TROUPE_OK;
  json_decref (*out);
  *out = NULL;
  char quoted[160];
  failure_explain (data, size, quoted, sizeof quoted);
  return troupe_error_set (error, TROUPE_MODEL_FAILED, self->object, "does base_url lead to an OpenAI API?",
                           "%s sends something other than a JSON object: %s", self->shown_url, quoted);
}

static troupe_err_t
chat_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = load (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = take_root (self, root, reply, error);
  if (code == TROUPE_OK && !first_choice (root))
    code = troupe_error_set (error, TROUPE_MODEL_FAILED, self->object, "does base_url lead to an OpenAI API?",
                             "%s answers without any choice", self->shown_url);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

static troupe_err_t
chat_event (const troupe_model_t *self, const char *event, const char *data, size_t size, reply_t *reply,
            troupe_error_t *error)
{
  (void) event; // an error is an error object, whatever the event is called
  if (size == 0)
    return TROUPE_OK;
  if (size == 6 && memcmp (data, "[DONE]", 6) == 0) {
    reply->ended = true;
    return TROUPE_OK;
  }
  json_t *root;
  troupe_err_t code = load (self, data, size, &root, error);
  if (code == TROUPE_OK)
    code = take_root (self, root, reply, error);
  json_decref (root);
  return code;
}

const provider_t openai_chat_provider = {
  .type = "openai_chat",
  .open = chat_open,
  .close = chat_close,
  .write = chat_write,
  .read = chat_read,
  .event = chat_event,
};

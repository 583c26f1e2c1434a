// SPDX-License-Identifier: Apache-2.0
//
// Replies of OpenAI's chat completions and completions, whole and streamed.
//
// Servers leave things out, so nothing is required but what a reply can't do without: no [DONE], null content, no
// usage, no index or id of a tool call, a finish reason of "stop" with tool calls, an error object in the middle of a
// stream: all of these are read. A choice other than the first is passed over.

#include "model/openai_reply.h"
#include "model/body.h"
#include "model/failure.h"

#include <stdlib.h>
#include <string.h>

// Content is text, null, or (Mistral) a list of parts of which those with text count.
static troupe_err_t
take_content (const json_t *content, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *part;
  troupe_err_t code = body_add (&reply->text, content, error);
  json_array_foreach (content, i, part) {
    if (code == TROUPE_OK)
      code = body_add (&reply->text, json_object_get (part, "text"), error);
  }
  return code;
}

// What DeepSeek and vLLM call reasoning_content, and OpenRouter and newer vLLM reasoning: one of them.
static troupe_err_t
take_thinking (const json_t *message, reply_t *reply, troupe_error_t *error)
{
  const json_t *text = json_object_get (message, "reasoning_content");
  if (!json_is_string (text))
    text = json_object_get (message, "reasoning");
  if (!json_is_string (text) || json_string_length (text) == 0)
    return TROUPE_OK;
  reply_thought_t *thought = reply_thought (reply, 0);
  return thought ? body_add (&thought->text, text, error) : body_no_memory (error);
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
  if (json_is_string (name) && tool->name.size == 0 &&
      !bytes_add (&tool->name, json_string_value (name), json_string_length (name)))
    return body_no_memory (error);
  return add_arguments (tool, json_object_get (function, "arguments")) ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
take_call (const json_t *call, int64_t index, reply_t *reply, troupe_error_t *error)
{
  if (index == INT64_MAX || index < 0)
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "a tool call has an index out of range");
  size_t before = reply->tool_count;
  reply_tool_t *tool = reply_tool (reply, index);
  if (!tool)
    return before == REPLY_TOOLS_MAX ? troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL,
                                                         "the model calls more than %d tools at once", REPLY_TOOLS_MAX)
                                     : body_no_memory (error);
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
  if (code == TROUPE_OK)
    code = take_thinking (message, reply, error);
  size_t i;
  json_t *call;
  json_array_foreach (json_object_get (message, "tool_calls"), i, call) {
    if (code == TROUPE_OK)
      code = take_call (call, tool_index (call, reply), reply, error);
  }
  const json_t *function = json_object_get (message, "function_call"); // what tool_calls were called until 2023
  if (code == TROUPE_OK && json_is_object (function)) {
    reply_tool_t *tool = reply_tool (reply, 0);
    code = tool ? take_function (function, tool, error) : body_no_memory (error);
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
  body_count (&reply->input_tokens, json_object_get (usage, "prompt_tokens"));
  body_count (&reply->output_tokens, json_object_get (usage, "completion_tokens"));
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

// What all of its endpoints have: an error, the model's name, the usage.
troupe_err_t
openai_read_frame (const troupe_model_t *self, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  const json_t *cause = json_object_get (root, "error");
  if (cause && !json_is_null (cause))
    return failure_of_object (self, cause, error);
  const char *model = body_text (root, "model");
  reply_set_word (reply->model, model[0] ? model : reply->model[0] ? "" : self->model_name);
  take_usage (root, reply);
  return TROUPE_OK;
}

static troupe_err_t
take_root (const troupe_model_t *self, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  troupe_err_t code = openai_read_frame (self, root, reply, error);
  if (code != TROUPE_OK)
    return code;
  const json_t *choice = first_choice (root), *message = json_object_get (choice, "delta");
  take_finish (choice, reply);
  if (!message)
    message = json_object_get (choice, "message");
  return message ? take_message (message, reply, error) : take_content (json_object_get (choice, "text"), reply, error);
}

troupe_err_t
openai_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = take_root (self, root, reply, error);
  if (code == TROUPE_OK && !first_choice (root))
    code = body_lacks (self, "any choice", error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

troupe_err_t
openai_event (const troupe_model_t *self, const char *event, const char *data, size_t size, reply_t *reply,
              troupe_error_t *error)
{
  (void)event; // an error is an error object, whatever the event is called
  if (size == 0)
    return TROUPE_OK;
  if (size == 6 && memcmp (data, "[DONE]", 6) == 0) {
    reply->ended = true;
    return TROUPE_OK;
  }
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code == TROUPE_OK)
    code = take_root (self, root, reply, error);
  json_decref (root);
  return code;
}

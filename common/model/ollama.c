// SPDX-License-Identifier: Apache-2.0
//
// The provider of Ollama's own API, which knows more than its OpenAI-compatible one: how long a model stays loaded, the
// size of its context, thinking on and off. A streamed reply is a JSON text a line. Calls have no ids; a result is told
// to its call by the tool's name. Images are plain Base64, so links can't be sent.

#include "model/body.h"
#include "model/failure.h"
#include "model/tools.h"

#include <stdlib.h>
#include <string.h>

static const media_rule_t media[] = {
  {"image", MEDIA_DATA, 0},
  {NULL, MEDIA_DATA, 0},
};

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"messages", "messages is what the ask holds"},
  {"tools", "tools is what the ask holds"},
  {"stream", "stream is configured as models.NAME.stream"},
  {NULL, NULL},
};

// A message on its way.
typedef struct {
  json_t *out;
  bytes_t text;
  json_t *images, *calls;
} writer_t;

static bool
add_text (bytes_t *out, const json_t *text)
{
  return (!out->size || bytes_add_text (out, "\n")) &&
         bytes_add (out, json_string_value (text), json_string_length (text));
}

static bool
add_result (const writer_t *self, const json_t *block)
{
  char *output = part_output (block);
  json_t *made =
    output ? json_pack ("{s:s,s:s,s:s}", "role", "tool", "tool_name", part_member (block, "name"), "content", output)
           : NULL;
  free (output);
  return json_array_append_new (self->out, made) == 0;
}

static troupe_err_t
add_part (void *context, const part_t *part, troupe_error_t *error)
{
  writer_t *self = context;
  bool added;
  if (part->kind == PART_TEXT)
    added = add_text (&self->text, part->text);
  else if (part->kind == PART_MEDIA)
    added = json_array_append_new (self->images, json_string (part->media.data)) == 0;
  else if (part->kind == PART_CALL)
    added = json_array_append_new (self->calls,
                                   json_pack ("{s:{s:s,s:O}}", "function", "name", part_member (part->block, "name"),
                                              "arguments", json_object_get (part->block, "input"))) == 0;
  else
    added = add_result (self, part->block);
  return added ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
put_message (const writer_t *self, const troupe_message_t *message, troupe_error_t *error)
{
  bool images = json_array_size (self->images) > 0, calls = json_array_size (self->calls) > 0;
  if (!self->text.size && !images && !calls && json_array_size (troupe_message_content (message)) > 0)
    return TROUPE_OK; // it held tool results alone, which stand there already
  json_t *made = json_pack ("{s:s,s:s,s:O*,s:O*}", "role", troupe_role_name (troupe_message_role (message)), "content",
                            bytes_text (&self->text), "images", images ? self->images : NULL, "tool_calls",
                            calls ? self->calls : NULL);
  return json_array_append_new (self->out, made) == 0 ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
write_message (json_t *messages, const troupe_message_t *message, size_t index, troupe_error_t *error)
{
  writer_t writer = {.out = messages, .images = json_array (), .calls = json_array ()};
  troupe_err_t code = writer.images && writer.calls ? part_walk (message, index, media, add_part, &writer, error)
                                                    : body_no_memory (error);
  if (code == TROUPE_OK)
    code = put_message (&writer, message, error);
  bytes_clear (&writer.text);
  json_decref (writer.images);
  json_decref (writer.calls);
  return code;
}

// Parameters, options, format and streaming, which chats and completions have alike. Streaming is their default, so
// false is said.
static troupe_err_t
put_settings (json_t *request, const troupe_model_t *self, const prompt_t *prompt, bool stream, troupe_error_t *error)
{
  const json_t *thinking = parameters_get (prompt, parameters_ollama, self->model_name, "thinking");
  troupe_err_t code = parameters_put (request, prompt, parameters_ollama, self->model_name, error);
  bool think = json_is_true (thinking) || json_integer_value (thinking) > 0;
  if (code != TROUPE_OK)
    return code;
  if (json_object_set_new (request, "stream", json_boolean (stream)) < 0 ||
      (prompt->format && json_object_set (request, "format", (json_t *)(uintptr_t)prompt->format) < 0) ||
      (thinking && json_object_set_new (request, "think", json_boolean (think)) < 0) ||
      json_object_update_recursive (request, prompt->options) < 0)
    return body_no_memory (error);
  return TROUPE_OK;
}

static troupe_err_t
chat_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  json_t *messages = json_array (), *request = json_pack ("{s:s,s:O}", "model", self->model_name, "messages", messages);
  troupe_err_t code = request ? TROUPE_OK : body_no_memory (error);
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code = write_message (messages, prompt->messages[i], i, error);
  json_decref (messages);
  if (code == TROUPE_OK && prompt->tools &&
      json_object_set_new (request, "tools", tools_list (prompt->tools, tools_function)) < 0)
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    code = put_settings (request, self, prompt, stream, error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

// The prompt is laid out as one text.
static troupe_err_t
completion_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  char *text = troupe_message_text (prompt->messages[0]);
  json_t *request = text ? json_pack ("{s:s,s:s}", "model", self->model_name, "prompt", text) : NULL;
  free (text);
  troupe_err_t code = request ? put_settings (request, self, prompt, stream, error) : body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

// -- Replies ---------------------------------------------------------------------------------------------------------

static troupe_err_t
take_calls (reply_t *reply, const json_t *calls, troupe_error_t *error)
{
  size_t i;
  json_t *call;
  troupe_err_t code = TROUPE_OK;
  json_array_foreach (calls, i, call) {
    const json_t *function = json_object_get (call, "function"), *arguments = json_object_get (function, "arguments");
    reply_tool_t *tool = code == TROUPE_OK ? reply_tool (reply, (int64_t)reply->tool_count) : NULL;
    char *text = json_is_object (arguments) ? json_dumps (arguments, JSON_COMPACT) : NULL;
    if (code == TROUPE_OK)
      code = tool ? body_add (&tool->name, json_object_get (function, "name"), error) : body_no_memory (error);
    if (code == TROUPE_OK && json_is_object (arguments) && !(text && bytes_add_text (&tool->arguments, text)))
      code = body_no_memory (error);
    free (text);
  }
  return code;
}

static troupe_err_t
take_thinking (reply_t *reply, const json_t *text, troupe_error_t *error)
{
  reply_thought_t *thought = json_string_length (text) ? reply_thought (reply, 0) : NULL;
  if (!thought)
    return json_string_length (text) ? body_no_memory (error) : TROUPE_OK;
  return body_add (&thought->text, text, error);
}

static void
take_end (reply_t *reply, const json_t *root)
{
  if (!json_is_true (json_object_get (root, "done")))
    return;
  const char *reason = body_text (root, "done_reason");
  reply_set_word (reply->finish, reason[0] ? reason : "stop");
  body_count (&reply->input_tokens, json_object_get (root, "prompt_eval_count"));
  body_count (&reply->output_tokens, json_object_get (root, "eval_count"));
  reply->ended = true;
}

// A chat's message, or a completion's response.
static troupe_err_t
ollama_event (const troupe_model_t *self, const char *event, const char *data, size_t size, reply_t *reply,
              troupe_error_t *error)
{
  json_t *root;
  (void)event;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  const json_t *message = json_object_get (root, "message");
  const char *model = body_text (root, "model");
  reply_set_word (reply->model, model[0] ? model : self->model_name);
  if (json_object_get (root, "error"))
    code = failure_of_object (self, json_object_get (root, "error"), error);
  if (code == TROUPE_OK)
    code = body_add (&reply->text, message ? json_object_get (message, "content") : json_object_get (root, "response"),
                     error);
  if (code == TROUPE_OK)
    code = take_thinking (reply, json_object_get (message ? message : root, "thinking"), error);
  if (code == TROUPE_OK)
    code = take_calls (reply, json_object_get (message, "tool_calls"), error);
  take_end (reply, root);
  json_decref (root);
  return code;
}

static troupe_err_t
ollama_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  troupe_err_t code = ollama_event (self, "", data, size, reply, error);
  return code == TROUPE_OK && !reply->ended ? body_lacks (self, "an end", error) : code;
}

const provider_t ollama_chat_provider = {
  .formats = true,
  .streams = true,
  .lines = true,
  .path = "/api/chat",
  .reserved = reserved,
  .parameters = parameters_ollama,
  .media = media,
  .write = chat_write,
  .read = ollama_read,
  .event = ollama_event,
};

const provider_t ollama_completion_provider = {
  .formats = true,
  .text_only = true,
  .streams = true,
  .lines = true,
  .path = "/api/generate",
  .reserved = reserved,
  .parameters = parameters_ollama,
  .write = completion_write,
  .read = ollama_read,
  .event = ollama_event,
};

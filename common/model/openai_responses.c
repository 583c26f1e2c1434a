// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's Responses API (`api: responses`). It differs from chat completions in that a conversation is
// a list of items, of which messages are one kind: tool calls, their results and the model's reasoning are items of
// their own. Nothing is kept at the server (`store` is false), because the history is the agents'. A reasoning model
// then hands its thoughts over encrypted, and they go back with the calls that followed them, each where it stood:
// else the model would begin to think anew after each tool. Messages have no names here, so a history of named
// messages is told in turns. This file writes requests; openai_responses_reply.c reads.

#include "model/openai_responses.h"
#include "model/body.h"
#include "model/http.h"
#include "model/tools.h"

#include <stdlib.h>
#include <string.h>

enum { MEDIA_MAX = 20 * 1024 * 1024 }; // as for chat completions

static const media_rule_t media[] = {
  {"image", MEDIA_LINKS, MEDIA_MAX},
  {"file", MEDIA_LINKS, MEDIA_MAX},
  {NULL, MEDIA_DATA, 0},
};

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"input", "input is what the ask holds"},
  {"instructions", "instructions are what the ask's system messages hold"},
  {"tools", "tools is what the ask holds"},
  {"stream", "stream is configured as models.NAME.stream"},
  {"background", "a reply is waited for"},
  {"previous_response_id", "the ask holds all of the history"},
  {"conversation", "the ask holds all of the history"},
  {NULL, NULL},
};

// A message on its way to items.
typedef struct {
  json_t *input;          // the items of the request
  json_t *parts;          // of the message
  const json_t *thoughts; // that came with it; NULL: none that may go back
  size_t calls;           // items of it that are there
  bool assistant;
} writer_t;

static troupe_err_t
append (json_t *list, json_t *item, troupe_error_t *error)
{
  return json_array_append_new (list, item) == 0 ? TROUPE_OK : body_no_memory (error);
}

// -- Items -----------------------------------------------------------------------------------------------------------

static json_t *
make_text (const writer_t *self, const json_t *text)
{
  return json_pack ("{s:s,s:O}", "type", self->assistant ? "output_text" : "input_text", "text", text);
}

static json_t *
make_media (const media_t *part)
{
  if (strcmp (part->kind, "image") == 0)
    return json_pack ("{s:s,s:s}", "type", "input_image", "image_url", part->url);
  if (!part->data)
    return json_pack ("{s:s,s:s}", "type", "input_file", "file_url", part->url);
  return json_pack ("{s:s,s:s,s:s}", "type", "input_file", "filename", part->name[0] ? part->name : "file.pdf",
                    "file_data", part->url);
}

static json_t *
make_call (const json_t *block)
{
  char *input = json_dumps (json_object_get (block, "input"), JSON_COMPACT);
  json_t *call = input ? json_pack ("{s:s,s:s,s:s,s:s}", "type", "function_call", "call_id", part_member (block, "id"),
                                    "name", part_member (block, "name"), "arguments", input)
                       : NULL;
  free (input);
  return call;
}

static json_t *
make_result (const json_t *block)
{
  char *output = part_output (block);
  json_t *result = output ? json_pack ("{s:s,s:s,s:s}", "type", "function_call_output", "call_id",
                                       part_member (block, "id"), "output", output)
                          : NULL;
  free (output);
  return result;
}

// A thought has a text of its own only where the model gave a summary.
static json_t *
make_thought (const json_t *thought)
{
  const char *text = body_text (thought, "text"), *id = body_text (thought, "id");
  json_t *summary = text[0] ? json_pack ("[{s:s,s:s}]", "type", "summary_text", "text", text) : json_array ();
  return json_pack ("{s:s,s:s*,s:o,s:s}", "type", "reasoning", "id", id[0] ? id : NULL, "summary", summary,
                    "encrypted_content", body_text (thought, "signature"));
}

// The thoughts that came after so many calls.
static troupe_err_t
add_thoughts (const writer_t *self, troupe_error_t *error)
{
  size_t i;
  json_t *thought;
  troupe_err_t code = TROUPE_OK;
  json_array_foreach ((json_t *)(uintptr_t)self->thoughts, i, thought) {
    if (code == TROUPE_OK && body_text (thought, "signature")[0] &&
        (size_t)json_integer_value (json_object_get (thought, "calls")) == self->calls)
      code = append (self->input, make_thought (thought), error);
  }
  return code;
}

// What was said so far, as a message.
static troupe_err_t
end_message (writer_t *self, const char *role, troupe_error_t *error)
{
  if (json_array_size (self->parts) == 0)
    return TROUPE_OK;
  troupe_err_t code =
    append (self->input, json_pack ("{s:s,s:s,s:O}", "type", "message", "role", role, "content", self->parts), error);
  json_decref (self->parts);
  self->parts = json_array ();
  return code == TROUPE_OK && !self->parts ? body_no_memory (error) : code;
}

static troupe_err_t
add_call (writer_t *self, const json_t *block, troupe_error_t *error)
{
  troupe_err_t code = end_message (self, "assistant", error);
  if (code == TROUPE_OK && self->calls)
    code = add_thoughts (self, error);
  self->calls++;
  return code == TROUPE_OK ? append (self->input, make_call (block), error) : code;
}

static troupe_err_t
add_part (void *context, const part_t *part, troupe_error_t *error)
{
  writer_t *self = context;
  switch (part->kind) {
  case PART_TEXT: // an empty text says nothing
    return json_string_length (part->text) ? append (self->parts, make_text (self, part->text), error) : TROUPE_OK;
  case PART_MEDIA:
    return append (self->parts, make_media (&part->media), error);
  case PART_CALL:
    return add_call (self, part->block, error);
  default:
    return append (self->input, make_result (part->block), error);
  }
}

static troupe_err_t
write_message (json_t *input, const troupe_message_t *message, size_t index, const char *provider,
               troupe_error_t *error)
{
  const json_t *metadata = troupe_message_metadata (message);
  troupe_role_t role = troupe_message_role (message);
  bool ours = strcmp (body_text (metadata, "provider"), provider) == 0;
  writer_t writer = {
    .input = input,
    .parts = json_array (),
    .thoughts = ours ? json_object_get (metadata, "thinking") : NULL,
    .assistant = role == TROUPE_ROLE_ASSISTANT,
  };
  troupe_err_t code = writer.parts ? TROUPE_OK : body_no_memory (error);
  if (code == TROUPE_OK && writer.assistant)
    code = add_thoughts (&writer, error);
  if (code == TROUPE_OK)
    code = part_walk (message, index, media, add_part, &writer, error);
  if (code == TROUPE_OK)
    code = end_message (&writer,
                        writer.assistant             ? "assistant"
                        : role == TROUPE_ROLE_SYSTEM ? "system"
                                                     : "user",
                        error);
  json_decref (writer.parts);
  return code;
}

// -- What goes with them ---------------------------------------------------------------------------------------------

// Unless told otherwise they would read its schema as a strict one, and change it.
static json_t *
make_tool (const json_t *tool)
{
  return json_pack ("{s:s,s:O,s:O*,s:o,s:b}", "type", "function", "name", json_object_get (tool, "name"), "description",
                    json_object_get (tool, "description"), "parameters", tools_schema (tool), "strict", 0);
}

static json_t *
make_choice (const char *choice)
{
  if (strcmp (choice, "auto") == 0 || strcmp (choice, "none") == 0 || strcmp (choice, "required") == 0)
    return json_string (choice);
  return json_pack ("{s:s,s:s}", "type", "function", "name", choice);
}

static json_t *
make_format (const json_t *format)
{
  if (!json_is_object (format))
    return json_pack ("{s:s}", "type", "json_object");
  const char *title = body_text (format, "title");
  return json_pack ("{s:s,s:s,s:O}", "type", "json_schema", "name", prompt_name_fits (title) ? title : "reply",
                    "schema", format);
}

static bool
put_tools (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *choice = parameters_get (prompt, parameters_responses, model->model_name, "tool_choice");
  if (!prompt->tools)
    return true;
  return json_object_set_new (request, "tools", tools_list (prompt->tools, make_tool)) == 0 &&
         (!choice || json_object_set_new (request, "tool_choice", make_choice (json_string_value (choice))) == 0);
}

// Whether it thinks is the model's own affair here; `true` asks for a summary of what it thought.
static bool
put_thinking (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *thinking = parameters_get (prompt, parameters_responses, model->model_name, "thinking");
  if (parameters_takes (parameters_responses, model->model_name, "encrypted") &&
      json_object_set_new (request, "include", json_pack ("[s]", "reasoning.encrypted_content")) < 0)
    return false;
  if (thinking && !json_is_true (thinking))
    return prompt_note (prompt, "parameters", json_string ("thinking"));
  return !thinking || parameters_set (request, "reasoning.summary", json_string ("auto"));
}

static bool
put_settings (json_t *request, const troupe_model_t *model, const prompt_t *prompt, bool stream)
{
  return (!prompt->format || parameters_set (request, "text.format", make_format (prompt->format))) &&
         put_tools (request, model, prompt) && put_thinking (request, model, prompt) &&
         json_object_update (request, prompt->options) == 0 &&
         (!stream || json_object_set_new (request, "stream", json_true ()) == 0);
}

static troupe_err_t
responses_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  json_t *input = json_array ();
  json_t *request = json_pack ("{s:s,s:O,s:b}", "model", self->model_name, "input", input, "store", 0);
  troupe_err_t code = request ? TROUPE_OK : body_no_memory (error);
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code = write_message (input, prompt->messages[i], i, self->vendor->type, error);
  json_decref (input);
  if (code == TROUPE_OK)
    code = parameters_put (request, prompt, parameters_responses, self->model_name, error);
  if (code == TROUPE_OK && !put_settings (request, self, prompt, stream))
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

static troupe_err_t
responses_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  if (model_text (self, "api_version"))
    return http_bad_config (self, "api_version", "the responses have none: let base_url end in /openai/v1", error);
  if (self->layout == LAYOUT_NAMED)
    self->layout = LAYOUT_TURNS;
  return TROUPE_OK;
}

const provider_t openai_responses_provider = {
  .formats = true,
  .streams = true,
  .path = "/responses",
  .reserved = reserved,
  .parameters = parameters_responses,
  .media = media,
  .open = responses_open,
  .write = responses_write,
  .read = responses_read,
  .event = responses_event,
};

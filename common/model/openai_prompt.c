// SPDX-License-Identifier: Apache-2.0
//
// From a prompt to the JSON that OpenAI's chat completions take. The forms differ in three places. A message here may
// hold results of several tools; there each is a message of its own, which must follow the assistant's right away, so
// results come before whatever else the message says. A tool's input is a JSON object here and JSON text there. And
// what a message points to (its `url`, image blocks) is a part of the content there.

#include "model/openai_prompt.h"
#include "model/body.h"
#include "model/tools.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGE_MAX = 20 * 1024 * 1024 }; // OpenAI's limit is 50 MB for all of a request; others that speak it allow 20 MB

const media_rule_t openai_media[] = {
  {"image", MEDIA_LINKS, IMAGE_MAX},
  {"audio", MEDIA_DATA, IMAGE_MAX},
  {"file", MEDIA_DATA, IMAGE_MAX},
  {NULL, MEDIA_DATA, 0},
};

// A message on its way.
typedef struct {
  json_t *out;   // the list of messages for the request
  json_t *parts; // of the content: {"type": "text"}, {"type": "image_url"} ...
  json_t *calls; // tool_calls
  bool media;
} writer_t;

static troupe_err_t
append (json_t *list, json_t *item, troupe_error_t *error)
{
  return json_array_append_new (list, item) == 0 ? TROUPE_OK : body_no_memory (error);
}

static json_t *
make_media (const media_t *media)
{
  if (strcmp (media->kind, "image") == 0)
    return json_pack ("{s:s,s:{s:s}}", "type", "image_url", "image_url", "url", media->url);
  if (strcmp (media->kind, "audio") == 0)
    return json_pack ("{s:s,s:{s:s,s:s}}", "type", "input_audio", "input_audio", "data", media->data, "format",
                      strstr (media->mime, "mpeg") || strstr (media->mime, "mp3") ? "mp3" : "wav");
  return json_pack ("{s:s,s:{s:s,s:s}}", "type", "file", "file", "filename", media->name[0] ? media->name : "file.pdf",
                    "file_data", media->url);
}

static json_t *
make_call (const json_t *block)
{
  char *input = json_dumps (json_object_get (block, "input"), JSON_COMPACT);
  json_t *call = input ? json_pack ("{s:s,s:s,s:{s:s,s:s}}", "id", part_member (block, "id"), "type", "function",
                                    "function", "name", part_member (block, "name"), "arguments", input)
                       : NULL;
  free (input);
  return call;
}

static json_t *
make_result (const json_t *block)
{
  char *output = part_output (block);
  json_t *result =
    output ? json_pack ("{s:s,s:s,s:s}", "role", "tool", "tool_call_id", part_member (block, "id"), "content", output)
           : NULL;
  free (output);
  return result;
}

static troupe_err_t
add_part (void *context, const part_t *part, troupe_error_t *error)
{
  writer_t *self = context;
  switch (part->kind) {
  case PART_TEXT:
    return append (self->parts, json_pack ("{s:s,s:O}", "type", "text", "text", part->text), error);
  case PART_MEDIA:
    self->media = true;
    return append (self->parts, make_media (&part->media), error);
  case PART_CALL:
    return append (self->calls, make_call (part->block), error);
  default:
    return append (self->out, make_result (part->block), error);
  }
}

// Parts as they are when there are media, else one text: servers for text alone know no lists.
static json_t *
make_content (const writer_t *self)
{
  if (self->media)
    return json_incref (self->parts);
  bytes_t text = {0};
  bool added = true;
  for (size_t i = 0; added && i < json_array_size (self->parts); i++)
    added = bytes_add_text (&text, i ? "\n" : "") &&
            bytes_add_text (&text, body_text (json_array_get (self->parts, i), "text"));
  json_t *content = added ? json_stringn (bytes_text (&text), text.size) : NULL;
  bytes_clear (&text);
  return content;
}

static troupe_err_t
put_message (const writer_t *self, const troupe_message_t *message, troupe_error_t *error)
{
  bool calls = json_array_size (self->calls) > 0, said = json_array_size (self->parts) > 0;
  if (!calls && !said && json_array_size (troupe_message_content (message)) > 0)
    return TROUPE_OK; // it held tool results alone, which stand there already
  const char *name = troupe_message_name (message);
  json_t *made = json_pack ("{s:s,s:o}", "role", troupe_role_name (troupe_message_role (message)), "content",
                            calls && !said ? json_null () : make_content (self));
  if (!made)
    return body_no_memory (error);
  if ((prompt_name_fits (name) && json_object_set_new (made, "name", json_string (name)) < 0) ||
      (calls && json_object_set (made, "tool_calls", self->calls) < 0)) {
    json_decref (made);
    return body_no_memory (error);
  }
  return append (self->out, made, error);
}

static troupe_err_t
write_message (json_t *out, const troupe_message_t *message, size_t index, const media_rule_t *takes,
               troupe_error_t *error)
{
  writer_t writer = {out, json_array (), json_array (), false};
  troupe_err_t code =
    writer.parts && writer.calls ? part_walk (message, index, takes, add_part, &writer, error) : body_no_memory (error);
  if (code == TROUPE_OK)
    code = put_message (&writer, message, error);
  json_decref (writer.parts);
  json_decref (writer.calls);
  return code;
}

troupe_err_t
openai_messages (const prompt_t *prompt, const media_rule_t *takes, json_t **out, troupe_error_t *error)
{
  *out = json_array ();
  troupe_err_t code = *out ? TROUPE_OK : body_no_memory (error);
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code = write_message (*out, prompt->messages[i], i, takes, error);
  if (code != TROUPE_OK) {
    json_decref (*out);
    *out = NULL;
  }
  return code;
}

// -- What goes with the messages -------------------------------------------------------------------------------------

static json_t *
make_choice (const char *choice)
{
  if (strcmp (choice, "auto") == 0 || strcmp (choice, "none") == 0 || strcmp (choice, "required") == 0)
    return json_string (choice);
  return json_pack ("{s:s,s:{s:s}}", "type", "function", "function", "name", choice);
}

static json_t *
make_format (const json_t *format)
{
  if (!json_is_object (format))
    return json_pack ("{s:s}", "type", "json_object");
  const char *title = body_text (format, "title");
  return json_pack ("{s:s,s:{s:s,s:O}}", "type", "json_schema", "json_schema", "name",
                    prompt_name_fits (title) ? title : "reply", "schema", format);
}

static bool
put_tools (json_t *body, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *choice = parameters_get (prompt, model->provider->parameters, model->model_name, "tool_choice");
  if (!prompt->tools)
    return true;
  return json_object_set_new (body, "tools", tools_list (prompt->tools, tools_function)) == 0 &&
         (!choice || json_object_set_new (body, "tool_choice", make_choice (json_string_value (choice))) == 0);
}

// DashScope's: true, false, or a budget.
static bool
put_thinking (json_t *body, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *thinking = parameters_get (prompt, model->provider->parameters, model->model_name, "thinking");
  json_int_t budget = json_integer_value (thinking);
  return !thinking ||
         (json_object_set_new (body, "enable_thinking", json_boolean (json_is_true (thinking) || budget > 0)) == 0 &&
          (budget <= 0 || json_object_set_new (body, "thinking_budget", json_integer (budget)) == 0));
}

static bool
put_settings (json_t *body, const troupe_model_t *model, const prompt_t *prompt, bool stream)
{
  if ((prompt->format && model->provider->formats &&
       json_object_set_new (body, "response_format", make_format (prompt->format)) < 0) ||
      !put_tools (body, model, prompt) || !put_thinking (body, model, prompt) ||
      (prompt->options && json_object_update (body, prompt->options) < 0))
    return false;
  return !stream || (json_object_set_new (body, "stream", json_true ()) == 0 &&
                     json_object_set_new (body, "stream_options", json_pack ("{s:b}", "include_usage", 1)) == 0);
}

troupe_err_t
openai_write_prompt (const troupe_model_t *model, const prompt_t *prompt, bool stream, bytes_t *body,
                     troupe_error_t *error)
{
  json_t *messages, *request;
  troupe_err_t code = openai_messages (prompt, model->provider->media, &messages, error);
  if (code != TROUPE_OK)
    return code;
  request = json_pack ("{s:s,s:o}", "model", model->model_name, "messages", messages);
  code = request ? parameters_put (request, prompt, model->provider->parameters, model->model_name, error)
                 : body_no_memory (error);
  if (code == TROUPE_OK && !put_settings (request, model, prompt, stream))
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

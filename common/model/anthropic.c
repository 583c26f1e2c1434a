// SPDX-License-Identifier: Apache-2.0
//
// The provider of Anthropic's messages (anthropic-version 2023-06-01). What differs from others: the system prompt
// stands apart from the messages, max_tokens must be there, a reply is a list of blocks that a stream opens, fills and
// closes by index, and a model that thinks wants its thoughts back, signed, in front of the tool calls that followed
// them. This file writes requests; anthropic_reply.c reads.

#include "model/anthropic.h"
#include "model/body.h"
#include "model/tools.h"

#include <stdlib.h>
#include <string.h>

enum {
  REPLY_TOKENS = 4096,   // when nobody says: what every model of theirs can write
  THINKING_MIN = 1024,   // their least budget
  THINKING_USUAL = 8192, // of a model that needs one, when thinking is true
  IMAGE_MAX = 5 * 1000 * 1000,
  FILE_MAX = 32 * 1000 * 1000
};

static const media_rule_t media[] = {
  {"image", MEDIA_LINKS, IMAGE_MAX},
  {"file", MEDIA_LINKS, FILE_MAX},
  {NULL, MEDIA_DATA, 0},
};

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},    {"messages", "messages is what the ask holds"},
  {"system", "system is what the ask's messages hold"},     {"tools", "tools is what the ask holds"},
  {"stream", "stream is configured as models.NAME.stream"}, {NULL, NULL},
};

static troupe_err_t
append (json_t *list, json_t *item, troupe_error_t *error)
{
  return json_array_append_new (list, item) == 0 ? TROUPE_OK : body_no_memory (error);
}

// -- Messages --------------------------------------------------------------------------------------------------------

static json_t *
make_media (const media_t *part)
{
  const char *type = strcmp (part->kind, "image") == 0 ? "image" : "document";
  if (!part->data)
    return json_pack ("{s:s,s:{s:s,s:s}}", "type", type, "source", "type", "url", "url", part->url);
  const char *fallback = strcmp (part->kind, "image") == 0 ? "image/png" : "application/pdf";
  return json_pack ("{s:s,s:{s:s,s:s,s:s}}", "type", type, "source", "type", "base64", "media_type",
                    part->mime[0] ? part->mime : fallback, "data", part->data);
}

static json_t *
make_result (const json_t *block)
{
  const json_t *output = json_object_get (block, "output");
  char *text = json_is_string (output) ? NULL : part_output (block);
  if (!text && !json_is_string (output))
    return NULL;
  json_t *said = text ? json_string (text) : json_incref ((json_t *)(uintptr_t)output);
  free (text);
  return json_pack ("{s:s,s:s,s:o,s:o*}", "type", "tool_result", "tool_use_id", part_member (block, "id"), "content",
                    said, "is_error", json_is_true (json_object_get (block, "error")) ? json_true () : NULL);
}

static troupe_err_t
add_part (void *context, const part_t *part, troupe_error_t *error)
{
  json_t *blocks = context;
  switch (part->kind) {
  case PART_TEXT: // they refuse an empty text
    return json_string_length (part->text)
             ? append (blocks, json_pack ("{s:s,s:O}", "type", "text", "text", part->text), error)
             : TROUPE_OK;
  case PART_MEDIA:
    return append (blocks, make_media (&part->media), error);
  case PART_CALL:
    return append (blocks,
                   json_pack ("{s:s,s:s,s:s,s:O}", "type", "tool_use", "id", part_member (part->block, "id"), "name",
                              part_member (part->block, "name"), "input", json_object_get (part->block, "input")),
                   error);
  default:
    return append (blocks, make_result (part->block), error);
  }
}

// The thoughts that came with a message of this provider's, as it wants them back.
static troupe_err_t
add_thoughts (json_t *blocks, const troupe_message_t *message, troupe_error_t *error)
{
  size_t i;
  json_t *thought;
  const json_t *metadata = troupe_message_metadata (message);
  if (strcmp (body_text (metadata, "provider"), "anthropic") != 0)
    return TROUPE_OK;
  json_array_foreach (json_object_get (metadata, "thinking"), i, thought) {
    const char *signature = body_text (thought, "signature"), *hidden = body_text (thought, "hidden");
    troupe_err_t code = TROUPE_OK;
    if (hidden[0])
      code = append (blocks, json_pack ("{s:s,s:s}", "type", "redacted_thinking", "data", hidden), error);
    else if (signature[0])
      code = append (blocks,
                     json_pack ("{s:s,s:s,s:s}", "type", "thinking", "thinking", body_text (thought, "text"),
                                "signature", signature),
                     error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
write_message (json_t *messages, const troupe_message_t *message, size_t index, troupe_error_t *error)
{
  bool assistant = troupe_message_role (message) == TROUPE_ROLE_ASSISTANT;
  json_t *blocks = json_array ();
  troupe_err_t code = blocks ? TROUPE_OK : body_no_memory (error);
  if (code == TROUPE_OK && assistant)
    code = add_thoughts (blocks, message, error);
  if (code == TROUPE_OK)
    code = part_walk (message, index, media, add_part, blocks, error);
  if (code == TROUPE_OK && json_array_size (blocks))
    code =
      append (messages, json_pack ("{s:s,s:O}", "role", assistant ? "assistant" : "user", "content", blocks), error);
  json_decref (blocks);
  return code;
}

// System messages at the beginning are the system prompt; later ones are told as a user's.
static troupe_err_t
write_messages (json_t *request, const prompt_t *prompt, troupe_error_t *error)
{
  json_t *system = json_array (), *messages = json_array ();
  troupe_err_t code = system && messages ? TROUPE_OK : body_no_memory (error);
  size_t first = 0;
  if (code == TROUPE_OK)
    code = part_walk_systems (prompt->messages, prompt->count, media, add_part, system, &first, error);
  for (; code == TROUPE_OK && first < prompt->count; first++)
    code = write_message (messages, prompt->messages[first], first, error);
  if (code == TROUPE_OK && (json_object_set (request, "messages", messages) < 0 ||
                            (json_array_size (system) && json_object_set (request, "system", system) < 0)))
    code = body_no_memory (error);
  json_decref (system);
  json_decref (messages);
  return code;
}

// -- What goes with them ---------------------------------------------------------------------------------------------

static json_t *
make_tool (const json_t *tool)
{
  return json_pack ("{s:O,s:O*,s:o}", "name", json_object_get (tool, "name"), "description",
                    json_object_get (tool, "description"), "input_schema", tools_schema (tool));
}

static json_t *
make_choice (const char *choice)
{
  if (strcmp (choice, "auto") == 0 || strcmp (choice, "none") == 0)
    return json_pack ("{s:s}", "type", choice);
  if (strcmp (choice, "required") == 0)
    return json_pack ("{s:s}", "type", "any");
  return json_pack ("{s:s,s:s}", "type", "tool", "name", choice);
}

// Some models refuse to be forced: then they choose, and the answer says so.
static bool
is_refused (const char *choice, const char *model)
{
  return strcmp (choice, "auto") != 0 && strcmp (choice, "none") != 0 &&
         !parameters_takes (parameters_anthropic, model, "forced");
}

static bool
put_tools (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *choice = parameters_get (prompt, parameters_anthropic, model->model_name, "tool_choice");
  if (!prompt->tools)
    return true;
  if (choice && is_refused (json_string_value (choice), model->model_name)) {
    choice = NULL;
    if (!prompt_note (prompt, "parameters", json_string ("tool_choice")))
      return false;
  }
  return json_object_set_new (request, "tools", tools_list (prompt->tools, make_tool)) == 0 &&
         (!choice || json_object_set_new (request, "tool_choice", make_choice (json_string_value (choice))) == 0);
}

// true: as much as it wants; a number: at most that many tokens; false and 0: not at all. Older models know budgets
// only, newer ones none, and think less on less effort.
static bool
put_thinking (json_t *request, const char *model, const json_t *thinking)
{
  bool budgets = parameters_takes (parameters_anthropic, model, "budget");
  bool adaptive = parameters_takes (parameters_anthropic, model, "adaptive");
  json_int_t budget = json_is_true (thinking) ? THINKING_USUAL : json_integer_value (thinking);
  if (budget <= 0)
    return !budgets || json_object_set_new (request, "thinking", json_pack ("{s:s}", "type", "disabled")) == 0;
  if (adaptive && (json_is_true (thinking) || !budgets))
    return json_object_set_new (request, "thinking", json_pack ("{s:s}", "type", "adaptive")) == 0;
  if (budget < THINKING_MIN)
    budget = THINKING_MIN;
  return json_object_set_new (request, "thinking",
                              json_pack ("{s:s,s:I}", "type", "enabled", "budget_tokens", budget)) == 0;
}

static bool
put_parameters (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *stop = parameters_get (prompt, parameters_anthropic, model->model_name, "stop");
  const json_t *thinking = parameters_get (prompt, parameters_anthropic, model->model_name, "thinking");
  json_t *list = json_is_string (stop) ? json_pack ("[O]", stop) : json_incref ((json_t *)(uintptr_t)stop);
  if ((list && json_object_set_new (request, "stop_sequences", list) < 0) ||
      (thinking && !put_thinking (request, model->model_name, thinking)))
    return false;
  if (json_object_get (request, "max_tokens"))
    return true;
  json_int_t budget = json_integer_value (json_object_get (json_object_get (request, "thinking"), "budget_tokens"));
  return json_object_set_new (request, "max_tokens", json_integer (REPLY_TOKENS + budget)) == 0;
}

// Their models of today refuse the two together.
static bool
drop_top_p (json_t *request, const prompt_t *prompt)
{
  if (!json_object_get (request, "temperature") || !json_object_get (request, "top_p"))
    return true;
  json_object_del (request, "top_p");
  return prompt_note (prompt, "parameters", json_string ("top_p"));
}

static bool
put_format (json_t *request, const json_t *format)
{
  return !json_is_object (format) || parameters_set (request, "output_config.format",
                                                     json_pack ("{s:s,s:O}", "type", "json_schema", "schema", format));
}

static troupe_err_t
anthropic_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  json_t *request = json_pack ("{s:s}", "model", self->model_name);
  troupe_err_t code = request ? write_messages (request, prompt, error) : body_no_memory (error);
  if (code == TROUPE_OK)
    code = parameters_put (request, prompt, parameters_anthropic, self->model_name, error);
  if (code == TROUPE_OK &&
      (!put_tools (request, self, prompt) || !put_parameters (request, self, prompt) || !drop_top_p (request, prompt) ||
       !put_format (request, prompt->format) || json_object_update (request, prompt->options) < 0 ||
       (stream && json_object_set_new (request, "stream", json_true ()) < 0)))
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

static const char *const headers[] = {"anthropic-version", "2023-06-01", NULL};

const provider_t anthropic_provider = {
  .formats = true,
  .streams = true,
  .path = "/messages",
  .headers = headers,
  .reserved = reserved,
  .parameters = parameters_anthropic,
  .media = media,
  .write = anthropic_write,
  .read = anthropic_read,
  .event = anthropic_event,
};

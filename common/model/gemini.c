// SPDX-License-Identifier: Apache-2.0
//
// The provider of Google's Gemini API. What differs from others: the model stands in the address, and so does
// streaming; roles are user and model; a result names the function, not the call; a call may carry a signature of the
// thoughts before it, which the model wants back with it. This file writes requests; gemini_reply.c reads.

#include "model/gemini.h"
#include "model/body.h"
#include "model/tools.h"

#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 20 * 1000 * 1000 }; // of a whole request with data in it

static const media_rule_t media[] = {
  {"image", MEDIA_LINKS, DATA_MAX},
  {"audio", MEDIA_LINKS, DATA_MAX},
  {"video", MEDIA_LINKS, DATA_MAX},
  {"file", MEDIA_LINKS, DATA_MAX},
  {NULL, MEDIA_DATA, 0},
};

static const char *const reserved[][2] = {
  {"contents", "contents is what the ask's messages hold"},
  {"systemInstruction", "systemInstruction is what the ask's messages hold"},
  {NULL, NULL},
};

static troupe_err_t
append (json_t *list, json_t *item, troupe_error_t *error)
{
  return json_array_append_new (list, item) == 0 ? TROUPE_OK : body_no_memory (error);
}

// -- Contents --------------------------------------------------------------------------------------------------------

static json_t *
make_media (const media_t *part)
{
  const char *mime = part->mime[0] ? part->mime : NULL;
  if (!part->data)
    return json_pack ("{s:{s:s,s:s*}}", "fileData", "fileUri", part->url, "mimeType", mime);
  return json_pack ("{s:{s:s,s:s}}", "inlineData", "mimeType", mime ? mime : "application/octet-stream", "data",
                    part->data);
}

static json_t *
make_call (const json_t *block)
{
  const char *signature = part_member (block, "signature");
  return json_pack ("{s:{s:s,s:O},s:s*}", "functionCall", "name", part_member (block, "name"), "args",
                    json_object_get (block, "input"), "thoughtSignature", signature[0] ? signature : NULL);
}

// A result must be an object.
static json_t *
make_result (const json_t *block)
{
  json_t *output = json_object_get (block, "output");
  bool failed = json_is_true (json_object_get (block, "error"));
  json_t *response = json_is_object (output) && !failed ? json_incref (output)
                                                        : json_pack ("{s:O}", failed ? "error" : "output", output);
  return json_pack ("{s:{s:s,s:o}}", "functionResponse", "name", part_member (block, "name"), "response", response);
}

static troupe_err_t
add_part (void *context, const part_t *part, troupe_error_t *error)
{
  json_t *parts = context;
  switch (part->kind) {
  case PART_TEXT:
    return append (parts, json_pack ("{s:O}", "text", part->text), error);
  case PART_MEDIA:
    return append (parts, make_media (&part->media), error);
  case PART_CALL:
    return append (parts, make_call (part->block), error);
  default:
    return append (parts, make_result (part->block), error);
  }
}

static troupe_err_t
write_message (json_t *contents, const troupe_message_t *message, size_t index, troupe_error_t *error)
{
  json_t *parts = json_array ();
  bool model = troupe_message_role (message) == TROUPE_ROLE_ASSISTANT;
  troupe_err_t code = parts ? part_walk (message, index, media, add_part, parts, error) : body_no_memory (error);
  if (code == TROUPE_OK && json_array_size (parts))
    code = append (contents, json_pack ("{s:s,s:O}", "role", model ? "model" : "user", "parts", parts), error);
  json_decref (parts);
  return code;
}

static troupe_err_t
write_contents (json_t *request, const prompt_t *prompt, troupe_error_t *error)
{
  json_t *system = json_array (), *contents = json_array ();
  troupe_err_t code = system && contents ? TROUPE_OK : body_no_memory (error);
  size_t first = 0;
  if (code == TROUPE_OK)
    code = part_walk_systems (prompt->messages, prompt->count, media, add_part, system, &first, error);
  for (; code == TROUPE_OK && first < prompt->count; first++)
    code = write_message (contents, prompt->messages[first], first, error);
  if (code == TROUPE_OK &&
      (json_object_set (request, "contents", contents) < 0 ||
       (json_array_size (system) &&
        json_object_set_new (request, "systemInstruction", json_pack ("{s:O}", "parts", system)) < 0)))
    code = body_no_memory (error);
  json_decref (system);
  json_decref (contents);
  return code;
}

// -- What goes with them ---------------------------------------------------------------------------------------------

static json_t *
make_tool (const json_t *tool)
{
  return json_pack ("{s:O,s:O*,s:O*}", "name", json_object_get (tool, "name"), "description",
                    json_object_get (tool, "description"), "parametersJsonSchema",
                    json_object_get (tool, "parameters"));
}

static json_t *
make_tools (const json_t *tools)
{
  return json_pack ("[{s:o}]", "functionDeclarations", tools_list (tools, make_tool));
}

static json_t *
make_choice (const char *choice)
{
  if (strcmp (choice, "auto") == 0)
    return json_pack ("{s:s}", "mode", "AUTO");
  if (strcmp (choice, "none") == 0)
    return json_pack ("{s:s}", "mode", "NONE");
  if (strcmp (choice, "required") == 0)
    return json_pack ("{s:s}", "mode", "ANY");
  return json_pack ("{s:s,s:[s]}", "mode", "ANY", "allowedFunctionNames", choice);
}

static bool
put_tools (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *choice = parameters_get (prompt, parameters_gemini, model->model_name, "tool_choice");
  if (!prompt->tools)
    return true;
  return json_object_set_new (request, "tools", make_tools (prompt->tools)) == 0 &&
         (!choice ||
          parameters_set (request, "toolConfig.functionCallingConfig", make_choice (json_string_value (choice))));
}

static bool
put_parameters (json_t *request, const troupe_model_t *model, const prompt_t *prompt)
{
  const json_t *stop = parameters_get (prompt, parameters_gemini, model->model_name, "stop");
  const json_t *thinking = parameters_get (prompt, parameters_gemini, model->model_name, "thinking");
  json_t *list = json_is_string (stop) ? json_pack ("[O]", stop) : json_incref ((json_t *)(uintptr_t)stop);
  if (list && !parameters_set (request, "generationConfig.stopSequences", list))
    return false;
  if (!thinking)
    return true;
  json_int_t budget = json_is_true (thinking) ? -1 : json_integer_value (thinking); // -1: as much as it wants
  return parameters_set (request, "generationConfig.thinkingConfig.includeThoughts", json_boolean (budget != 0)) &&
         parameters_set (request, "generationConfig.thinkingConfig.thinkingBudget", json_integer (budget));
}

static bool
put_format (json_t *request, const json_t *format)
{
  if (!format)
    return true;
  return parameters_set (request, "generationConfig.responseMimeType", json_string ("application/json")) &&
         (!json_is_object (format) ||
          parameters_set (request, "generationConfig.responseJsonSchema", json_incref ((json_t *)(uintptr_t)format)));
}

static troupe_err_t
gemini_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  (void)stream; // the address says it
  json_t *request = json_object ();
  troupe_err_t code = request ? write_contents (request, prompt, error) : body_no_memory (error);
  if (code == TROUPE_OK)
    code = parameters_put (request, prompt, parameters_gemini, self->model_name, error);
  if (code == TROUPE_OK &&
      (!put_tools (request, self, prompt) || !put_parameters (request, self, prompt) ||
       !put_format (request, prompt->format) || json_object_update_recursive (request, prompt->options) < 0))
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

const provider_t gemini_provider = {
  .formats = true,
  .streams = true,
  .path = "/models/{model}:generateContent",
  .stream_path = "/models/{model}:streamGenerateContent?alt=sse",
  .reserved = reserved,
  .parameters = parameters_gemini,
  .media = media,
  .write = gemini_write,
  .read = gemini_read,
  .event = gemini_event,
};

// SPDX-License-Identifier: Apache-2.0
//
// Gemini's replies: each event of a stream is a whole response with the next parts in it. There is no mark for the end:
// the finish reason is. A prompt that was blocked has no candidates.

#include "model/body.h"
#include "model/failure.h"
#include "model/gemini.h"

#include <stdlib.h>
#include <string.h>

static troupe_err_t
take_call (reply_t *reply, const json_t *part, const json_t *call, troupe_error_t *error)
{
  json_t *args = json_object_get (call, "args");
  reply_tool_t *tool = reply_tool (reply, (int64_t)reply->tool_count); // a call comes in one piece
  if (!tool)
    return reply->tool_count == REPLY_TOOLS_MAX
             ? troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "the model calls more than %d tools at once",
                                 REPLY_TOOLS_MAX)
             : body_no_memory (error);
  reply_set_word (tool->id, body_text (call, "id"));
  char *text = json_is_object (args) ? json_dumps (args, JSON_COMPACT) : NULL;
  troupe_err_t code = body_add (&tool->name, json_object_get (call, "name"), error);
  if (code == TROUPE_OK)
    code = body_add (&tool->signature, json_object_get (part, "thoughtSignature"), error);
  if (code == TROUPE_OK && args && (!text || !bytes_add_text (&tool->arguments, text)))
    code = body_no_memory (error);
  free (text);
  return code;
}

// What a model draws or speaks.
static troupe_err_t
take_data (reply_t *reply, const json_t *data, troupe_error_t *error)
{
  const char *mime = body_text (data, "mimeType"), *base64 = body_text (data, "data");
  const char *kind = strncmp (mime, "audio/", 6) == 0 ? "audio" : strncmp (mime, "video/", 6) == 0 ? "video" : "image";
  json_t *url = json_sprintf ("data:%s;base64,%s", mime, base64);
  if (!reply->blocks)
    reply->blocks = json_array ();
  json_t *block = json_pack ("{s:s,s:o,s:s}", "type", kind, "url", url, "mime", mime);
  return json_array_append_new (reply->blocks, block) == 0 ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
take_part (reply_t *reply, const json_t *part, troupe_error_t *error)
{
  const json_t *call = json_object_get (part, "functionCall"), *data = json_object_get (part, "inlineData");
  if (json_is_object (call))
    return take_call (reply, part, call, error);
  if (json_is_object (data))
    return take_data (reply, data, error);
  if (!json_is_true (json_object_get (part, "thought")))
    return body_add (&reply->text, json_object_get (part, "text"), error);
  reply_thought_t *thought = reply_thought (reply, 0);
  return thought ? body_add (&thought->text, json_object_get (part, "text"), error) : body_no_memory (error);
}

static void
take_finish (const char *reason, reply_t *reply)
{
  static const char *const reasons[][2] = {
    {"STOP", "stop"},
    {"FUNCTION_CALL", "tool_use"}, // some that speak like Gemini
    {"MAX_TOKENS", "length"},
    {"SAFETY", "content_filter"},
    {"RECITATION", "content_filter"},
    {"BLOCKLIST", "content_filter"},
    {"PROHIBITED_CONTENT", "content_filter"},
    {"SPII", "content_filter"},
  };
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (strcmp (reason, reasons[i][0]) == 0)
      reason = reasons[i][1];
  reply_set_word (reply->finish, reason);
}

static void
take_usage (const json_t *usage, reply_t *reply)
{
  int64_t said = -1, thought = 0;
  body_count (&reply->input_tokens, json_object_get (usage, "promptTokenCount"));
  body_count (&said, json_object_get (usage, "candidatesTokenCount"));
  body_count (&thought, json_object_get (usage, "thoughtsTokenCount"));
  if (said >= 0)
    reply->output_tokens = said + thought;
}

static troupe_err_t
take_root (const troupe_model_t *model, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *part;
  const json_t *candidate = json_array_get (json_object_get (root, "candidates"), 0);
  const char *version = body_text (root, "modelVersion");
  const char *blocked = body_text (json_object_get (root, "promptFeedback"), "blockReason");
  if (json_object_get (root, "error"))
    return failure_of_object (model, json_object_get (root, "error"), error);
  reply_set_word (reply->model, version[0] ? version : reply->model[0] ? "" : model->model_name);
  take_usage (json_object_get (root, "usageMetadata"), reply);
  if (blocked[0])
    return troupe_error_set (error, TROUPE_MODEL_REFUSED, model->object, NULL, "%s blocks the prompt: %.64s",
                             model->shown_url, blocked);
  troupe_err_t code = TROUPE_OK;
  json_array_foreach (json_object_get (json_object_get (candidate, "content"), "parts"), i, part) {
    if (code == TROUPE_OK)
      code = take_part (reply, part, error);
  }
  take_finish (body_text (candidate, "finishReason"), reply);
  return code;
}

troupe_err_t
gemini_read (const troupe_model_t *model, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = take_root (model, root, reply, error);
  if (code == TROUPE_OK && json_array_size (json_object_get (root, "candidates")) == 0)
    code = body_lacks (model, "any candidate", error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

troupe_err_t
gemini_event (const troupe_model_t *model, const char *event, const char *data, size_t size, reply_t *reply,
              troupe_error_t *error)
{
  json_t *root;
  (void)event;
  if (!size)
    return TROUPE_OK;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code == TROUPE_OK)
    code = take_root (model, root, reply, error);
  json_decref (root);
  return code;
}

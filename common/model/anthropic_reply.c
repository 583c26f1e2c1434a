// SPDX-License-Identifier: Apache-2.0
//
// Anthropic's replies. A streamed reply opens each block (content_block_start), fills it (content_block_delta) and
// closes it, by index; blocks of a whole reply are taken as if they were opened with all they hold. Events that aren't
// known are passed over, as their documentation asks.

#include "model/anthropic.h"
#include "model/body.h"
#include "model/failure.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 1024 }; // as many as a message may have

static troupe_err_t
take_call (reply_t *reply, int64_t index, const json_t *block, troupe_error_t *error)
{
  const json_t *input = json_object_get (block, "input");
  reply_tool_t *tool = reply_tool (reply, index);
  if (!tool)
    return body_no_memory (error);
  reply_set_word (tool->id, body_text (block, "id"));
  troupe_err_t code = body_add (&tool->name, json_object_get (block, "name"), error);
  if (code != TROUPE_OK || json_object_size (input) == 0)
    return code; // a stream opens a call with {} and then sends its arguments
  char *text = json_dumps (input, JSON_COMPACT);
  if (!text || !bytes_add_text (&tool->arguments, text))
    code = body_no_memory (error);
  free (text);
  return code;
}

static troupe_err_t
take_thought (reply_t *reply, int64_t index, const json_t *object, const char *key, troupe_error_t *error)
{
  reply_thought_t *thought = reply_thought (reply, index);
  troupe_err_t code =
    thought ? body_add (&thought->text, json_object_get (object, key), error) : body_no_memory (error);
  if (code == TROUPE_OK)
    code = body_add (&thought->signature, json_object_get (object, "signature"), error);
  if (code == TROUPE_OK && strcmp (key, "data") == 0)
    thought->hidden = true;
  return code;
}

static troupe_err_t
open_block (reply_t *reply, int64_t index, const json_t *block, troupe_error_t *error)
{
  const char *type = body_text (block, "type");
  if (strcmp (type, "text") == 0)
    return body_add (&reply->text, json_object_get (block, "text"), error);
  if (strcmp (type, "tool_use") == 0)
    return take_call (reply, index, block, error);
  if (strcmp (type, "thinking") == 0)
    return take_thought (reply, index, block, "thinking", error);
  if (strcmp (type, "redacted_thinking") == 0)
    return take_thought (reply, index, block, "data", error);
  return TROUPE_OK;
}

static troupe_err_t
fill_block (reply_t *reply, int64_t index, const json_t *delta, troupe_error_t *error)
{
  const char *type = body_text (delta, "type");
  if (strcmp (type, "text_delta") == 0)
    return body_add (&reply->text, json_object_get (delta, "text"), error);
  if (strcmp (type, "input_json_delta") == 0) {
    reply_tool_t *tool = reply_tool (reply, index);
    return tool ? body_add (&tool->arguments, json_object_get (delta, "partial_json"), error) : body_no_memory (error);
  }
  if (strcmp (type, "thinking_delta") == 0 || strcmp (type, "signature_delta") == 0)
    return take_thought (reply, index, delta, "thinking", error);
  return TROUPE_OK;
}

static void
take_finish (const json_t *object, reply_t *reply)
{
  static const char *const reasons[][2] = {
    {"end_turn", "stop"},
    {"stop_sequence", "stop"},
    {"max_tokens", "length"},
    {"refusal", "content_filter"},
    {"model_context_window_exceeded", "length"},
  };
  const char *reason = body_text (object, "stop_reason");
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (strcmp (reason, reasons[i][0]) == 0)
      reason = reasons[i][1];
  reply_set_word (reply->finish, reason);
}

// Tokens read from a cache count as input as well: it is what the prompt was.
static void
take_usage (const json_t *usage, reply_t *reply)
{
  int64_t input = -1, cached = 0, written = 0;
  body_count (&input, json_object_get (usage, "input_tokens"));
  body_count (&cached, json_object_get (usage, "cache_read_input_tokens"));
  body_count (&written, json_object_get (usage, "cache_creation_input_tokens"));
  if (input >= 0)
    reply->input_tokens = input + cached + written;
  body_count (&reply->output_tokens, json_object_get (usage, "output_tokens"));
}

static void
take_frame (const json_t *message, reply_t *reply)
{
  reply_set_word (reply->model, body_text (message, "model"));
  take_usage (json_object_get (message, "usage"), reply);
  take_finish (message, reply);
}

troupe_err_t
anthropic_read (const troupe_model_t *model, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *root, *block;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  const json_t *content = json_object_get (root, "content");
  if (json_object_get (root, "error"))
    code = failure_of_object (model, json_object_get (root, "error"), error);
  else if (!json_is_array (content))
    code = body_lacks (model, "any content", error);
  json_array_foreach (content, i, block) {
    if (code == TROUPE_OK)
      code = open_block (reply, (int64_t)i, block, error);
  }
  take_frame (root, reply);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

static troupe_err_t
take_event (const troupe_model_t *model, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  const char *type = body_text (root, "type");
  json_int_t index = json_integer_value (json_object_get (root, "index"));
  if (index < 0 || index >= BLOCKS_MAX)
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "a block has an index out of range");
  if (strcmp (type, "message_start") == 0)
    take_frame (json_object_get (root, "message"), reply);
  else if (strcmp (type, "content_block_start") == 0)
    return open_block (reply, index, json_object_get (root, "content_block"), error);
  else if (strcmp (type, "content_block_delta") == 0)
    return fill_block (reply, index, json_object_get (root, "delta"), error);
  else if (strcmp (type, "message_delta") == 0) {
    take_finish (json_object_get (root, "delta"), reply);
    take_usage (json_object_get (root, "usage"), reply);
  } else if (strcmp (type, "message_stop") == 0)
    reply->ended = true;
  else if (strcmp (type, "error") == 0)
    return failure_of_object (model, json_object_get (root, "error"), error);
  return TROUPE_OK;
}

troupe_err_t
anthropic_event (const troupe_model_t *model, const char *event, const char *data, size_t size, reply_t *reply,
                 troupe_error_t *error)
{
  json_t *root;
  (void)event; // the data say it too
  if (!size)
    return TROUPE_OK;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code == TROUPE_OK)
    code = take_event (model, root, reply, error);
  json_decref (root);
  return code;
}

// SPDX-License-Identifier: Apache-2.0
//
// Replies of OpenAI's Responses API, whole and streamed. A stream tells of each item of the output by its place
// (`output_index`): that it begins, what it gets, that it is done; and in the end the whole response once more. Text,
// arguments and summaries are taken as they come in pieces, and what has none (the encrypted thought) from the item
// that is done; all of it from the end's response where nothing came before. Events that aren't known are passed over.

#include "model/body.h"
#include "model/failure.h"
#include "model/openai_reply.h"
#include "model/openai_responses.h"

#include <string.h>

enum { ITEMS_MAX = 1024 }; // as many as a message may have blocks

static troupe_err_t
too_many (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL,
                           "the model calls more than %d tools, or thinks more than %d times, at once", REPLY_TOOLS_MAX,
                           REPLY_THOUGHTS_MAX);
}

// -- Items -----------------------------------------------------------------------------------------------------------

// A text of an item once more, or for the first time.
static troupe_err_t
add_once (bytes_t *out, const json_t *text, troupe_error_t *error)
{
  return out->size ? TROUPE_OK : body_add (out, text, error);
}

static troupe_err_t
take_call (const json_t *item, int64_t index, reply_t *reply, troupe_error_t *error)
{
  reply_tool_t *tool = reply_tool (reply, index);
  if (!tool)
    return too_many (error);
  reply_set_word (tool->id, body_text (item, "call_id"));
  troupe_err_t code = add_once (&tool->name, json_object_get (item, "name"), error);
  return code == TROUPE_OK ? add_once (&tool->arguments, json_object_get (item, "arguments"), error) : code;
}

static troupe_err_t
add_paragraphs (bytes_t *out, const json_t *parts, troupe_error_t *error)
{
  size_t i;
  json_t *part;
  json_array_foreach ((json_t *)(uintptr_t)parts, i, part) {
    if (out->size && !bytes_add_text (out, "\n\n"))
      return body_no_memory (error);
    troupe_err_t code = body_add (out, json_object_get (part, "text"), error);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
take_thought (const json_t *item, int64_t index, reply_t *reply, troupe_error_t *error)
{
  reply_thought_t *thought = reply_thought (reply, index);
  if (!thought)
    return too_many (error);
  reply_set_word (thought->id, body_text (item, "id"));
  troupe_err_t code = TROUPE_OK;
  if (thought->text.size == 0) // models that show their thoughts have a content, others a summary
    code = add_paragraphs (&thought->text, json_object_get (item, "content"), error);
  if (code == TROUPE_OK && thought->text.size == 0)
    code = add_paragraphs (&thought->text, json_object_get (item, "summary"), error);
  bytes_reset (&thought->signature); // an item that begins may have a first form of it
  return code == TROUPE_OK ? body_add (&thought->signature, json_object_get (item, "encrypted_content"), error) : code;
}

static troupe_err_t
take_message (const json_t *item, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *part;
  troupe_err_t code = TROUPE_OK;
  json_array_foreach (json_object_get (item, "content"), i, part) {
    const char *key = strcmp (body_text (part, "type"), "refusal") == 0 ? "refusal" : "text";
    if (code == TROUPE_OK)
      code = body_add (&reply->text, json_object_get (part, key), error);
  }
  return code;
}

// Messages only where they didn't come in pieces.
static troupe_err_t
take_item (const json_t *item, int64_t index, bool messages, reply_t *reply, troupe_error_t *error)
{
  const char *type = body_text (item, "type");
  if (strcmp (type, "function_call") == 0)
    return take_call (item, index, reply, error);
  if (strcmp (type, "reasoning") == 0)
    return take_thought (item, index, reply, error);
  return messages && strcmp (type, "message") == 0 ? take_message (item, reply, error) : TROUPE_OK;
}

// -- The response ----------------------------------------------------------------------------------------------------

static void
take_finish (const json_t *response, reply_t *reply)
{
  const char *status = body_text (response, "status");
  const char *reason = body_text (json_object_get (response, "incomplete_details"), "reason");
  if (strcmp (status, "incomplete") != 0)
    reply_set_word (reply->finish, "stop");
  else
    reply_set_word (reply->finish, strcmp (reason, "content_filter") == 0 ? reason : "length");
}

static troupe_err_t
take_response (const troupe_model_t *model, const json_t *response, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *item;
  bool told = reply->text.size || reply->tool_count || reply->thought_count;
  troupe_err_t code = openai_read_frame (model, response, reply, error);
  const json_t *usage = json_object_get (response, "usage"), *output = json_object_get (response, "output");
  const char *status = body_text (response, "status");
  if (code == TROUPE_OK && (strcmp (status, "failed") == 0 || strcmp (status, "cancelled") == 0))
    code = failure_of_object (model, response, error);
  if (code != TROUPE_OK)
    return code;
  body_count (&reply->input_tokens, json_object_get (usage, "input_tokens"));
  body_count (&reply->output_tokens, json_object_get (usage, "output_tokens"));
  json_array_foreach ((json_t *)(uintptr_t)output, i, item) {
    if (code == TROUPE_OK && !told)
      code = take_item (item, (int64_t)i, true, reply, error);
  }
  take_finish (response, reply);
  reply->ended = code == TROUPE_OK;
  return code;
}

troupe_err_t
responses_read (const troupe_model_t *model, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = take_response (model, root, reply, error);
  if (code == TROUPE_OK && !json_is_array (json_object_get (root, "output")))
    code = body_lacks (model, "any output", error);
  json_decref (root);
  return code;
}

// -- Events ----------------------------------------------------------------------------------------------------------

// Parts of a thought are paragraphs.
static troupe_err_t
begin_paragraph (reply_t *reply, int64_t index, troupe_error_t *error)
{
  reply_thought_t *thought = reply_thought (reply, index);
  if (!thought)
    return too_many (error);
  return thought->text.size == 0 || bytes_add_text (&thought->text, "\n\n") ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
take_delta (const char *type, int64_t index, const json_t *delta, reply_t *reply, troupe_error_t *error)
{
  if (strcmp (type, "output_text") == 0 || strcmp (type, "refusal") == 0)
    return body_add (&reply->text, delta, error);
  if (strcmp (type, "function_call_arguments") == 0) {
    reply_tool_t *tool = reply_tool (reply, index);
    return tool ? body_add (&tool->arguments, delta, error) : too_many (error);
  }
  if (strcmp (type, "reasoning_summary_text") == 0 || strcmp (type, "reasoning_text") == 0) {
    reply_thought_t *thought = reply_thought (reply, index);
    return thought ? body_add (&thought->text, delta, error) : too_many (error);
  }
  return TROUPE_OK;
}

static bool
is_end (const char *type)
{
  return strcmp (type, "completed") == 0 || strcmp (type, "incomplete") == 0 || strcmp (type, "failed") == 0 ||
         strcmp (type, "cancelled") == 0;
}

// `type` is the event's without "response.".
static troupe_err_t
take_event (const troupe_model_t *model, const char *type, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  char what[64];
  const char *dot = strrchr (type, '.');
  json_int_t index = json_integer_value (json_object_get (root, "output_index"));
  if (index < 0 || index >= ITEMS_MAX)
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "an item has an index out of range");
  if (is_end (type))
    return take_response (model, json_object_get (root, "response"), reply, error);
  if (strcmp (type, "output_item.added") == 0 || strcmp (type, "output_item.done") == 0)
    return take_item (json_object_get (root, "item"), index, false, reply, error);
  if (strcmp (type, "reasoning_summary_part.added") == 0)
    return begin_paragraph (reply, index, error);
  if (!dot || strcmp (dot, ".delta") != 0)
    return TROUPE_OK;
  snprintf (what, sizeof what, "%.*s", (int)(dot - type), type);
  return take_delta (what, index, json_object_get (root, "delta"), reply, error);
}

troupe_err_t
responses_event (const troupe_model_t *model, const char *event, const char *data, size_t size, reply_t *reply,
                 troupe_error_t *error)
{
  static const char prefix[] = "response.";
  json_t *root;
  (void)event; // the data say it too
  if (size == 0 || (size == 6 && memcmp (data, "[DONE]", 6) == 0))
    return TROUPE_OK;
  troupe_err_t code = body_read (model, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  const char *type = body_text (root, "type");
  const json_t *cause = json_object_get (root, "error");
  if (strcmp (type, "error") == 0 || json_is_object (cause))
    code = failure_of_object (model, json_is_object (cause) ? cause : root, error);
  else if (strncmp (type, prefix, sizeof prefix - 1) == 0)
    code = take_event (model, type + sizeof prefix - 1, root, reply, error);
  json_decref (root);
  return code;
}

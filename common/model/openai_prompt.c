// SPDX-License-Identifier: Apache-2.0
//
// From a prompt to the JSON that OpenAI's chat completions take. The forms differ in three places. A message here may
// hold results of several tools; there each is a message of its own, which must follow the assistant's right away, so
// results come before whatever else the message says. A tool's input is a JSON object here and JSON text there. And
// what a message points to (its `url`, image blocks) is a part of the content there, for images only: any other
// kind is refused by name, since leaving it out would make the model answer a question that nobody asked.

#include "model/openai_prompt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"messages", "messages is what the ask holds"},
  {"tools", "tools is what the ask holds"},
  {"stream", "stream is configured as models.NAME.stream"},
  {"stream_options", "stream_options is set where a reply is streamed"},
  {"n", "n is 1: an ask has one answer"},
};

const char *
openai_reserved (const json_t *options)
{
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (json_object_get (options, reserved[i][0]))
      return reserved[i][1];
  return NULL;
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
}

// Where we are, for errors.
typedef struct {
  const troupe_message_t *message;
  size_t index;  // of the message
  json_t *out;   // the list of messages for the request
  json_t *parts; // of the content: {"type": "text"} and {"type": "image_url"}
  json_t *calls; // tool_calls
  bool images;
  troupe_error_t *error;
} writer_t;

static troupe_err_t
refuse_block (const writer_t *self, size_t block, const char *why)
{
  return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, NULL, NULL, "messages[%zu].content[%zu]: %s", self->index,
                           block, why);
}

static const char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text ? text : "";
}

static troupe_err_t
append (json_t *list, json_t *item, troupe_error_t *error)
{
  return json_array_append_new (list, item) == 0 ? TROUPE_OK : no_memory (error);
}

static troupe_err_t
add_text (writer_t *self, const json_t *text)
{
  return append (self->parts, json_pack ("{s:s,s:O}", "type", "text", "text", text), self->error);
}

static bool
starts_with (const char *text, const char *start)
{
  return strncasecmp (text, start, strlen (start)) == 0;
}

static troupe_err_t
add_image (writer_t *self, const char *url)
{
  self->images = true;
  return append (self->parts, json_pack ("{s:s,s:{s:s}}", "type", "image_url", "image_url", "url", url), self->error);
}

static troupe_err_t
add_image_block (writer_t *self, size_t i, const json_t *block)
{
  const char *url = text_of (block, "url");
  if (troupe_message_role (self->message) != TROUPE_ROLE_USER)
    return refuse_block (self, i, "an image; this model takes them in messages of the role user only");
  if (!starts_with (url, "https://") && !starts_with (url, "http://") && !starts_with (url, "data:image/"))
    return refuse_block (self, i, "an image whose url is neither http, https nor data:image/");
  return add_image (self, url);
}

static troupe_err_t
add_call (writer_t *self, size_t i, const json_t *block)
{
  if (troupe_message_role (self->message) != TROUPE_ROLE_ASSISTANT)
    return refuse_block (self, i, "a tool_use; only messages of the role assistant use tools");
  char *input = json_dumps (json_object_get (block, "input"), JSON_COMPACT);
  if (!input)
    return no_memory (self->error);
  json_t *call = json_pack ("{s:s,s:s,s:{s:s,s:s}}", "id", text_of (block, "id"), "type", "function", "function",
                            "name", text_of (block, "name"), "arguments", input);
  free (input);
  return append (self->calls, call, self->error);
}

static troupe_err_t
add_result (writer_t *self, size_t i, const json_t *block)
{
  troupe_role_t role = troupe_message_role (self->message);
  if (role != TROUPE_ROLE_TOOL && role != TROUPE_ROLE_USER)
    return refuse_block (self, i, "a tool_result; only messages of the roles tool and user bring results");
  const json_t *output = json_object_get (block, "output");
  char *dumped = json_is_string (output) ? NULL : json_dumps (output, JSON_COMPACT | JSON_ENCODE_ANY);
  const char *text = json_is_string (output) ? json_string_value (output) : dumped;
  bytes_t content = {0};
  bool failed = json_is_true (json_object_get (block, "error"));
  troupe_err_t code = no_memory (self->error);
  if (text && bytes_add_text (&content, failed ? "Error: " : "") && bytes_add_text (&content, text))
    code = append (self->out,
                   json_pack ("{s:s,s:s,s:s}", "role", "tool", "tool_call_id", text_of (block, "id"), "content",
                              bytes_text (&content)),
                   self->error);
  free (dumped);
  bytes_clear (&content);
  return code;
}

static troupe_err_t
add_block (writer_t *self, size_t i, const json_t *block)
{
  const char *type = text_of (block, "type");
  if (strcmp (type, "text") == 0)
    return troupe_message_role (self->message) == TROUPE_ROLE_TOOL
             ? refuse_block (self, i, "a text; messages of the role tool hold tool_result blocks only")
             : add_text (self, json_object_get (block, "text"));
  if (strcmp (type, "image") == 0)
    return add_image_block (self, i, block);
  if (strcmp (type, "tool_use") == 0)
    return add_call (self, i, block);
  if (strcmp (type, "tool_result") == 0)
    return add_result (self, i, block);
  char why[96];
  snprintf (why, sizeof why, "a block of the type %.16s, which an openai_chat model doesn't take yet", type);
  return refuse_block (self, i, why);
}

// A url that goes with the message: an image by its type or its ending.
static bool
is_image_url (const char *url)
{
  static const char *const endings[] = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"};
  if (starts_with (url, "data:"))
    return starts_with (url, "data:image/");
  if (!starts_with (url, "https://") && !starts_with (url, "http://"))
    return false;
  size_t size = strcspn (url, "?#");
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t ending = strlen (endings[i]);
    if (size > ending && strncasecmp (url + size - ending, endings[i], ending) == 0)
      return true;
  }
  return false;
}

static troupe_err_t
add_urls (writer_t *self)
{
  size_t i;
  json_t *url;
  json_array_foreach ((json_t *) (uintptr_t) troupe_message_url (self->message), i, url) {
    const char *text = json_string_value (url);
    if (troupe_message_role (self->message) != TROUPE_ROLE_USER || !text || !is_image_url (text))
      return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, NULL, "use an image block if it is an image",
                               "messages[%zu].url[%zu]: this model takes images only, in messages of the role user",
                               self->index, i);
    troupe_err_t code = add_image (self, text);
    if (code != TROUPE_OK)
      return code;
  }
  return TROUPE_OK;
}

static troupe_err_t
gather (writer_t *self)
{
  const json_t *content = troupe_message_content (self->message);
  if (json_is_string (content)) {
    if (troupe_message_role (self->message) == TROUPE_ROLE_TOOL)
      return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, NULL, NULL,
                               "messages[%zu].content: a message of the role tool holds tool_result blocks, not text",
                               self->index);
    troupe_err_t code = add_text (self, content);
    return code == TROUPE_OK ? add_urls (self) : code;
  }
  for (size_t i = 0; i < json_array_size (content); i++) {
    troupe_err_t code = add_block (self, i, json_array_get (content, i));
    if (code != TROUPE_OK)
      return code;
  }
  return add_urls (self);
}

// Parts as they are when there are images, else one text: servers for text alone know no lists.
static json_t *
make_content (const writer_t *self)
{
  if (self->images)
    return json_incref (self->parts);
  bytes_t text = {0};
  bool added = true;
  for (size_t i = 0; added && i < json_array_size (self->parts); i++)
    added = bytes_add_text (&text, i ? "\n" : "")
            && bytes_add_text (&text, text_of (json_array_get (self->parts, i), "text"));
  json_t *content = added ? json_stringn (bytes_text (&text), text.size) : NULL;
  bytes_clear (&text);
  return content;
}

static troupe_err_t
put_message (writer_t *self)
{
  bool calls = json_array_size (self->calls) > 0, said = json_array_size (self->parts) > 0;
  if (!calls && !said && json_is_array (troupe_message_content (self->message))
      && json_array_size (troupe_message_content (self->message)) > 0)
    return TROUPE_OK; // it held tool results alone, which stand there already
  json_t *content = calls && !said ? json_null () : make_content (self);
  const char *name = troupe_message_name (self->message);
  json_t *message = json_pack ("{s:s,s:o}", "role", troupe_role_name (troupe_message_role (self->message)), "content",
                               content);
  if (!message)
    return no_memory (self->error);
  if ((prompt_name_fits (name) && json_object_set_new (message, "name", json_string (name)) < 0)
      || (calls && json_object_set (message, "tool_calls", self->calls) < 0)) {
    json_decref (message);
    return no_memory (self->error);
  }
  return append (self->out, message, self->error);
}

static troupe_err_t
write_message (json_t *out, const troupe_message_t *message, size_t index, troupe_error_t *error)
{
  writer_t writer = {message, index, out, json_array (), json_array (), false, error};
  troupe_err_t code = writer.parts && writer.calls ? gather (&writer) : no_memory (error);
  if (code == TROUPE_OK)
    code = put_message (&writer);
  json_decref (writer.parts);
  json_decref (writer.calls);
  return code;
}

static json_t *
make_tools (const json_t *tools)
{
  json_t *out = json_array ();
  for (size_t i = 0; i < json_array_size (tools); i++)
    if (json_array_append_new (out, json_pack ("{s:s,s:O}", "type", "function", "function", json_array_get (tools, i)))
        < 0) {
      json_decref (out);
      return NULL;
    }
  return out;
}

static bool
put_settings (json_t *body, const prompt_t *prompt, const char *model, const json_t *configured, bool stream)
{
  if (json_object_set_new (body, "model", json_string (model)) < 0
      || json_object_update (body, (json_t *) (uintptr_t) configured) < 0
      || (prompt->options && json_object_update (body, prompt->options) < 0)
      || (prompt->tools && json_object_set_new (body, "tools", make_tools (prompt->tools)) < 0))
    return false;
  return !stream
         || (json_object_set_new (body, "stream", json_true ()) == 0
             && json_object_set_new (body, "stream_options", json_pack ("{s:b}", "include_usage", 1)) == 0);
}

static int
dump (const char *data, size_t size, void *body)
{
  return bytes_add (body, data, size) ? 0 : -1;
}

troupe_err_t
openai_write_prompt (const prompt_t *prompt, const char *model, const json_t *configured, bool stream, bytes_t *body,
                     troupe_error_t *error)
{
  const char *why = openai_reserved (prompt->options);
  if (why)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "options: %s", why);
  json_t *root = json_object (), *messages = json_array ();
  troupe_err_t code = root && messages ? TROUPE_OK : no_memory (error);
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code = write_message (messages, prompt->messages[i], i, error);
  if (code == TROUPE_OK
      && (!put_settings (root, prompt, model, configured, stream) || json_object_set (root, "messages", messages) < 0
          || json_dump_callback (root, dump, body, JSON_COMPACT) < 0))
    code = no_memory (error);
  json_decref (messages);
  json_decref (root);
  return code;
}

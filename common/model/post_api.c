// SPDX-License-Identifier: Apache-2.0
//
// The provider of any endpoint that takes JSON and answers with JSON (AgentScope's "post_api" wrappers): `body` is what
// is sent, with marks in it for what the ask brings, and `answer` the path to the reply. So a server that nobody has
// thought of needs configuration, not code.

#include "model/body.h"
#include "error/reading.h"
#include "model/embedding.h"
#include "model/openai_prompt.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 }; // of a body; a configuration file isn't deeper

static const char default_body[] = "{\"model\": \"{{model}}\", \"messages\": \"{{messages}}\"}";
static const char default_answer[] = "choices.0.message.content";

typedef struct {
  json_t *body;
  const char *answer;
} post_t;

// What the marks stand for in one ask.
typedef struct {
  json_t *values; // {"{{messages}}": [...], "{{prompt}}": "...", ...}
} filling_t;

static bool
mentions (const json_t *value, const char *mark)
{
  const char *key;
  json_t *member;
  size_t i;
  if (json_is_string (value))
    return strstr (json_string_value (value), mark) != NULL;
  json_object_foreach ((json_t *)(uintptr_t)value, key, member)
    if (mentions (member, mark))
      return true;
  json_array_foreach ((json_t *)(uintptr_t)value, i, member)
    if (mentions (member, mark))
      return true;
  return false;
}

static troupe_err_t
post_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  const json_t *body = model_key (self, "body");
  const char *answer = model_text (self, "answer");
  post_t *state = calloc (1, sizeof *state);
  self->state = state;
  if (!state)
    return body_no_memory (error);
  state->body = json_object_size (body) ? json_deep_copy (body) : reading_text (default_body, 0, NULL);
  state->answer = answer ? answer : default_answer;
  if (!state->body)
    return body_no_memory (error);
  if (!model_text (self, "layout") && mentions (state->body, "{{prompt}}"))
    self->layout = LAYOUT_TEXT;
  return TROUPE_OK;
}

static void
post_close (troupe_model_t *self)
{
  post_t *state = self->state;
  if (state)
    json_decref (state->body);
  free (state);
  self->state = NULL;
}

// -- Asking ----------------------------------------------------------------------------------------------------------

// The texts of all messages, or of a list.
static json_t *
all_text (const prompt_t *prompt)
{
  bytes_t text = {0};
  bool added = true;
  for (size_t i = 0; added && i < prompt->count; i++) {
    char *said = troupe_message_text (prompt->messages[i]);
    added = said && bytes_add_text (&text, i ? "\n\n" : "") && bytes_add_text (&text, said);
    free (said);
  }
  for (size_t i = 0; added && !prompt->count && i < json_array_size (prompt->texts); i++)
    added = bytes_add_text (&text, i ? "\n\n" : "") &&
            bytes_add_text (&text, json_string_value (json_array_get (prompt->texts, i)));
  json_t *json = added ? json_stringn (bytes_text (&text), text.size) : NULL;
  bytes_clear (&text);
  return json;
}

static troupe_err_t
gather (filling_t *out, const troupe_model_t *self, const prompt_t *prompt, troupe_error_t *error)
{
  json_t *messages = NULL;
  troupe_err_t code = openai_messages (prompt, openai_media, &messages, error);
  if (code != TROUPE_OK)
    return code;
  out->values = json_pack ("{s:o,s:o,s:s,s:s,s:o,s:o,s:o}", "{{messages}}", messages, "{{prompt}}", all_text (prompt),
                           "{{model}}", self->model_name, "{{agent}}", prompt->agent, "{{tools}}",
                           prompt->tools ? json_incref (prompt->tools) : json_array (), "{{texts}}",
                           prompt->texts ? json_incref (prompt->texts) : json_array (), "{{parameters}}",
                           json_incref (prompt->parameters));
  return out->values ? TROUPE_OK : body_no_memory (error);
}

// A text that is one mark becomes what it stands for; marks within a text become text.
static json_t *
fill_text (const filling_t *self, const char *text)
{
  json_t *whole = json_object_get (self->values, text);
  if (whole)
    return json_incref (whole);
  bytes_t out = {0};
  bool added = true;
  while (added && *text) {
    const char *mark = strstr (text, "{{"), *end = mark ? strstr (mark, "}}") : NULL;
    char name[32] = "";
    if (!end) {
      added = bytes_add_text (&out, text);
      break;
    }
    snprintf (name, sizeof name, "%.*s", (int)(end + 2 - mark), mark);
    json_t *value = json_object_get (self->values, name);
    char *dumped = value && !json_is_string (value) ? json_dumps (value, JSON_COMPACT) : NULL;
    const char *put = dumped ? dumped : value ? json_string_value (value) : NULL;
    added = bytes_add (&out, text, (size_t)(mark - text)) &&
            (put ? bytes_add_text (&out, put) : bytes_add (&out, mark, (size_t)(end + 2 - mark)));
    free (dumped);
    text = end + 2;
  }
  json_t *json = added ? json_stringn (bytes_text (&out), out.size) : NULL;
  bytes_clear (&out);
  return json;
}

static json_t *
fill (const filling_t *self, const json_t *value, unsigned depth)
{
  const char *key;
  json_t *member, *out;
  size_t i;
  if (json_is_string (value))
    return fill_text (self, json_string_value (value));
  if ((!json_is_object (value) && !json_is_array (value)) || depth == 0)
    return json_deep_copy (value);
  out = json_is_object (value) ? json_object () : json_array ();
  json_object_foreach ((json_t *)(uintptr_t)value, key, member)
    if (json_object_set_new (out, key, fill (self, member, depth - 1)) < 0)
      goto failed;
  json_array_foreach ((json_t *)(uintptr_t)value, i, member)
    if (json_array_append_new (out, fill (self, member, depth - 1)) < 0)
      goto failed;
  return out;
failed:
  json_decref (out);
  return NULL;
}

static troupe_err_t
post_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  const post_t *state = self->state;
  filling_t filling = {NULL};
  (void)stream;
  troupe_err_t code = gather (&filling, self, prompt, error);
  if (code != TROUPE_OK)
    return code;
  json_t *request = fill (&filling, state->body, DEPTH_MAX);
  json_decref (filling.values);
  if (json_is_object (request) && json_object_update (request, prompt->options) < 0) {
    json_decref (request);
    request = NULL;
  }
  return body_write (request, body, error);
}

// -- Answers ---------------------------------------------------------------------------------------------------------

static const json_t *
follow (const json_t *value, const char *path)
{
  char key[128];
  while (value && *path) {
    size_t size = strcspn (path, ".");
    snprintf (key, sizeof key, "%.*s", (int)size, path);
    value = json_is_array (value) ? json_array_get (value, strtoul (key, NULL, 10)) : json_object_get (value, key);
    path += size + (path[size] == '.');
  }
  return value;
}

static troupe_err_t
take_image (reply_t *reply, const json_t *value, troupe_error_t *error)
{
  size_t i;
  json_t *url, *urls = json_is_array (value) ? json_incref ((json_t *)(uintptr_t)value) : json_pack ("[O]", value);
  reply->blocks = json_array ();
  troupe_err_t code = urls && reply->blocks ? TROUPE_OK : body_no_memory (error);
  json_array_foreach (urls, i, url) {
    if (json_is_object (url)) // {"url": "..."}, as OpenAI has it
      url = json_object_get (url, "url");
    if (code == TROUPE_OK && json_is_string (url) &&
        json_array_append_new (reply->blocks, json_pack ("{s:s,s:O}", "type", "image", "url", url)) < 0)
      code = body_no_memory (error);
  }
  json_decref (urls);
  return code;
}

static troupe_err_t
take_answer (const troupe_model_t *self, const json_t *value, reply_t *reply, troupe_error_t *error)
{
  char *text;
  if (self->task == TASK_IMAGE)
    return take_image (reply, value, error);
  if (self->task == TASK_EMBEDDING) {
    bool objects = json_is_object (json_array_get (value, 0)); // {"embedding": [...]}, as OpenAI has it
    json_t *one = json_is_number (json_array_get (value, 0)) ? json_pack ("[O]", value) : NULL;
    troupe_err_t code = embedding_take (self, one ? one : value, objects ? "embedding" : NULL, reply, error);
    json_decref (one);
    return code;
  }
  if (json_is_string (value))
    return body_add (&reply->text, value, error);
  text = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);
  bool added = text && bytes_add_text (&reply->text, text);
  free (text);
  return added ? TROUPE_OK : body_no_memory (error);
}

static troupe_err_t
post_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  char what[160];
  const post_t *state = self->state;
  json_error_t cause;
  json_t *root = reading_json (data, size, JSON_DECODE_ANY, &cause);
  if (!root && json_error_code (&cause) == json_error_out_of_memory)
    return body_no_memory (error);
  if (!root)
    return body_read (self, data, size, &root, error); // which says what came instead
  const json_t *value = follow (root, state->answer);
  reply_set_word (reply->model, self->model_name);
  snprintf (what, sizeof what, "anything at %.100s", state->answer);
  troupe_err_t code =
    value && !json_is_null (value) ? take_answer (self, value, reply, error) : body_lacks (self, what, error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t post_api_provider = {
  .media = openai_media,
  .open = post_open,
  .close = post_close,
  .write = post_write,
  .read = post_read,
};

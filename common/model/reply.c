// SPDX-License-Identifier: Apache-2.0
//
// From the pieces of a reply to a message. A message without tool calls has text as its content, as AgentScope's
// agents expect; with tool calls it has blocks, the text first. A tool call without an id gets one, since its result
// must name it. A reply without any text is the empty text, never null.

#include "model/reply.h"
#include "error/reading.h"
#include "error/utf8.h"
#include "troupe/message.h"

#include <stdlib.h>
#include <string.h>

void
reply_init (reply_t *self)
{
  *self = (reply_t){.input_tokens = -1, .output_tokens = -1, .requests_left = -1, .tokens_left = -1};
}

void
reply_clear (reply_t *self)
{
  bytes_clear (&self->text);
  for (size_t i = 0; i < self->tool_count; i++) {
    bytes_clear (&self->tools[i].name);
    bytes_clear (&self->tools[i].arguments);
    bytes_clear (&self->tools[i].signature);
  }
  for (size_t i = 0; i < self->thought_count; i++) {
    bytes_clear (&self->thoughts[i].text);
    bytes_clear (&self->thoughts[i].signature);
  }
  free (self->tools);
  free (self->thoughts);
  json_decref (self->blocks);
  json_decref (self->embeddings);
  json_decref (self->left_out);
  reply_init (self);
}

void
reply_reset (reply_t *self)
{
  json_t *left_out = json_incref (self->left_out);
  reply_clear (self);
  self->left_out = left_out;
}

reply_thought_t *
reply_thought (reply_t *self, int64_t index)
{
  for (size_t i = 0; i < self->thought_count; i++)
    if (self->thoughts[i].index == index)
      return &self->thoughts[i];
  if (self->thought_count == REPLY_THOUGHTS_MAX)
    return NULL;
  reply_thought_t *thoughts = realloc (self->thoughts, (self->thought_count + 1) * sizeof *thoughts);
  if (!thoughts)
    return NULL;
  self->thoughts = thoughts;
  thoughts += self->thought_count++;
  *thoughts = (reply_thought_t){.index = index};
  return thoughts;
}

reply_tool_t *
reply_tool (reply_t *self, int64_t index)
{
  for (size_t i = 0; i < self->tool_count; i++)
    if (self->tools[i].index == index)
      return &self->tools[i];
  if (self->tool_count == REPLY_TOOLS_MAX)
    return NULL;
  reply_tool_t *tools = realloc (self->tools, (self->tool_count + 1) * sizeof *tools);
  if (!tools)
    return NULL;
  self->tools = tools;
  tools += self->tool_count++;
  *tools = (reply_tool_t){.index = index};
  return tools;
}

void
reply_set_word (char word[REPLY_WORD_MAX], const char *text)
{
  size_t size = 0;
  for (size_t step; text[size] && (step = utf8_size (text + size, strlen (text + size))); size += step)
    if (size + step >= REPLY_WORD_MAX)
      break;
  if (size == 0)
    return;
  memcpy (word, text, size);
  word[size] = 0;
}

bool
reply_whole (const reply_t *self)
{
  return self->ended || self->finish[0];
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a reply");
}

static troupe_err_t
add_tool (json_t *content, const reply_tool_t *tool, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_NO_MEMORY;
  if (tool->name.size == 0)
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL, "the model calls a tool without naming it");
  json_error_t cause;
  json_t *input =
    tool->arguments.size ? reading_json (tool->arguments.data, tool->arguments.size, 0, &cause) : json_object ();
  if (!input && (!tool->arguments.size || json_error_code (&cause) == json_error_out_of_memory))
    return no_memory (error);
  if (!json_is_object (input)) {
    json_decref (input);
    return troupe_error_set (error, TROUPE_MODEL_FAILED, NULL, NULL,
                             "the model calls the tool %.64s with arguments that are not a JSON object: %.200s",
                             bytes_text (&tool->name), bytes_text (&tool->arguments));
  }
  char minted[sizeof "call_" + TROUPE_ID_TEXT_SIZE], text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = troupe_id_new ();
  troupe_id_to_text (&id, text);
  snprintf (minted, sizeof minted, "call_%s", text);
  json_t *block = json_pack ("{s:s,s:s,s:s,s:o,s:s*}", "type", "tool_use", "id", tool->id[0] ? tool->id : minted,
                             "name", bytes_text (&tool->name), "input", input, "signature",
                             tool->signature.size ? tool->signature.data : NULL);
  if (json_object_size (block) == 4 + (tool->signature.size > 0) && json_array_append (content, block) == 0)
    code = TROUPE_OK;
  json_decref (block);
  return code == TROUPE_OK ? code : no_memory (error);
}

static troupe_err_t
make_content (const reply_t *self, json_t **out, troupe_error_t *error)
{
  json_t *text = json_stringn (bytes_text (&self->text), self->text.size);
  if (!text)
    return no_memory (error);
  if (self->tool_count == 0 && !self->blocks) {
    *out = text;
    return TROUPE_OK;
  }
  json_t *content = json_array ();
  troupe_err_t code = content ? TROUPE_OK : no_memory (error);
  if (code == TROUPE_OK && self->text.size &&
      json_array_append_new (content, json_pack ("{s:s,s:O}", "type", "text", "text", text)) < 0)
    code = no_memory (error);
  for (size_t i = 0; code == TROUPE_OK && i < self->tool_count; i++)
    code = add_tool (content, &self->tools[i], error);
  if (code == TROUPE_OK && self->blocks && json_array_extend (content, self->blocks) < 0)
    code = no_memory (error);
  json_decref (text);
  if (code == TROUPE_OK)
    *out = content;
  else
    json_decref (content);
  return code;
}

static const char *
finish_reason (const reply_t *self)
{
  // Some servers say "stop" although the model waits for its tools.
  if (self->tool_count && (!self->finish[0] || strcmp (self->finish, "stop") == 0))
    return "tool_use";
  return self->finish[0] ? self->finish : "stop";
}

// What json_pack leaves out, for there is none or there was no memory for it: `object` is given up unless it has this
// many members.
static json_t *
whole (json_t *object, size_t members)
{
  if (json_object_size (object) == members)
    return object;
  json_decref (object);
  return NULL;
}

static bool
has_usage (const reply_t *self)
{
  return self->input_tokens >= 0 && (self->output_tokens >= 0 || self->embeddings);
}

static json_t *
make_usage (const reply_t *self)
{
  if (!has_usage (self))
    return NULL;
  return whole (json_pack ("{s:I,s:o*}", "input_tokens", (json_int_t)self->input_tokens, "output_tokens",
                           self->output_tokens < 0 ? NULL : json_integer (self->output_tokens)),
                1 + (self->output_tokens >= 0));
}

// Whether calls came before a thought that isn't the first of its reply; and how many, NULL: none.
static bool
has_calls (const reply_t *self, const reply_thought_t *thought)
{
  for (size_t i = 0; i < self->tool_count; i++)
    if (self->tools[i].index < thought->index)
      return thought->id[0] != 0;
  return false;
}

static json_t *
count_calls (const reply_t *self, const reply_thought_t *thought)
{
  json_int_t calls = 0;
  for (size_t i = 0; i < self->tool_count; i++)
    calls += self->tools[i].index < thought->index;
  return has_calls (self, thought) ? json_integer (calls) : NULL;
}

// [{"text", "signature", "id", "calls"}, {"hidden"} ...]: what the model thought, and what its provider wants back.
static json_t *
make_thinking (const reply_t *self)
{
  json_t *list = self->thought_count ? json_array () : NULL;
  for (size_t i = 0; list && i < self->thought_count; i++) {
    const reply_thought_t *thought = &self->thoughts[i];
    json_t *item = json_pack ("{s:s,s:s*,s:s*,s:o*}", thought->hidden ? "hidden" : "text", bytes_text (&thought->text),
                              "signature", thought->signature.size ? thought->signature.data : NULL, "id",
                              thought->id[0] ? thought->id : NULL, "calls", count_calls (self, thought));
    item = whole (item, 1 + (thought->signature.size > 0) + (thought->id[0] != 0) + has_calls (self, thought));
    if ((thought->text.size || thought->signature.size) && json_array_append (list, item) < 0)
      json_decref (list), list = NULL;
    json_decref (item);
  }
  return list;
}

static bool
has_quota (const reply_t *self)
{
  return self->requests_left >= 0 || self->tokens_left >= 0;
}

// {"requests", "tokens"}: what the provider says is left.
static json_t *
make_quota (const reply_t *self)
{
  if (!has_quota (self))
    return NULL;
  return whole (json_pack ("{s:o*,s:o*}", "requests",
                           self->requests_left < 0 ? NULL : json_integer (self->requests_left), "tokens",
                           self->tokens_left < 0 ? NULL : json_integer (self->tokens_left)),
                (size_t)(self->requests_left >= 0) + (self->tokens_left >= 0));
}

static json_t *
make_metadata (const reply_t *self, const char *provider, unsigned attempts)
{
  json_t *left_out = json_object_size (self->left_out) ? json_incref (self->left_out) : NULL;
  size_t members = 4 + has_usage (self) + has_quota (self) + (self->thought_count > 0) + (left_out != NULL);
  json_t *metadata = json_pack ("{s:s,s:s,s:s,s:i,s:o*,s:o*,s:o*,s:o*,s:o*}", "model", self->model, "provider",
                                provider, "finish_reason", finish_reason (self), "attempts", (int)attempts, "usage",
                                make_usage (self), "quota", make_quota (self), "thinking", make_thinking (self),
                                "left_out", left_out, "rehearsal", self->rehearsal ? json_true () : NULL);
  return whole (metadata, members + self->rehearsal);
}

static troupe_err_t
make_embedding (const reply_t *self, const char *provider, unsigned attempts, json_t **out, troupe_error_t *error)
{
  json_t *metadata = json_pack ("{s:s,s:s,s:i,s:o*}", "model", self->model, "provider", provider, "attempts",
                                (int)attempts, "usage", make_usage (self));
  *out = json_pack ("{s:O,s:o}", "embeddings", self->embeddings, "metadata", whole (metadata, 3 + has_usage (self)));
  return *out ? TROUPE_OK : no_memory (error);
}

troupe_err_t
reply_message (const reply_t *self, const char *name, const char *provider, unsigned attempts, json_t **out,
               troupe_error_t *error)
{
  if (self->embeddings)
    return make_embedding (self, provider, attempts, out, error);
  json_t *content = NULL, *metadata = NULL;
  troupe_message_t *message = NULL;
  troupe_err_t code = make_content (self, &content, error);
  if (code != TROUPE_OK)
    goto done;
  metadata = make_metadata (self, provider, attempts);
  if (!metadata) {
    code = no_memory (error);
    goto done;
  }
  code = troupe_message_compose (&message, name, TROUPE_ROLE_ASSISTANT, content, NULL, metadata, error);
  if (code != TROUPE_OK)
    goto done;
  *out = troupe_message_to_json (message);
  if (!*out)
    code = no_memory (error);
done:
  troupe_message_unref (&message);
  json_decref (metadata);
  json_decref (content);
  return code;
}

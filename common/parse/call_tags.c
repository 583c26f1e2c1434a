// SPDX-License-Identifier: Apache-2.0
//
// Calls between tags. Rows of `tags` hold JSON; rows of `named` name the tool outside it. A tag that isn't closed ends
// with the reply. After <|startofexec|> stands what a tool answered (ModelScope-Agent puts it there): when a model
// writes that itself, it made it up.

#include "parse/calls.h"

#include <ctype.h>
#include <string.h>

static const struct {
  shape_t shape;
  const char *open, *close;
} tags[] = {
  {SHAPE_TOOL_CALL, "<tool_call>", "</tool_call>"},         // Qwen, Hermes
  {SHAPE_MODELSCOPE, "<|startofthink|>", "<|endofthink|>"}, // ModelScope-Agent
  {SHAPES, "<function_call>", "</function_call>"},
  {SHAPES, "<tool_use>", "</tool_use>"},
  {SHAPES, "<|tool_call|>", "<|/tool_call|>"}, // Phi
  {SHAPES, "[TOOL_CALLS]", "</s>"},            // Mistral
  {SHAPES, "<|python_tag|>", "<|eom_id|>"},    // Llama
};

static const struct {
  const char *open, *name_end, *close;
} named[] = {
  {"<function=", ">", "</function>"}, // Llama, Qwen-Coder
  {"<\xEF\xBD\x9C"
   "tool\xE2\x96\x81sep\xEF\xBD\x9C>",
   "\n",
   "<\xEF\xBD\x9C"
   "tool\xE2\x96\x81"
   "call\xE2\x96\x81"
   "end\xEF\xBD\x9C>"}, // DeepSeek
};

static const char result_tag[] = "<|startofexec|>";

static const char *
find (const char *at, const char *end, const char *word)
{
  const char *found = memmem (at, (size_t)(end - at), word, strlen (word));
  return found != NULL ? found : end;
}

// Where a call begins: at the <tool_call> around it, if one stands right before `at`.
static const char *
with_wrapper (const char *text, const char *at)
{
  static const char wrapper[] = "<tool_call>";
  const char *before = at;
  while (before > text && isspace ((unsigned char)before[-1]))
    before--;
  size_t size = strlen (wrapper);
  return (size_t)(before - text) >= size && memcmp (before - size, wrapper, size) == 0 ? before - size : at;
}

// <parameter=key>value</parameter>, several of them; *arguments is NULL when there are none.
static troupe_err_t
read_parameters (const char *at, const char *end, json_t **arguments)
{
  static const char open[] = "<parameter=", close[] = "</parameter>";
  *arguments = NULL;
  for (at = find (at, end, open); at < end; at = find (at, end, open)) {
    const char *key = at + strlen (open), *key_end = find (key, end, ">"), *value = key_end + (key_end < end);
    const char *stop = find (value, end, close);
    at = stop;
    while (value < stop && isspace ((unsigned char)*value))
      value++;
    while (stop > value && isspace ((unsigned char)stop[-1]))
      stop--;
    char name[CALLS_NAME_MAX + 1];
    calls_name (name, key, key_end);
    if (*arguments == NULL)
      *arguments = json_object ();
    if (json_object_set_new (*arguments, name, json_stringn (value, (size_t)(stop - value))) != 0)
      return TROUPE_NO_MEMORY;
  }
  return TROUPE_OK;
}

static troupe_err_t
read_named (calls_t *self, size_t row)
{
  const char *end = self->end, *at = find (self->reading->text, end, named[row].open);
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && at < end) {
    char name[CALLS_NAME_MAX + 1];
    json_t *arguments;
    const char *start = at, *word = at + strlen (named[row].open), *word_end = find (word, end, named[row].name_end);
    const char *text = word_end + (word_end < end ? strlen (named[row].name_end) : 0);
    const char *stop = find (text, end, named[row].close);
    at = find (stop, end, named[row].open);
    while (word_end > word && isspace ((unsigned char)word_end[-1]))
      word_end--;
    calls_name (name, word, word_end);
    err = read_parameters (text, stop, &arguments);
    if (err == TROUPE_OK && arguments == NULL)
      err = calls_arguments (self, name, text, (size_t)(stop - text), &arguments);
    if (err == TROUPE_OK)
      err = calls_add (self, NULL, name, arguments, with_wrapper (self->reading->text, start));
    else
      json_decref (arguments);
    self->shape = SHAPES;
  }
  return err;
}

static troupe_err_t
read_tag (calls_t *self, size_t row)
{
  const char *end = self->end, *at = find (self->reading->text, end, tags[row].open);
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && at < end) {
    const char *start = at, *text = at + strlen (tags[row].open), *stop = find (text, end, tags[row].close);
    size_t before = json_array_size (self->calls);
    if (stop == end)
      err = mending_note (self->reading, MENDING_OPEN_TAG, end);
    if (err == TROUPE_OK)
      err = calls_add_json (self, text, (size_t)(stop - text), true);
    if (json_array_size (self->calls) > before) {
      self->shape = tags[row].shape;
      self->first = self->first > start ? start : self->first;
    }
    at = find (stop, end, tags[row].open);
  }
  return err;
}

troupe_err_t
calls_read_tags (calls_t *self)
{
  troupe_err_t err = TROUPE_OK;
  const char *result = find (self->reading->text, self->end, result_tag);
  if (result < self->end) {
    self->end = result;
    err = mending_note (self->reading, MENDING_MADE_UP_RESULT, result);
  }
  for (size_t i = 0; err == TROUPE_OK && i < sizeof named / sizeof *named; i++)
    err = read_named (self, i);
  for (size_t i = 0; err == TROUPE_OK && json_array_size (self->calls) == 0 && i < sizeof tags / sizeof *tags; i++)
    err = read_tag (self, i);
  return err;
}

// JSON anywhere in the reply: OpenAI's tool_calls, or a call by itself.
troupe_err_t
calls_read_json (calls_t *self)
{
  troupe_err_t err = calls_add_json (self, self->reading->text, (size_t)(self->end - self->reading->text), false);
  bool openai = self->first != NULL && find (self->first, self->end, "\"tool_calls\"") < self->end;
  self->shape = openai ? SHAPE_OPENAI : SHAPE_JSON;
  return err;
}

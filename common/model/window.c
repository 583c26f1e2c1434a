// SPDX-License-Identifier: Apache-2.0
//
// A window holds what is sent and what comes back. What is kept is decided from the newest message backwards, so that
// the same history grows by its end and is cut at its beginning. A cut never parts a tool's call from its result, since
// providers refuse a result whose call they don't see.

#include "model/window.h"
#include "model/part.h"
#include "model/tokens.h"

#include <stdlib.h>
#include <string.h>

enum { MEDIA_TOKENS = 1000 }; // what an image costs at most providers, at most; others are counted by them alone

typedef struct {
  prompt_t *prompt;
  const ranks_t *ranks;
  size_t budget, used;
} fitting_t;

static size_t
block_tokens (const ranks_t *ranks, const json_t *block)
{
  const char *url = part_member (block, "url");
  return url[0] ? MEDIA_TOKENS : tokens_of_json (ranks, block);
}

static size_t
message_tokens (const ranks_t *ranks, const troupe_message_t *message)
{
  const json_t *content = troupe_message_content (message);
  const char *name = troupe_message_name (message);
  size_t count = TOKENS_MESSAGE + tokens_of_text (ranks, name, strlen (name));
  if (json_is_string (content))
    count += tokens_of_text (ranks, json_string_value (content), json_string_length (content));
  for (size_t i = 0; i < json_array_size (content); i++)
    count += block_tokens (ranks, json_array_get (content, i));
  return count + MEDIA_TOKENS * json_array_size (troupe_message_url (message));
}

static bool
is_result (const troupe_message_t *message)
{
  const json_t *first = json_array_get (troupe_message_content (message), 0);
  return strcmp (part_member (first, "type"), "tool_result") == 0;
}

static size_t
reply_tokens (const prompt_t *prompt, size_t window)
{
  json_int_t most = json_integer_value (json_object_get (prompt->parameters, "max_tokens"));
  return most > 0 ? (size_t)most : window / WINDOW_REPLY_PART;
}

static troupe_err_t
too_large (const fitting_t *self, size_t needed, size_t window, troupe_error_t *error)
{
  return troupe_error_set (
    error, TROUPE_TOO_LARGE, NULL, "shorten the system prompt, the tools or the last message",
    "the system prompt, the tools and the last turn are %zu tokens%s, and the model's window of %zu "
    "leaves %zu",
    needed, self->ranks ? "" : " (estimated)", window, self->budget);
}

// Knowledge that fits into its part, in its order.
static bool
fit_knowledge (fitting_t *self, size_t window)
{
  prompt_t *prompt = self->prompt;
  size_t i, used = 0, count = json_array_size (prompt->knowledge), most = window / WINDOW_KNOWLEDGE_PART;
  if (most > self->budget - self->used)
    most = self->budget - self->used;
  for (i = 0; i < count; i++) {
    size_t more = tokens_of_json (self->ranks, json_array_get (prompt->knowledge, i));
    if (used + more > most)
      break;
    used += more;
  }
  self->used += used;
  if (i == count)
    return true;
  json_t *kept = json_array ();
  for (size_t j = 0; kept && j < i; j++)
    if (json_array_append (kept, json_array_get (prompt->knowledge, j)) < 0)
      return json_decref (kept), false;
  if (!kept || json_object_set_new (prompt->input, "knowledge", kept) < 0)
    return false;
  prompt->knowledge = i ? kept : NULL;
  return json_object_set_new (prompt->left_out, "knowledge", json_integer ((json_int_t)(count - i))) == 0;
}

// Where the turn begins that ends before `end`: with its tool calls, if it brings their results.
static size_t
turn_start (const prompt_t *prompt, size_t first, size_t end)
{
  size_t start = end - 1;
  while (start > first && is_result (prompt->messages[start]))
    start--;
  return start;
}

static size_t
sum (const fitting_t *self, size_t from, size_t to)
{
  size_t count = 0;
  for (size_t i = from; i < to; i++)
    count += message_tokens (self->ranks, self->prompt->messages[i]);
  return count;
}

static void
drop (prompt_t *prompt, size_t first, size_t count)
{
  for (size_t i = 0; i < count; i++)
    troupe_message_unref (&prompt->messages[first + i]);
  memmove (prompt->messages + first, prompt->messages + first + count,
           (prompt->count - first - count) * sizeof *prompt->messages);
  prompt->count -= count;
}

static bool
note (const fitting_t *self, size_t dropped)
{
  json_t *out = self->prompt->left_out;
  if (!dropped && !json_object_get (out, "knowledge"))
    return true;
  return (!dropped || json_object_set_new (out, "messages", json_integer ((json_int_t)dropped)) == 0) &&
         json_object_set_new (out, "tokens", json_integer ((json_int_t)self->used)) == 0 &&
         json_object_set_new (out, "counted", json_string (self->ranks ? "ranks" : "estimate")) == 0;
}

troupe_err_t
window_fit (prompt_t *prompt, size_t window, const ranks_t *ranks, troupe_error_t *error)
{
  fitting_t self = {.prompt = prompt, .ranks = ranks};
  size_t reply = reply_tokens (prompt, window), first = 0;
  if (!window || !prompt->count)
    return TROUPE_OK;
  self.budget = reply < window ? window - reply : 0;
  while (first + 1 < prompt->count && troupe_message_role (prompt->messages[first]) == TROUPE_ROLE_SYSTEM)
    first++;
  size_t start = turn_start (prompt, first, prompt->count);
  self.used = sum (&self, 0, first) + tokens_of_json (ranks, prompt->tools) +
              (json_is_object (prompt->format) ? tokens_of_json (ranks, prompt->format) : 0) +
              sum (&self, start, prompt->count);
  if (self.used > self.budget)
    return too_large (&self, self.used, window, error);
  bool done = fit_knowledge (&self, window);
  while (done && start > first) {
    size_t next = turn_start (prompt, first, start), more = sum (&self, next, start);
    if (self.used + more > self.budget)
      break;
    self.used += more;
    start = next;
  }
  if (!done || !note (&self, start - first))
    return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
  drop (prompt, first, start - first);
  return TROUPE_OK;
}
